package luabridge

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"downpour/engine"
)

// A world is a crawl in memory: scripts, the pages of a site and what came of
// it. Its files come from a txtar text: *.lua are scripts, all else pages of
// http://site.test/, whose first lines may be a status and headers.
type world struct {
	t      *testing.T
	dir    string
	pages  map[string]string
	main   []string
	opt    Options
	cfg    engine.Config
	seeds  []string
	host   *Host
	stdout bytes.Buffer
	log    bytes.Buffer
	items  []string
	pushed []string
}

// newWorld unpacks a txtar text. The scripts to run are those at the top of the
// folder.
func newWorld(t *testing.T, text string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), pages: map[string]string{}}
	for _, f := range txtar.Parse([]byte(text)).Files {
		if !strings.HasSuffix(f.Name, ".lua") {
			w.pages["http://site.test/"+f.Name] = string(f.Data)
			continue
		}
		path := filepath.Join(w.dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(f.Name, "/") && strings.HasPrefix(f.Name, "main") {
			w.main = append(w.main, path)
		}
	}
	return w
}

// one is a world of a single script.
func one(t *testing.T, script string) *world {
	t.Helper()
	return newWorld(t, "-- main.lua --\n"+script)
}

// load loads the scripts; file names in messages lose their folder.
func (w *world) load() error {
	w.opt.Files = w.main
	w.opt.Stdout = &w.stdout
	w.opt.Log = slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "detail" {
			return slog.Attr{}
		}
		return a
	}}))
	host, err := Load(context.Background(), w.opt)
	if err != nil {
		return err
	}
	w.host = host
	w.t.Cleanup(func() { host.Close() })
	return nil
}

func (w *world) mustLoad() *Host {
	w.t.Helper()
	if err := w.load(); err != nil {
		w.t.Fatal(err)
	}
	return w.host
}

// run loads the scripts and crawls to the end.
func (w *world) run() engine.Summary {
	w.t.Helper()
	s, err := w.crawl()
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) crawl() (engine.Summary, error) {
	w.t.Helper()
	if w.host == nil {
		w.mustLoad()
	}
	if w.cfg.Concurrency == 0 {
		w.cfg.Concurrency = 1 // one page after the other
	}
	e, err := engine.New(w.cfg, engine.Deps{
		Frontier: &worldLine{w: w, wake: make(chan struct{}, 1)},
		Fetcher:  worldSite{w},
		Handler:  w.host,
		Output:   worldRows{w},
		Seeds: func(yield func(string, error) bool) {
			for _, s := range w.seeds {
				if !yield(s, nil) {
					return
				}
			}
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return e.Run(context.Background())
}

// tidy is s without the folder of the scripts.
func (w *world) tidy(s string) string {
	return strings.ReplaceAll(s, w.dir+string(filepath.Separator), "")
}

// printed are the lines that print wrote.
func (w *world) printed() []string {
	text := strings.TrimSuffix(w.tidy(w.stdout.String()), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// worldSite is the Fetcher of a world.
type worldSite struct{ w *world }

func (s worldSite) Close() error { return nil }

func (s worldSite) Fetch(_ context.Context, r *engine.Request, notify func(engine.Event, *engine.Response) error) (*engine.Response, error) {
	text, ok := s.w.pages[r.URL]
	if !ok && strings.HasSuffix(r.URL, "/") {
		text, ok = s.w.pages[r.URL+"index.html"]
	}
	resp := answer(text)
	if !ok {
		resp = answer("404\n\n")
	}
	resp.URL, resp.IP = r.URL, "192.0.2.1"
	resp.Timing.Total = 1500 * time.Millisecond
	body := resp.Body
	resp.Body = nil
	for _, ev := range []engine.Event{engine.EventStatus, engine.EventHeaders} {
		if err := notify(ev, resp); err != nil {
			return resp, err
		}
	}
	resp.Body = body
	return resp, nil
}

// answer reads a page: an optional status line such as "301" or "200", header
// lines, an empty line, the body. A page that begins with "<" is all body.
func answer(text string) *engine.Response {
	resp := &engine.Response{Status: 200, Proto: "HTTP/1.1", Header: http.Header{}}
	if !strings.HasPrefix(text, "<") {
		head, body, _ := strings.Cut(text, "\n\n")
		lines := strings.Split(head, "\n")
		fmt.Sscan(lines[0], &resp.Status)
		for _, l := range lines[1:] {
			name, value, _ := strings.Cut(l, ": ")
			resp.Header.Add(name, value)
		}
		text = body
	}
	if resp.Header.Get("Content-Type") == "" {
		resp.Header.Set("Content-Type", "text/html; charset=utf-8")
	}
	resp.Message = http.StatusText(resp.Status)
	resp.Body = []byte(text)
	return resp
}

// worldRows is the Output of a world.
type worldRows struct{ w *world }

func (o worldRows) Close() error                 { return nil }
func (o worldRows) Flush() (engine.Marks, error) { return nil, nil }

func (o worldRows) WriteItem(_ context.Context, it engine.Item) error {
	var b strings.Builder
	for i, f := range it {
		if i > 0 {
			b.WriteByte(' ')
		}
		if raw, ok := f.Value.(interface{ MarshalJSON() ([]byte, error) }); ok {
			text, _ := raw.MarshalJSON()
			f.Value = string(text)
		}
		fmt.Fprintf(&b, "%s=%v", f.Name, f.Value)
	}
	o.w.items = append(o.w.items, b.String())
	return nil
}

// worldLine is a Frontier in memory: every request is a queue of its own.
type worldLine struct {
	*engine.Reservations
	w    *world
	wake chan struct{}

	mu     sync.Mutex // guards all below
	seen   map[uint64]bool
	queued []*engine.Request
	leased int
}

func (l *worldLine) Close() error          { return nil }
func (l *worldLine) Wake() <-chan struct{} { return l.wake }

func (l *worldLine) Push(_ context.Context, reqs ...*engine.Request) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen == nil {
		l.seen = map[uint64]bool{}
	}
	fresh := 0
	for _, r := range reqs {
		if l.seen[r.Print] && !r.Again {
			continue
		}
		l.seen[r.Print] = true
		fresh++
		l.w.pushed = append(l.w.pushed, r.URL)
		l.queued = append(l.queued, r)
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return fresh, nil
}

func (l *worldLine) Lease(_ context.Context, queues, _ int, ttl time.Duration) ([]*engine.Lease, time.Duration, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queued) == 0 && l.leased == 0 {
		return nil, 0, engine.ErrDrained
	}
	var leases []*engine.Lease
	for len(l.queued) > 0 && len(leases) < queues {
		r := l.queued[0]
		l.queued = l.queued[1:]
		l.leased++
		leases = append(leases, &engine.Lease{Queue: r.Queue, Requests: []*engine.Request{r}, TTL: ttl, Expires: time.Now().Add(ttl)})
	}
	return leases, 5 * time.Millisecond, nil
}

func (l *worldLine) Done(_ context.Context, outs []*engine.Outcome, _ engine.Marks) ([]*engine.Lease, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range outs {
		for _, r := range o.Back {
			r.After = 0
			l.queued = append(l.queued, r)
		}
		if !o.Keep {
			l.leased--
		}
	}
	return nil, nil
}

// oneFile writes a script into a folder of its own.
func oneFile(tb testing.TB, script string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "main.lua")
	if err := os.WriteFile(path, []byte(script), 0o644); err != nil {
		tb.Fatal(err)
	}
	return path
}
