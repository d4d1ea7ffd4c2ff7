package frontier

import (
	"context"
	"fmt"
	"math/bits"
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
		n = room(n, j.o.MaxPerQueue, q.charged, 0)
		l, err := j.take(q, n, at, ttl)
		if err != nil {
			return nil, 0, j.fail(err)
		}
		leases = append(leases, l)
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
// ended.
func (j *Journal) expire(now int64) {
	if len(j.leases) == 0 || now < j.soonest {
		return
	}
	j.soonest = 1<<63 - 1
	for l, jl := range j.leases {
		if jl.expires > now {
			j.soonest = min(j.soonest, jl.expires)
			continue
		}
		jl.queue.again++
		j.end(l, jl)
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
	jl := &journalLease{queue: q, held: make([]heldRequest, 0, n), expires: j.nanos(at.Add(ttl))}
	j.tokens++
	l := &jl.lease
	*l = engine.Lease{
		Queue: q.name, Requests: make([]*engine.Request, 0, n), Again: int(q.again), Cold: q.cold,
		TTL: ttl, Expires: at.Add(ttl), Token: j.tokens,
	}
	if q.state != "" {
		l.State = []byte(q.state)
	}
	for lv := range q.levels() {
		for place := lv.head; place != 0 && len(jl.held) < n; place = j.x.group(place).next {
			if err := j.read(q, place, n, jl); err != nil {
				return nil, err
			}
		}
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
	for lv := range q.levels() {
		for place := lv.head; place != 0 && len(jl.held) < had+n; place = j.x.group(place).next {
			if err := j.read(q, place, had+n, jl); err != nil {
				return nil, err
			}
		}
	}
	for _, h := range jl.held[had:] {
		added = append(added, h.r)
	}
	l.Requests = append(l.Requests, added...)
	j.reserved += int64(len(added))
	return added, nil
}

// read adds the unfinished requests of a group to a lease, until it has n.
func (j *Journal) read(q *queue, place uint32, n int, jl *journalLease) error {
	g := j.x.group(place)
	text, err := j.entries(place, g)
	if err != nil {
		return err
	}
	skip := j.x.holes[place] | (1<<g.done - 1)
	held := uint64(0) // in the lease already
	for _, h := range jl.held {
		if h.place == place {
			held |= 1 << h.i
		}
	}
	d := decoder{b: text, i: int(g.skip & maxSkip)}
	fresh := true
	for i := uint8(g.skip >> 24); i < g.count && len(jl.held) < n; i++ {
		if fresh && skip&(1<<i) == 0 && d.i <= maxSkip {
			g.skip, fresh = uint32(i)<<24|uint32(d.i), false
		}
		print, text := d.entry()
		if d.bad {
			return fmt.Errorf("read the journal: segment %d, byte %d: %w", g.seg, g.off, errMalformed)
		}
		if (skip|held)&(1<<i) != 0 {
			continue
		}
		r, err := engine.ParseRequest(text)
		if err != nil {
			return fmt.Errorf("read the journal: segment %d, byte %d: %w", g.seg, g.off, err)
		}
		r.Queue, r.Print = q.name, print
		jl.held = append(jl.held, heldRequest{r: r, place: place, i: i})
	}
	return nil
}

// entries is the text of a group, good until the next call.
func (j *Journal) entries(place uint32, g *group) ([]byte, error) {
	if b := j.cache.get(place, int(g.size)); b != nil {
		return b, nil
	}
	f, err := j.reading(j.segment(g.seg))
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	b := j.cache.room(place, int(g.size))
	if _, err := f.ReadAt(b, int64(g.off)); err != nil {
		j.cache.drop(place)
		return nil, fmt.Errorf("read the journal: segment %d, byte %d: %w", g.seg, g.off, err)
	}
	return b, nil
}

// A groupCache holds the text of groups that were filed or read lately: what
// has just been pushed is often leased soon, and a group read for its first
// request is asked for its second next.
type groupCache struct {
	slots [512]struct {
		place uint32
		text  []byte
	}
}

// maxCached is the most bytes of a group that is cached.
const maxCached = 2 * maxGroupBytes

func (c *groupCache) slot(place uint32) int {
	return int(bits.Reverse32(place*0x9e3779b1)) & (len(c.slots) - 1)
}

// get is the text of a group, nil if it is not there.
func (c *groupCache) get(place uint32, size int) []byte {
	s := &c.slots[c.slot(place)]
	if s.place != place || len(s.text) != size {
		return nil
	}
	return s.text
}

// room makes a place for the text of a group, to be filled by the caller.
func (c *groupCache) room(place uint32, size int) []byte {
	if size > maxCached {
		c.drop(place)
		return make([]byte, size)
	}
	s := &c.slots[c.slot(place)]
	if cap(s.text) < size {
		s.text = make([]byte, size+size/4)
	}
	s.place, s.text = place, s.text[:size]
	return s.text
}

func (c *groupCache) put(place uint32, text []byte) {
	copy(c.room(place, len(text)), text)
}

func (c *groupCache) drop(place uint32) {
	if s := &c.slots[c.slot(place)]; s.place == place {
		s.place = 0
	}
}

// clear forgets everything.
func (c *groupCache) clear() {
	for i := range c.slots {
		c.slots[i].place = 0
	}
}
