package engine

import (
	"context"
	"errors"
	"slices"
	"time"
)

// dispatcher owns the leased queues: it decides which request starts when,
// gives jobs to the workers and their ends to the store. All of it runs on the
// goroutine of Run; workers, the leaser, the committer and the feeder are the
// only others, and they talk to it by channels.
type dispatcher struct {
	e     *Engine
	life  context.Context    // of hooks and fetches: outlives Run's by the grace
	cut   context.CancelFunc // ends life
	store context.Context    // of commits: outlives life, so that what was cut goes back
	leave context.CancelFunc // ends store

	jobs    chan *job
	results chan *job
	notices chan notice
	leases  chan leasing
	asks    chan ask
	commits chan *batch
	settled chan *batch
	feeder  *feeder
	feeds   int  // times the feeder brought something
	seeded  bool // the first seeds are in: what an earlier run left may need their leave to be fetched

	turns   map[string]*turn // owned queues
	ready   []*turn          // may start a request now, first come first served
	busy    int              // jobs with the workers
	ended   []*job           // jobs that wait for the committer
	renew   map[*turn]bool   // turns whose lease must be extended or released
	leased  bool             // a Lease call is under way
	writing *batch           // with the committer; nil for none
	again   time.Time        // no Lease call before this
	early   time.Time        // what again may not pass, said while a Lease call was under way; zero for nothing
	drained error            // the last Lease answer: ErrDrained, ErrBudget or nil
	closing bool             // no more starts
	broken  bool             // the store or an output failed: nothing more reaches them
}

func newDispatcher(e *Engine, life context.Context, cut context.CancelFunc) *dispatcher {
	n := e.cfg.Concurrency
	store, leave := context.WithCancel(context.WithoutCancel(life))
	return &dispatcher{
		e: e, life: life, cut: cut, store: store, leave: leave,
		jobs: make(chan *job, n), results: make(chan *job, n), notices: make(chan notice, n),
		leases: make(chan leasing, 1), asks: make(chan ask, 1),
		commits: make(chan *batch, 1), settled: make(chan *batch, 1),
		turns: map[string]*turn{}, renew: map[*turn]bool{},
		feeder: newFeeder(e),
	}
}

// run crawls until nothing is left or the crawl has to end.
func (d *dispatcher) run(ctx context.Context) {
	done := d.start()
	defer done()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var grace <-chan time.Time // runs from the interruption on
	over, stopped := ctx.Done(), d.e.stopped
	for {
		now := time.Now()
		d.step(now)
		if d.finished() {
			return
		}
		timer.Reset(d.sleep(now))
		select {
		case j := <-d.results:
			d.end(j)
			d.drainResults()
		case n := <-d.notices:
			d.notice(n)
		case l := <-d.leases:
			d.take(l)
		case b := <-d.settled:
			d.settle(b)
		case n := <-d.feeder.fed:
			d.fed(n)
		case <-d.e.deps.Frontier.Wake():
			d.soon(0)
		case <-d.e.steered:
			d.steer()
		case <-timer.C:
		case <-over:
			over = nil
			d.e.finish("interrupted", "", nil)
			grace = time.After(d.e.cfg.Grace)
		case <-stopped:
			stopped = nil
			d.close()
		case <-grace:
			d.cutShort()
			grace = time.After(lastGrace)
		}
	}
}

// lastGrace is how long the store has to take back what was cut.
const lastGrace = 5 * time.Second

// cutShort ends what is under way at the end of the grace; a second call gives
// up on the store.
func (d *dispatcher) cutShort() {
	if d.life.Err() != nil {
		d.leave()
		d.broken = true
	}
	d.cut()
}

// start starts the goroutines; the answer ends them and waits for them.
func (d *dispatcher) start() (done func()) {
	ctx, stop := context.WithCancel(d.life)
	finished := make(chan struct{})
	running := 0
	start := func(f func()) {
		running++
		go func() {
			f()
			finished <- struct{}{}
		}()
	}
	for range d.e.cfg.Concurrency {
		start(func() { d.e.work(d.life, d.jobs, d.results) })
	}
	start(func() { d.lease(ctx) })
	start(func() {
		for b := range d.commits {
			d.e.outputMu.Lock()
			d.e.commit(d.store, b)
			d.e.outputMu.Unlock()
			d.settled <- b
		}
	})
	start(func() { d.feeder.run(ctx) })
	return func() {
		close(d.jobs)
		close(d.commits)
		stop()
		d.leave()
		for range running {
			<-finished
		}
	}
}

// step starts what may start, asks for leases, and sends off what has ended.
func (d *dispatcher) step(now time.Time) {
	d.wake(now)
	for !d.still() && len(d.ready) > 0 && (d.free() > 0 || len(d.ready[0].claims) > 0) {
		t := d.ready[0]
		d.ready = d.ready[1:]
		t.queued = false
		d.begin(t, now)
	}
	d.ask(now)
	d.flush()
}

// free is how many more jobs may start. Visits that have ended and wait for the
// store still count: no more than concurrency can be lost to a crash.
func (d *dispatcher) free() int {
	waiting := len(d.ended)
	if d.writing != nil {
		waiting += len(d.writing.jobs)
	}
	return d.e.cfg.Concurrency - d.busy - waiting
}

