package engine

import "time"

// flush gives the committer what has ended, once it is free.
func (d *dispatcher) flush() {
	if d.broken {
		d.ended = nil
		clear(d.renew)
	}
	if d.writing != nil || (len(d.ended) == 0 && len(d.renew) == 0) {
		return
	}
	b := &batch{jobs: d.ended}
	d.ended = nil
	outs := map[*turn]*Outcome{}
	for _, j := range b.jobs {
		j.turn.report(outs, j)
	}
	for t := range d.renew {
		if outs[t] == nil {
			outs[t] = &Outcome{Lease: t.lease}
		}
	}
	clear(d.renew)
	for t, o := range outs {
		if t.lost {
			continue
		}
		d.outcome(t, o)
		b.outs = append(b.outs, o)
		b.turns = append(b.turns, t)
	}
	d.writing = b
	d.commits <- b
}

// outcome fills in what becomes of the turn itself.
func (d *dispatcher) outcome(t *turn, o *Outcome) {
	o.State = t.newState()
	pause := time.Until(t.from())
	o.Keep = t.open > 0 || (!d.still() && len(t.todo) > 0 && pause <= holdMax)
	if o.Keep {
		if !d.still() && len(t.todo) < d.e.cfg.PerHost && t.started < turnMost*d.e.cfg.PerHost && !t.hungryAt().After(time.Now()) {
			o.More = d.e.each()
			if t.doomed() {
				o.More = leaseEach // they take no time
			}
		}
		t.committing = true
		return
	}
	o.Wait = max(pause, 0)
	delete(d.turns, t.lease.Queue)
	t.released = true
}

// turnMost bounds how many requests a queue may have in one turn before others
// get their chance, for each that may be under way.
const turnMost = 256

// settle takes the committer's answer.
func (d *dispatcher) settle(b *batch) {
	d.writing = nil
	if b.err != nil {
		d.e.finish("failed", b.err.Error(), b.err)
		d.broken = true
		d.close()
		d.cut()
	}
	stale := map[*Lease]bool{}
	for _, l := range b.stale {
		stale[l] = true
		d.e.log.Warn("lease lost: another worker has the queue", "queue", l.Queue)
	}
	for i, t := range b.turns {
		if t.released {
			d.soon(b.outs[i].Wait)
			continue
		}
		t.committing, t.short = false, false
		t.leased(t.lease.Expires)
		if stale[t.lease] {
			t.lost, t.todo = true, nil
			d.refuse(t)
			delete(d.turns, t.lease.Queue)
			continue
		}
		t.todo = append(t.todo, b.outs[i].Added...)
		if b.outs[i].More > 0 && len(b.outs[i].Added) == 0 {
			t.dry = time.Now().Add(idlePoll)
		}
		d.line(t)
		d.retire(t)
	}
	if b.fresh > 0 || len(b.stale) > 0 || len(d.turns) == 0 {
		d.soon(0) // with nothing at hand, what has been given back may have been the last
	}
}

// soon makes the next Lease call come no later than after wait.
func (d *dispatcher) soon(wait time.Duration) {
	at := time.Now().Add(wait)
	if at.Before(d.again) {
		d.again = at
	}
	if d.leased && (d.early.IsZero() || at.Before(d.early)) {
		d.early = at
	}
	d.drained = nil
}
