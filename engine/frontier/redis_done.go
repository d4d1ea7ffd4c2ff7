package frontier

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"downpour/engine"
)

// doneBatch bounds the outcomes of one call.
const doneBatch = 100

// The steps of done.lua.
const (
	stepFile   = "l"
	stepHead   = "h"
	stepUpdate = "u"
	stepCut    = "x"
	stepPop    = "p"
	stepRemove = "z"
	stepDead   = "d"
	stepHeld   = "k"
	stepGone   = "g"
	stepFailed = "f"
)

// A report is an outcome on its way to the server.
type report struct {
	held *held
	out  *engine.Outcome
	cold bool // the lease is given up: nobody knows when the queue was last fetched

	fate     []bool // of held.slots: leaves the lease's places
	again    int    // as held.again, from now on
	finished int
	put      int // put back at the head of l:QUEUE
	cut      []int
	steps    []any
}

// Done implements engine.Frontier. The marks are recorded with the first
// outcomes: should a crash part the calls, rows are there twice, never lost.
func (r *Redis) Done(ctx context.Context, outs []*engine.Outcome, marks engine.Marks) (stale []*engine.Lease, err error) {
	for _, o := range outs {
		if len(o.State) > maxState {
			return nil, fmt.Errorf("queue %s: state of %d bytes, more than %d", o.Lease.Queue, len(o.State), maxState)
		}
		for _, b := range o.Back {
			if err := check(b); err != nil {
				return nil, err
			}
		}
	}
	if len(marks) > 0 {
		if err := r.settleMarks(ctx, outs, &marks); err != nil {
			return nil, err
		}
	}
	for len(outs) > 0 {
		batch, rest, lost := r.nextBatch(outs)
		stale = append(stale, lost...)
		outs = rest
		for shard, reports := range batch {
			if len(reports) == 0 {
				continue
			}
			var m engine.Marks
			if shard == 0 {
				m, marks = marks, nil
			}
			gone, err := r.report(ctx, shard, reports, m)
			if err != nil {
				return stale, err
			}
			stale = append(stale, gone...)
		}
	}
	return stale, nil
}

// settleMarks records marks in a call of their own unless the first batch
// brings them to shard 0, and then clears them.
func (r *Redis) settleMarks(ctx context.Context, outs []*engine.Outcome, marks *engine.Marks) error {
	batch, _, _ := r.nextBatch(outs)
	if len(batch[0]) > 0 {
		return nil
	}
	_, err := r.report(ctx, 0, nil, *marks)
	*marks = nil
	return err
}

// nextBatch takes outcomes from the front, by shard, as many as one call may
// hold, each lease once. Those of leases this worker no longer has are lost.
func (r *Redis) nextBatch(outs []*engine.Outcome) (batch [][]*report, rest []*engine.Outcome, lost []*engine.Lease) {
	r.mu.Lock()
	defer r.mu.Unlock()
	batch = make([][]*report, r.keys.shards)
	taken := map[*engine.Lease]bool{}
	for i, o := range outs {
		h := r.held[o.Lease]
		if h == nil {
			lost = append(lost, o.Lease)
			continue
		}
		if taken[o.Lease] || len(taken) == doneBatch {
			return batch, outs[i:], lost
		}
		taken[o.Lease] = true
		batch[h.shard] = append(batch[h.shard], &report{held: h, out: o})
	}
	return batch, nil, lost
}

// report runs done.lua for outcomes of one shard and brings the books up to
// what it answers.
func (r *Redis) report(ctx context.Context, shard int, reports []*report, marks engine.Marks) (stale []*engine.Lease, err error) {
	for _, p := range reports {
		if err := r.plan(ctx, p); err != nil {
			return nil, err
		}
	}
	res, begun, err := r.callDone(ctx, shard, reports, marks)
	if err != nil {
		return nil, err
	}
	answers, ok := res.([]any)
	if !ok || len(answers) != len(reports) {
		return nil, unexpected("done", res)
	}
	stale, messy, err := r.settleReports(reports, answers, begun, marks)
	for _, h := range messy {
		if err == nil {
			_, err = r.buryAdded(ctx, h)
		}
	}
	return stale, err
}

