package engine_test

import (
	"context"
	"slices"
	"sync"
	"time"

	"downpour/engine"
)

// memory is a Frontier without a disk: the contract in its plainest form.
type memory struct {
	*engine.Reservations

	mu     sync.Mutex // guards what follows
	queues map[string]*memQueue
	seen   map[uint64]bool
	budget int64 // pages; 0 is none
	counts engine.Counts
	failed []*engine.Failed
	tokens uint64
	wake   chan struct{}

	refuses  int             // outcomes to report as stale
	onRefuse func(*memQueue) // called with their queues
}

type memQueue struct {
	todo  []memRequest
	due   time.Time
	lease *engine.Lease
	held  int
	state []byte
}

type memRequest struct {
	r   *engine.Request
	due time.Time
}

var (
	_ engine.Frontier = (*memory)(nil)
	_ engine.Counter  = (*memory)(nil)
)

func newMemory() *memory {
	return &memory{Reservations: engine.NewReservations(false), queues: map[string]*memQueue{}, seen: map[uint64]bool{}, wake: make(chan struct{}, 1)}
}

func (m *memory) Push(_ context.Context, reqs ...*engine.Request) (fresh int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range reqs {
		if m.seen[r.Print] && !r.Again {
			continue
		}
		m.seen[r.Print] = true
		q := m.queues[r.Queue]
		if q == nil {
			q = &memQueue{}
			m.queues[r.Queue] = q
		}
		q.todo = append(q.todo, memRequest{r, time.Now().Add(r.After)})
		m.counts.Queued++
		fresh++
	}
	return fresh, nil
}

func (m *memory) Lease(_ context.Context, queues, each int, ttl time.Duration) (ls []*engine.Lease, wait time.Duration, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.counts.Queued == 0 {
		return nil, 0, engine.ErrDrained
	}
	if m.budget > 0 && m.counts.Charged >= m.budget && m.counts.Leased == 0 {
		return nil, 0, engine.ErrBudget
	}
	next := time.Now().Add(time.Hour)
	for name, q := range m.queues {
		if len(ls) == queues {
			break
		}
		if q.lease != nil {
			continue
		}
		if q.due.After(time.Now()) {
			next = earlier(next, q.due)
			continue
		}
		l := &engine.Lease{Queue: name, State: q.state, TTL: ttl, Expires: time.Now().Add(ttl)}
		l.Requests, next = m.take(q, each, next)
		if len(l.Requests) > 0 {
			m.tokens++
			l.Token = m.tokens
			q.lease = l
			ls = append(ls, l)
		}
	}
	return ls, max(time.Until(next), time.Millisecond), nil
}

// take moves due requests from a queue's head under its lease.
func (m *memory) take(q *memQueue, n int, next time.Time) ([]*engine.Request, time.Time) {
	if m.budget > 0 {
		n = min(n, int(m.budget-m.counts.Charged-m.counts.Leased))
	}
	var rs []*engine.Request
	for i := 0; i < len(q.todo) && len(rs) < n; {
		if q.todo[i].due.After(time.Now()) {
			next = earlier(next, q.todo[i].due)
			i++
			continue
		}
		rs = append(rs, q.todo[i].r)
		q.todo = slices.Delete(q.todo, i, i+1)
	}
	q.held += len(rs)
	m.counts.Leased += int64(len(rs))
	return rs, next
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func (m *memory) Done(_ context.Context, outs []*engine.Outcome, _ engine.Marks) (stale []*engine.Lease, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range outs {
		q := m.queues[o.Lease.Queue]
		if m.refuses > 0 {
			m.refuses--
			m.onRefuse(q)
		}
		if q.lease != o.Lease {
			stale = append(stale, o.Lease)
			continue
		}
		m.done(q, o)
	}
	return stale, nil
}

func (m *memory) done(q *memQueue, o *engine.Outcome) {
	left := slices.DeleteFunc(slices.Clone(o.Lease.Requests), func(r *engine.Request) bool {
		return slices.Contains(o.Finished, r) || slices.Contains(o.Back, r)
	})
	m.failed = append(m.failed, o.Failed...)
	m.counts.Finished += int64(len(o.Finished))
	m.counts.Queued -= int64(len(o.Finished))
	m.counts.Charged += int64(o.Charged)
	m.counts.Leased -= int64(q.held - len(left))
	q.held = len(left)
	for _, r := range slices.Backward(o.Back) {
		q.todo = slices.Insert(q.todo, 0, memRequest{r, time.Now().Add(r.After)})
	}
	if o.State != nil {
		q.state = o.State
	}
	o.Lease.Requests = left
	if o.Keep {
		o.Lease.Expires = time.Now().Add(o.Lease.TTL)
		o.Added, _ = m.take(q, o.More, time.Time{})
		o.Lease.Requests = append(o.Lease.Requests, o.Added...)
		return
	}
	m.giveBack(q, left, time.Now().Add(o.Wait))
}

// giveBack ends a queue's lease; what is left of it is first again.
func (m *memory) giveBack(q *memQueue, left []*engine.Request, due time.Time) {
	for _, r := range slices.Backward(left) {
		again := *r // whoever lost the lease may still be at work on his
		q.todo = slices.Insert(q.todo, 0, memRequest{&again, time.Time{}})
	}
	m.counts.Leased -= int64(q.held)
	q.held, q.lease, q.due = 0, nil, due
}

func (m *memory) Wake() <-chan struct{} { return m.wake }
func (m *memory) Close() error          { return nil }

func (m *memory) Counts(context.Context) (engine.Counts, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counts, nil
}
