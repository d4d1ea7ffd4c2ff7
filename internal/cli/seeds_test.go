package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSeedURL(t *testing.T) {
	for _, tt := range []struct{ in, want, err string }{
		{"http://a.test/x", "http://a.test/x", ""},
		{" https://a.test ", "https://a.test/", ""},
		{"a.test", "http://a.test/", ""},
		{"a.test:8080/x?y", "http://a.test:8080/x?y", ""},
		{"[::1]:80/x", "http://[::1]/x", ""},
		{"ftp://a.test/", "", "only http and https"},
		{"http://", "", "is no URL"},
		{"http://a b/", "", "is no URL"},
	} {
		got, err := seedURL(tt.in)
		if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("seedURL(%q) = %q, %v", tt.in, got, err)
		}
	}
}

func TestSeedFile(t *testing.T) {
	in := "\ufeffhttp://a.test/1\r\n\n# a comment\n  a.test/2  \nhttp://[bad\nhttp://a.test/#3\n" +
		strings.Repeat("x", seedLineMax+10) + "\nhttp://a.test/4"
	want := []string{
		"http://a.test/1", "http://a.test/2", "stdin:5", "http://a.test/", "stdin:7", "http://a.test/4",
	}
	var got []string
	for u, err := range seedFile("-", strings.NewReader(in)) {
		if err != nil {
			u = strings.Join(strings.SplitN(err.Error(), ":", 3)[:2], ":")
		}
		got = append(got, u)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// endless is a file of seeds without end; it counts how much was read of it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, strings.Repeat("http://a.test/\n", len(p)/15))
	e.read += n
	return n, nil
}

func TestSeedFileIsLazy(t *testing.T) {
	e := &endless{}
	n := 0
	for range seedFile("-", e) {
		if n++; n == 10 {
			break
		}
	}
	if e.read > seedLineMax {
		t.Errorf("%d bytes read for ten seeds", e.read)
	}
}

func TestSeedFileMissing(t *testing.T) {
	n := 0
	for _, err := range seedFile("no/such/file", nil) {
		if n++; err == nil {
			t.Error("no error")
		}
	}
	if n != 1 {
		t.Errorf("%d seeds, want one error", n)
	}
}
