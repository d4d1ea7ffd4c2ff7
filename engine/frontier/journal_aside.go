package frontier

import (
	"encoding/binary"
	"time"

	"downpour/engine"
)

// A lease is memory alone, but that there is one is written before it is handed
// out: a process that is ended by what it fetches leaves no other trace. The
// leases found at the next open have run out, which counts like any other that
// did. What the end of the machine loses of it is counted too little.

// maxLapses is how many leases in a row have to run out before the request at
// the head of the queue is set aside.
const maxLapses = 3

// leaseHeld is set in the mark of a queue that is leased.
const leaseHeld = 1

// A leaseMark is what opLease says of a queue.
type leaseMark struct {
	queue uint32
	mark  uint64 // twice its expiries in a row, plus leaseHeld
}

// mark is what opLease is to say of q.
func (q *queue) mark(held bool) leaseMark {
	m := leaseMark{q.id, 2 * uint64(q.again)}
	if held {
		m.mark |= leaseHeld
	}
	return m
}

// lapse counts a lease that has run out.
func (q *queue) lapse() {
	q.again++
	q.held = false
}

func (j *Journal) appendLeases(b []byte, marks ...leaseMark) []byte {
	if len(marks) == 0 {
		return b
	}
	b = appendUints(b, opLease, uint64(len(marks)))
	for _, m := range marks {
		b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(m.queue)), m.mark)
	}
	return b
}

// writeLeases writes that the queues of leases are leased.
func (j *Journal) writeLeases(leases []*engine.Lease) error {
	var room [16]leaseMark
	marks := room[:0]
	for _, l := range leases {
		marks = append(marks, j.leases[l].queue.mark(true))
	}
	return j.commit(j.appendLeases(beginFrame(j.buf), marks...))
}

// giveUp writes that nothing is leased any more: what an orderly end leaves has
// not run out. An error ends the journal.
func (j *Journal) giveUp() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return
	}
	var marks []leaseMark
	for _, jl := range j.leases {
		marks = append(marks, jl.queue.mark(false))
	}
	_ = j.commit(j.appendLeases(beginFrame(j.buf), marks...)) // kept in j.err
}

// mark reads one of an opLease's.
func (d *decoder) mark() leaseMark {
	m := leaseMark{d.uint32(), d.uint()}
	if m.mark > 2*maxLapses+leaseHeld {
		d.bad = true
	}
	return m
}

func (j *Journal) applyLease(d *decoder) {
	for range d.uint() {
		m := d.mark()
		if d.bad || m.queue >= j.x.nqueue {
			d.bad = true
			return
		}
		q := j.x.queue(m.queue)
		q.again, q.held = int32(m.mark/2), m.mark&leaseHeld != 0
	}
}

// setAside takes away the request at the head of a queue, which ended three
// workers, and keeps it as a failure.
func (j *Journal) setAside(q *queue) error {
	head := &journalLease{queue: q}
	if err := j.readHead(q, 1, head); err != nil {
		return j.fail(err)
	}
	r := head.held[0].r
	f := &engine.Failed{
		Request: r, Print: r.Print, Kind: engine.FailSetAside, Message: "ended three workers in a row",
		Attempts: r.Attempt + 1, At: time.Now(),
	}
	b := appendFailure(beginFrame(j.buf), r.Print, f.AppendJSON(nil))
	b = j.appendDone(b, opDone, q, head.held, 0)
	b = appendUints(b, opAside, uint64(j.x.aside+1))
	if err := j.commit(j.appendLeases(b, leaseMark{q.id, 0})); err != nil {
		return err
	}
	j.log.Warn("request set aside: it ended three workers in a row", "url", r.URL)
	j.x.schedule(q, j.now(), j.o.MaxPerQueue)
	return nil
}

// lease notes of which queues the segment says that they were leased.
func (c *cleaner) lease(d *decoder) {
	for range d.uint() {
		m := d.mark()
		if d.bad {
			return
		}
		c.leases[m.queue] = c.leases[m.queue] || m.mark != leaseHeld
	}
}

// flushLeases writes what those queues have come to. Whatever counts or ends a
// count is kept; the beginnings of leases are over with the queue's next state,
// most of them.
func (c *cleaner) flushLeases() {
	var marks []leaseMark
	for id, counts := range c.leases {
		if q := c.j.x.queue(id); counts || q.again > 0 || q.held {
			marks = append(marks, q.mark(q.held))
		}
	}
	c.b = c.j.appendLeases(c.b, marks...)
}
