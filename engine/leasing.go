package engine

import (
	"context"
	"errors"
	"time"
)

// Leasing is how the dispatcher comes by queues: how many it asks for, how much
// of each and for how long, and what it makes of the answers.

type ask struct {
	queues, each int
	feeds        int // when it was asked
}

type leasing struct {
	ask
	leases []*Lease
	wait   time.Duration
	err    error
}

// lease is the leaser: one Lease call at a time, off the dispatcher's path.
func (d *dispatcher) lease(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case a := <-d.asks:
			l := leasing{ask: a}
			if _, l.err = d.e.claimItems(ctx, 0); l.err == nil { // another worker may have used up max_items
				l.leases, l.wait, l.err = d.e.deps.Frontier.Lease(ctx, a.queues, a.each, d.e.ttl())
			}
			d.leases <- l
		}
	}
}

// ttl is how long a lease lasts: the longest fetch, the rest owed after it and
// something to spare. It is renewed with every page of the turn.
func (e *Engine) ttl() time.Duration { return e.longest(0) + leaseSlack }

// longest is the time a fetch and the rest owed after it may take.
func (e *Engine) longest(rest time.Duration) time.Duration {
	return e.cfg.Timeout + max(rest, e.cfg.Delay)
}

const leaseSlack = 10 * time.Second

// startSlack is how long a job may take to its fetch without asking for more
// of the lease.
const startSlack = time.Second

// ask asks the leaser for queues when there is room for them.
func (d *dispatcher) ask(now time.Time) {
	if want := d.wanted(); want > 0 && !d.again.After(now) {
		d.leased = true
		d.asks <- ask{queues: want, each: d.e.each(), feeds: d.feeds}
	}
}

// wanted is how many queues there is room for: half as many again as can run,
// so that a worker never waits for the store.
func (d *dispatcher) wanted() int {
	if d.still() || d.leased || !d.seeded || d.free() <= 0 || len(d.turns) > maxTurns*d.e.cfg.Concurrency {
		return 0
	}
	return d.e.cfg.Concurrency + d.e.cfg.Concurrency/2 - d.busy - len(d.ready)
}

// maxTurns bounds the queues owned at once, as a multiple of concurrency.
const maxTurns = 4

// each is how many requests a lease should bring: enough to work on for a
// while without asking, not so many that others wait for the queue.
func (e *Engine) each() int {
	if e.cfg.Delay > holdMax && e.cfg.PerHost == 1 {
		return 1
	}
	return min(leaseMost, leaseEach*e.cfg.PerHost)
}

const (
	leaseEach = 64
	leaseMost = 512
)

// take makes turns of new leases.
func (d *dispatcher) take(l leasing) {
	d.leased = false
	d.drained = nil
	switch {
	case errors.Is(l.err, ErrDrained) && l.feeds != d.feeds:
		d.again = time.Time{} // seeds came in while it looked
	case errors.Is(l.err, ErrDrained), errors.Is(l.err, ErrBudget):
		d.drained = l.err
		d.again = time.Now().Add(idlePoll)
	case l.err != nil:
		d.again = time.Now().Add(idlePoll)
		if d.life.Err() == nil {
			d.e.finish("failed", "frontier: "+l.err.Error(), l.err)
		}
	case len(l.leases) < l.queues:
		d.again = time.Now().Add(l.wait)
	}
	if !d.early.IsZero() && d.early.Before(d.again) {
		d.again = d.early // the answer is older than that
	}
	d.early = time.Time{}
	for _, lease := range l.leases {
		t := newTurn(d.e, lease)
		d.turns[lease.Queue] = t
		if d.still() {
			d.renew[t] = true
			continue
		}
		d.line(t)
		d.retire(t)
	}
	if len(l.leases) < l.queues && !d.closing && !errors.Is(l.err, ErrBudget) {
		d.feeder.want(d.drained != nil)
	}
}

// idlePoll is how often a frontier that had nothing is asked again, unless it
// wakes us.
const idlePoll = 500 * time.Millisecond
