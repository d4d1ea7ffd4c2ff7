package frontier

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"downpour/engine"
)

// spend leases and finishes until the budget is used up. Of each lease it
// finishes a part at random, so that pages are given back.
func spend(t *testing.T, r *Redis, rnd *rand.Rand) error {
	for {
		leases, wait, err := r.Lease(t.Context(), 3, 4, time.Minute)
		if errors.Is(err, engine.ErrBudget) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(leases) == 0 {
			select {
			case <-r.Wake():
			case <-time.After(min(wait, 20*time.Millisecond)):
			}
		}
		for _, l := range leases {
			k := rnd.IntN(len(l.Requests) + 1)
			out := &engine.Outcome{Lease: l, Finished: l.Requests[:k], Charged: k}
			if _, err := r.Done(t.Context(), []*engine.Outcome{out}, nil); err != nil {
				return err
			}
		}
	}
}

// A budget of pages is used up to the last one over several shards and workers,
// and never overshot, also if a crawl goes on under another.
func TestRedisSharedBudget(t *testing.T) {
	server := newRedisServer(t)
	var all []*engine.Request
	for i := range 600 {
		all = append(all, page(fmt.Sprintf("h%d", i%40), fmt.Sprint(i)))
	}
	finished := int64(0)
	for _, budget := range []int64{1, 101, 102, 300} {
		var wg sync.WaitGroup
		var workers []*Redis
		for i := range 4 {
			r, err := OpenRedis(t.Context(), server.url()+"?shards=8", Options{MaxPages: budget})
			if err != nil {
				t.Fatal(err)
			}
			workers = append(workers, r)
			if i == 0 {
				if _, err := r.Push(t.Context(), all...); err != nil {
					t.Fatal(err)
				}
			}
		}
		for i, r := range workers {
			wg.Go(func() {
				if err := spend(t, r, rand.New(rand.NewPCG(uint64(budget), uint64(i)))); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		c, err := workers[0].Counts(t.Context())
		if err != nil || c.Charged != budget || c.Finished < finished {
			t.Errorf("budget of %d: %+v, %v", budget, c, err)
		}
		finished = c.Finished
		for _, r := range workers {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	// Without a budget for a while, and then with one that is used up already.
	free := mustOpen(t, server.url(), Options{})
	leases, _, err := free.Lease(t.Context(), 40, 2, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range leases {
		if _, err := free.Done(t.Context(), []*engine.Outcome{finish(l)}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := free.Close(); err != nil {
		t.Error(err)
	}
	r := mustOpen(t, server.url(), Options{MaxPages: 310})
	tidy(t, r)
	if leases, _, err := r.Lease(t.Context(), 1, 1, time.Minute); !errors.Is(err, engine.ErrBudget) {
		t.Errorf("leased %s, %v beyond the budget", heads(leases), err)
	}
}
