package engine

import (
	"context"
	"sync"
	"time"
)

// pacer spaces the fetches that scripts make themselves, by queue. It knows
// this process alone: a queue that another worker owns is not waited for.
type pacer struct {
	mu   sync.Mutex           // guards next
	next map[string]time.Time // no start before
}

// maxPaced bounds the queues a pacer remembers; the ones whose rest is over go.
const maxPaced = 10_000

// take reserves the queue's next start and says how long to wait for it.
func (p *pacer) take(queue string, rest time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.next == nil || len(p.next) > maxPaced {
		p.prune(now)
	}
	at := p.next[queue]
	if at.Before(now) {
		at = now
	}
	p.next[queue] = at.Add(rest)
	return at.Sub(now)
}

func (p *pacer) prune(now time.Time) {
	kept := make(map[string]time.Time)
	for q, t := range p.next {
		if t.After(now) {
			kept[q] = t
		}
	}
	p.next = kept
}

// fetchNow is FetchNow: scope, robots.txt, the delay of the host and the
// address guard hold.
func (e *Engine) fetchNow(ctx context.Context, v *Visit, r *Request) (*Response, error) {
	if _, skip := e.check(v, r); skip != nil {
		return nil, &Failure{Kind: FailureKind(skip.Reason), Message: skip.Detail}
	}
	r.Queue, r.Buckets = e.policy.Key(ctx, r)
	if e.cfg.Robots {
		if f := e.askNow(ctx, v, r); f != nil {
			return nil, f
		}
	}
	var resp *Response
	var failure error
	err := e.inTurn(ctx, v, r, func() *Response {
		if failure = e.reserved(ctx, r); failure != nil {
			return nil
		}
		resp, failure = e.deps.Fetcher.Fetch(ctx, r, func(Event, *Response) error { return nil })
		return resp
	})
	if err != nil {
		return nil, err
	}
	return resp, failure
}

// askNow asks robots.txt, fetching it first if need be.
func (e *Engine) askNow(ctx context.Context, v *Visit, r *Request) *Failure {
	for e.robots.get(origin(r)) == nil {
		var a askedRobots
		err := e.inTurn(ctx, v, r, func() *Response {
			if err := e.reserved(ctx, r); err != nil {
				a.refusal = asFailure(err)
				return nil
			}
			a = e.askRobots(ctx, r)
			return a.last
		})
		if a.refusal != nil {
			return a.refusal
		}
		if err == nil {
			err = pause(ctx, a.rest)
		}
		if err != nil {
			return asFailure(err)
		}
	}
	u, err := r.parsed()
	if err != nil {
		return asFailure(err)
	}
	g := e.robots.get(origin(r))
	if f := g.closed(); f != nil && f.Kind != FailStatus {
		return f
	}
	if ok, detail := g.verdict(u); !ok {
		return &Failure{Kind: SkipRobots, Message: detail + " disallows it"}
	}
	return nil
}

// inTurn makes an exchange once r's queue allows it. The visit's own queue is
// this worker's: its limit and rest hold exactly. Another one is paced within
// this process.
func (e *Engine) inTurn(ctx context.Context, v *Visit, r *Request, fetch func() *Response) error {
	j := v.job
	if j != nil && j.req.Queue == r.Queue {
		if j.over {
			return e.claimed(ctx, j, fetch)
		}
		if err := pause(ctx, time.Until(j.seen.Add(j.rest))); err != nil {
			return err
		}
		j.note(fetch())
		return nil
	}
	rest := e.policy.Delay(ctx, r.Queue, r, nil)
	if g := e.robots.get(origin(r)); e.cfg.Robots && g != nil {
		rest = max(rest, min(g.crawlDelay(), e.cfg.MaxDelay))
	}
	if err := pause(ctx, e.pacer.take(r.Queue, rest)); err != nil {
		return err
	}
	fetch()
	return nil
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
