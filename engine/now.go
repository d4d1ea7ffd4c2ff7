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
// address guard hold. The visit's own host is waited for by the visit's turn,
// another one by this process's pacer.
func (e *Engine) fetchNow(ctx context.Context, v *Visit, r *Request) (*Response, error) {
	if _, skip := e.check(v, r); skip != nil {
		return nil, &Failure{Kind: FailureKind(skip.Reason), Message: skip.Detail}
	}
	r.Queue = e.policy.Key(ctx, r)
	if e.cfg.Robots {
		if f := e.askNow(ctx, v, r); f != nil {
			return nil, f
		}
	}
	if err := e.turnNow(ctx, v, r); err != nil {
		return nil, err
	}
	resp, err := e.deps.Fetcher.Fetch(ctx, r, func(Event, *Response) error { return nil })
	if v.job != nil && v.job.req.Queue == r.Queue {
		v.job.note(resp)
	}
	return resp, err
}

// askNow asks robots.txt, fetching it first if need be.
func (e *Engine) askNow(ctx context.Context, v *Visit, r *Request) *Failure {
	for e.robots.get(origin(r)) == nil {
		if err := e.turnNow(ctx, v, r); err != nil {
			return asFailure(err)
		}
		_, rest, _ := e.askRobots(ctx, r)
		if err := pause(ctx, rest); err != nil {
			return asFailure(err)
		}
	}
	u, err := r.parsed()
	if err != nil {
		return asFailure(err)
	}
	if ok, detail := e.robots.get(origin(r)).verdict(u); !ok {
		return &Failure{Kind: SkipRobots, Message: detail + " disallows it"}
	}
	return nil
}

// turnNow waits until r's queue may be asked again.
func (e *Engine) turnNow(ctx context.Context, v *Visit, r *Request) error {
	if j := v.job; j != nil && j.req.Queue == r.Queue {
		return pause(ctx, time.Until(j.seen.Add(j.rest)))
	}
	rest := e.policy.Delay(ctx, r.Queue, r, nil)
	if g := e.robots.get(origin(r)); e.cfg.Robots && g != nil {
		rest = max(rest, min(g.crawlDelay(), e.cfg.MaxDelay))
	}
	return pause(ctx, e.pacer.take(r.Queue, rest))
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
