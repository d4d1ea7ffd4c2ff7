package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"downpour/engine"

	"github.com/google/go-cmp/cmp"
)

// fates is how many requests had each fate, with kind and attempts of failures.
func (h *hooks) fates() map[string]int {
	n := map[string]int{}
	for _, c := range h.told() {
		w := strings.Fields(c)
		n[strings.TrimPrefix(strings.Join(append(w[:1:1], w[2:]...), " "), "on_")]++
	}
	return n
}

// deadUntil is a site of which a.test refuses until it is up; zero is never.
func deadUntil(up time.Duration) func(string, int) *engine.Response {
	return func(u string, _ int) *engine.Response {
		if strings.HasPrefix(u, "http://a.test/") && (up == 0 || time.Since(epoch) < up) {
			return nil
		}
		if strings.HasSuffix(u, "/robots.txt") {
			return page(404)
		}
		return page(200)
	}
}

func TestDeadHosts(t *testing.T) {
	other := func(urls []string) (all []string) { // and 60 pages of a host that answers
		for i := range 60 {
			all = append(all, fmt.Sprintf("http://b.test/%d", i))
		}
		return append(all, urls...)
	}
	polite := engine.Config{Delay: time.Second, Retries: 2}
	with := func(change func(*engine.Config)) engine.Config {
		c := polite
		change(&c)
		return c
	}
	rows := []struct {
		name  string
		cfg   engine.Config
		seeds []string
		up    time.Duration
		want  map[string]int
		tries int           // of a.test
		end   time.Duration // at most
	}{
		{
			name: "one URL ends with its own kind", cfg: polite, seeds: many(1),
			want: map[string]int{"error connect attempts=3": 1}, tries: 3, end: 10 * time.Second,
		},
		{
			name: "one URL and its robots.txt", cfg: with(func(c *engine.Config) { c.Robots = true }), seeds: many(1),
			want: map[string]int{"error connect attempts=1": 1}, tries: 3, end: 10 * time.Second,
		},
		{
			name: "many URLs are given up after three probes", cfg: polite, seeds: other(many(3000)),
			want:  map[string]int{"success": 60, "error host_down attempts=0": 2997, "error host_down attempts=1": 1, "error host_down attempts=2": 1, "error connect attempts=3": 1},
			tries: 6, end: 2 * time.Minute,
		},
		{
			name: "many URLs and robots.txt", cfg: with(func(c *engine.Config) { c.Robots = true }), seeds: other(many(3000)),
			want:  map[string]int{"success": 60, "error connect attempts=1": 2, "error host_down attempts=0": 2998},
			tries: 6, end: 2 * time.Minute,
		},
		{
			name: "it comes back in time", cfg: polite, seeds: many(50), up: 40 * time.Second,
			want: map[string]int{"success": 50}, tries: 54, end: 2 * time.Minute,
		},
		{
			name: "one probe", cfg: with(func(c *engine.Config) { c.HostRetries = 1 }), seeds: many(50),
			want:  map[string]int{"error host_down attempts=0": 47, "error host_down attempts=1": 2, "error host_down attempts=2": 1},
			tries: 4, end: 25 * time.Second,
		},
		{
			name: "never given up", cfg: with(func(c *engine.Config) { c.HostRetries, c.Retries = -1, 99 }), seeds: many(50), up: time.Hour,
			want: map[string]int{"success": 50}, tries: 65, end: 70 * time.Minute,
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, s := &hooks{}, &site{answer: deadUntil(row.up)}
				crawl(t, t.Context(), row.cfg, engine.Deps{Fetcher: s, Handler: h, Seeds: seeds(row.seeds...)})
				tries := 0
				for _, a := range s.asked {
					if strings.HasPrefix(a.URL, "http://a.test/") {
						tries++
					}
				}
				if d := cmp.Diff(row.want, h.fates()); d != "" {
					t.Error(d)
				}
				if end := time.Since(epoch); tries != row.tries || end > row.end {
					t.Errorf("%d tries, over after %v; want %d, %v at most", tries, end, row.tries, row.end)
				}
			})
		})
	}
}

func TestDeadHostFloodsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := &hooks{}, &site{answer: deadUntil(0), takes: time.Second}
		crawl(t, t.Context(), engine.Config{Retries: 1, PerHost: -1}, engine.Deps{Fetcher: s, Handler: h, Seeds: seeds(many(3000)...)})
		// All that were under way when the third failed, and three probes.
		if n := len(s.asked); n > engine.DefaultConcurrency+2+3 {
			t.Errorf("%d tries", n)
		}
		if n := h.fates()["error host_down attempts=0"]; n < 2900 {
			t.Errorf("%d ended without being fetched: %v", n, h.fates())
		}
	})
}

// What a crawl has learned of a dead host outlives it, and so does the way
// back: what is pushed later ends at once, until the next probe is due.
func TestDeadHostIsKeptInTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		up := false
		s := &site{answer: func(string, int) *engine.Response {
			if up {
				return page(200)
			}
			return nil
		}}
		run := func(want map[string]int, tries int, urls ...string) {
			t.Helper()
			h := &hooks{}
			before := len(s.urls())
			crawl(t, t.Context(), engine.Config{Delay: time.Second}, engine.Deps{Frontier: m, Fetcher: s, Handler: h, Seeds: seeds(urls...)})
			if d := cmp.Diff(want, h.fates()); d != "" {
				t.Error(d)
			}
			if n := len(s.urls()) - before; n != tries {
				t.Errorf("%d tries, want %d", n, tries)
			}
		}
		run(map[string]int{"error connect attempts=1": 2}, 2, "http://a.test/1", "http://a.test/2")
		run(map[string]int{"error connect attempts=1": 4, "error host_down attempts=0": 1}, 4,
			"http://a.test/3", "http://a.test/4", "http://a.test/5", "http://a.test/6", "http://a.test/7")
		run(map[string]int{"error host_down attempts=0": 1}, 0, "http://a.test/8")
		if m.counts.Charged != 6 {
			t.Errorf("%d charged, want those that were fetched", m.counts.Charged)
		}
		time.Sleep(3 * time.Minute)
		run(map[string]int{"error connect attempts=1": 1, "error host_down attempts=0": 1}, 1, "http://a.test/9", "http://a.test/10")
		time.Sleep(10 * time.Minute)
		up = true
		run(map[string]int{"success": 2}, 2, "http://a.test/11", "http://a.test/12")
	})
}

// A queue of several hosts says nothing about one of them.
func TestQueuesOfSeveralHostsAreNotDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := engine.Config{Delay: time.Second}
		cfg.Policy = oneQueue{engine.NewPolicy(cfg)}
		h, s := &hooks{}, &site{answer: deadUntil(0)}
		crawl(t, t.Context(), cfg, engine.Deps{Fetcher: s, Handler: h, Seeds: seeds(append(many(20), "http://b.test/")...)})
		if d := cmp.Diff(map[string]int{"error connect attempts=1": 20, "success": 1}, h.fates()); d != "" {
			t.Error(d)
		}
		if end := time.Since(epoch); end > 25*time.Second {
			t.Errorf("over after %v", end)
		}
	})
}
