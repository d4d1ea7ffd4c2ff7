package engine_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"downpour/engine"
	"downpour/policies"

	"github.com/google/go-cmp/cmp"
)

// site is a Fetcher that answers from a function and notes when it was asked.
type site struct {
	mu     sync.Mutex // guards asked
	asked  []asked
	answer func(url string, nth int) *engine.Response
	takes  time.Duration
}

type asked struct {
	At  time.Duration // since the test began
	URL string
}

var _ engine.Fetcher = (*site)(nil)

func (s *site) Fetch(ctx context.Context, r *engine.Request, notify func(engine.Event, *engine.Response) error) (*engine.Response, error) {
	s.mu.Lock()
	nth := 0
	for _, a := range s.asked {
		if a.URL == r.URL {
			nth++
		}
	}
	s.asked = append(s.asked, asked{time.Since(epoch), r.URL})
	s.mu.Unlock()
	wrote := time.Now()
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		return nil, &engine.Failure{Kind: engine.FailCancelled, Message: "cut", Err: ctx.Err()}
	}
	resp := s.answer(r.URL, nth)
	if resp == nil {
		return nil, &engine.Failure{Kind: engine.FailConnect, Message: "connection refused"}
	}
	resp.URL, resp.Proto, resp.Wrote, resp.First = r.URL, "HTTP/1.1", wrote, time.Now()
	if err := notify(engine.EventStatus, resp); err != nil {
		return resp, err
	}
	return resp, notify(engine.EventHeaders, resp)
}

func (s *site) Close() error { return nil }

func (s *site) urls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var us []string
	for _, a := range s.asked {
		us = append(us, a.URL)
	}
	return us
}

// epoch is synctest's beginning of time.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// spare is what the engine adds to every rest.
const spare = time.Millisecond

func page(status int, header ...string) *engine.Response {
	h := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		h.Add(header[i], header[i+1])
	}
	return &engine.Response{Status: status, Message: http.StatusText(status), Header: h}
}

func ok(string, int) *engine.Response { return page(200) }

// hooks is a Handler that writes down what it is called with.
type hooks struct {
	mu    sync.Mutex // guards calls
	calls []string
	on    func(ev engine.Event, v *engine.Visit) error
}

func (h *hooks) Wants(engine.Event, string) bool { return true }
func (h *hooks) Close() error                    { return nil }

func (h *hooks) Handle(_ context.Context, ev engine.Event, v *engine.Visit) error {
	line := ev.String()
	if v.Request != nil {
		line += " " + v.Request.URL
	}
	switch ev {
	case engine.EventSkip:
		line += " " + v.Skip.Reason
	case engine.EventStatus:
		line += fmt.Sprint(" ", v.Response.Status)
	case engine.EventError:
		line += fmt.Sprintf(" %s attempts=%d", v.Failure.Kind, v.Failure.Attempts)
	}
	h.mu.Lock()
	h.calls = append(h.calls, line)
	h.mu.Unlock()
	if h.on == nil {
		return nil
	}
	return h.on(ev, v)
}

func seeds(urls ...string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, u := range urls {
			if !yield(u, nil) {
				return
			}
		}
	}
}

