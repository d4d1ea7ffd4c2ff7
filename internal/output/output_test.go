package output

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"downpour/engine"

	"github.com/google/go-cmp/cmp"
)

func item(pairs ...any) engine.Item {
	var it engine.Item
	for i := 0; i < len(pairs); i += 2 {
		it = append(it, engine.Field{Name: pairs[i].(string), Value: pairs[i+1]})
	}
	return it
}

func open(t *testing.T, marks engine.Marks, resumed bool, specs ...string) *Set {
	t.Helper()
	s, err := Open(specs, io.Discard, marks, resumed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func write(t *testing.T, s *Set, items ...engine.Item) engine.Marks {
	t.Helper()
	for _, it := range items {
		if err := s.WriteItem(context.Background(), it); err != nil {
			t.Fatal(err)
		}
	}
	marks, err := s.Flush()
	if err != nil {
		t.Fatal(err)
	}
	return marks
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRows(t *testing.T) {
	for _, tt := range []struct {
		name, jsonl, csv string
		item             engine.Item
	}{
		{
			name: "values", item: item("b", "x", "a", 1.0, "n", nil, "t", true, "i", int64(7), "l", json.RawMessage(`["y"]`)),
			jsonl: `{"b":"x","a":1,"n":null,"t":true,"i":7,"l":["y"]}` + "\n", csv: "b,a,n,t,i,l\nx,1,,true,7,\"[\"\"y\"\"]\"\n",
		},
		{
			name: "text", item: item("s", "a\"\\\n\t\x01<é\u2028\xff"),
			jsonl: `{"s":"a\"\\\n\t\u0001<é\u2028` + "\ufffd\"}\n", csv: "s\n\"a\"\"\\\n\t\x01<é\u2028\xff\"\n",
		},
		{
			name: "numbers", item: item("a", 1e20, "b", 1e21, "c", 0.5, "d", -0.0000001, "e", 1e15+0.5),
			jsonl: `{"a":100000000000000000000,"b":1e+21,"c":0.5,"d":-1e-07,"e":1000000000000000.5}` + "\n",
			csv:   "a,b,c,d,e\n100000000000000000000,1e+21,0.5,-1e-07,1000000000000000.5\n",
		},
		{name: "one empty cell", item: item("a", nil), jsonl: "{\"a\":null}\n", csv: "a\n\"\"\n"},
		{name: "json over lines", item: item("a", json.RawMessage("[\n1]")), jsonl: "{\"a\":[ 1]}\n", csv: "a\n[ 1]\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			j, c := filepath.Join(dir, "o.jsonl"), filepath.Join(dir, "o.csv")
			write(t, open(t, nil, false, j, c), tt.item)
			if d := cmp.Diff(tt.jsonl, read(t, j)); d != "" {
				t.Error(d)
			}
			if !json.Valid([]byte(read(t, j))) {
				t.Error("not JSON")
			}
			if d := cmp.Diff(tt.csv, read(t, c)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestUnknownColumns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "o.csv")
	s := open(t, nil, false, path)
	var log bytes.Buffer
	s.Log = slog.New(slog.NewTextHandler(&log, nil))
	write(t, s, item("a", 1.0, "b", 2.0), item("b", 3.0, "c", 4.0), item("c", 5.0, "a", 6.0))
	if d := cmp.Diff("a,b\n1,2\n,3\n6,\n", read(t, path)); d != "" {
		t.Error(d)
	}
	if n := strings.Count(log.String(), "column=c"); n != 1 {
		t.Errorf("column c reported %d times, want once:\n%s", n, &log)
	}
}

func TestResume(t *testing.T) {
	for _, tt := range []struct {
		name, file   string
		before, mark string // the file when the crawl is resumed, and the part of it that its mark covers; "none" for no mark
		resumed      bool
		want, err    string
	}{
		{name: "new crawl", file: "o.jsonl", before: "{\"old\":1}\n", mark: "none", want: "{\"a\":1}\n"},
		{name: "rows of unfinished pages", file: "o.jsonl", resumed: true, before: "{\"a\":0}\n{\"a\":9}\n{\"a", mark: "{\"a\":0}\n", want: "{\"a\":0}\n{\"a\":1}\n"},
		{name: "nothing finished", file: "o.jsonl", resumed: true, before: "{\"a", mark: "", want: "{\"a\":1}\n"},
		{name: "torn row without a mark", file: "o.jsonl", resumed: true, before: "{\"a\":0}\n{\"a", mark: "none", want: "{\"a\":0}\n{\"a\":1}\n"},
		{name: "csv header is not repeated", file: "o.csv", resumed: true, before: "b,a\n0,0\n9,9\n", mark: "b,a\n0,0\n", want: "b,a\n0,0\n,1\n"},
		{name: "csv header not yet finished", file: "o.csv", resumed: true, before: "b,a\n", mark: "", want: "a\n1\n"},
		{name: "torn csv with a line break inside", file: "o.csv", resumed: true, before: "b,a\n0,\"x\ny\"\n1,\"p\nq", mark: "none", want: "b,a\n0,\"x\ny\"\n,1\n"},
		{name: "file was cut", file: "o.jsonl", resumed: true, before: "{}\n", mark: "{}\n{}\n", err: "holds 3 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), tt.file)
			if err := os.WriteFile(path, []byte(tt.before), 0o666); err != nil {
				t.Fatal(err)
			}
			marks := engine.Marks{}
			if tt.mark != "none" {
				marks[path] = int64(len(tt.mark))
			}
			s, err := Open([]string{path}, nil, marks, tt.resumed)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want one with %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			marks = write(t, s, item("a", 1.0))
			if d := cmp.Diff(tt.want, read(t, path)); d != "" {
				t.Error(d)
			}
			if marks[path] != int64(len(tt.want)) {
				t.Errorf("mark %d, want %d", marks[path], len(tt.want))
			}
		})
	}
}

func TestSpecs(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, tt := range []struct {
		name  string
		specs []string
		err   string
	}{
		{"extension", []string{"a.jsonl"}, ""},
		{"format in front", []string{"csv:b.txt"}, ""},
		{"stdout", []string{"-", "c.csv"}, ""},
		{"stdout as csv", []string{"csv:-"}, ""},
		{"no format", []string{"d.txt"}, "jsonl:d.txt"},
		{"twice", []string{"e.csv", "jsonl:e.csv"}, "twice"},
		{"no folder", []string{"none/f.csv"}, "no such file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Open(tt.specs, io.Discard, nil, false)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want one with %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			s.Close()
		})
	}
}

func TestSecondWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "o.jsonl")
	open(t, nil, false, path)
	if _, err := Open([]string{path}, nil, nil, false); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("error %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestClosedPipe(t *testing.T) {
	s, err := Open(nil, failing{&os.PathError{Op: "write", Path: "stdout", Err: syscall.EPIPE}}, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	closed := 0
	s.Closed = func() { closed++ }
	write(t, s, item("a", 1.0))
	write(t, s, item("a", 2.0))
	if closed != 1 {
		t.Errorf("told %d times, want once", closed)
	}
}

func TestFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full here")
	}
	s := open(t, nil, false, "jsonl:/dev/full")
	if err := s.WriteItem(context.Background(), item("a", 1.0)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Flush(); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "/dev/full: no space left") {
		t.Errorf("error %v", err)
	}
}

func TestMuchIsWrittenEarly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "o.jsonl")
	s := open(t, nil, false, path)
	if err := s.WriteItem(context.Background(), item("a", strings.Repeat("x", bufferMax))); err != nil {
		t.Fatal(err)
	}
	if n := len(read(t, path)); n < bufferMax {
		t.Errorf("%d bytes written before Flush", n)
	}
}

func BenchmarkWriteItem(b *testing.B) {
	s, err := Open([]string{filepath.Join(b.TempDir(), "o.jsonl")}, nil, nil, false)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	it := item("url", "http://site.test/some/page.html", "status", 200.0, "title", "A title of a page", "depth", 3.0)
	for b.Loop() {
		if err := s.WriteItem(context.Background(), it); err != nil {
			b.Fatal(err)
		}
	}
}

func TestFolder(t *testing.T) {
	tests := []struct {
		name  string
		specs []string
		want  string
	}{
		{"none", nil, "output"},
		{"standard output", []string{"-", "csv:-"}, "output"},
		{"a file", []string{"-", "runs/today/items.jsonl", "other/x.csv"}, "runs/today/output"},
		{"a file with its format", []string{"csv:runs/items"}, "runs/output"},
		{"a file here", []string{"items.csv"}, "output"},
		{"no output", []string{"items.docx"}, "output"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Folder(tt.specs); got != filepath.FromSlash(tt.want) {
				t.Errorf("Folder(%q) = %q, want %q", tt.specs, got, tt.want)
			}
		})
	}
}
