package frontier

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// commit writes the frame that b is, does what it says to the index, and keeps
// b for the next. What a call does and what a restart does is one and the same:
// apply.
func (j *Journal) commit(b []byte) error {
	j.buf = b[:0]
	if len(b) == frameHead {
		return nil
	}
	if cap(b) > 4<<20 {
		j.buf = nil
	}
	endFrame(b)
	s := j.last()
	at := s.size
	n, err := s.file.Write(b)
	s.size += int64(n)
	if err != nil {
		return j.fail(j.writeError(err))
	}
	j.dirty = true
	if err := j.apply(b[frameHead:], s, at+frameHead, j.now()); err != nil {
		return j.fail(err)
	}
	if s.size >= j.limit {
		if err := j.startSegment(); err != nil {
			return j.fail(err)
		}
	}
	return nil
}

// replay reads the segments 1 to last.
func (j *Journal) replay(ctx context.Context, last uint32) error {
	stray, err := filepath.Glob(filepath.Join(j.dir, "*.tmp"))
	if err != nil {
		return err
	}
	for _, name := range stray {
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	for n := uint32(1); n <= last; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := j.replaySegment(n, n == last); err != nil {
			return err
		}
	}
	j.x.collectFree()
	now := j.now()
	for id := range j.x.nqueue {
		q := j.x.queue(id)
		q.cold = true
		if q.held { // by a process that was ended with it
			q.lapse()
		}
		j.x.schedule(q, now, j.o.MaxPerQueue)
	}
	j.resumed = j.x.nqueue > 0
	if len(j.segs) == 0 {
		return nil
	}
	return j.reopenLast()
}

func (j *Journal) replaySegment(n uint32, last bool) error {
	path := segmentPath(j.dir, n)
	s := &segment{number: n}
	fr, err := openFrames(path)
	if err == nil {
		defer fr.close()
		err = j.replayFrames(fr, s)
	}
	switch {
	case err == nil:
		s.size = fr.size
	case !errors.Is(err, errTorn):
		return err
	case !last:
		return fmt.Errorf("%s is damaged, and is not the last of its crawl: restore it, or start over with --fresh", path)
	case fr == nil || len(j.segs) < int(n): // not even its first frame
		j.log.Warn("cut the journal's unfinished end", "file", path)
		return os.Remove(path)
	default:
		s.size = fr.at
		j.log.Warn("cut the journal's unfinished end", "file", path, "bytes", fr.size-fr.at)
		if err := os.Truncate(path, fr.at); err != nil {
			return fmt.Errorf("cut the journal's unfinished end: %w", err)
		}
	}
	return nil
}

