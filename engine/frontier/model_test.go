package frontier

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"downpour/engine"
)

// A model says what a store must do, in the plainest way.
type model struct {
	queues                map[string]*modelQueue
	seen                  map[uint64]bool
	failed                map[uint64]*modelFailure
	finished, charged     int64
	maxPages, maxPerQueue int64
	slack                 time.Duration // how inexact times are
	leases, zombies       []*modelLease
}

type modelQueue struct {
	name    string
	ready   []*modelRequest // in order, those under a lease too
	delayed []*modelRequest
	rest    time.Time
	lease   *modelLease
	again   int
	charged int64
	state   string
}

type modelRequest struct {
	name  string
	print uint64
	prio  int
	due   time.Time
}

// A modelFailure is a failure that is kept.
type modelFailure struct {
	q    *modelQueue
	r    *modelRequest
	word string
}

type modelLease struct {
	l       *engine.Lease
	q       *modelQueue
	held    []*modelRequest
	expires time.Time
}

// settle brings the model to now: what was delayed is ready.
func (m *model) settle(now time.Time) {
	for _, q := range m.queues {
		q.delayed = slices.DeleteFunc(q.delayed, func(r *modelRequest) bool {
			if r.due.After(now) {
				return false
			}
			q.tail(r)
			return true
		})
	}
}

func (q *modelQueue) tail(r *modelRequest) {
	i := slices.IndexFunc(q.ready, func(o *modelRequest) bool { return o.prio < r.prio })
	if i < 0 {
		i = len(q.ready)
	}
	q.ready = slices.Insert(q.ready, i, r)
}

func (q *modelQueue) head(r *modelRequest) {
	i := slices.IndexFunc(q.ready, func(o *modelRequest) bool { return o.prio <= r.prio })
	if i < 0 {
		i = len(q.ready)
	}
	q.ready = slices.Insert(q.ready, i, r)
}

func (q *modelQueue) remove(r *modelRequest) {
	q.ready = slices.DeleteFunc(q.ready, func(o *modelRequest) bool { return o == r })
}

// live reports whether a lease holds q at now.
func (q *modelQueue) live(now time.Time) bool { return q.lease != nil && q.lease.expires.After(now) }

// reserved is what the leases hold that end after now. Those that ran out may
// not have been noticed: at the zero time they count too.
func (m *model) reserved(now time.Time) (n int64) {
	for _, q := range m.queues {
		if q.live(now) {
			n += int64(len(q.lease.held))
		}
	}
	return n
}

// due lists the queues that may be leased at now.
func (m *model) due(now time.Time) map[string]*modelQueue {
	due := make(map[string]*modelQueue)
	for name, q := range m.queues {
		if len(q.ready) > 0 && !q.live(now) && !q.rest.After(now) && room(1, m.maxPerQueue, q.charged, 0) > 0 {
			due[name] = q
		}
	}
	return due
}

