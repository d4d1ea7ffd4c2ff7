package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// The feeder brings seeds to the frontier as it runs low, and asks on_idle for
// more when there are none.
type feeder struct {
	e     *Engine
	wants chan bool // room; true: the frontier has nothing at all
	fed   chan int  // requests that came in
	seeds chan seed // pulled ahead
	over  atomic.Bool
	ended atomic.Bool // seeds and on_idle have no more
	slow  atomic.Bool // the source of seeds has more, but not now
	busy  atomic.Bool

	checked bool // what Deps.Kept names has been pushed
}

type seed struct {
	url string
	err error
}

const (
	feedBatch = 1000                  // seeds pushed at once
	feedAhead = 64                    // seeds read ahead
	feedPause = 20 * time.Millisecond // a source slower than this is not waited for
	lowWater  = 10_000                // queued requests above which no seed is pulled
)

func newFeeder(e *Engine) *feeder {
	f := &feeder{e: e, wants: make(chan bool, 1), fed: make(chan int, 1)}
	if e.deps.Seeds != nil {
		f.seeds = make(chan seed, feedAhead)
	}
	f.busy.Store(true) // the first batch is on its way from the start
	f.wants <- true
	return f
}

// want asks for seeds; it never waits. empty says that nothing is queued.
func (f *feeder) want(empty bool) {
	if f.ended.Load() || f.busy.Swap(true) {
		return
	}
	f.wants <- empty
}

// dry reports that nothing more will come.
func (f *feeder) dry() bool { return f.ended.Load() && !f.busy.Load() && len(f.fed) == 0 }

func (f *feeder) stop() { f.over.Store(true) }

// run serves wants until ctx ends.
func (f *feeder) run(ctx context.Context) {
	pulled := make(chan struct{})
	go func() {
		defer close(pulled)
		f.pull(ctx)
	}()
	for {
		select {
		case <-ctx.Done():
			f.join(pulled)
			return
		case empty := <-f.wants:
			n := f.feed(ctx, empty)
			select {
			case f.fed <- n:
			case <-ctx.Done():
			}
			f.busy.Store(false)
		}
	}
}

// join waits for the source, but not for one that is stuck in a read: nobody
// can interrupt standard input.
func (f *feeder) join(pulled chan struct{}) {
	select {
	case <-pulled:
	case <-time.After(feedPause):
	}
}

// pull reads the source into the small channel that bounds how far ahead.
func (f *feeder) pull(ctx context.Context) {
	if f.seeds == nil {
		return
	}
	defer close(f.seeds)
	for u, err := range f.e.deps.Seeds {
		select {
		case f.seeds <- seed{u, err}:
		case <-ctx.Done():
			return
		}
	}
}

// feed pushes one batch of seeds, or asks on_idle.
func (f *feeder) feed(ctx context.Context, empty bool) (fresh int) {
	if f.over.Load() || ctx.Err() != nil {
		f.ended.Store(true)
		return 0
	}
	if !empty && f.full(ctx) {
		return 0
	}
	v := f.e.NewVisit(nil)
	n := f.collect(ctx, v)
	f.slow.Store(n == 0 && f.seeds != nil)
	fresh = f.e.send(ctx, v)
	if n > 0 || f.seeds != nil {
		return fresh
	}
	return f.idle(ctx, empty)
}

// full reports that the frontier holds enough already.
func (f *feeder) full(ctx context.Context) bool {
	c, ok := f.e.deps.Frontier.(Counter)
	if !ok {
		return false
	}
	n, err := c.Counts(ctx)
	return err != nil || n.Queued >= lowWater
}

// collect admits up to a batch of seeds: those that are there now.
func (f *feeder) collect(ctx context.Context, v *Visit) (n int) {
	pause := time.NewTimer(feedPause)
	defer pause.Stop()
	for n < feedBatch && f.seeds != nil {
		select {
		case s, ok := <-f.seeds:
			if !ok {
				f.seeds = nil
				return n
			}
			n++
			f.seed(ctx, v, s)
		case <-pause.C:
			return n
		case <-ctx.Done():
			return n
		}
	}
	return n
}

// seed admits one seed, which on_enqueue may change or drop.
func (f *feeder) seed(ctx context.Context, v *Visit, s seed) {
	if s.err != nil {
		f.e.log.Warn("seed left out", "error", oneLine(s.err.Error()))
		f.e.tally.skip(SkipInvalid, 1)
		return
	}
	skip := f.offer(ctx, v, &Request{URL: s.url, Depth: -1})
	if skip != nil && skip.Reason != SkipDuplicate {
		f.e.log.Warn("seed left out", "url", s.url, "reason", skip.Reason, "detail", skip.Detail)
	}
}

// offer admits a request that comes from no page, which on_enqueue may change
// or drop.
func (f *feeder) offer(ctx context.Context, v *Visit, r *Request) *Skip {
	one := f.e.NewVisit(r)
	if err := f.e.handle(ctx, EventEnqueue, one); err != nil {
		if errors.Is(err, ErrDrop) {
			v.Drop(one.Request)
		}
		return nil
	}
	_, skip := v.Enqueue(one.Request)
	return skip
}

// check pushes the pages of the crawl before that nothing led to this time:
// whether they are gone, only their site can say. Those of sites that this
// crawl has had nothing to do with are left alone, and so is everything where
// seeds alone are wanted. Their links lead no deeper than max_depth.
func (f *feeder) check(ctx context.Context) (fresh int) {
	depth := f.e.cfg.MaxDepth
	switch {
	case depth < 0:
		return 0
	case depth == 0:
		depth = 1
	}
	v := f.e.NewVisit(nil)
	for u := range f.e.deps.Kept {
		if f.over.Load() || ctx.Err() != nil {
			return fresh
		}
		r := &Request{URL: u, Depth: depth}
		if queue, _ := f.e.policy.Key(ctx, r); f.e.tally.met(queue) {
			f.offer(ctx, v, r)
		}
		if len(v.children) == feedBatch {
			fresh += f.e.send(ctx, v)
		}
	}
	return fresh + f.e.send(ctx, v)
}

// idle asks the script for more once nothing is queued or due.
func (f *feeder) idle(ctx context.Context, empty bool) (fresh int) {
	if f.e.deps.Kept != nil && !f.checked {
		if !empty {
			return 0
		}
		f.checked = true
		if fresh = f.check(ctx); fresh > 0 {
			f.e.tally.unlinked.Add(int64(fresh))
			return fresh
		}
	}
	h := f.e.deps.Handler
	if h == nil || !h.Wants(EventIdle, "") {
		f.ended.Store(true)
		return 0
	}
	v := f.e.NewVisit(nil)
	v.Room = feedBatch
	err := f.e.handle(ctx, EventIdle, v)
	pushed := len(v.children)
	fresh = f.e.send(ctx, v)
	if err != nil || (empty && pushed == 0) {
		f.ended.Store(true)
	}
	return fresh
}