// reopenLast opens the last segment for writing.
func (j *Journal) reopenLast() error {
	s := j.last()
	f, err := os.OpenFile(segmentPath(j.dir, s.number), os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	s.file = f
	j.nopen++
	return nil
}

func (j *Journal) replayFrames(fr *frameReader, s *segment) error {
	now := j.now()
	for {
		payload, at, err := fr.next()
		if errors.Is(err, io.EOF) && len(j.segs) == int(s.number) {
			return nil
		}
		if errors.Is(err, io.EOF) {
			return errTorn
		}
		if err != nil {
			return err
		}
		if len(j.segs) < int(s.number) {
			j.segs = append(j.segs, s)
		}
		if err := j.apply(payload, s, at, now); err != nil {
			return fmt.Errorf("%s, frame at byte %d: %w", fr.path, at-frameHead, err)
		}
	}
}

// apply does what a frame says. The frame lies in s, its payload at byte at.
func (j *Journal) apply(payload []byte, s *segment, at, now int64) error {
	d := &decoder{b: payload}
	for d.more() {
		start := d.i
		switch op := d.byte(); op {
		case opSegment:
			if n := d.uint(); n != uint64(s.number) {
				return fmt.Errorf("segment %d is in the place of %d", n, s.number)
			}
			s.cleaned = d.uint32()
		case opTotals:
			j.applyTotals(d)
		case opQueue:
			j.applyQueue(d)
		case opGroup:
			j.applyGroup(d, s, at, now)
		case opDone, opDrop:
			j.applyDone(d, op)
			s.dead += int64(d.i - start)
		case opState, opKeep:
			j.applyState(d, s, op, now, start)
		case opLease:
			j.applyLease(d)
			s.dead += int64(d.i - start)
		case opAside:
			j.x.aside = d.int64()
		case opFailed:
			j.applyFailed(d, s, at)
		case opMended:
			j.applyMended(d)
			s.dead += int64(d.i - start)
		case opMarks:
			for name, end := range d.marks() {
				j.marks[name] = end
			}
		case opNote:
			j.keepNote(d.text())
		case opSeen:
			prints := d.bytes(8 * (d.uint() & (1<<40 - 1)))
			for ; len(prints) > 0; prints = prints[8:] {
				j.x.prints.add(binary.LittleEndian.Uint64(prints))
			}
		default:
			d.bad = true
		}
	}
	return d.err()
}

func (j *Journal) applyTotals(d *decoder) {
	j.x.finished, j.x.charged = d.int64(), d.int64()
	if marks := d.marks(); marks != nil {
		j.marks = marks
	}
	j.keepNote(d.text())
}

func (j *Journal) applyQueue(d *decoder) {
	id, name := d.uint(), d.text()
	if d.bad || id != uint64(j.x.nqueue) || len(name) == 0 {
		d.bad = true
		return
	}
	j.x.addQueue(string(name))
}

func (j *Journal) keepNote(b []byte) {
	j.note = nil
	if len(b) > 0 {
		j.note = append([]byte(nil), b...)
	}
}

// applyGroup files a group. Entries without text are finished already.
func (j *Journal) applyGroup(d *decoder, s *segment, at, now int64) {
	op := d.group()
	start := d.i
	if d.bad || op.queue >= j.x.nqueue {
		d.bad = true
		return
	}
	var gone uint64
	for i := range op.count {
		print, text := d.entry()
		j.x.prints.add(print)
		if len(text) == 0 {
			gone |= 1 << i
		}
	}
	if d.bad || d.i-start != int(op.size) {
		d.bad = true
		return
	}
	j.x.claim(op.place)
	g := j.x.group(op.place)
	if g.count != 0 {
		d.bad = true
		return
	}
	*g = group{
		seg: s.number, off: uint32(at) + uint32(start), size: op.size,
		count: op.count, prio: op.prio, delayed: op.flags&groupDelayed != 0,
	}
	q := j.x.queue(op.queue)
	j.x.add(q, op.place, op.flags&groupFront != 0, min(op.at, now)+op.after)
	if gone != 0 {
		j.applyGone(q, op.place, gone)
	}
}

// applyGone marks as finished what a cleaning has left out of a group. Of a
// delayed group some can only be finished if it has become ready, so it is made
// ready again.
func (j *Journal) applyGone(q *queue, place uint32, gone uint64) {
	g := j.x.group(place)
	for i := range g.count {
		if gone&(1<<i) != 0 {
			j.x.finish(q, place, i, 1)
		}
	}
}

func (j *Journal) applyDone(d *decoder, op byte) {
	id, n := d.uint32(), d.int64()
	if d.bad || id >= j.x.nqueue {
		d.bad = true
		return
	}
	j.x.finished += n
	q := j.x.queue(id)
	for range d.uint() {
		place, seg := d.uint32(), d.uint32()
		start, count := d.byte(), d.byte()
		if d.bad || int(start)+int(count) > maxGroup || seg == 0 || int(seg) > len(j.segs) {
			d.bad = true
			return
		}
		// A group that is not there any more was cleaned away.
		if g := j.x.live(place); g != nil && g.seg == seg {
			if start+count > g.count {
				d.bad = true
				return
			}
			each := int64(g.size) / int64(g.count)
			leave := j.x.finish
			if op == opDrop {
				leave = j.x.drop
			}
			fresh := leave(q, place, start, count)
			j.segment(seg).dead += int64(fresh) * max(each-8, 0)
		}
	}
}

func (j *Journal) applyState(d *decoder, s *segment, op byte, now int64, start int) {
	id := d.uint32()
	at, rest := d.int64(), d.int64()
	charged, total := d.int64(), d.int64()
	state := d.text()
	if d.bad || id >= j.x.nqueue {
		d.bad = true
		return
	}
	q := j.x.queue(id)
	if q.seg != 0 {
		j.segment(q.seg).dead += int64(d.i - start)
	}
	j.x.charged += charged
	q.charged, q.seg = total, s.number
	q.held = q.held && op == opKeep
	q.rest = min(at, now) + rest
	if q.state != string(state) {
		q.state = string(state)
	}
}
