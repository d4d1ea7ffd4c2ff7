package frontier

import (
	"context"
	"strconv"
	"time"

	"downpour/engine"
)

// The bounds of one lease call.
const (
	leaseQueues = 250
	leaseEach   = 1000
)

// maxWait bounds how long a sleeper sleeps: a message that wakes it may be lost
// while the connection is made anew.
const maxWait = 30 * time.Second

// unknownWait is how long to wait when only a command can make something due.
const unknownWait = time.Minute

// held is what this worker knows of a lease of its own.
type held struct {
	lease *engine.Lease
	shard int
	token string // the current one
	slots []spot
	span  int   // places of l:QUEUE from its head that the lease reaches over
	again int   // leases of the queue that ran out in a row, 0 once this one has brought something
	bad   []bad // entries that cannot be read, to be taken out
}

// A spot is where a leased request waits.
type spot struct {
	req *engine.Request
	raw string // as stored
	at  int    // place in l:QUEUE, or inLevels
}

// inLevels stands for a place in p:QUEUE, where raw says which.
const inLevels = -1

// bad is a leased entry that is no request.
type bad struct {
	spot   spot
	reason string
}

// answer is the result of lease.lua.
type answer struct {
	status int64 // 0, statusDrained, statusBudget
	wait   time.Duration
	pushed int64
	short  bool // the shard holds requests and may charge no more pages
	held   []*held
}

const (
	statusDrained = 1
	statusBudget  = 2
)

// Lease implements engine.Frontier. Leases that ran out three times in a row
// without progress have their first request set aside.
func (r *Redis) Lease(ctx context.Context, queues, each int, ttl time.Duration) ([]*engine.Lease, time.Duration, error) {
	for {
		held, a, err := r.leaseAll(ctx, queues, each, ttl)
		if err != nil {
			return nil, 0, err
		}
		leases, dropped, err := r.settle(ctx, held)
		if err != nil {
			return nil, 0, err
		}
		switch {
		case len(leases) > 0:
			return leases, min(max(a.wait, minWait), maxWait), nil
		case dropped:
			continue // entries were taken out: there may be good ones behind
		case a.status == statusDrained:
			return nil, 0, engine.ErrDrained
		case a.status == statusBudget:
			return nil, 0, engine.ErrBudget
		}
		return nil, min(max(a.wait, minWait), maxWait), nil
	}
}

// leaseAll asks the shards in turn, another first each time. With several
// shards the crawl is drained, or out of pages, if all were in two rounds between
// which nothing was pushed: then there was a moment at which all were.
func (r *Redis) leaseAll(ctx context.Context, queues, each int, ttl time.Duration) ([]*held, answer, error) {
	n := r.keys.shards
	var before int64
	for round := 0; ; round++ {
		total := answer{status: statusDrained, wait: -1}
		first := int(r.turn.Add(1)-1) % n
		for i := range n {
			a, err := r.leaseShard(ctx, (first+i)%n, queues-len(total.held), each, ttl)
			if err != nil {
				return nil, total, err
			}
			total.join(a)
			if len(total.held) >= queues {
				break
			}
		}
		if total.wait < 0 {
			total.wait = unknownWait
		}
		confirmed := n == 1 || round > 0 && before == total.pushed
		if total.status == 0 || len(total.held) > 0 || confirmed {
			return total.held, total, nil
		}
		before = total.pushed
	}
}

// join adds the answer of another shard.
func (a *answer) join(b answer) {
	a.held = append(a.held, b.held...)
	a.pushed += b.pushed
	if b.wait >= 0 && (a.wait < 0 || b.wait < a.wait) {
		a.wait = b.wait
	}
	if a.status == 0 || b.status == 0 {
		a.status = 0
	} else {
		a.status = max(a.status, b.status)
	}
}

// leaseShard takes up to queues leases of a shard.
func (r *Redis) leaseShard(ctx context.Context, shard, queues, each int, ttl time.Duration) (answer, error) {
	var total answer
	for {
		want := min(queues-len(total.held), leaseQueues)
		args := r.leaseArgs(shard, want, min(each, leaseEach), ttl)
		res, begun, err := r.run(ctx, r.scripts.lease, shard, argLeaseResent, args)
		if err != nil {
			return total, err
		}
		a, err := parseAnswer(res, shard)
		if err != nil {
			return total, err
		}
		for _, h := range a.held {
			h.lease.TTL, h.lease.Expires = ttl, begun.Add(ttl)
		}
		a.held = append(total.held, a.held...)
		total = a
		if a.short && r.sharesPages() {
			if more, err := r.grant(ctx, shard, want*min(each, leaseEach)); err != nil || !more {
				return total, err
			}
			continue
		}
		if len(a.held) >= queues || len(a.held) < want || want < leaseQueues {
			return total, nil
		}
	}
}