// crawl runs a crawl in virtual time.
func crawl(t *testing.T, ctx context.Context, cfg engine.Config, deps engine.Deps) engine.Summary {
	t.Helper()
	if deps.Frontier == nil {
		deps.Frontier = newMemory()
	}
	e, err := engine.New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// pages are the seeds http://a.test/0 and on.
func pages(n int) (urls []string) {
	for i := range n {
		urls = append(urls, fmt.Sprintf("http://a.test/%d", i))
	}
	return urls
}

// every is what is asked for when pages come a period apart.
func every(period time.Duration, n int) (all []asked) {
	for i, u := range pages(n) {
		all = append(all, asked{time.Duration(i) * period, u})
	}
	return all
}

func TestDelayIsKeptBetweenStarts(t *testing.T) {
	rows := []struct {
		name    string
		cfg     engine.Config
		takes   time.Duration
		seeds   []string
		want    []asked
		answers func(string, int) *engine.Response
	}{
		{
			name: "an answer at once", cfg: engine.Config{Delay: time.Second},
			seeds: []string{"http://a.test/1", "http://a.test/2", "http://a.test/3"},
			want: []asked{
				{0, "http://a.test/1"}, {time.Second + spare, "http://a.test/2"}, {2 * (time.Second + spare), "http://a.test/3"},
			},
		},
		{
			name: "an answer that takes long: from it at first, then reckoned back", cfg: engine.Config{Delay: time.Second}, takes: 700 * time.Millisecond,
			seeds: pages(10),
			want:  append(every(1700*time.Millisecond+spare, 9), asked{8*(1700*time.Millisecond+spare) + 1020*time.Millisecond + spare, "http://a.test/9"}),
		},
		{
			name: "several under way", cfg: engine.Config{Delay: time.Second, PerHost: 2}, takes: 2500 * time.Millisecond,
			seeds: []string{"http://a.test/1", "http://a.test/2", "http://a.test/3"},
			want: []asked{
				{0, "http://a.test/1"}, {2 * time.Second, "http://a.test/2"}, {4 * time.Second, "http://a.test/3"},
			},
		},
		{
			name: "hosts do not wait for each other", cfg: engine.Config{Delay: time.Second},
			seeds: []string{"http://a.test/1", "http://b.test/1", "http://a.test/2"},
			want:  []asked{{0, "http://a.test/1"}, {0, "http://b.test/1"}, {time.Second + spare, "http://a.test/2"}},
		},
		{
			name: "robots.txt is a request like others, its Crawl-delay holds",
			cfg:  engine.Config{Delay: time.Second, Robots: true}, seeds: []string{"http://a.test/1", "http://a.test/2"},
			answers: func(u string, _ int) *engine.Response {
				r := page(200)
				if strings.HasSuffix(u, "/robots.txt") {
					r.Body = []byte("User-agent: *\nCrawl-delay: 5\n")
				}
				return r
			},
			want: []asked{
				{0, "http://a.test/robots.txt"}, {5*time.Second + spare, "http://a.test/1"}, {10*time.Second + 2*spare, "http://a.test/2"},
			},
		},
		{
			name: "Retry-After rests the host and is no attempt", cfg: engine.Config{Delay: time.Second, Retries: 1},
			seeds: []string{"http://a.test/1", "http://a.test/2"},
			answers: func(u string, nth int) *engine.Response {
				if u == "http://a.test/1" && nth == 0 {
					return page(429, "Retry-After", "30")
				}
				return page(200)
			},
			want: []asked{{0, "http://a.test/1"}, {30 * time.Second, "http://a.test/1"}, {31*time.Second + spare, "http://a.test/2"}},
		},
		{
			name: "a redirect waits its turn", cfg: engine.Config{Delay: time.Second}, seeds: []string{"http://a.test/1"},
			answers: func(u string, _ int) *engine.Response {
				if u == "http://a.test/1" {
					return page(301, "Location", "/2")
				}
				return page(200)
			},
			want: []asked{{0, "http://a.test/1"}, {time.Second + spare, "http://a.test/2"}},
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &site{answer: row.answers, takes: row.takes}
				if s.answer == nil {
					s.answer = ok
				}
				crawl(t, t.Context(), row.cfg, engine.Deps{Fetcher: s, Seeds: seeds(row.seeds...)})
				slices.SortStableFunc(s.asked, func(a, b asked) int {
					if a.At != b.At {
						return int(a.At - b.At)
					}
					return strings.Compare(a.URL, b.URL)
				})
				if d := cmp.Diff(row.want, s.asked); d != "" {
					t.Error(d)
				}
			})
		})
	}
}

