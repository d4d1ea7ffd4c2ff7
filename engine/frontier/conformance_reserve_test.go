package frontier

import (
	"context"
	"errors"
	"sync"
	"time"

	"downpour/engine"
)

// A start in a bucket as a caller knows it: the store took it between the two.
type start struct{ before, after time.Time }

// reserve takes a start, waiting as long as it is told to.
func reserve(ctx context.Context, s Store, buckets ...engine.Bucket) (start, error) {
	for {
		before := time.Now()
		wait, err := s.Reserve(ctx, buckets)
		if err != nil || wait == 0 {
			return start{before, time.Now()}, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return start{}, ctx.Err()
		}
	}
}

// testReserve takes starts in two buckets, from several goroutines and, where
// that can be, from two stores: those of a bucket are never closer than asked.
func testReserve(c *tester) {
	const callers, each = 4, 3
	stores := []Store{c.s}
	if c.p.shared {
		other, err := c.p.open(c.t, c.o)
		if err != nil {
			c.t.Fatal(err)
		}
		defer other.Close()
		stores = append(stores, other)
	}
	gap := map[string]time.Duration{"ip": c.p.unit, "key": 2 * c.p.unit}
	sets := [][]string{{"ip"}, {"key"}, {"ip", "key"}, {"key", "ip"}}
	began := time.Now()
	var mu sync.Mutex // guards taken
	taken := map[string][]start{}
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			for range each {
				var buckets []engine.Bucket
				for _, name := range sets[i] {
					buckets = append(buckets, engine.Bucket{Name: name, Gap: gap[name]})
				}
				s, err := reserve(c.ctx, stores[i%len(stores)], buckets...)
				if err != nil {
					c.t.Error(err)
					return
				}
				mu.Lock()
				for _, name := range sets[i] {
					taken[name] = append(taken[name], s)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	for name, starts := range taken {
		if len(starts) != 3*each {
			c.t.Errorf("%d starts in %s, want %d", len(starts), name, 3*each)
		}
		for i, a := range starts {
			for _, b := range starts[:i] {
				if d := b.after.Sub(a.before); d < gap[name] && a.after.Sub(b.before) < gap[name] {
					c.t.Errorf("two starts in %s at most %v apart, want %v", name, max(d, a.after.Sub(b.before)), gap[name])
				}
			}
		}
	}
	if d := time.Since(began); c.p.exact && d != time.Duration(3*each-1)*gap["key"] {
		c.t.Errorf("took %v: a bucket was left idle", d)
	}
}

func testReserveIsWhole(c *tester) {
	try := func(want time.Duration, names ...string) {
		c.t.Helper()
		var buckets []engine.Bucket
		for _, n := range names {
			buckets = append(buckets, engine.Bucket{Name: n, Gap: 10 * c.p.unit})
		}
		wait, err := c.s.Reserve(c.ctx, buckets)
		if err != nil {
			c.t.Fatal(err)
		}
		if wait > want+time.Millisecond || wait <= want-2*c.p.unit && want > 0 || c.p.exact && wait != want {
			c.t.Errorf("%q: wait %v, want %v", names, wait, want)
		}
	}
	try(0)
	try(0, "a")
	try(10*c.p.unit, "a")
	// What is refused in one bucket takes nothing in the others, in whatever
	// shards they are.
	try(10*c.p.unit, "a", "b", "c", "d", "e")
	try(0, "b", "c", "d", "e")
	c.p.pass(5 * c.p.unit)
	try(5*c.p.unit, "a")
	c.p.pass(5*c.p.unit + 2*time.Millisecond)
	try(0, "a")

	ctx, cancel := context.WithCancel(c.ctx)
	cancel()
	if _, err := c.s.Reserve(ctx, []engine.Bucket{{Name: "z", Gap: time.Second}}); !errors.Is(err, context.Canceled) {
		c.t.Errorf("ended context: %v", err)
	}
}

// testReserveReopen wants the gap of a start to hold in the next process too.
func testReserveReopen(c *tester) {
	gap := 10 * c.p.unit
	c.push(page("a", "1"))
	if _, err := reserve(c.ctx, c.s, engine.Bucket{Name: "ip", Gap: gap}); err != nil {
		c.t.Fatal(err)
	}
	began := time.Now()
	c.crash()
	for _, name := range []string{"ip", "other"} {
		wait, err := c.s.Reserve(c.ctx, []engine.Bucket{{Name: name, Gap: gap}})
		if err != nil {
			c.t.Fatal(err)
		}
		// A store that cannot say rests every bucket, none too long.
		if name == "ip" && wait+time.Since(began) < gap-c.p.unit/2 || wait > gap+time.Millisecond || name == "other" && !c.p.cold && wait > 0 {
			c.t.Errorf("%s: wait %v after a restart, %v into the gap of %v", name, wait, time.Since(began), gap)
		}
	}
}
