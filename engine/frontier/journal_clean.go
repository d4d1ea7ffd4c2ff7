package frontier

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
)

// cleanFrame is the length at which a cleaning ends one frame and begins the
// next: there is no atomic change left to keep together.
const cleanFrame = 64 << 10

// clean rewrites the segments of which more than half is of no use any more,
// the oldest first. A segment keeps its number and its place in the order of
// things, so that reading the segments one after the other still gives the
// same.
func (j *Journal) clean() error {
	for n := 0; ; n++ {
		j.mu.Lock()
		if j.err != nil || n >= len(j.segs)-1 {
			j.mu.Unlock()
			return nil
		}
		s, last := j.segs[n], j.last().number
		worth := s.worthCleaning(last)
		j.mu.Unlock()
		if !worth {
			continue
		}
		if err := j.cleanSegment(s, last); err != nil {
			if errors.Is(err, errClosed) {
				return nil
			}
			return fmt.Errorf("segment %d: %w", s.number, err)
		}
	}
}

// worthCleaning reports whether cleaning s saves half of it. Some of what is
// dead can only go once older segments have been cleaned: so s has its next
// turn when the journal has grown twice as far beyond it as at the last.
func (s *segment) worthCleaning(last uint32) bool {
	return s.dead > s.size/2 && (s.cleaned == 0 || last-s.number >= 2*(s.cleaned-s.number))
}

// A cleaner writes what lives of a segment into a new file.
type cleaner struct {
	j      *Journal
	s      *segment
	last   uint32 // number of the last segment when the cleaning began
	file   *os.File
	w      *bufio.Writer
	size   int64 // written so far
	b      []byte
	seen   []byte // prints of requests that are gone
	states map[uint32][]byte
	leases map[uint32]bool // queues leased here: whether it was more than the beginning of a lease
	moved  []movedGroup
	failed []movedFailure
}

// A movedGroup is a group and where it lies in the new file.
type movedGroup struct{ place, was, off, size uint32 }

func (j *Journal) cleanSegment(s *segment, last uint32) (err error) {
	path := segmentPath(j.dir, s.number)
	fr, err := openFrames(path)
	if err != nil {
		return err
	}
	defer fr.close()
	f, err := os.Create(path + ".tmp")
	if err != nil {
		return err
	}
	defer func() {
		f.Close()
		if err != nil {
			_ = os.Remove(f.Name())
			j.mu.Lock()
			s.dead = 0 // what went wrong will not be better in a second
			j.mu.Unlock()
		}
	}()
	c := &cleaner{j: j, s: s, last: last, file: f, w: bufio.NewWriterSize(f, 1<<18), states: make(map[uint32][]byte), leases: make(map[uint32]bool)}
	_, _ = c.w.WriteString(formatLine) // an error is kept for Flush
	c.size = int64(len(formatLine))
	c.b = beginFrame(nil)
	if err := c.frames(fr); err != nil {
		return err
	}
	if err := c.w.Flush(); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := c.swap(path); err != nil {
		return err
	}
	return syncDir(j.dir)
}

func (c *cleaner) frames(fr *frameReader) error {
	for {
		select {
		case <-c.j.quit:
			return errClosed
		default:
		}
		payload, at, err := fr.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := c.frame(payload, at); err != nil {
			return err
		}
		if len(c.b) >= cleanFrame {
			c.flush()
		}
	}
	c.flushSeen()
	c.j.mu.Lock()
	c.flushLeases()
	for id, state := range c.states {
		if c.j.x.queue(id).seg == c.s.number {
			c.b = append(c.b, state...)
		}
	}
	c.j.mu.Unlock()
	c.flush()
	return nil
}

// flush ends the frame at hand.
func (c *cleaner) flush() {
	if len(c.b) > frameHead {
		endFrame(c.b)
		_, _ = c.w.Write(c.b) // an error is kept for Flush
		c.size += int64(len(c.b))
		c.b = beginFrame(c.b)
	}
}

func (c *cleaner) flushSeen() {
	if len(c.seen) > 0 {
		c.b = append(appendUints(c.b, opSeen, uint64(len(c.seen)/8)), c.seen...)
		c.seen = c.seen[:0]
	}
}