// callDone runs done.lua.
func (r *Redis) callDone(ctx context.Context, shard int, reports []*report, marks engine.Marks) (res any, begun time.Time, err error) {
	err = r.inSlot(ctx, func(s *slot) (err error) {
		op := r.id + "." + strconv.FormatInt(r.op.Add(1), 10)
		args := []any{"", s.name, s.seq, "0", op, r.pageLimit(shard), r.opts.MaxPerQueue, len(marks)}
		for name, at := range marks {
			args = append(args, r.markField(name), at)
		}
		for _, p := range reports {
			args = p.append(args)
		}
		res, begun, err = r.run(ctx, r.scripts.done, shard, argResent, args)
		return err
	})
	return res, begun, err
}

// settleReports brings the books up to the server's answers. messy are leases
// to which entries were added that are no requests.
func (r *Redis) settleReports(reports []*report, answers []any, begun time.Time, marks engine.Marks) (stale []*engine.Lease, messy []*held, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, at := range marks {
		r.marks[name] = at
	}
	for i, p := range reports {
		gone, err := r.settleReport(p, answers[i], begun)
		if err != nil {
			return stale, nil, err
		}
		switch {
		case gone:
			stale = append(stale, p.held.lease)
		case len(p.held.bad) > 0 && r.held[p.held.lease] != nil:
			messy = append(messy, p.held)
		}
	}
	return stale, messy, nil
}

// buryAdded is bury for what Outcome.More brought: the lease is kept.
func (r *Redis) buryAdded(ctx context.Context, h *held) (stale []*engine.Lease, err error) {
	return r.report(ctx, h.shard, []*report{{held: h, out: &engine.Outcome{Lease: h.lease, Keep: true}}}, nil)
}

// plan works out the steps.
func (r *Redis) plan(ctx context.Context, p *report) error {
	h, o := p.held, p.out
	p.fate, p.again = make([]bool, len(h.slots)), h.again
	leave := func(req *engine.Request) (i int, ok bool) {
		i = slices.IndexFunc(h.slots, func(s spot) bool { return s.req == req })
		if i < 0 || p.fate[i] {
			return 0, false
		}
		p.fate[i], p.again = true, 0
		return i, true
	}
	for _, req := range o.Finished {
		if i, ok := leave(req); ok {
			p.finished++
			p.remove(h.slots[i])
		}
	}
	heads, err := r.planBack(ctx, p, leave)
	if err != nil {
		return err
	}
	for _, b := range h.bad {
		p.steps = append(p.steps, stepDead, b.reason, b.spot.raw)
		p.remove(b.spot)
	}
	if len(o.Failed) > 0 {
		heads = append(p.planFailed(), heads...)
	}
	p.steps = append(heads, p.steps...)
	p.cutPlaces()
	if o.Keep && o.More > 0 {
		for i, s := range h.slots {
			if s.at == inLevels && !p.fate[i] {
				p.steps = append(p.steps, stepHeld, s.raw)
			}
		}
	}
	return nil
}

// planBack works out the steps for what is put back, and returns apart those
// for the head of the queue: in reverse, each comes before the one ahead of it.
func (r *Redis) planBack(ctx context.Context, p *report, leave func(*engine.Request) (int, bool)) (heads []any, err error) {
	h := p.held
	for _, req := range slices.Backward(p.out.Back) {
		i, ok := leave(req)
		if !ok {
			continue
		}
		raw := string(appendStored(nil, req))
		prio := strconv.Itoa(req.Priority)
		switch s := h.slots[i]; {
		case r.keys.shard(req.Queue) != h.shard:
			if err := r.move(ctx, req); err != nil {
				return nil, err
			}
			p.steps = append(p.steps, stepGone, "1")
			p.remove(s)
		case req.Queue != h.lease.Queue || req.After > 0:
			p.steps = append([]any{stepFile, req.Queue, prio, millis(req.After), raw}, p.steps...)
			p.remove(s)
		case s.at == inLevels && s.raw == raw:
			heads = append(heads, stepUpdate, prio, raw)
		default:
			heads = append(heads, stepHead, prio, raw)
			if req.Priority == 0 {
				p.put++
			}
			p.remove(s)
		}
	}
	return heads, nil
}