func TestHooksOfOneRequest(t *testing.T) {
	rows := []struct {
		name   string
		cfg    engine.Config
		answer func(string, int) *engine.Response
		on     func(engine.Event, *engine.Visit) error
		want   []string
	}{
		{name: "success", answer: ok, want: []string{
			"on_url http://a.test/", "on_status http://a.test/ 200", "on_headers http://a.test/",
			"on_success http://a.test/", "on_done http://a.test/",
		}},
		{name: "not found", answer: func(string, int) *engine.Response { return page(404) }, want: []string{
			"on_url http://a.test/", "on_status http://a.test/ 404", "on_headers http://a.test/",
			"on_error http://a.test/ status attempts=1", "on_done http://a.test/",
		}},
		{name: "redirect", answer: func(u string, _ int) *engine.Response {
			if u == "http://a.test/" {
				return page(302, "Location", "/b")
			}
			return page(200)
		}, want: []string{
			"on_url http://a.test/", "on_status http://a.test/ 302", "on_headers http://a.test/",
			"on_url http://a.test/b", "on_status http://a.test/b 200", "on_headers http://a.test/b",
			"on_success http://a.test/b", "on_done http://a.test/b",
		}},
		{name: "redirect to another host", answer: func(u string, _ int) *engine.Response {
			if u == "http://a.test/" {
				return page(302, "Location", "http://b.test/")
			}
			return page(200)
		}, want: []string{
			"on_url http://a.test/", "on_status http://a.test/ 302", "on_headers http://a.test/",
			"on_url http://b.test/", "on_status http://b.test/ 200", "on_headers http://b.test/",
			"on_success http://b.test/", "on_done http://b.test/",
		}},
		{name: "redirect loop", answer: func(string, int) *engine.Response { return page(302, "Location", "/") }, want: []string{
			"on_url http://a.test/", "on_status http://a.test/ 302", "on_headers http://a.test/",
			"on_url http://a.test/", "on_status http://a.test/ 302", "on_headers http://a.test/",
			"on_url http://a.test/", "on_status http://a.test/ 302", "on_headers http://a.test/",
			"on_error http://a.test/ redirect attempts=1", "on_done http://a.test/",
		}},
		{name: "cancel in on_url", answer: ok, on: cancelAt(engine.EventURL), want: []string{
			"on_url http://a.test/", "on_error http://a.test/ cancelled attempts=1", "on_done http://a.test/",
		}},
		{name: "cancel in on_status", answer: ok, on: cancelAt(engine.EventStatus), want: []string{
			"on_url http://a.test/", "on_status http://a.test/ 200",
			"on_error http://a.test/ cancelled attempts=1", "on_done http://a.test/",
		}},
		{name: "cancel in on_success", answer: ok, on: cancelAt(engine.EventSuccess), want: []string{
			"on_url http://a.test/", "on_status http://a.test/ 200", "on_headers http://a.test/",
			"on_success http://a.test/", "on_error http://a.test/ cancelled attempts=1", "on_done http://a.test/",
		}},
		{name: "refused, tried again", cfg: engine.Config{Retries: 1}, answer: func(string, int) *engine.Response { return nil }, want: []string{
			"on_url http://a.test/", "on_url http://a.test/",
			"on_error http://a.test/ connect attempts=2", "on_done http://a.test/",
		}},
		{name: "disallowed by robots.txt", cfg: engine.Config{Robots: true}, answer: func(u string, _ int) *engine.Response {
			r := page(200)
			r.Body = []byte("User-agent: *\nDisallow: /\n")
			return r
		}, want: []string{"on_skip http://a.test/ disallowed"}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &hooks{on: row.on}
				s := &site{answer: row.answer}
				crawl(t, t.Context(), row.cfg, engine.Deps{Fetcher: s, Handler: h, Seeds: seeds("http://a.test/")})
				want := append([]string{"on_start", "on_enqueue http://a.test/"}, row.want...)
				want = append(want, "on_finish")
				got := slices.DeleteFunc(h.calls, func(c string) bool { return c == "on_idle" })
				if d := cmp.Diff(want, got); d != "" {
					t.Error(d)
				}
			})
		})
	}
}

func cancelAt(at engine.Event) func(engine.Event, *engine.Visit) error {
	return func(ev engine.Event, _ *engine.Visit) error {
		if ev == at {
			return &engine.Cancel{Reason: "not wanted"}
		}
		return nil
	}
}

// tree links every page to ten below it, four levels deep.
func tree(ev engine.Event, v *engine.Visit) error {
	if ev == engine.EventSuccess && v.Request.Depth < 3 {
		for i := range 10 {
			v.Enqueue(&engine.Request{URL: fmt.Sprintf("%s%d/", v.Request.URL, i)})
		}
	}
	if ev == engine.EventIdle {
		return engine.ErrNoMore
	}
	return nil
}

