package frontier

import (
	"cmp"
	"context"
	"slices"
	"time"

	"downpour/engine"
)

// A journalLease is a lease as the journal knows it.
type journalLease struct {
	lease   engine.Lease
	queue   *queue
	held    []heldRequest
	ending  bool // an outcome without Keep is being written
	expires int64

	one   [1]heldRequest // where held and lease.Requests are when it is for one
	first [1]*engine.Request
}

// A heldRequest is a leased request and where it lies.
type heldRequest struct {
	r     *engine.Request
	place uint32 // group
	i     uint8  // in the group
}

// Lease takes due queues.
func (j *Journal) Lease(ctx context.Context, queues, each int, ttl time.Duration) (leases []*engine.Lease, wait time.Duration, err error) {
	if err := j.enter(ctx); err != nil {
		return nil, 0, err
	}
	defer j.mu.Unlock()
	at := time.Now()
	now := j.nanos(at)
	j.expire(now)
	for len(leases) < queues {
		q := j.dueQueue(now)
		n := room(each, j.o.MaxPages, j.x.charged, j.reserved)
		if q == nil || n <= 0 {
			break
		}
		if q.again >= maxLapses {
			if err := j.setAside(q); err != nil {
				return nil, 0, err
			}
			continue
		}
		n = room(n, j.o.MaxPerQueue, q.charged, 0)
		l, err := j.take(q, n, at, ttl)
		if err != nil {
			return nil, 0, j.fail(err)
		}
		leases = append(leases, l)
	}
	if err := j.writeLeases(leases); err != nil {
		return nil, 0, err
	}
	if len(leases) == queues {
		return leases, 0, nil
	}
	wait, err = j.untilNext(now)
	if len(leases) > 0 {
		err = nil
	}
	return leases, wait, err
}

// dueQueue is the queue that has been due longest, nil if none is.
func (j *Journal) dueQueue(now int64) *queue {
	for len(j.x.heap) > 0 && j.x.heap[0].due <= now {
		q := j.x.heap[0]
		j.x.release(q, now)
		if q.ready > 0 {
			return q
		}
		j.x.schedule(q, now, j.o.MaxPerQueue)
	}
	return nil
}

// untilNext is how long until something may be due, when nothing is now that
// the budgets leave.
func (j *Journal) untilNext(now int64) (time.Duration, error) {
	if j.x.queued == 0 {
		return 0, engine.ErrDrained
	}
	if len(j.x.heap) == 0 {
		return 0, engine.ErrBudget
	}
	next := j.x.heap[0].due
	if room(1, j.o.MaxPages, j.x.charged, j.reserved) == 0 {
		if len(j.leases) == 0 {
			return 0, engine.ErrBudget
		}
		next = 1<<63 - 1
		for _, jl := range j.leases {
			next = min(next, jl.expires)
		}
	}
	return max(time.Duration(next-now), minWait), nil
}

// expire ends the leases that have run out. A queue is then due since its lease
// ended; of those that ended together first is what was leased first.
func (j *Journal) expire(now int64) {
	if len(j.leases) == 0 || now < j.soonest {
		return
	}
	j.soonest = 1<<63 - 1
	var over []*journalLease
	for _, jl := range j.leases {
		if jl.expires > now {
			j.soonest = min(j.soonest, jl.expires)
			continue
		}
		over = append(over, jl)
	}
	slices.SortFunc(over, func(a, b *journalLease) int {
		return cmp.Or(cmp.Compare(a.expires, b.expires), cmp.Compare(a.lease.Token, b.lease.Token))
	})
	for _, jl := range over {
		jl.queue.lapse()
		j.end(&jl.lease, jl)
		j.x.schedule(jl.queue, jl.expires, j.o.MaxPerQueue)
	}
}

// end takes the lease from its queue, which is to be scheduled anew.
func (j *Journal) end(l *engine.Lease, jl *journalLease) {
	delete(j.leases, l)
	j.reserved -= int64(len(jl.held))
	jl.queue.lease = nil
}

// take leases up to n requests of q.
func (j *Journal) take(q *queue, n int, at time.Time, ttl time.Duration) (*engine.Lease, error) {
	n = min(n, int(q.ready))
	jl := &journalLease{queue: q, expires: j.nanos(at.Add(ttl))}
	requests := jl.first[:0]
	if jl.held = jl.one[:0]; n > 1 {
		jl.held, requests = make([]heldRequest, 0, n), make([]*engine.Request, 0, n)
	}
	j.tokens++
	l := &jl.lease
	*l = engine.Lease{
		Queue: q.name, Requests: requests, Again: int(q.again), Cold: q.cold,
		TTL: ttl, Expires: at.Add(ttl), Token: j.tokens,
	}
	if q.state != "" {
		l.State = []byte(q.state)
	}
	if err := j.readHead(q, n, jl); err != nil {
		return nil, err
	}
	for _, h := range jl.held {
		l.Requests = append(l.Requests, h.r)
	}
	q.cold, q.lease = false, jl
	j.leases[l] = jl
	j.reserved += int64(len(jl.held))
	j.soonest = min(j.soonest, jl.expires)
	j.x.setDue(q, jl.expires)
	return l, nil
}

// maxSkip is the greatest offset that fits group.skip.
const maxSkip = 1<<24 - 1

// more takes up to n further requests of its queue into a lease that is kept.
func (j *Journal) more(l *engine.Lease, jl *journalLease, n int, now int64) (added []*engine.Request, err error) {
	q, had := jl.queue, len(jl.held)
	j.x.release(q, now)
	n = room(n, j.o.MaxPages, j.x.charged, j.reserved)
	n = room(n, j.o.MaxPerQueue, q.charged, int64(had))
	n = min(n, int(q.ready)-had)
	if err := j.readHead(q, had+n, jl); err != nil {
		return nil, err
	}
	for _, h := range jl.held[had:] {
		added = append(added, h.r)
	}
	l.Requests = append(l.Requests, added...)
	j.reserved += int64(len(added))
	return added, nil
}

// readHead adds requests from the head of the queue to a lease, until it has n.
func (j *Journal) readHead(q *queue, n int, jl *journalLease) error {
	for lv := range q.levels() {
		for place := lv.head; place != 0 && len(jl.held) < n; place = j.x.group(place).next {
			if err := j.read(q, place, n, jl); err != nil {
				return err
			}
		}
	}
	return nil
}