// frame takes what lives of a frame. The marks and the note are in the head of
// the segment behind, and so are the counts.
func (c *cleaner) frame(payload []byte, at int64) error {
	d := &decoder{b: payload}
	for d.more() {
		start := d.i
		switch op := d.byte(); op {
		case opSegment:
			d.uint()
			d.uint()
			c.b = appendUints(c.b, opSegment, uint64(c.s.number), uint64(c.last))
		case opTotals:
			d.uint()
			d.uint()
			d.marks()
			d.text()
			c.b = append(c.b, payload[start:d.i]...)
		case opQueue:
			d.uint()
			d.text()
			c.b = append(c.b, payload[start:d.i]...)
		case opGroup:
			c.group(d, at)
		case opDone, opDrop:
			c.done(d, op)
		case opState, opKeep:
			c.state(d, start)
		case opLease:
			c.lease(d)
		case opAside:
			d.uint()
		case opFailed:
			c.failure(d, start, at)
		case opMended:
			c.mended(d, start)
		case opMarks:
			d.marks()
		case opNote:
			d.text()
		case opSeen:
			c.seen = append(c.seen, d.bytes(8*(d.uint()&(1<<40-1)))...)
		default:
			d.bad = true
		}
	}
	if len(c.seen) >= cleanFrame {
		c.flushSeen()
	}
	return d.err()
}

// state keeps a queue's rest, state and charges until a newer record of them
// comes.
func (c *cleaner) state(d *decoder, start int) {
	id := d.uint32()
	for range 4 {
		d.uint()
	}
	d.text()
	c.states[id] = append(c.states[id][:0], d.b[start:d.i]...)
}

// group takes a group, without the text of what is finished; of one that is
// gone, just the prints.
func (c *cleaner) group(d *decoder, at int64) {
	op := d.group()
	if d.bad {
		return
	}
	was := uint32(at) + uint32(d.i)
	gone, live := c.fate(op.place, was)
	start := 0
	if live {
		c.b = appendGroupHead(c.b, op)
		start = len(c.b)
	}
	for i := range op.count {
		from := d.i
		print, _ := d.entry()
		switch {
		case d.bad:
			return
		case !live:
			c.seen = append(c.seen, d.b[from:from+8]...)
		case gone&(1<<i) != 0:
			c.b = appendGone(c.b, print)
		default:
			c.b = append(c.b, d.b[from:d.i]...)
		}
	}
	if live {
		endGroup(c.b, start, op.count)
		c.moved = append(c.moved, movedGroup{op.place, was, uint32(c.size) + uint32(start), uint32(len(c.b) - start)})
	}
}

// fate tells which requests are finished of the group that lies at off, and
// whether any is not.
func (c *cleaner) fate(place, off uint32) (gone uint64, live bool) {
	c.j.mu.Lock()
	defer c.j.mu.Unlock()
	g := c.j.x.live(place)
	if g == nil || g.seg != c.s.number || g.off != off {
		return 0, false
	}
	return c.j.x.holes[place] | (1<<g.done - 1), true
}

// done takes the ranges whose groups may still be written out in full: those
// of segments that have not been cleaned since.
func (c *cleaner) done(d *decoder, op byte) {
	queue, finished := d.uint32(), d.uint()
	var kept []byte
	ranges := uint64(0)
	for range d.uint() {
		from := d.i
		d.uint32()
		home := d.uint32()
		d.bytes(2)
		if d.bad {
			return
		}
		if c.needed(home) {
			kept = append(kept, d.b[from:d.i]...)
			ranges++
		}
	}
	if ranges > 0 {
		c.b = append(appendUints(c.b, op, uint64(queue), finished, ranges), kept...)
	}
}

// needed reports whether what this segment takes back may still be written in
// the segment home, which has not been cleaned since.
func (c *cleaner) needed(home uint32) bool {
	if home == c.s.number {
		return false
	}
	return c.j.cleanedAt(home) <= c.s.number
}

func (j *Journal) cleanedAt(number uint32) uint32 {
	j.mu.Lock()
	defer j.mu.Unlock()
	if number == 0 || int(number) > len(j.segs) {
		return 0
	}
	return j.segment(number).cleaned
}

// swap puts the new file in the place of the old.
func (c *cleaner) swap(path string) error {
	j, s := c.j, c.s
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return errClosed
	}
	if err := os.Rename(c.file.Name(), path); err != nil {
		return err
	}
	if s.file != nil {
		s.file.Close()
		s.file = nil
		j.nopen--
	}
	j.cache.clear()
	for _, m := range c.moved {
		if g := j.x.live(m.place); g != nil && g.seg == s.number && g.off == m.was {
			g.off, g.size, g.skip = m.off, m.size, 0
		}
	}
	for _, m := range c.failed {
		if p, ok := j.x.failed[m.print]; ok && p.seg == s.number && p.off == m.was {
			p.off = m.off
			j.x.failed[m.print] = p
		}
	}
	s.size, s.cleaned = c.size, c.last
	s.dead = min(s.dead, c.size/4)
	return nil
}
