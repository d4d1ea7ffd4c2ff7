package luabridge

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"downpour/engine"

	lua "github.com/yuin/gopher-lua"
)

// idle is how long Lease says to wait when only a push or the end of what is
// under way can change anything; both wake the engine.
const idle = time.Hour

// Lease implements engine.Frontier: one request a queue, in the order in which
// the script's pop answers them.
func (q *Queue) Lease(ctx context.Context, queues, _ int, ttl time.Duration) (leases []*engine.Lease, wait time.Duration, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	if err := q.ripen(ctx, now); err != nil {
		return nil, 0, err
	}
	wait = idle
	for len(leases) < queues && q.room() {
		r, after, err := q.next(ctx, now, nil)
		if err != nil {
			return leases, 0, err
		}
		if r == nil {
			wait = after
			break
		}
		leases = append(leases, q.lease(r, ttl, now))
	}
	if len(leases) == 0 && q.leased == 0 {
		if err := q.ended(); err != nil {
			return nil, 0, err
		}
	}
	return leases, max(wait, time.Millisecond), nil
}

// ended says why nothing can be leased any more; nil if something can later.
func (q *Queue) ended() error {
	left := q.head != nil || len(q.later) > 0 || len(q.waiting) > 0
	switch {
	case left && !q.room(), !left && q.over > 0:
		return engine.ErrBudget
	case !left:
		return engine.ErrDrained
	}
	return nil
}

// room reports whether another request may be leased.
func (q *Queue) room() bool {
	return q.leased < q.o.Concurrency &&
		(q.o.MaxPages == 0 || q.counts.Charged+int64(q.leased) < q.o.MaxPages)
}

// ripen pushes what was to be pushed later.
func (q *Queue) ripen(ctx context.Context, now time.Time) error {
	var ripe []*engine.Request
	q.later = slices.DeleteFunc(q.later, func(d delayed) bool {
		if !d.push || d.due.After(now) {
			return false
		}
		ripe = append(ripe, d.r)
		return true
	})
	return q.hand(ctx, ripe)
}

// next is the request to lease, or nil and when to ask again. With more it has
// to be of that lease's queue.
func (q *Queue) next(ctx context.Context, now time.Time, more *engine.Lease) (r *engine.Request, wait time.Duration, err error) {
	wait = idle
	for i, d := range q.later {
		free := time.Duration(0)
		if !d.push {
			free = q.free(d.r, now, more)
		}
		if !d.push && !d.due.After(now) && free == 0 {
			q.later = slices.Delete(q.later, i, i+1)
			return d.r, 0, nil
		}
		wait = min(wait, max(free, d.due.Sub(now)))
	}
	for {
		if q.head == nil {
			after, err := q.pop(ctx)
			if err != nil || q.head == nil {
				return nil, min(wait, after), err
			}
		}
		line := q.line(q.head.Queue)
		if q.o.MaxPerQueue == 0 || line.charged+int64(len(q.leases[line.lease])) < q.o.MaxPerQueue {
			break
		}
		if line.lease != nil {
			return nil, wait, nil // what is under way may not count
		}
		delete(q.out, q.head)
		q.head = nil
		q.over++
	}
	if free := q.free(q.head, now, more); free > 0 {
		return nil, min(wait, free), nil
	}
	r, q.head = q.head, nil
	return r, 0, nil
}

// free is how long until a request's queue may be leased, 0 for now.
func (q *Queue) free(r *engine.Request, now time.Time, more *engine.Lease) time.Duration {
	line := q.line(r.Queue)
	switch {
	case line.lease != more:
		return idle
	case more == nil && line.rest.After(now):
		return line.rest.Sub(now)
	}
	return 0
}

func (q *Queue) line(name string) *queueLine {
	line := q.queues[name]
	if line == nil {
		line = &queueLine{}
		q.queues[name] = line
	}
	return line
}

// pop asks the script for the next request, which becomes the head. Where there
// is none it answers when to ask again.
func (q *Queue) pop(ctx context.Context) (wait time.Duration, err error) {
	if len(q.waiting) == 0 {
		return idle, nil
	}
	rets, err := q.call(ctx, "pop", "", nil)
	if err != nil {
		return 0, err
	}
	if !lua.LVIsFalse(rets[0]) {
		return 0, q.popped(rets[0])
	}
	if rets[1] != lua.LNil {
		if wait, err = durationOf(rets[1]); err != nil {
			return 0, fmt.Errorf("policy.pop: the wait %w", err)
		}
		return wait, nil
	}
	if q.leased > 0 || len(q.later) > 0 {
		return idle, nil
	}
	return 0, q.stuck(ctx)
}

// popped takes what pop answered as the head. The engine works on a copy: the
// script may look at its own meanwhile.
func (q *Queue) popped(v lua.LValue) error {
	ud, _ := v.(*lua.LUserData)
	if ud == nil {
		return fmt.Errorf("policy.pop answered a %s, not a request, or nil and the seconds to wait", v.Type())
	}
	p, _ := ud.Value.(*page)
	if p == nil || q.waiting[p.req] != p {
		return fmt.Errorf("policy.pop answered a request that does not wait: each that was pushed is answered once")
	}
	r := *p.req
	delete(q.waiting, p.req)
	q.head = &r
	q.out[&r] = p
	return nil
}