// leaseArgs are the arguments of lease.lua, the prefix left open.
func (r *Redis) leaseArgs(shard, queues, each int, ttl time.Duration) []any {
	op := r.id + "." + strconv.FormatInt(r.op.Add(1), 10)
	return []any{"", queues, each, int64(ttl / time.Millisecond), op, "0", r.pageLimit(shard), r.opts.MaxPerQueue, "0"}
}

func parseAnswer(res any, shard int) (answer, error) {
	var a answer
	list, ok := res.([]any)
	if !ok || len(list) < 4 {
		return a, unexpected("lease", res)
	}
	status, ok1 := list[0].(int64)
	wait, ok2 := list[1].(int64)
	pushed, ok3 := list[2].(int64)
	short, ok4 := list[3].(int64)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return a, unexpected("lease", res)
	}
	// The server keeps times in whole milliseconds, rounded up: whole ones are
	// waited, so that nothing is slept past.
	a.status, a.pushed, a.short, a.wait = status, pushed, short == 1, (time.Duration(wait) * time.Microsecond).Truncate(time.Millisecond)
	if wait < 0 {
		a.wait = -1
	}
	for _, l := range list[4:] {
		h, err := parseLease(l, shard)
		if err != nil {
			return a, err
		}
		a.held = append(a.held, h)
	}
	return a, nil
}

func parseLease(v any, shard int) (*held, error) {
	f, ok := v.([]any)
	if !ok || len(f) < 8 {
		return nil, unexpected("lease", v)
	}
	queue, ok1 := f[0].(string)
	token, ok2 := f[1].(string)
	again, ok3 := f[2].(int64)
	cold, ok4 := f[3].(int64)
	state, _ := f[4].(string)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return nil, unexpected("lease", v)
	}
	l := &engine.Lease{Queue: queue, Again: int(again), Cold: cold == 1}
	if f[4] != nil {
		l.State = []byte(state)
	}
	h := &held{lease: l, shard: shard, again: int(again)}
	h.renew(token)
	_, err := h.take(f[5:])
	return h, err
}

// renew notes the lease's current token.
func (h *held) renew(token string) {
	h.token = token
	h.lease.Token, _ = strconv.ParseUint(token, 10, 64)
}

// take adds requests to the lease, from {of p: before l:, of p: behind,
// request…}, and returns those that can be read.
func (h *held) take(f []any) ([]*engine.Request, error) {
	hi, ok1 := f[0].(int64)
	lo, ok2 := f[1].(int64)
	if !ok1 || !ok2 {
		return nil, unexpected("lease", f)
	}
	var added []*engine.Request
	f = f[2:]
	for i, v := range f {
		raw, ok := v.(string)
		if !ok {
			return nil, unexpected("lease", v)
		}
		p := spot{raw: raw, at: inLevels}
		if i >= int(hi) && i < len(f)-int(lo) {
			p.at = h.span
			h.span++
		}
		req, err := parseStored(raw)
		if err != nil {
			h.bad = append(h.bad, bad{p, err.Error()})
			continue
		}
		req.Queue = h.lease.Queue
		p.req = req
		h.slots = append(h.slots, p)
		added = append(added, req)
	}
	h.lease.Requests = append(h.lease.Requests, added...)
	return added, nil
}

// settle enters new leases in the books and takes out what is no request.
// dropped reports that a lease was given back because it held nothing else.
func (r *Redis) settle(ctx context.Context, all []*held) (leases []*engine.Lease, dropped bool, err error) {
	r.mu.Lock()
	for _, h := range all {
		r.held[h.lease] = h
	}
	r.mu.Unlock()
	for _, h := range all {
		if len(h.bad) > 0 {
			stale, err := r.bury(ctx, h)
			if err != nil {
				r.abandon(all)
				return nil, false, err
			}
			if dropped = dropped || stale || len(h.slots) == 0; stale || len(h.slots) == 0 {
				continue
			}
		}
		leases = append(leases, h.lease)
	}
	return leases, dropped, nil
}

// abandon forgets leases that could not be handed out; they run out.
func (r *Redis) abandon(all []*held) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range all {
		delete(r.held, h.lease)
	}
}

// bury moves the entries of a lease that are no requests to the dead, and
// gives the lease back if nothing else is left.
func (r *Redis) bury(ctx context.Context, h *held) (stale bool, err error) {
	r.log.Warn("an entry in redis is no request and was put aside", "queue", h.lease.Queue,
		"entries", len(h.bad), "reason", h.bad[0].reason)
	out := &engine.Outcome{Lease: h.lease, Keep: len(h.slots) > 0}
	got, err := r.report(ctx, h.shard, []*report{{held: h, out: out}}, nil)
	return len(got) > 0, err
}