// begin starts the next request of a turn, or what it needs first.
func (d *dispatcher) begin(t *turn, now time.Time) {
	if !t.runnable(d.e.cfg.PerHost) {
		return
	}
	if need := d.e.longest(t.rest) + startSlack; t.expires.Sub(now) < need {
		t.lease.TTL = max(t.lease.TTL, need+leaseSlack)
		d.renew[t], t.short = true, true
		return
	}
	if len(t.claims) > 0 {
		d.grant(t, now)
		return
	}
	if f := t.verdict(); f != nil {
		d.sentence(t, f)
		return
	}
	j := &job{turn: t, req: t.todo[0], backoff: t.state.Backoff, quick: t.quick(), notices: d.notices}
	j.probe = t.state.Down.down()
	j.tell = t.rest > 0 && d.e.cfg.PerHost > 1
	if d.e.cfg.Robots && d.e.robots.get(origin(j.req)) == nil {
		j.ask, t.asking = true, true
		j.copies = t.state.Robots
	} else {
		t.todo = t.todo[1:]
	}
	t.begun(j, now)
	t.open++
	d.busy++
	d.jobs <- j
	d.line(t)
}

// line puts a turn among the ready ones if it may start another request.
func (d *dispatcher) line(t *turn) {
	if t.queued || !t.runnable(d.e.cfg.PerHost) || t.from().After(time.Now()) {
		return
	}
	t.queued = true
	if len(t.claims) > 0 {
		d.ready = slices.Insert(d.ready, 0, t) // it needs no worker: one is waiting
		return
	}
	d.ready = append(d.ready, t)
}

// wake lines up the turns whose pause is over and renews the leases of those
// whose visits take long.
func (d *dispatcher) wake(now time.Time) {
	for _, t := range d.turns {
		if t.lost {
			continue
		}
		if !d.still() {
			d.line(t)
		}
		if t.open > 0 && !t.committing && t.expires.Sub(now) <= d.e.ttl()/2 {
			d.renew[t] = true
		}
		if !d.still() && t.hungry(d.e.cfg.PerHost) && !t.hungryAt().After(now) {
			d.renew[t] = true
		}
	}
}

// fed notes that seeds came in.
func (d *dispatcher) fed(n int) {
	d.seeded = true
	if n > 0 || d.feeder.slow.Load() {
		d.again = time.Time{}
	}
	if n > 0 {
		d.drained = nil
		d.feeds++
	}
}

// end takes a job back from its worker.
func (d *dispatcher) end(j *job) {
	d.busy--
	t := j.turn
	t.open--
	if !j.told {
		j.told = true // the notice of it may come after the job itself
		t.ended(j)
	}
	switch {
	case t.lost || j.ask:
	case j.again:
		t.todo = append([]*Request{j.req}, t.todo...) // a new list: todo is a part of the lease's own
	default:
		d.ended = append(d.ended, j)
	}
	if !d.still() {
		d.line(t)
	}
	d.retire(t)
}

func (d *dispatcher) drainResults() {
	for {
		select {
		case j := <-d.results:
			d.end(j)
		default:
			return
		}
	}
}

// retire marks a turn for release when nothing of it runs and nothing of it
// is going to start soon.
func (d *dispatcher) retire(t *turn) {
	if t.open == 0 && (len(t.todo) == 0 || d.still() || time.Until(t.from()) > holdMax) {
		d.renew[t] = true
	}
}

// holdMax is the longest pause for which a queue is kept instead of given back.
const holdMax = 20 * time.Millisecond

// close stops starting; what is ready or waiting goes back.
func (d *dispatcher) close() {
	d.closing = true
	d.feeder.stop()
	for _, t := range d.turns {
		d.refuse(t)
		d.retire(t)
	}
	d.ready = nil
}

// finished reports that the crawl is over: all is with the store.
func (d *dispatcher) finished() bool {
	if d.busy > 0 || d.writing != nil || len(d.ended) > 0 || len(d.renew) > 0 {
		return false
	}
	if d.closing {
		return !d.leased && (len(d.turns) == 0 || d.broken)
	}
	if len(d.turns) > 0 || d.leased || d.drained == nil {
		return false
	}
	if errors.Is(d.drained, ErrBudget) {
		d.e.finish("budget", "max_pages or max_per_host reached", nil)
		return true
	}
	return d.feeder.dry() && !d.e.cfg.KeepAlive
}

// sleep is how long the loop may wait for an event after the step at now. What
// that step left undone though it was time waits for the store, not for time: to
// look again at once would keep a processor busy as long as the store is slow.
func (d *dispatcher) sleep(now time.Time) time.Duration {
	next := now.Add(time.Hour)
	sooner := func(at time.Time) {
		if at.After(now) && at.Before(next) {
			next = at
		}
	}
	if d.wanted() > 0 && d.again.Before(next) {
		next = d.again
	}
	for _, t := range d.turns {
		if !d.still() && t.runnable(d.e.cfg.PerHost) && !t.queued {
			sooner(t.from())
		}
		if !d.still() && t.hungry(d.e.cfg.PerHost) {
			sooner(t.hungryAt())
		}
		if t.open > 0 {
			sooner(t.expires.Add(-d.e.ttl() / 2))
		}
	}
	return max(time.Until(next), 0)
}