// stuck deals with a pop that answers nothing while nothing is under way: the
// script has dropped what waits if its len says so, else it is in error.
func (q *Queue) stuck(ctx context.Context) error {
	left := len(q.waiting)
	if q.h.policy.queue["len"] != nil {
		rets, err := q.call(ctx, "len", "", nil)
		if err != nil {
			return err
		}
		n, ok := rets[0].(lua.LNumber)
		if !ok {
			return fmt.Errorf("policy.len answered a %s, not a number", rets[0].Type())
		}
		left = int(n)
	}
	if left > 0 {
		return fmt.Errorf("policy.pop answered neither a request nor the seconds to wait, with %d waiting and none under way", left)
	}
	q.h.log.Warn("requests dropped: policy.pop does not answer them and policy.len says that none waits", "requests", len(q.waiting))
	clear(q.waiting)
	return nil
}

// lease leases a request with its queue.
func (q *Queue) lease(r *engine.Request, ttl time.Duration, now time.Time) *engine.Lease {
	line := q.line(r.Queue)
	line.lease = &engine.Lease{
		Queue: r.Queue, Requests: []*engine.Request{r}, State: line.state, TTL: ttl, Expires: now.Add(ttl),
	}
	q.leases[line.lease] = map[*engine.Request]bool{r: true}
	q.leased++
	return line.lease
}

// Done implements engine.Frontier.
func (q *Queue) Done(ctx context.Context, outs []*engine.Outcome, marks engine.Marks) (stale []*engine.Lease, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	for _, o := range outs {
		holds := q.leases[o.Lease]
		if holds == nil {
			stale = append(stale, o.Lease)
			continue
		}
		q.settle(ctx, o, holds, now)
		if o.Keep {
			o.Lease.Expires = now.Add(o.Lease.TTL)
			err = q.more(ctx, o, holds, now)
		} else {
			q.release(o, holds, now)
		}
		if err != nil {
			return stale, err
		}
	}
	if marks != nil {
		q.marks = maps.Clone(marks)
	}
	if len(outs) > 0 {
		q.nudge()
	}
	return stale, nil
}

// settle takes back what an outcome reports on.
func (q *Queue) settle(ctx context.Context, o *engine.Outcome, holds map[*engine.Request]bool, now time.Time) {
	line := q.line(o.Lease.Queue)
	line.charged += int64(o.Charged)
	q.counts.Charged += int64(o.Charged)
	if o.State != nil {
		line.state = o.State
	}
	for _, r := range o.Finished {
		if holds[r] {
			delete(holds, r)
			q.leased--
			q.counts.Finished++
			q.finish(ctx, r)
		}
	}
	for i, r := range o.Back {
		if holds[r] {
			delete(holds, r)
			q.leased--
			q.fate(r)
			q.later = slices.Insert(q.later, min(i, len(q.later)), delayed{r: r, due: now.Add(r.After)})
		}
	}
}

// finish tells the script that a request is done. An error there is logged and
// counted as a hook's is.
func (q *Queue) finish(ctx context.Context, r *engine.Request) {
	p := q.out[r]
	delete(q.out, r)
	names := []string{"on_done"}
	switch q.fate(r) {
	case engine.EventSuccess:
		names = []string{"on_success", "on_done"}
	case engine.EventError:
		names = []string{"on_error", "on_done"}
	}
	for _, name := range names {
		_, err := q.call(ctx, name, r.URL, func() []lua.LValue {
			p.req, p.meta = r, nil
			return []lua.LValue{&p.ud}
		})
		if e := asScriptError(err); e != nil {
			q.h.report(e)
		}
	}
}

// more adds to a kept lease the next request if it is of the same queue.
func (q *Queue) more(ctx context.Context, o *engine.Outcome, holds map[*engine.Request]bool, now time.Time) error {
	if o.More < 1 || !q.room() {
		return nil
	}
	r, _, err := q.next(ctx, now, o.Lease)
	if r == nil {
		return err
	}
	holds[r] = true
	q.leased++
	o.Added = []*engine.Request{r}
	o.Lease.Requests = append(o.Lease.Requests, r)
	return nil
}

// release gives a queue back, with what is left of the lease ahead of all else.
func (q *Queue) release(o *engine.Outcome, holds map[*engine.Request]bool, now time.Time) {
	var left []delayed
	for _, r := range o.Lease.Requests {
		if holds[r] {
			left = append(left, delayed{r: r, due: now})
		}
	}
	q.leased -= len(left)
	q.later = append(left, q.later...)
	delete(q.leases, o.Lease)
	line := q.line(o.Lease.Queue)
	line.lease, line.rest = nil, now.Add(o.Wait)
	if line.state == nil && line.charged == 0 && o.Wait == 0 {
		delete(q.queues, o.Lease.Queue)
	}
}
