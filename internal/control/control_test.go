package control

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// serve serves a folder for the length of the test.
func serve(t *testing.T, dir string) {
	t.Helper()
	s, err := Listen(dir, map[string]Handler{
		"echo": func(_ context.Context, args json.RawMessage, row func(any) error) error {
			var words []string
			if err := json.Unmarshal(args, &words); err != nil {
				return err
			}
			for _, w := range words {
				if err := row(w); err != nil {
					return err
				}
			}
			return nil
		},
		"fail": func(context.Context, json.RawMessage, func(any) error) error { return errors.New("no luck") },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
}

func TestCall(t *testing.T) {
	deep := filepath.Join(t.TempDir(), strings.Repeat("deep/", 30))
	for _, dir := range []string{t.TempDir(), deep} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		serve(t, dir)
		st, err := os.Stat(filepath.Join(dir, socketName))
		if err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("the socket: %v, %v; want mode 0600", st, err)
		}
		for _, tt := range []struct {
			do, err string
			args    any
			want    []string
		}{
			{do: "echo", args: []string{"a", "b\nc"}, want: []string{`"a"`, `"b\nc"`}},
			{do: "echo", args: []string{}},
			{do: "fail", err: "no luck"},
			{do: "other", err: `the crawl does not know "other": is it another version?`},
		} {
			var got []string
			err := Call(t.Context(), dir, tt.do, tt.args, func(r json.RawMessage) error {
				got = append(got, string(r))
				return nil
			})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.do, diff)
			}
			if text := ""; err != nil || tt.err != "" {
				if err != nil {
					text = err.Error()
				}
				if text != tt.err {
					t.Errorf("%s: error %q, want %q", tt.do, text, tt.err)
				}
			}
		}
	}
}

func TestNobody(t *testing.T) {
	dir := t.TempDir()
	ask := func(dir string) error {
		return Call(t.Context(), dir, "echo", nil, func(json.RawMessage) error { return nil })
	}
	if err := ask(dir); !errors.Is(err, ErrNobody) {
		t.Errorf("an empty folder: %v", err)
	}
	if err := ask(filepath.Join(dir, "absent")); !errors.Is(err, ErrNobody) {
		t.Errorf("no folder: %v", err)
	}
	s, err := Listen(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := ask(dir); !errors.Is(err, ErrNobody) {
		t.Errorf("a socket left behind: %v", err)
	}
	serve(t, dir)
	if err := ask(dir); errors.Is(err, ErrNobody) {
		t.Errorf("a socket in the place of one left behind: %v", err)
	}
}

// The answer to what ends the server is given before it has ended.
func TestLastWord(t *testing.T) {
	const rows = 2_000
	dir := t.TempDir()
	leave := make(chan struct{})
	s, err := Listen(dir, map[string]Handler{
		"stop": func(ctx context.Context, _ json.RawMessage, row func(any) error) error {
			close(leave)
			<-ctx.Done() // the server is closing
			for i := range rows {
				if err := row(i); err != nil {
					return err
				}
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan error)
	go func() {
		<-leave
		closed <- s.Close()
	}()
	got := 0
	err = Call(t.Context(), dir, "stop", nil, func(json.RawMessage) error {
		got++
		return nil
	})
	if err != nil || got != rows {
		t.Errorf("answered %d rows, %v; want %d", got, err, rows)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}
