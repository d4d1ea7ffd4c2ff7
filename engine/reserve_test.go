package engine_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"downpour/engine"

	"github.com/google/go-cmp/cmp"
)

// shared is a policy under which hosts share buckets: all of them "all", and
// those of which a digit is even "even". Delays are by bucket.
type shared struct {
	engine.Policy
	gaps map[string]time.Duration
}

func (p shared) Key(ctx context.Context, r *engine.Request) (string, []string) {
	queue, _ := p.Policy.Key(ctx, r)
	buckets := []string{"all"}
	if strings.ContainsAny(queue, "02468") {
		buckets = append(buckets, "even")
	}
	return queue, buckets
}

func (p shared) Delay(ctx context.Context, key string, r *engine.Request, resp *engine.Response) time.Duration {
	if gap, ok := p.gaps[key]; ok {
		return gap
	}
	return p.Policy.Delay(ctx, key, r, resp)
}

func hosts(n, each int) (urls []string) {
	for i := range each {
		for h := range n {
			urls = append(urls, fmt.Sprintf("http://h%d.test/%d", h, i))
		}
	}
	return urls
}

func TestBucketsSpaceTheStartsOfTheirQueues(t *testing.T) {
	const s = time.Second
	rows := []struct {
		name        string
		gaps        map[string]time.Duration
		hosts, each int
		robots      bool
		takes       time.Duration
		workers     int
		last        time.Duration // start, exactly; 0 is at most three times the gaps of "all"
		more        int           // requests besides the pages
		slow        time.Duration // of on_url, for some hosts
	}{
		{name: "one bucket", gaps: map[string]time.Duration{"all": s}, hosts: 7, each: 3, workers: 1, last: 20 * (s + spare)},
		{name: "none has a delay", gaps: map[string]time.Duration{"all": 0, "even": 0}, hosts: 7, each: 1, workers: 1},
		{name: "answers that take long", gaps: map[string]time.Duration{"all": s}, hosts: 7, each: 3, workers: 1, takes: 5 * s, last: 20 * (s + spare)},
		{name: "robots.txt takes a start", gaps: map[string]time.Duration{"all": s}, hosts: 5, each: 1, robots: true, workers: 1, more: 5, last: 9 * (s + spare)},
		{name: "two buckets", gaps: map[string]time.Duration{"all": s / 10, "even": s / 2}, hosts: 6, each: 4, workers: 1},
		{name: "a gap shorter than a lease call", gaps: map[string]time.Duration{"all": 10 * time.Millisecond}, hosts: 9, each: 5, workers: 1},
		{name: "three workers", gaps: map[string]time.Duration{"all": s}, hosts: 20, each: 3, workers: 3},
		{name: "hooks that take long", gaps: map[string]time.Duration{"all": s}, hosts: 5, each: 2, workers: 2, slow: 700 * time.Millisecond},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, web := newMemory(), &site{answer: rules(page(404)), takes: row.takes}
				cfg := engine.Config{Robots: row.robots, Timeout: 10 * s}
				cfg.Policy = shared{engine.NewPolicy(cfg), row.gaps}
				h := &hooks{on: func(ev engine.Event, v *engine.Visit) error {
					if ev == engine.EventURL && strings.ContainsAny(v.Request.URL, "13") {
						<-time.After(row.slow)
					}
					return nil
				}}
				var all sync.WaitGroup
				for range row.workers {
					all.Go(func() {
						crawl(t, t.Context(), cfg, engine.Deps{Frontier: m, Fetcher: web, Handler: h, Seeds: seeds(hosts(row.hosts, row.each)...)})
					})
				}
				all.Wait()
				if n, want := len(web.asked), row.hosts*row.each+row.more; n != want {
					t.Fatalf("%d requests, want %d", n, want)
				}
				p := cfg.Policy.(shared)
				last := map[string]time.Duration{}
				for _, a := range web.asked {
					_, buckets := p.Key(t.Context(), &engine.Request{URL: a.URL})
					for _, b := range buckets {
						if before, ok := last[b]; ok && a.At-before < row.gaps[b] {
							t.Errorf("%s started %v after another of %s", a.URL, a.At-before, b)
						}
						last[b] = a.At
					}
				}
				end := web.asked[len(web.asked)-1].At
				most := 3 * time.Duration(len(web.asked)) * row.gaps["all"]
				if row.last > 0 && end != row.last || end > most {
					t.Errorf("the last started after %v, want %v, %v at most", end, row.last, most)
				}
			})
		})
	}
}

// Waiting for a bucket is no attempt, and says what it is owed to.
func TestWaitingForABucketIsNoAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &states{Frontier: newMemory()}
		web := &site{answer: func(string, int) *engine.Response { return page(500) }}
		cfg := engine.Config{Retries: 1}
		cfg.Policy = shared{engine.NewPolicy(cfg), map[string]time.Duration{"all": 10 * time.Second}}
		h := &hooks{}
		crawl(t, t.Context(), cfg, engine.Deps{Frontier: f, Fetcher: web, Handler: h, Seeds: seeds(hosts(3, 1)...)})
		if d := cmp.Diff(map[string]int{"error status attempts=2": 3}, h.fates()); d != "" {
			t.Error(d)
		}
		if len(f.whys) == 0 || f.whys[0] != "bucket all 0s" {
			t.Errorf("rests owed to %q", f.whys)
		}
	})
}

// A script's own fetches take a start too.
func TestScriptsFetchTakesAStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		web := &site{answer: ok}
		cfg := engine.Config{}
		cfg.Policy = shared{engine.NewPolicy(cfg), map[string]time.Duration{"all": time.Second, "even": 0}}
		h := &hooks{on: func(ev engine.Event, v *engine.Visit) error {
			if ev != engine.EventSuccess {
				return nil
			}
			for _, u := range []string{"http://h1.test/own", "http://h2.test/other"} {
				if _, err := v.FetchNow(t.Context(), &engine.Request{URL: u}); err != nil {
					t.Error(err)
				}
			}
			return nil
		}}
		crawl(t, t.Context(), cfg, engine.Deps{Fetcher: web, Handler: h, Seeds: seeds("http://h1.test/", "http://h3.test/")})
		if len(web.asked) != 6 {
			t.Errorf("asked %v", web.asked)
		}
		for i, a := range web.asked[1:] {
			if d := a.At - web.asked[i].At; d < time.Second {
				t.Errorf("%s started %v after %s", a.URL, d, web.asked[i].URL)
			}
		}
	})
}
