package engine

import (
	"context"
	"errors"
	"slices"
	"time"
)

// A notice is what a worker tells the dispatcher about a job that goes on.
type notice struct {
	job   *job
	seen  time.Time // the answer has begun; by when the site saw the request
	over  bool      // the site is done with
	claim *claim    // a hook wants to fetch something itself
	freed bool      // and has done so, job being the claim's own; or no longer wants to
}

// A claim is a hook's wish for the next start of its visit's own queue.
type claim struct {
	grant chan *job // the job that stands for the fetch; nil: refused
}

// errEnding refuses a claim.
var errEnding = errors.New("the crawl is ending")

// notice takes what a worker tells.
func (d *dispatcher) notice(n notice) {
	t := n.job.turn
	switch {
	case n.claim != nil && n.freed:
		d.withdraw(t, n.claim)
	case n.claim != nil && (d.closing || t.lost):
		n.claim.grant <- nil
	case n.claim != nil:
		t.claims = append(t.claims, n.claim)
		d.unline(t)
	case n.freed:
		t.ended(n.job)
	case n.over && n.job.told:
	case n.over:
		n.job.told = true
		t.ended(n.job)
	default:
		t.answered(n.job, n.seen)
	}
	if !d.still() {
		d.line(t)
	}
}

// grant gives a turn's next start to the hook that waits for it longest.
func (d *dispatcher) grant(t *turn, now time.Time) {
	c := t.claims[0]
	t.claims = t.claims[1:]
	j := &job{turn: t, quick: t.quick(), notices: d.notices}
	t.begun(j, now)
	c.grant <- j
	d.line(t)
}

// unline takes a turn out of the line, to be put where it now belongs.
func (d *dispatcher) unline(t *turn) {
	if t.queued {
		t.queued = false
		d.ready = slices.DeleteFunc(d.ready, func(o *turn) bool { return o == t })
	}
}

// refuse answers those who wait for a start that will not come.
func (d *dispatcher) refuse(t *turn) {
	for _, c := range t.claims {
		c.grant <- nil
	}
	t.claims = nil
}

// withdraw takes a claim back, granted or not.
func (d *dispatcher) withdraw(t *turn, c *claim) {
	t.claims = slices.DeleteFunc(t.claims, func(o *claim) bool { return o == c })
	select {
	case j := <-c.grant:
		if j != nil {
			t.ended(j)
		}
	default:
	}
}

// claimed makes one exchange in the turn of a visit whose own is over: the
// queue's rest and limit hold for it as for any request.
func (e *Engine) claimed(ctx context.Context, own *job, fetch func() *Response) error {
	c := &claim{grant: make(chan *job, 1)}
	own.notices <- notice{job: own, claim: c}
	select {
	case j := <-c.grant:
		if j == nil {
			return errEnding
		}
		resp := fetch()
		j.req = own.req
		j.rest = e.rest(ctx, j, resp)
		j.note(resp)
		own.notices <- notice{job: j, freed: true}
		return nil
	case <-ctx.Done():
		own.notices <- notice{job: own, claim: c, freed: true}
		return ctx.Err()
	}
}
