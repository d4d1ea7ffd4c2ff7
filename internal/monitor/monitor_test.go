package monitor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"downpour/engine"

	"github.com/google/go-cmp/cmp"
)

// watched is a crawl of ten pages a second.
func watched(start time.Time) func() engine.Summary {
	return func() engine.Summary {
		d := time.Since(start)
		return engine.Summary{Pages: int64(d / (100 * time.Millisecond)), Hosts: 1, Failed: 2, Elapsed: d}
	}
}

func queued(context.Context) (engine.Counts, error) { return engine.Counts{Queued: 1234}, nil }

func TestPlainLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		m := New(Options{Out: &out, Summary: watched(time.Now()), Counts: queued})
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
		defer cancel()
		m.Run(ctx)
		want := "100 pages  0.0/s  1,234 queued  1 host  2 errors  0:10\n" +
			"200 pages  10/s  1,234 queued  1 host  2 errors  0:20\n"
		if d := cmp.Diff(want, out.String()); d != "" {
			t.Error(d)
		}
	})
}

func TestTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		m := New(Options{Out: &out, Terminal: true, Width: func() int { return 20 }, Summary: watched(time.Now()), Counts: queued})
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		done := make(chan struct{})
		go func() { m.Run(ctx); close(done) }()
		time.Sleep(300 * time.Millisecond)
		m.Writer(&out).Write([]byte("warning\n"))
		<-done
		want := "\r2 pages  0.0/s  1,2\x1b[K" + "\r\x1b[Kwarning\n" + "\r2 pages  0.0/s  1,2\x1b[K" + "\r4 pages  10/s  1,23\x1b[K" + "\r\x1b[K"
		if d := cmp.Diff(want, out.String()); d != "" {
			t.Error(d)
		}
	})
}

func TestQuiet(t *testing.T) {
	var out bytes.Buffer
	New(Options{Out: &out, Quiet: true}).Run(t.Context())
	if out.Len() > 0 {
		t.Errorf("drew %q", &out)
	}
}

func TestEscape(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "http://a.test/é", "http://a.test/é"},
		{"escape sequence", "a\x1b[2Jb", `a\x1b[2Jb`},
		{"C1 control", "a\u009b2Jb", `a\x9b2Jb`},
		{"bidirectional", "a\u202eb\u2066", `a\u{202e}b\u{2066}`},
		{"zero width", "a\u200bb", `a\u{200b}b`},
		{"no UTF-8", "a\xffb", `a\xffb`},
		{"line breaks", "a\r\nb\tc", `a\x0d\nb\tc`},
		{"line separator", "a\u2028b", `a\u{2028}b`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Escape(tt.in); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLog(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(*slog.Logger)
		want string
	}{
		{"attributes", func(l *slog.Logger) { l.Warn("slow", "url", "http://a.test/?a=b", "wait", 2*time.Second, "n", 3) }, "warn  slow url=http://a.test/?a=b wait=2s n=3\n"},
		{"text with spaces", func(l *slog.Logger) { l.Warn("skip", "why", `no "x"`) }, `warn  skip why="no \"x\""` + "\n"},
		{"hostile", func(l *slog.Logger) { l.Warn("odd\x1b[2J", "url", "\x1b]0;x\a") }, `warn  odd\x1b[2J url=\x1b]0;x\x07` + "\n"},
		{"several lines", func(l *slog.Logger) { l.Error("hook", "error", errors.New("a.lua:1: x\n  | y()\n\x1b")) }, "error hook: a.lua:1: x\n      | y()\n    \\x1b\n"},
		{"in detail", func(l *slog.Logger) { l.Warn("hook", "error", "x", "line", 3, "detail", "a.lua:3: x\n  3 | y") }, "warn  hook: a.lua:3: x\n      3 | y\n"},
		{"in detail, one line", func(l *slog.Logger) { l.Warn("hook", "line", 3, "detail", "a.lua:3: x") }, "warn  hook: a.lua:3: x\n"},
		{"with and group", func(l *slog.Logger) { l.With("a", 1).WithGroup("g").Info("m", "b", 2) }, "info  m a=1 g.b=2\n"},
		{"below the level", func(l *slog.Logger) { l.Debug("m") }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			tt.do(NewLog(&out, slog.LevelInfo, false))
			got := out.String()
			if len(got) > 9 {
				got = got[9:] // the time
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestWriteText(t *testing.T) {
	r := Report{Summary: engine.Summary{
		Pages: 1292, Success: 865, Failed: 427, Failures: map[string]int64{"status 404": 426, "timeout": 1},
		Skips: map[string]int64{"duplicate": 3, "out_of_scope": 1200}, Elapsed: 840 * time.Millisecond, Bytes: 20_500_000,
		Hosts: 1, End: "drained", Verdicts: []string{"427 broken\x1b links"}, Redirects: 1, Errors: 1,
	}, Outputs: []Place{{"broken.jsonl", 427}, {"-", 1}}, Advice: "see broken.jsonl"}
	var b bytes.Buffer
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	want := `done: 1,292 pages in 0.84 s (1,538/s), 1 host, 20.5 MB
  fetched   865 well, 1 redirect
  failed    427: status 404 426, timeout 1
  skipped   1,203: out_of_scope 1,200, duplicate 3
  script    1 error
  items     427 rows in broken.jsonl
  items     1 row in standard output
  verdict   427 broken\x1b links
see broken.jsonl
`
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Error(d)
	}
}

func TestBottleneck(t *testing.T) {
	tests := []struct {
		name    string
		lua     float64
		elapsed time.Duration
		want    string
	}{
		{"hooks all the time", 0.934, 5 * time.Second, "  script    the bottleneck: its hooks, which run one at a time, ran for 93 % of the crawl\n"},
		{"hooks half of the time", 0.5, 5 * time.Second, ""},
		{"too short to tell", 0.9, 300 * time.Millisecond, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Report{Summary: engine.Summary{Elapsed: tt.elapsed}, Lua: tt.lua}
			var b bytes.Buffer
			if err := r.WriteText(&b); err != nil {
				t.Fatal(err)
			}
			if got := b.String(); !strings.HasSuffix(got, tt.want) || strings.Contains(got, "bottleneck") != (tt.want != "") {
				t.Error(got)
			}
		})
	}
}

func TestWriteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.json")
	r := Report{Summary: engine.Summary{Name: "x", Pages: 3}, Fetched: 3, Exit: 3}
	if err := r.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{"name": "x", "fetched": 3.0, "pages": 3.0, "exit": 3.0} {
		if got[key] != want {
			t.Errorf("%s is %v, want %v", key, got[key], want)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".report-*")); len(left) > 0 {
		t.Errorf("left behind: %s", strings.Join(left, " "))
	}
}
