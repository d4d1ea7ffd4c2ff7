package frontier

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"

	"downpour/engine"
)

// failures is where the failures that are kept lie, by print: some 40 bytes
// each. Their text stays in the segments.
type failures map[uint64]failedPlace

// A failedPlace is the segment, and the bytes in it, of a failure's text.
type failedPlace struct{ seg, off, size uint32 }

// failedEntry is a failedPlace with its print.
type failedEntry struct {
	print uint64
	failedPlace
}

// appendFailed writes the failures of an outcome: those of requests that it has
// taken from the lease.
func appendFailed(b []byte, failed []*engine.Failed, gone []heldRequest) []byte {
	for _, f := range failed {
		if slices.ContainsFunc(gone, func(h heldRequest) bool { return h.r == f.Request }) {
			b = appendFailure(b, f.Print, f.AppendJSON(nil))
		}
	}
	return b
}

func appendFailure(b []byte, print uint64, text []byte) []byte {
	b = binary.LittleEndian.AppendUint64(append(b, opFailed), print)
	return appendLen(b, text)
}

// appendMended writes that a failure is kept no longer, if it is.
func (j *Journal) appendMended(b []byte, print uint64) []byte {
	p, ok := j.x.failed[print]
	if !ok {
		return b
	}
	b = binary.LittleEndian.AppendUint64(append(b, opMended), print)
	return binary.AppendUvarint(b, uint64(p.seg))
}

// failure reads an opFailed; off is where in the payload its text begins.
func (d *decoder) failure() (print uint64, text []byte, off int) {
	head := d.bytes(8)
	text = d.text()
	if head == nil || d.bad {
		return 0, nil, 0
	}
	return binary.LittleEndian.Uint64(head), text, d.i - len(text)
}

// mended reads an opMended.
func (d *decoder) mended() (print uint64, home uint32) {
	head := d.bytes(8)
	home = d.uint32()
	if head == nil || d.bad {
		return 0, 0
	}
	return binary.LittleEndian.Uint64(head), home
}

func (j *Journal) applyFailed(d *decoder, s *segment, at int64) {
	print, text, off := d.failure()
	if d.bad {
		return
	}
	j.mend(print)
	if j.x.failed == nil {
		j.x.failed = failures{}
	}
	j.x.failed[print] = failedPlace{seg: s.number, off: uint32(at) + uint32(off), size: uint32(len(text))}
}

// applyMended takes back the failure of a segment; one of another is newer.
func (j *Journal) applyMended(d *decoder) {
	print, home := d.mended()
	if p, ok := j.x.failed[print]; ok && p.seg == home && !d.bad {
		j.mend(print)
	}
}

func (j *Journal) mend(print uint64) {
	if p, ok := j.x.failed[print]; ok {
		j.segment(p.seg).dead += int64(p.size)
		delete(j.x.failed, print)
	}
}

// readFailed reads a failure that is kept.
func (j *Journal) readFailed(e failedEntry) (*engine.Failed, error) {
	where := func(err error) error {
		return fmt.Errorf("read the journal: segment %d, byte %d: %w", e.seg, e.off, err)
	}
	file, err := j.reading(j.segment(e.seg))
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	text := make([]byte, e.size)
	if _, err := file.ReadAt(text, int64(e.off)); err != nil {
		return nil, where(err)
	}
	f, err := engine.ParseFailed(text)
	if err != nil {
		return nil, where(err)
	}
	f.Print, f.Request.Print = e.print, e.print
	return f, nil
}

// failedPrints lists the prints of what is kept, oldest first.
func (j *Journal) failedPrints(ctx context.Context) ([]uint64, error) {
	if err := j.enter(ctx); err != nil {
		return nil, err
	}
	defer j.mu.Unlock()
	all := make([]failedEntry, 0, len(j.x.failed))
	for print, p := range j.x.failed {
		all = append(all, failedEntry{print, p})
	}
	slices.SortFunc(all, func(a, b failedEntry) int {
		return cmp.Or(cmp.Compare(a.seg, b.seg), cmp.Compare(a.off, b.off))
	})
	prints := make([]uint64, len(all))
	for i, e := range all {
		prints[i] = e.print
	}
	return prints, nil
}