func TestBudgetsAreExact(t *testing.T) {
	rows := []struct {
		name   string
		budget int64
		cfg    engine.Config
		pages  int64
		end    string
	}{
		{"none", 0, engine.Config{}, 1111, "drained"},
		{"one host, several under way", 0, engine.Config{PerHost: 8}, 1111, "drained"},
		{"max_pages", 100, engine.Config{Concurrency: 7, PerHost: 7}, 100, "budget"},
		{"max_depth", 0, engine.Config{MaxDepth: 2}, 111, "drained"},
		{"scope", 0, engine.Config{Scope: policies.Scope{Domains: []string{"b.test"}}}, 0, "drained"},
		{"max_time", 0, engine.Config{Delay: time.Second, MaxTime: 4500 * time.Millisecond}, 5, "budget"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				m.budget = row.budget
				s := crawl(t, t.Context(), row.cfg, engine.Deps{
					Frontier: m, Fetcher: &site{answer: ok, takes: time.Millisecond},
					Handler: &hooks{on: tree}, Seeds: seeds("http://a.test/"),
				})
				if s.Pages != row.pages || s.End != row.end {
					t.Errorf("%d pages, end %q; want %d, %q", s.Pages, s.End, row.pages, row.end)
				}
			})
		})
	}
}

func TestInterruptedCrawlResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{answer: ok, takes: 10 * time.Millisecond}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		m := newMemory()
		first := crawl(t, ctx, engine.Config{}, engine.Deps{Frontier: m, Fetcher: s, Handler: &hooks{on: tree}, Seeds: seeds("http://a.test/")})
		if first.End != "interrupted" || first.Pages == 0 || first.Pages == 1111 {
			t.Fatalf("first run: %d pages, end %q", first.Pages, first.End)
		}
		second := crawl(t, t.Context(), engine.Config{}, engine.Deps{Frontier: m, Fetcher: s, Handler: &hooks{on: tree}, Seeds: seeds("http://a.test/")})
		if second.End != "drained" || first.Pages+second.Pages != 1111 {
			t.Errorf("pages = %d + %d, end %q; want 1111 in all", first.Pages, second.Pages, second.End)
		}
		us := s.urls()
		slices.Sort(us)
		if n := len(us); n != 1111 || len(slices.Compact(us)) != n {
			t.Errorf("%d fetches of %d URLs, want 1111 of 1111", n, len(slices.Compact(us)))
		}
	})
}

func TestGraceCutsAndPutsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{answer: ok, takes: time.Hour}
		h := &hooks{}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		sum := crawl(t, ctx, engine.Config{Grace: 3 * time.Second}, engine.Deps{Fetcher: s, Handler: h, Seeds: seeds("http://a.test/")})
		if got := time.Since(epoch); got != 4*time.Second {
			t.Errorf("ended after %v, want 4s", got)
		}
		if sum.Pages != 0 || sum.Left != 1 || slices.ContainsFunc(h.calls, func(c string) bool { return strings.HasPrefix(c, "on_error") }) {
			t.Errorf("summary %+v, calls %q", sum, h.calls)
		}
	})
}

// rows is an Output that keeps its items.
type rows struct {
	items []engine.Item
	err   error
}

func (o *rows) WriteItem(_ context.Context, it engine.Item) error {
	o.items = append(o.items, it)
	return o.err
}

func (o *rows) Flush() (engine.Marks, error) { return engine.Marks{"rows": int64(len(o.items))}, nil }
func (o *rows) Close() error                 { return nil }