// next is the earliest time after now at which something changes by itself,
// zero for never.
func (m *model) next(now time.Time) (next time.Time) {
	sooner := func(t time.Time) {
		if t.After(now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for _, q := range m.queues {
		sooner(q.rest)
		if q.lease != nil {
			sooner(q.lease.expires)
		}
		for _, r := range q.delayed {
			sooner(r.due)
		}
	}
	return next
}

func (m *model) total() (c engine.Counts) {
	for _, q := range m.queues {
		n := int64(len(q.ready) + len(q.delayed))
		c.Queued += n
		if n > 0 {
			c.Queues++
		}
	}
	c.Leased = m.reserved(time.Time{})
	c.Finished, c.Charged, c.Seen = m.finished, m.charged, int64(len(m.seen))
	c.Failed = int64(len(m.failed))
	return c
}

// A walk is one random run of a store beside its model.
type walk struct {
	*tester
	*model
	rnd  *rand.Rand
	step int
	log  []string
}

// testModel drives the store at random and compares every answer.
func testModel(c *tester) {
	steps, seeds := 1500, uint64(6)
	if !c.p.exact {
		steps, seeds = 400, 2
	}
	if c.p.shards > 1 {
		steps = 150
	}
	for seed := range seeds {
		o := Options{Fresh: true}
		if seed%2 == 1 {
			o.MaxPages, o.MaxPerQueue = 600, 150
		}
		c.reopen(o)
		c.o.Fresh = false
		w := &walk{tester: c, rnd: rand.New(rand.NewPCG(seed, 1))}
		w.model = &model{
			queues: make(map[string]*modelQueue), seen: make(map[uint64]bool),
			failed:   make(map[uint64]*modelFailure),
			maxPages: o.MaxPages, maxPerQueue: o.MaxPerQueue,
		}
		if !c.p.exact {
			w.slack = c.p.unit / 4
		}
		for w.step = range steps {
			w.do()
			if c.t.Failed() {
				c.t.Fatalf("seed %d, step %d; the last steps:\n%s", seed, w.step, strings.Join(w.log[max(0, len(w.log)-12):], "\n"))
			}
		}
	}
}

func (w *walk) do() {
	w.t.Helper()
	switch n := w.rnd.IntN(100); {
	case n < 25:
		w.doPush()
	case n < 55:
		w.doLease()
	case n < 85:
		w.doDone()
	case n < 89:
		w.doRequeue()
	case n < 93:
		w.doPass()
	case n < 96 && w.p.exact || n < 94:
		w.doCrash()
	default:
		w.doStale()
	}
	w.compare()
}

func (w *walk) note(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

// distinct is a level no other request of q is on, nor will be when it is
// requeued: the order of what becomes ready and what comes meanwhile is left
// open, and a restart may change it.
func (w *walk) distinct(q *modelQueue) int {
	taken := make(map[int]bool)
	for _, r := range slices.Concat(q.ready, q.delayed) {
		taken[r.prio] = true
	}
	for _, f := range w.failed {
		taken[f.r.prio] = taken[f.r.prio] || f.q == q
	}
	for {
		if p := 10 + w.rnd.IntN(90); !taken[p] {
			return p
		}
	}
}

func (w *walk) queue(name string) *modelQueue {
	q := w.queues[name]
	if q == nil {
		q = &modelQueue{name: name}
		w.queues[name] = q
	}
	return q
}

func (w *walk) doPush() {
	var reqs []*engine.Request
	var fresh int
	w.settle(time.Now())
	for i := range 1 + w.rnd.IntN(8) {
		q := w.queue(string(rune('a' + w.rnd.IntN(6))))
		r := page(q.name, fmt.Sprint(w.rnd.IntN(3000)))
		if r.Again = w.rnd.IntN(20) == 0; r.Again {
			r.URL += fmt.Sprintf("-%d-%d", w.step, i) // told apart from the first
		}
		r.Priority = w.rnd.IntN(4) - 1
		if w.rnd.IntN(8) == 0 && len(q.delayed) < 20 {
			r.After = time.Duration(1+w.rnd.IntN(5)) * w.p.unit
			r.Priority = w.distinct(q)
		}
		reqs = append(reqs, r)
		if w.seen[r.Print] && !r.Again {
			continue
		}
		w.seen[r.Print] = true
		delete(w.failed, r.Print)
		fresh++
		w.file(q, &modelRequest{name: name(r), print: r.Print, prio: r.Priority}, r.After)
	}
	w.note("push %d, %d fresh", len(reqs), fresh)
	if n := w.push(reqs...); n != fresh {
		w.t.Errorf("pushed %d, want %d", n, fresh)
	}
}

func (w *walk) file(q *modelQueue, r *modelRequest, after time.Duration) {
	if after > 0 {
		r.due = time.Now().Add(after)
		q.delayed = append(q.delayed, r)
		return
	}
	q.tail(r)
}

// clear waits until no time of the model is too close to now to tell which side
// of it the store is on.
func (w *walk) clear() time.Time {
	for {
		now := time.Now()
		next := w.next(now.Add(-w.slack))
		if w.p.exact || next.IsZero() || next.After(now.Add(w.slack)) {
			return now
		}
		w.p.pass(w.slack)
	}
}

func (w *walk) doLease() {
	queues, each := 1+w.rnd.IntN(4), 1+w.rnd.IntN(5)
	ttl := time.Duration(2+w.rnd.IntN(8)) * w.p.unit
	now := w.clear()
	w.settle(now)
	due := w.due(now)
	got, wait, err := w.s.Lease(w.ctx, queues, each, ttl)
	w.note("lease %d×%d for %v: %s, %v, %v", queues, each, ttl, heads(got), wait, err)
	for _, l := range got {
		q := due[l.Queue]
		if q == nil {
			w.t.Errorf("%s is not due", l.Queue)
			return
		}
		delete(due, l.Queue)
		w.take(q, l, each, now, ttl)
	}
	switch c := w.total(); {
	case errors.Is(err, engine.ErrDrained):
		if c.Queued > 0 {
			w.t.Errorf("drained with %+v", c)
		}
	case errors.Is(err, engine.ErrBudget):
		if c.Queued == 0 || w.reserved(now) > 0 || !w.exhausted() {
			w.t.Errorf("no budget with %+v", c)
		}
	case err != nil:
		w.t.Error("lease:", err)
	case len(got) < queues:
		w.fewer(now, wait, due)
	}
}

// exhausted reports whether the budgets keep everything from being leased.
func (w *walk) exhausted() bool {
	if room(1, w.maxPages, w.charged, 0) == 0 {
		return true
	}
	for _, q := range w.queues {
		if len(q.ready)+len(q.delayed) > 0 && room(1, w.maxPerQueue, q.charged, 0) > 0 {
			return false
		}
	}
	return true
}

// fewer checks an answer with fewer leases than asked for.
func (w *walk) fewer(now time.Time, wait time.Duration, due map[string]*modelQueue) {
	if room(1, w.maxPages, w.charged, w.reserved(time.Time{})) > 0 {
		for name := range due {
			w.t.Errorf("%s is due and not leased", name)
		}
		if next := w.next(now); wait > next.Sub(now)+w.slack && !w.spentAt(next) {
			w.t.Errorf("wait %v, something is due in %v", wait, next.Sub(now))
		}
	}
	held := slices.ContainsFunc(w.leases, func(l *modelLease) bool { return l.q.lease == l })
	if c := w.total(); c.Queued == 0 || !held && w.exhausted() {
		w.t.Errorf("no end with %+v", c)
	}
}

// spentAt reports whether what changes at t belongs to a queue that may not be
// leased any more, or that holds nothing.
func (w *walk) spentAt(t time.Time) bool {
	for _, q := range w.queues {
		open := len(q.ready)+len(q.delayed) > 0 && room(1, w.maxPerQueue, q.charged, 0) > 0
		later := q.rest.After(t) || q.live(t)
		of := q.rest.Equal(t) || q.lease != nil && q.lease.expires.Equal(t) ||
			slices.ContainsFunc(q.delayed, func(r *modelRequest) bool { return r.due.Equal(t) })
		ready := len(q.ready) > 0 || slices.ContainsFunc(q.delayed, func(r *modelRequest) bool { return !r.due.After(t) })
		if of && open && !later && ready {
			return false
		}
	}
	return true
}

// take checks one lease against the model and enters it there. When a store
// gives back what a lease had reserved that ran out is left open to it.
func (w *walk) take(q *modelQueue, l *engine.Lease, each int, now time.Time, ttl time.Duration) {
	if q.lease != nil {
		w.zombies = append(w.zombies, q.lease)
		w.leases = slices.DeleteFunc(w.leases, func(o *modelLease) bool { return o == q.lease })
		q.again++
		q.lease = nil
	}
	n := room(min(each, len(q.ready)), w.maxPerQueue, q.charged, 0)
	least := room(n, w.maxPages, w.charged, w.reserved(time.Time{}))
	if w.p.shards > 1 && w.maxPages > 0 {
		least = min(least, 1) // the others may be granted to another shard
	}
	most := room(n, w.maxPages, w.charged, w.reserved(now))
	n = min(max(len(l.Requests), least), most)
	ml := &modelLease{l: l, q: q, held: slices.Clone(q.ready[:n]), expires: now.Add(ttl)}
	want := make([]string, 0, n)
	for _, r := range ml.held {
		want = append(want, r.name)
	}
	if diff := cmp.Diff(q.name+":"+strings.Join(want, " "), heads([]*engine.Lease{l})); diff != "" {
		w.t.Errorf("leased (-want +got):\n%s", diff)
	}
	if l.Again != q.again || string(l.State) != q.state {
		w.t.Errorf("again %d, state %q; want %d, %q", l.Again, l.State, q.again, q.state)
	}
	q.lease = ml
	w.leases = append(w.leases, ml)
}
