package cache

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func open(t *testing.T, dir string, size int64) *Folder {
	t.Helper()
	f, err := Open(dir, size)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func put(t *testing.T, f *Folder, e *Entry) {
	t.Helper()
	if err := f.Put(e); err != nil {
		t.Fatal(err)
	}
}

// files lists the files of a folder.
func files(t *testing.T, dir string) (paths []string, size int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			st, err := d.Info()
			if err != nil {
				return err
			}
			paths, size = append(paths, path), size+st.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths, size
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	e := &Entry{
		URL: "http://a.test/", Identity: "bob", Status: 200, Proto: "HTTP/1.1", Message: "Very\xffwell",
		Header: head("Vary", "Accept", "X-Odd", "\xfe", "X-Odd", "", "Set-Cookie", "a=b"), Varied: []string{"text/html"},
		Asked: noon.Local(), Answered: noon.Add(time.Second).Local(), Sum: Sum([]byte("hi\x00")), Body: []byte("hi\x00"),
	}
	put(t, open(t, dir, 1<<30), e)
	f := open(t, dir, 1<<30) // as another process
	if d := cmp.Diff(e, f.Get(e.URL)); d != "" {
		t.Error(d)
	}
	if f.Get("http://a.test/b") != nil {
		t.Error("an entry that nobody has put")
	}
	if err := f.Remove(e.URL); err != nil || f.Get(e.URL) != nil {
		t.Errorf("removed: %v", err)
	}
	if err := f.Remove(e.URL); err != nil {
		t.Errorf("removed again: %v", err)
	}
}

// TestDamage: no change to a file's octets goes unnoticed.
func TestDamage(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func([]byte) []byte
	}{
		{"cut", func(b []byte) []byte { return b[:len(b)-1] }},
		{"emptied", func([]byte) []byte { return nil }},
		{"one bit", func(b []byte) []byte { b[len(b)-2] ^= 1; return b }},
		{"zeros", func(b []byte) []byte { return make([]byte, len(b)) }},
		{"another program's", func([]byte) []byte { return []byte("<html>and more than a head of it</html>") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			f := open(t, dir, 1<<30)
			put(t, f, &Entry{URL: "u", Status: 200, Body: []byte("body")})
			paths, _ := files(t, dir)
			data, err := os.ReadFile(paths[0])
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(paths[0], tt.do(data), 0o600); err != nil {
				t.Fatal(err)
			}
			if e := f.Get("u"); e != nil {
				t.Errorf("got %+v", e)
			}
			if paths, _ := files(t, dir); len(paths) != 0 {
				t.Errorf("left: %v", paths)
			}
		})
	}
}

// TestBound: the folder stays within its size, and what was used last stays.
func TestBound(t *testing.T) {
	const size, n = 64 * 8 << 10, 2000
	dir := t.TempDir()
	f := open(t, dir, size)
	body := bytes.Repeat([]byte("x"), 1000)
	for i := range n {
		put(t, f, &Entry{URL: fmt.Sprint(i), Status: 200, Body: body})
	}
	if _, got := files(t, dir); got > size || got < size/4 {
		t.Errorf("%d octets, want about %d at most", got, size)
	}
	if f.Get(fmt.Sprint(n-1)) == nil {
		t.Error("the last entry is gone")
	}
	put(t, f, &Entry{URL: "big", Status: 200, Body: bytes.Repeat(body, 9)})
	if f.Get("big") != nil {
		t.Error("an entry above a shard's share is kept")
	}
}

func TestTrimTakesTheLongestUnused(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"old", "used", "new"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, make([]byte, 100), 0o600); err != nil {
			t.Fatal(err)
		}
		when := noon.Add(time.Duration(i) * time.Minute)
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
	}
	stray := filepath.Join(dir, "1"+aside)
	if err := os.WriteFile(stray, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(stray, noon, noon); err != nil {
		t.Fatal(err)
	}
	if size, err := trim(dir, 250); err != nil || size != 200 {
		t.Errorf("%d octets, %v", size, err)
	}
	paths, _ := files(t, dir)
	if d := cmp.Diff([]string{filepath.Join(dir, "new"), filepath.Join(dir, "used")}, paths); d != "" {
		t.Error(d)
	}
}

// TestSharing: many writers of one URL leave one whole entry, and readers see
// whole ones alone.
func TestSharing(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for w := range 4 {
		f := open(t, dir, 1<<30) // a process each
		wg.Go(func() {
			for i := range 100 {
				body := []byte(strings.Repeat(string(rune('a'+w)), 1000+i))
				if err := f.Put(&Entry{URL: "u", Status: 200, Sum: Sum(body), Body: body}); err != nil {
					t.Error(err)
				}
				if e := f.Get("u"); e == nil || e.Sum != Sum(e.Body) {
					t.Errorf("got %v", e)
				}
			}
		})
	}
	wg.Wait()
	if paths, _ := files(t, dir); len(paths) != 1 {
		t.Errorf("files: %v", paths)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add((&Entry{URL: "u", Header: head("A", "b"), Varied: []string{"c"}, Body: []byte("d")}).encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := decode(data)
		if err != nil {
			return
		}
		again, err := decode(e.encode())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(e, again); d != "" {
			t.Error(d)
		}
	})
}