func TestItemsCountOnceTheirVisitIsDone(t *testing.T) {
	table := []struct {
		name  string
		cfg   engine.Config
		retry bool
		want  int
	}{
		{"a row a page", engine.Config{MaxDepth: 1}, false, 11},
		{"what a visit collected before its retry is dropped", engine.Config{MaxDepth: 1, Retries: 1}, true, 11},
		{"max_items is not overshot", engine.Config{MaxItems: 4}, false, 4},
	}
	for _, row := range table {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out := &rows{}
				h := &hooks{on: func(ev engine.Event, v *engine.Visit) error {
					if ev == engine.EventSuccess {
						v.Emit(engine.Item{{Name: "url", Value: v.Request.URL}})
						if row.retry && v.Request.Attempt == 0 && !v.Retry(time.Second) {
							t.Error("retry refused")
						}
					}
					return tree(ev, v)
				}}
				crawl(t, t.Context(), row.cfg, engine.Deps{
					Fetcher: &site{answer: ok}, Handler: h, Output: out, Seeds: seeds("http://a.test/"),
				})
				if len(out.items) != row.want {
					t.Errorf("%d items, want %d", len(out.items), row.want)
				}
			})
		})
	}
}

func TestLostLeaseLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.refuses = 1
		m.onRefuse = func(q *memQueue) { m.giveBack(q, q.lease.Requests, time.Time{}) }
		s := &site{answer: ok, takes: time.Millisecond}
		crawl(t, t.Context(), engine.Config{}, engine.Deps{
			Frontier: m, Fetcher: s, Handler: &hooks{on: tree}, Seeds: seeds("http://a.test/"),
		})
		us := s.urls()
		slices.Sort(us)
		if n := len(slices.Compact(us)); n != 1111 || m.counts.Queued != 0 {
			t.Errorf("%d pages fetched, %d left; want 1111 and none", n, m.counts.Queued)
		}
	})
}

func TestFailuresOfThePartsEndTheCrawl(t *testing.T) {
	full := errors.New("no space left on device")
	table := []struct {
		name string
		deps engine.Deps
	}{
		{"output", engine.Deps{Output: &rows{err: full}}},
		{"fatal script error", engine.Deps{Handler: &hooks{on: func(ev engine.Event, _ *engine.Visit) error {
			if ev == engine.EventSuccess {
				return &engine.Fatal{Err: full}
			}
			return nil
		}}}},
	}
	for _, row := range table {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if row.deps.Handler == nil {
					row.deps.Handler = &hooks{on: func(ev engine.Event, v *engine.Visit) error {
						if ev == engine.EventSuccess {
							v.Emit(engine.Item{{Name: "n", Value: 1.0}})
						}
						return nil
					}}
				}
				row.deps.Frontier, row.deps.Fetcher = newMemory(), &site{answer: ok}
				row.deps.Seeds = seeds("http://a.test/", "http://b.test/")
				e, err := engine.New(engine.Config{}, row.deps)
				if err != nil {
					t.Fatal(err)
				}
				s, err := e.Run(t.Context())
				if !errors.Is(err, full) || s.End != "failed" {
					t.Errorf("Run = end %q, %v; want failed, %v", s.End, err, full)
				}
			})
		})
	}
}

// free is a policy without rests.
type free struct{ engine.Policy }

func (free) Delay(context.Context, string, *engine.Request, *engine.Response) time.Duration { return 0 }

func TestPolicyMayOweNoRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := engine.Config{Delay: time.Second}
		cfg.Policy = free{engine.NewPolicy(cfg)}
		s := &site{answer: ok}
		crawl(t, t.Context(), cfg, engine.Deps{Fetcher: s, Seeds: seeds("http://a.test/1", "http://a.test/2")})
		if d := cmp.Diff([]asked{{0, "http://a.test/1"}, {0, "http://a.test/2"}}, s.asked); d != "" {
			t.Error(d)
		}
	})
}

func TestSpentBudgetPullsNoSeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.budget = 50
		var pulled atomic.Int64
		endless := func(yield func(string, error) bool) {
			for yield(fmt.Sprintf("http://h%d.test/", pulled.Add(1)), nil) {
			}
		}
		s := crawl(t, t.Context(), engine.Config{}, engine.Deps{Frontier: m, Fetcher: &site{answer: ok}, Seeds: endless})
		if s.End != "budget" || s.Pages != 50 || pulled.Load() > 20_000 {
			t.Errorf("end %q after %d pages with %d seeds pulled", s.End, s.Pages, pulled.Load())
		}
	})
}

func TestSeedsComeBeforeWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.Push(t.Context(), &engine.Request{URL: "http://a.test/left", Queue: "a.test", Print: 1})
		s := &site{answer: ok}
		late := func(yield func(string, error) bool) {
			if len(s.urls()) > 0 {
				t.Error("fetched before the seeds were read")
			}
			yield("http://a.test/", nil)
		}
		crawl(t, t.Context(), engine.Config{}, engine.Deps{Frontier: m, Fetcher: s, Seeds: late})
	})
}

func TestSeedsArePulledLazily(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pulled atomic.Int64
		endless := func(yield func(string, error) bool) {
			for yield(fmt.Sprintf("http://h%d.test/", pulled.Add(1)), nil) {
			}
		}
		h := &hooks{on: func(ev engine.Event, v *engine.Visit) error {
			if ev == engine.EventDone && pulled.Load() > 3000 {
				v.Stop("enough")
			}
			return nil
		}}
		s := crawl(t, t.Context(), engine.Config{}, engine.Deps{Fetcher: &site{answer: ok}, Handler: h, Seeds: endless})
		if s.End != "stopped" || pulled.Load() > s.Pages+20_000 {
			t.Errorf("end %q after %d pages with %d seeds pulled", s.End, s.Pages, pulled.Load())
		}
	})
}

func TestScriptsFetchInTheirHostsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{answer: ok, takes: 100 * time.Millisecond}
		h := &hooks{on: func(ev engine.Event, v *engine.Visit) error {
			at := map[engine.Event]string{engine.EventHeaders: "/head", engine.EventSuccess: "/tail"}[ev]
			if at == "" || v.Request.URL != "http://a.test/1" {
				return nil
			}
			if _, err := v.FetchNow(t.Context(), &engine.Request{URL: "http://a.test" + at}); err != nil {
				t.Error(err)
			}
			_, err := v.FetchNow(t.Context(), &engine.Request{URL: "http://b.test" + at})
			return err
		}}
		crawl(t, t.Context(), engine.Config{Delay: time.Second}, engine.Deps{
			Fetcher: s, Handler: h, Seeds: seeds("http://a.test/1", "http://a.test/2"),
		})
		last := map[string]time.Duration{}
		for _, a := range s.asked {
			host := a.URL[:len("http://a.test")]
			if before, asked := last[host]; asked && a.At-before < time.Second {
				t.Errorf("%s asked %v after the one before", a.URL, a.At-before)
			}
			last[host] = a.At
		}
		want := []string{"http://a.test/1", "http://a.test/2", "http://a.test/head", "http://a.test/tail", "http://b.test/head", "http://b.test/tail"}
		got := s.urls()
		slices.Sort(got)
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	})
}

func TestHooksDoNotHoldTheHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{answer: ok}
		h := &hooks{on: func(ev engine.Event, v *engine.Visit) error {
			if ev == engine.EventSuccess {
				<-time.After(3 * time.Second)
			}
			return nil
		}}
		crawl(t, t.Context(), engine.Config{Delay: time.Second}, engine.Deps{
			Fetcher: s, Handler: h, Seeds: seeds("http://a.test/1", "http://a.test/2"),
		})
		want := []asked{{0, "http://a.test/1"}, {time.Second + spare, "http://a.test/2"}}
		if d := cmp.Diff(want, s.asked); d != "" {
			t.Error(d)
		}
	})
}

func TestHooksThatFetchDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{answer: ok, takes: 10 * time.Millisecond}
		h := &hooks{on: func(ev engine.Event, v *engine.Visit) error {
			if ev != engine.EventSuccess {
				return nil
			}
			for range 3 {
				if _, err := v.FetchNow(t.Context(), &engine.Request{URL: v.Request.URL + "?more"}); err != nil {
					t.Error(err)
				}
			}
			return nil
		}}
		sum := crawl(t, t.Context(), engine.Config{Concurrency: 4, PerHost: 2}, engine.Deps{Fetcher: s, Handler: h, Seeds: seeds(pages(40)...)})
		if sum.Pages != 40 || len(s.asked) != 160 {
			t.Errorf("%d pages, %d requests; want 40 and 160", sum.Pages, len(s.asked))
		}
	})
}
