package engine_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"downpour/engine"

	"github.com/google/go-cmp/cmp"
)

// started runs a crawl in virtual time, beside the test; the answer waits for
// its end.
func started(t *testing.T, cfg engine.Config, deps engine.Deps) (*engine.Engine, func() engine.Summary) {
	t.Helper()
	if deps.Frontier == nil {
		deps.Frontier = newMemory()
	}
	e, err := engine.New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan engine.Summary, 1)
	go func() {
		s, err := e.Run(t.Context())
		if err != nil {
			t.Error(err)
		}
		done <- s
	}()
	return e, func() engine.Summary { return <-done }
}

func TestPauseStartsNothing(t *testing.T) {
	for _, delay := range []time.Duration{0, time.Second} {
		t.Run(fmt.Sprint("delay ", delay), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var urls []string
				for i := range 20 {
					urls = append(urls, fmt.Sprint("http://a.test/", i))
				}
				s := &site{takes: 100 * time.Millisecond, answer: ok}
				e, end := started(t, engine.Config{Delay: delay}, engine.Deps{Fetcher: s, Seeds: seeds(urls...)})
				time.Sleep(550 * time.Millisecond)
				e.Pause(true)
				synctest.Wait()
				before := len(s.urls())
				time.Sleep(time.Hour)
				if n := len(s.urls()); n != before || n == 0 || n == len(urls) {
					t.Errorf("%d fetched when it was paused, %d an hour later", before, n)
				}
				e.Pause(false)
				if sum := end(); sum.Pages != 20 || sum.End != "drained" {
					t.Errorf("%d pages, end %q", sum.Pages, sum.End)
				}
			})
		})
	}
}

func TestKeepAliveWaitsForWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{answer: ok}
		e, end := started(t, engine.Config{KeepAlive: true}, engine.Deps{Fetcher: s, Seeds: seeds("http://a.test/1")})
		time.Sleep(time.Hour)
		fresh, skips, err := e.Add(t.Context(), &engine.Request{URL: "http://a.test/1"},
			&engine.Request{URL: "http://a.test/2"}, &engine.Request{URL: "mailto:a"})
		if err != nil || fresh != 1 || len(skips) != 1 || skips[0].Reason != engine.SkipScheme {
			t.Errorf("added %d, skipped %v, %v", fresh, skips, err)
		}
		time.Sleep(time.Hour)
		if diff := cmp.Diff([]string{"http://a.test/1", "http://a.test/2"}, s.urls()); diff != "" {
			t.Errorf("fetched (-want +got):\n%s", diff)
		}
		e.Stop("enough")
		end()
	})
}

// states remembers the rule states of outcomes.
type states struct {
	engine.Frontier
	whys []string
}

func (f *states) Done(ctx context.Context, outs []*engine.Outcome, marks engine.Marks) ([]*engine.Lease, error) {
	for _, o := range outs {
		if o.State != nil {
			why, rest := engine.Resting(o.State)
			f.whys = append(f.whys, fmt.Sprint(why, " ", rest))
		}
	}
	return f.Frontier.Done(ctx, outs, marks)
}

func TestWhyAQueueRests(t *testing.T) {
	rows := []struct {
		name   string
		answer func(url string, n int) *engine.Response
		robots bool
		want   string
	}{
		{"the policy's delay", ok, false, " 1s"},
		{"429", func(_ string, n int) *engine.Response { return page(map[bool]int{true: 429, false: 200}[n == 0]) }, false, "429 1s"},
		{"down", func(_ string, n int) *engine.Response { return map[bool]*engine.Response{true: page(200)}[n > 2] }, false, "down (connection refused) 1s"},
		{"crawl-delay", func(url string, _ int) *engine.Response {
			r := page(200)
			if url == "http://a.test/robots.txt" {
				r.Body = []byte("User-agent: *\nCrawl-delay: 10\n")
			}
			return r
		}, true, "robots Crawl-delay 10 10s"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &states{Frontier: newMemory()}
				crawl(t, t.Context(), engine.Config{Delay: time.Second, Robots: row.robots, Retries: 3},
					engine.Deps{Frontier: f, Fetcher: &site{answer: row.answer}, Seeds: seeds("http://a.test/")})
				if len(f.whys) == 0 || !slices.Contains(f.whys, row.want) {
					t.Errorf("rests owed to %q, want %q among them", f.whys, row.want)
				}
			})
		})
	}
}
