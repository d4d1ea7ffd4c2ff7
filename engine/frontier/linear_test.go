package frontier

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"downpour/engine"
)

// TestLinearizable calls the stores from many sides at once and checks that
// what they answered is what a store that does one thing at a time may answer.
func TestLinearizable(t *testing.T) {
	stores := []struct {
		name string
		open func(t *testing.T, history int) []Store
	}{
		{"journal", func(t *testing.T, _ int) []Store { return []Store{openJournal(t, t.TempDir(), Options{})} }},
		{"redis", threeRedis(t)},
	}
	for _, store := range stores {
		t.Run(store.name, func(t *testing.T) {
			for n := range 6 {
				h := &callLog{began: time.Now(), known: make(map[*engine.Lease]int)}
				h.record(t, store.open(t, n), uint64(n))
				if h.drops {
					t.Logf("history %d is not checked: the machine is too slow, a page was leased three times", n)
					continue
				}
				h.check(t, n)
			}
		})
	}
}

// threeRedis opens crawls in one server, each from three processes.
func threeRedis(t *testing.T) func(t *testing.T, history int) []Store {
	var server *redisServer
	return func(tt *testing.T, history int) (all []Store) {
		if server == nil {
			server = newRedisServer(tt)
		}
		for range 3 {
			r, err := OpenRedis(tt.Context(), server.url(), Options{Name: fmt.Sprint("h", history)})
			if err != nil {
				tt.Fatal(err)
			}
			tt.Cleanup(func() { r.Close() })
			all = append(all, r)
		}
		return all
	}
}

// The sizes of a history: enough callers to meet each other, few enough calls
// for the order they can have had to be found.
const (
	linearCallers = 5
	linearCalls   = 24
	linearTTL     = 60 * time.Millisecond
)

// A callLog is a history: what was asked and answered.
type callLog struct {
	began time.Time

	mu    sync.Mutex // guards everything below
	ops   []porcupine.Operation
	known map[*engine.Lease]int // their numbers, from 1
	drops bool                  // a store may have set a page aside
}

