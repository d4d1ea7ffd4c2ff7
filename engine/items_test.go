package engine_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"downpour/engine"
)

// emits is tree, with n rows a page.
func emits(n int) func(engine.Event, *engine.Visit) error {
	return func(ev engine.Event, v *engine.Visit) error {
		if ev == engine.EventSuccess {
			for i := range n {
				v.Emit(engine.Item{{Name: "n", Value: int64(i)}})
			}
		}
		return tree(ev, v)
	}
}

// Workers that share a crawl write max_items rows together, and all end for
// the same reason: the one that writes nothing, too.
func TestMaxItemsIsSharedByWorkers(t *testing.T) {
	const limit = 500
	synctest.Test(t, func(t *testing.T) {
		m, values := newMemory(), engine.NewValues(nil)
		var hosts []string
		for i := range 20 {
			hosts = append(hosts, fmt.Sprintf("http://h%d.test/", i))
		}
		outs := make([]*rows, 4)
		sums := make([]engine.Summary, len(outs))
		var wg sync.WaitGroup
		for i := range outs {
			outs[i] = &rows{}
			wg.Go(func() {
				sums[i] = crawl(t, t.Context(), engine.Config{MaxItems: limit, Delay: time.Second, Concurrency: 3}, engine.Deps{
					Frontier: m, Values: values, Fetcher: &site{answer: ok, takes: time.Millisecond},
					Handler: &hooks{on: emits(3 * i)}, Output: outs[i], Seeds: seeds(hosts...),
				})
			})
		}
		wg.Wait()
		written, dropped := 0, int64(0)
		for i, s := range sums {
			if s.End != "budget" || s.Reason != "max_items reached" || s.Items != int64(len(outs[i].items)) {
				t.Errorf("worker %d: end %q, reason %q, %d items, of which %d written", i, s.End, s.Reason, s.Items, len(outs[i].items))
			}
			if s.Elapsed > time.Minute {
				t.Errorf("worker %d went on for %v", i, s.Elapsed)
			}
			written += len(outs[i].items)
			dropped += s.Skips[engine.SkipBudget]
		}
		if written != limit || dropped == 0 {
			t.Errorf("%d rows written, %d dropped; want %d", written, dropped, limit)
		}
	})
}

// A worker that waits for a queue learns that others have used up the budget,
// and fetches nothing.
func TestMaxItemsEndsIdleWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, values := newMemory(), engine.NewValues(nil)
		var wg sync.WaitGroup
		wg.Go(func() {
			crawl(t, t.Context(), engine.Config{MaxItems: 100}, engine.Deps{
				Frontier: m, Values: values, Fetcher: &site{answer: ok, takes: 10 * time.Millisecond},
				Handler: &hooks{on: emits(1)}, Seeds: seeds("http://a.test/"),
			})
		})
		time.Sleep(100 * time.Millisecond) // it has the only queue
		sum := crawl(t, t.Context(), engine.Config{MaxItems: 100}, engine.Deps{
			Frontier: m, Values: values, Fetcher: &site{answer: ok}, Handler: &hooks{on: emits(1)}, Seeds: seeds(),
		})
		wg.Wait()
		if sum.End != "budget" || sum.Reason != "max_items reached" || sum.Pages != 0 {
			t.Errorf("end %q, %s, after %d pages; want none", sum.End, sum.Reason, sum.Pages)
		}
	})
}

// What a crawl wrote before an interruption counts after it, and one that has
// used up its budget fetches nothing more.
func TestMaxItemsOutlivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, values, out, s := newMemory(), engine.NewValues(nil), &rows{}, &site{answer: ok, takes: 10 * time.Millisecond}
		run := func(limit int64, d time.Duration) engine.Summary {
			ctx, cancel := context.WithTimeout(t.Context(), d)
			defer cancel()
			return crawl(t, ctx, engine.Config{MaxItems: limit}, engine.Deps{
				Frontier: m, Values: values, Fetcher: s, Handler: &hooks{on: emits(1)}, Output: out, Seeds: seeds("http://a.test/"),
			})
		}
		if first := run(300, time.Second); first.End != "interrupted" || first.Items == 0 || first.Items > 200 {
			t.Fatalf("first run: end %q, %d items", first.End, first.Items)
		}
		if second := run(300, time.Hour); second.End != "budget" || len(out.items) != 300 {
			t.Errorf("second run: end %q, %d rows; want 300", second.End, len(out.items))
		}
		fetched := len(s.urls())
		if third := run(300, time.Hour); third.End != "budget" || third.Reason != "max_items reached" || len(s.urls()) != fetched {
			t.Errorf("third run: end %q, %s; %d pages fetched", third.End, third.Reason, len(s.urls())-fetched)
		}
		if fourth := run(400, time.Hour); fourth.End != "budget" || len(out.items) != 400 {
			t.Errorf("with a budget of 400: end %q, %d rows", fourth.End, len(out.items))
		}
	})
}

// unshared are values that cannot be reached.
type unshared struct{ engine.Values }

func (unshared) Claim(context.Context, string, int64, int64) (int64, int64, error) {
	return 0, 0, errors.New("no such store")
}

// A budget that cannot be asked is not overshot: the crawl fails.
func TestMaxItemsThatCannotBeClaimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &rows{}
		e, err := engine.New(engine.Config{MaxItems: 10}, engine.Deps{
			Frontier: newMemory(), Values: unshared{}, Fetcher: &site{answer: ok}, Handler: &hooks{on: emits(1)}, Output: out, Seeds: seeds("http://a.test/"),
		})
		if err != nil {
			t.Fatal(err)
		}
		if sum, err := e.Run(t.Context()); err == nil || sum.End != "failed" || len(out.items) > 0 {
			t.Errorf("end %q, %v, %d rows", sum.End, err, len(out.items))
		}
	})
}