// move files a put-back of another shard there, ahead of leaving this one.
func (r *Redis) move(ctx context.Context, req *engine.Request) error {
	c := &pushCall{shard: r.keys.shard(req.Queue)}
	c.add(req, filedMovedIn)
	_, err := r.push(ctx, c)
	return err
}

// remove takes a request out of its place.
func (p *report) remove(s spot) {
	if s.at == inLevels {
		p.steps = append(p.steps, stepRemove, s.raw)
		return
	}
	p.cut = append(p.cut, s.at)
}

// cutPlaces adds the steps that take places out of l:QUEUE: at once if they are
// its head, as they mostly are.
func (p *report) cutPlaces() {
	slices.Sort(p.cut)
	if n := len(p.cut); n > 0 && p.cut[n-1] == n-1 && p.put == 0 {
		p.steps = append(p.steps, stepPop, n)
		return
	}
	for _, at := range p.cut {
		p.steps = append(p.steps, stepCut, at)
	}
}

// append adds the outcome's arguments.
func (p *report) append(args []any) []any {
	h, o := p.held, p.out
	mode, wait := "", millis(o.Wait)
	released, left, more := len(h.slots)+len(h.bad), 0, 0
	switch {
	case o.Keep:
		mode, wait, more = "k", int64(h.lease.TTL/time.Millisecond), max(o.More, 0)
		left = len(h.slots)
		for _, gone := range p.fate {
			if gone {
				left--
			}
		}
		released -= left
	case p.cold:
		mode = "c"
	}
	nums := make([]byte, 0, 48)
	for _, n := range []int64{
		wait, int64(min(o.Charged, p.finished)), int64(p.finished), int64(released), int64(left),
		int64(min(more, leaseEach)), int64(h.span - len(p.cut) + p.put), int64(p.again),
	} {
		nums = append(strconv.AppendInt(nums, n, 10), ' ')
	}
	hasState := "0"
	if o.State != nil {
		hasState = "1"
	}
	args = append(args, h.lease.Queue, h.token, mode, nums, hasState, o.State, len(p.steps))
	return append(args, p.steps...)
}

// settleReport brings the books up to the server's answer to one outcome.
func (r *Redis) settleReport(p *report, v any, begun time.Time) (stale bool, err error) {
	h := p.held
	f, ok := v.([]any)
	if !ok || len(f) < 3 {
		return false, unexpected("done", v)
	}
	token, ok := f[0].(string)
	if !ok {
		return false, unexpected("done", v)
	}
	if token == "" || token == "stale" {
		delete(r.held, h.lease)
		return token != "", nil
	}
	h.renew(token)
	h.lease.Expires = begun.Add(h.lease.TTL)
	var left []spot
	for i, s := range h.slots {
		if p.fate[i] {
			continue
		}
		if s.at != inLevels {
			before, _ := slices.BinarySearch(p.cut, s.at)
			s.at += p.put - before
		}
		left = append(left, s)
	}
	h.slots, h.bad, h.again = left, nil, p.again
	h.span += p.put - len(p.cut)
	p.out.Added, err = h.take(f[1:])
	return false, err
}

// giveUp ends all leases, unfinished.
func (r *Redis) giveUp(ctx context.Context) error {
	r.mu.Lock()
	all := make([][]*report, r.keys.shards)
	for l, h := range r.held {
		all[h.shard] = append(all[h.shard], &report{held: h, out: &engine.Outcome{Lease: l}, cold: true})
	}
	r.mu.Unlock()
	for shard, reports := range all {
		for batch := range slices.Chunk(reports, doneBatch) {
			if _, err := r.report(ctx, shard, batch, nil); err != nil {
				return err
			}
		}
	}
	return nil
}
