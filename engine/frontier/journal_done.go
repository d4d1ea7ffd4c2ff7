package frontier

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"downpour/engine"
)

// Done writes what became of leases in one frame.
func (j *Journal) Done(ctx context.Context, outs []*engine.Outcome, marks engine.Marks) (stale []*engine.Lease, err error) {
	for _, o := range outs {
		if err := checkOutcome(o); err != nil {
			return nil, err
		}
	}
	if err := j.enter(ctx); err != nil {
		return nil, err
	}
	defer j.mu.Unlock()
	at := time.Now()
	now := j.nanos(at)
	j.expire(now)
	b := beginFrame(j.buf)
	var good []*engine.Outcome
	for _, o := range outs {
		jl := j.leases[o.Lease]
		if jl == nil || jl.ending {
			stale = append(stale, o.Lease)
			continue
		}
		jl.ending = !o.Keep
		b = j.appendOutcome(b, jl, o, now)
		good = append(good, o)
	}
	clear(j.push.named)
	b = j.appendNewMarks(b, marks)
	if err := j.commit(b); err != nil {
		return nil, err
	}
	for _, o := range good {
		if err := j.settle(o, at); err != nil {
			return nil, j.fail(err)
		}
	}
	return stale, nil
}

// checkOutcome reports what keeps an outcome from being written.
func checkOutcome(o *engine.Outcome) error {
	if len(o.State) > maxState {
		return fmt.Errorf("done %s: rule state of %d bytes, more than %d", o.Lease.Queue, len(o.State), maxState)
	}
	if o.Charged < 0 || o.Wait < 0 {
		return fmt.Errorf("done %s: charged %d, wait %v", o.Lease.Queue, o.Charged, o.Wait)
	}
	for _, r := range o.Back {
		if err := check(r); err != nil {
			return err
		}
	}
	return nil
}

// appendOutcome writes an outcome and takes its requests from the lease.
func (j *Journal) appendOutcome(b []byte, jl *journalLease, o *engine.Outcome, now int64) []byte {
	var room [16]heldRequest
	gone := room[:0]
	finished := uint64(0)
	for _, r := range o.Finished {
		if h, ok := jl.drop(r); ok {
			gone = append(gone, h)
			finished++
		}
	}
	b = appendFailed(b, o.Failed, gone)
	back := make([]pushItem, 0, len(o.Back))
	for _, r := range o.Back {
		if h, ok := jl.drop(r); ok {
			gone = append(gone, h)
			back = append(back, pushItem{r: r})
		}
	}
	j.reserved -= int64(len(gone))
	q := jl.queue
	if len(gone) > 0 {
		b = j.appendDone(b, opDone, q, gone, finished)
		if q.again > 0 { // that is over: the head is another
			b = j.appendLeases(b, leaseMark{q.id, 0}, leaseMark{q.id, leaseHeld})
		}
	}
	b = j.appendBack(b, back, now)
	// A charge is for what is finished now: told again it counts once.
	charged := min(uint64(o.Charged), finished)
	if o.Keep && charged == 0 && o.State == nil {
		return b
	}
	op, rest, state := byte(opState), int64(o.Wait), []byte(q.state)
	if o.Keep {
		op, rest = opKeep, 0 // it is over, or the queue would not be leased
	}
	if o.State != nil {
		state = o.State
	}
	total := uint64(q.charged) + charged
	return appendLen(appendUints(b, op, uint64(q.id), uint64(now), uint64(rest), charged, total), state)
}

// drop takes a request from the lease.
func (jl *journalLease) drop(r *engine.Request) (heldRequest, bool) {
	for i, h := range jl.held {
		if h.r == r {
			jl.held = slices.Delete(jl.held, i, i+1)
			return h, true
		}
	}
	return heldRequest{}, false
}

// appendDone writes what has left the places of gone, in ranges.
func (j *Journal) appendDone(b []byte, op byte, q *queue, gone []heldRequest, finished uint64) []byte {
	slices.SortFunc(gone, func(a, b heldRequest) int {
		return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(a.i, b.i))
	})
	follows := func(i int) bool { return i > 0 && gone[i].place == gone[i-1].place && gone[i].i == gone[i-1].i+1 }
	ranges := uint64(0)
	for i := range gone {
		if !follows(i) {
			ranges++
		}
	}
	b = appendUints(b, op, uint64(q.id), finished, ranges)
	for i, h := range gone {
		if follows(i) {
			b[len(b)-1]++
			continue
		}
		b = binary.AppendUvarint(b, uint64(h.place))
		b = binary.AppendUvarint(b, uint64(j.x.group(h.place).seg))
		b = append(b, h.i, 1)
	}
	return b
}

// appendBack writes what is put back: what waits in its order, the rest in
// groups that go to the head of their level, for which the last comes first.
func (j *Journal) appendBack(b []byte, back []pushItem, now int64) []byte {
	for i := range back {
		back[i].queue, b = j.queueID(b, back[i].r.Queue)
	}
	front := back[:0:0]
	for i := range back {
		if back[i].r.After <= 0 {
			front = append(front, back[i])
		} else if !back[i].taken {
			b = j.appendGroup(b, back[i:min(i+groupWindow, len(back))], now, 0)
		}
	}
	for end := len(front); end > 0; {
		first := end - 1
		for first > 0 && end-first < maxGroup && together(front[first-1], front[end-1]) {
			first--
		}
		b = j.appendGroup(b, front[first:end], now, groupFront)
		end = first
	}
	return b
}

func together(a, b pushItem) bool {
	return a.queue == b.queue && a.r.Priority == b.r.Priority
}

func (j *Journal) appendNewMarks(b []byte, marks engine.Marks) []byte {
	changed := maps.Clone(marks)
	maps.DeleteFunc(changed, func(name string, end int64) bool {
		was, ok := j.marks[name]
		return ok && was == end
	})
	if len(changed) == 0 {
		return b
	}
	return appendMarks(append(b, opMarks), changed)
}

// settle does in memory what an outcome that is written means for its lease.
func (j *Journal) settle(o *engine.Outcome, at time.Time) (err error) {
	jl := j.leases[o.Lease]
	if jl == nil {
		return nil
	}
	q, now := jl.queue, j.nanos(at)
	for _, r := range o.Back {
		if r.Queue == q.name {
			continue
		}
		if other := j.x.queue(j.x.byName[r.Queue]); other.lease == nil {
			j.x.schedule(other, now, j.o.MaxPerQueue)
			j.nudge()
		}
	}
	if o.Keep {
		o.Lease.Expires = at.Add(o.Lease.TTL)
		jl.expires = j.nanos(o.Lease.Expires)
		j.x.setDue(q, jl.expires)
		o.Added, err = j.more(o.Lease, jl, o.More, now)
		return err
	}
	j.end(o.Lease, jl)
	j.x.schedule(q, now, j.o.MaxPerQueue)
	j.nudge()
	return nil
}
