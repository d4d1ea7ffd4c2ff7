package engine

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Pause lets nothing start until it is called with false; what is under way
// goes on. It may be called before Run.
func (e *Engine) Pause(paused bool) {
	if e.paused.Swap(paused) == paused {
		return
	}
	select {
	case e.steered <- struct{}{}:
	default:
	}
}

// Paused reports whether the crawl is paused.
func (e *Engine) Paused() bool { return e.paused.Load() }

// Add files requests from outside while the crawl runs, as if they were seeds:
// on_enqueue, scope and policy decide about them, and those pushed before are
// dropped. It answers how many were new, and why others will not be fetched.
func (e *Engine) Add(ctx context.Context, reqs ...*Request) (fresh int, skips []Skip, err error) {
	v := e.NewVisit(nil)
	for _, r := range reqs {
		one := e.NewVisit(r)
		if err := e.handle(ctx, EventEnqueue, one); err != nil {
			if errors.Is(err, ErrDrop) {
				v.skips = append(v.skips, Skip{Request: r, Reason: SkipDropped})
			}
			continue
		}
		v.Enqueue(one.Request)
	}
	e.file(ctx, v)
	skips = v.skips
	fresh, err = e.push(ctx, v.children)
	e.skipped(ctx, v)
	return fresh, skips, err
}

// An Explanation is what the crawl's rules say about a request.
type Explanation struct {
	Canonical string // its URL's canonical form
	Print     uint64 // the fingerprint of its identity
	Queue     string // "" if it would be skipped
	Skip      *Skip  // why it would be; nil if it would not
	Robots    string // what robots.txt says: "allowed", "robots.txt line 4 disallows it", "not known"

	Disallowed bool // robots.txt is known, and does not allow it
}

// Explain says what would become of r as a seed. state answers the rule state
// of a queue, in which its robots.txt is kept.
func (e *Engine) Explain(ctx context.Context, r *Request, state func(queue string) []byte) Explanation {
	var x Explanation
	v := e.NewVisit(nil)
	x.Canonical, x.Skip = e.check(v, r)
	if x.Skip != nil {
		return x
	}
	r.Print = Fingerprint(r, x.Canonical)
	e.identify(ctx, r)
	x.Print = r.Print
	if ok, why := e.policy.Allow(ctx, r); !ok {
		x.Skip = &Skip{Request: r, Reason: SkipPolicy, Detail: why}
		return x
	}
	x.Queue, _ = e.policy.Key(ctx, r)
	x.Robots, x.Disallowed = e.explainRobots(r, state(x.Queue))
	return x
}

func (e *Engine) explainRobots(r *Request, state []byte) (says string, disallowed bool) {
	if !e.cfg.Robots {
		return "not asked", false
	}
	var kept queueState
	if json.Unmarshal(state, &kept) == nil {
		e.robots.restore(kept.Robots, time.Now())
	}
	g := e.robots.get(origin(r))
	u, err := r.parsed()
	if g == nil || err != nil {
		return "not known", false
	}
	ok, detail := g.verdict(u)
	if ok {
		return "allowed", false
	}
	return detail + " disallows it", true
}

// Resting reads from a queue's rule state what its rest is owed to, "" for the
// policy's delay, and how long the last was.
func Resting(state []byte) (why string, rest time.Duration) {
	var s queueState
	if json.Unmarshal(state, &s) != nil {
		return "", 0 // foreign state is no state
	}
	return s.Why, seconds(s.Rest)
}

// still reports that nothing may start: the crawl is ending or paused.
func (d *dispatcher) still() bool { return d.closing || d.e.paused.Load() }

// steer does what Pause asks: queues that are at hand go back to the store, or
// are asked for again.
func (d *dispatcher) steer() {
	d.again = time.Time{}
	if !d.still() {
		return
	}
	for _, t := range d.ready {
		t.queued = false
	}
	d.ready = nil
	for _, t := range d.turns {
		d.retire(t)
	}
}