// record lets callers loose on the stores.
func (h *callLog) record(t *testing.T, stores []Store, seed uint64) {
	t.Helper()
	var callers sync.WaitGroup
	for n := range linearCallers {
		callers.Go(func() {
			c := &caller{h: h, n: n, s: stores[n%len(stores)], rnd: rand.New(rand.NewPCG(seed, uint64(n)))}
			for range linearCalls {
				if c.rnd.IntN(4) == 0 { // else they are all at it at the same time
					<-time.After(time.Duration(c.rnd.IntN(30)) * time.Millisecond)
				}
				if err := c.call(t.Context()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	callers.Wait()
}

func (h *callLog) check(t *testing.T, n int) {
	t.Helper()
	switch porcupine.CheckOperationsTimeout(linearModel, h.ops, 30*time.Second) {
	case porcupine.Illegal:
		for _, op := range h.shortest() {
			q := op.Input.(linearQuestion)
			t.Logf("caller %d: push %v lease %+v done %+v: %+v", op.ClientId, q.push, q.lease, q.done, op.Output)
		}
		t.Errorf("history %d: no order of the calls explains the answers", n)
	case porcupine.Unknown:
		t.Logf("history %d: not decided in time", n)
	}
}

// shortest is the history up to the first answer that no order explains.
func (h *callLog) shortest() []porcupine.Operation {
	slices.SortFunc(h.ops, func(a, b porcupine.Operation) int { return int(a.Return - b.Return) })
	n := 1 + sort.Search(len(h.ops), func(n int) bool {
		// A call that had not been answered yet may have been carried out.
		ops := slices.DeleteFunc(slices.Clone(h.ops), func(op porcupine.Operation) bool { return op.Call > h.ops[n].Return })
		return porcupine.CheckOperationsTimeout(linearModel, ops, 10*time.Second) == porcupine.Illegal
	})
	return h.ops[:min(n, len(h.ops))]
}

// A caller is one of those at work on the stores.
type caller struct {
	h     *callLog
	n     int
	s     Store
	rnd   *rand.Rand
	mine  []*engine.Lease // not reported on yet, and some that are over
	pages int
}

// call makes a call and writes down what was answered.
func (c *caller) call(ctx context.Context) error {
	q := linearQuestion{call: time.Since(c.h.began)}
	var a linearAnswer
	var err error
	switch n := c.rnd.IntN(10); {
	case n < 3:
		a.fresh, err = c.push(ctx, &q)
	case n < 6 || len(c.mine) == 0:
		a, err = c.lease(ctx, &q)
	default:
		a, err = c.done(ctx, &q)
	}
	if err != nil {
		return err
	}
	a.back = time.Since(c.h.began)
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	c.h.ops = append(c.h.ops, porcupine.Operation{
		ClientId: c.n, Input: q, Call: int64(q.call), Output: a, Return: int64(a.back),
	})
	return nil
}

// push pushes some pages, about half of which others push too.
func (c *caller) push(ctx context.Context, q *linearQuestion) (fresh int, err error) {
	var reqs []*engine.Request
	for range 1 + c.rnd.IntN(4) {
		p := linearPage{string(rune('a' + c.rnd.IntN(3))), fmt.Sprint(c.rnd.IntN(12) + 6*c.pages)}
		q.push = append(q.push, p)
		reqs = append(reqs, page(p.queue, p.name))
	}
	c.pages++
	return c.s.Push(ctx, reqs...)
}

func (c *caller) lease(ctx context.Context, q *linearQuestion) (a linearAnswer, err error) {
	q.lease = &linearWant{queues: 1 + c.rnd.IntN(2), each: 1 + c.rnd.IntN(3), ttl: linearTTL}
	leases, _, err := c.s.Lease(ctx, q.lease.queues, q.lease.each, q.lease.ttl)
	if errors.Is(err, engine.ErrDrained) {
		a.drained, err = true, nil
	}
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	for _, l := range leases {
		c.h.known[l] = len(c.h.known) + 1
		c.h.drops = c.h.drops || l.Again >= 2 // at the third it puts aside
		a.leases = append(a.leases, linearLease{c.h.known[l], l.Queue, names(l.Requests)})
		if l.Again > 0 || c.rnd.IntN(6) > 0 { // the others run out
			c.mine = append(c.mine, l)
		}
	}
	return a, err
}

func names(reqs []*engine.Request) (all []string) {
	for _, r := range reqs {
		all = append(all, name(r))
	}
	return all
}

// done reports on a lease: some of it is finished, some put back. One in five
// is reported on again later, when it is over.
func (c *caller) done(ctx context.Context, q *linearQuestion) (a linearAnswer, err error) {
	l := c.mine[0]
	out := &engine.Outcome{Lease: l, Keep: c.rnd.IntN(4) == 0, More: c.rnd.IntN(3)}
	left := make([]*engine.Request, 0, len(l.Requests))
	for _, r := range l.Requests {
		switch n := c.rnd.IntN(6); {
		case n < 4:
			out.Finished = append(out.Finished, r)
		case n < 5 && !out.Keep:
			out.Back = append(out.Back, r)
		default:
			left = append(left, r)
		}
	}
	if !out.Keep && c.rnd.IntN(3) == 0 {
		out.Wait = time.Duration(1+c.rnd.IntN(10)) * time.Millisecond
	}
	q.done = &linearOutcome{
		lease: c.number(l), queue: l.Queue, finished: names(out.Finished), back: names(out.Back),
		wait: out.Wait, ttl: l.TTL, keep: out.Keep, more: out.More,
	}
	c.mine = c.mine[1:]
	stale, err := c.s.Done(ctx, []*engine.Outcome{out}, nil)
	a.stale, a.added = len(stale) > 0, names(out.Added)
	switch {
	case a.stale:
	case out.Keep:
		l.Requests = append(left, out.Added...)
		c.mine = append(c.mine, l)
	case c.rnd.IntN(5) == 0:
		c.mine = append(c.mine, l)
	}
	return a, err
}

func (c *caller) number(l *engine.Lease) int {
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	return c.h.known[l]
}