// failedOf reads those of prints that are kept still.
func (j *Journal) failedOf(ctx context.Context, prints ...uint64) ([]*engine.Failed, error) {
	if err := j.enter(ctx); err != nil {
		return nil, err
	}
	defer j.mu.Unlock()
	return j.failedOfLocked(prints)
}

func (j *Journal) failedOfLocked(prints []uint64) ([]*engine.Failed, error) {
	var found []*engine.Failed
	for _, print := range prints {
		p, ok := j.x.failed[print]
		if !ok {
			continue
		}
		f, err := j.readFailed(failedEntry{print, p})
		if err != nil {
			return nil, err
		}
		found = append(found, f)
	}
	return found, nil
}

// Failures implements Inspector, oldest first.
func (j *Journal) Failures(ctx context.Context) iter.Seq2[*engine.Failed, error] {
	return func(yield func(*engine.Failed, error) bool) {
		prints, err := j.failedPrints(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		for chunk := range slices.Chunk(prints, lookChunk) {
			found, err := j.failedOf(ctx, chunk...)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, f := range found {
				if !yield(f, nil) {
					return
				}
			}
		}
	}
}

// Failure implements Inspector.
func (j *Journal) Failure(ctx context.Context, _ string, print uint64) (*engine.Failed, error) {
	found, err := j.failedOf(ctx, print)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// Requeue implements Steerer.
func (j *Journal) Requeue(ctx context.Context, match func(*engine.Failed) bool) (requeued int, err error) {
	prints, err := j.failedPrints(ctx)
	if err != nil {
		return 0, err
	}
	for chunk := range slices.Chunk(prints, lookChunk) {
		n, err := j.requeueSome(ctx, chunk, match)
		requeued += n
		if err != nil {
			return requeued, err
		}
	}
	return requeued, nil
}

// requeueSome requeues in one frame.
func (j *Journal) requeueSome(ctx context.Context, prints []uint64, match func(*engine.Failed) bool) (int, error) {
	if err := j.enter(ctx); err != nil {
		return 0, err
	}
	defer j.mu.Unlock()
	found, err := j.failedOfLocked(prints)
	if err != nil {
		return 0, err
	}
	b := beginFrame(j.buf)
	j.push.items = j.push.items[:0]
	for _, f := range found {
		if !match(f) {
			continue
		}
		r := f.Requeued()
		b = j.appendMended(b, f.Print)
		var id uint32
		id, b = j.queueID(b, r.Queue)
		j.push.items = append(j.push.items, pushItem{r: r, queue: id})
	}
	n := len(j.push.items)
	if err := j.filePushed(b); err != nil {
		return 0, err
	}
	clear(j.push.items[:cap(j.push.items)])
	if n > 0 {
		j.nudge()
	}
	return n, nil
}

// A movedFailure is a failure and where its text lies in a cleaned segment.
type movedFailure struct {
	print    uint64
	was, off uint32
}

// failure takes a failure that is kept still.
func (c *cleaner) failure(d *decoder, start int, at int64) {
	print, text, off := d.failure()
	if d.bad {
		return
	}
	was := uint32(at) + uint32(off)
	c.j.mu.Lock()
	p, ok := c.j.x.failed[print]
	c.j.mu.Unlock()
	if !ok || p.seg != c.s.number || p.off != was {
		return
	}
	c.b = append(c.b, d.b[start:d.i]...)
	c.failed = append(c.failed, movedFailure{print, was, uint32(c.size) + uint32(len(c.b)-len(text))})
}

// mended takes what takes back a failure that may still be written.
func (c *cleaner) mended(d *decoder, start int) {
	if _, home := d.mended(); !d.bad && c.needed(home) {
		c.b = append(c.b, d.b[start:d.i]...)
	}
}

// verifyFailed reads what is kept, one by one: what cannot be read keeps none
// behind it from being found.
func (j *Journal) verifyFailed(ctx context.Context, f *Findings) error {
	prints, err := j.failedPrints(ctx)
	if err != nil {
		return err
	}
	for _, print := range prints {
		found, err := j.failedOf(ctx, print)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			f.wrong("failure %016x: %v", print, err)
		}
		f.Failed += int64(len(found))
	}
	return nil
}
