package frontier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"
)

var (
	_ Inspector = (*Journal)(nil)
	_ Steerer   = (*Journal)(nil)
)

// lookChunk is how many queues are looked at in one go, so that the crawl is
// not kept from its work for long.
const lookChunk = 1024

// time is a moment as the journal keeps it.
func (j *Journal) time(nanos int64) time.Time { return j.base.Add(time.Duration(nanos - j.unix)) }

// Queues implements Inspector.
func (j *Journal) Queues(ctx context.Context) iter.Seq2[Queue, error] {
	return func(yield func(Queue, error) bool) {
		for from := uint32(0); ; from += lookChunk {
			found, more, err := j.queues(ctx, from)
			if err != nil {
				yield(Queue{}, err)
				return
			}
			for _, q := range found {
				if !yield(q, nil) {
					return
				}
			}
			if !more {
				return
			}
		}
	}
}

// queues looks at the queues from a number on.
func (j *Journal) queues(ctx context.Context, from uint32) (found []Queue, more bool, err error) {
	if err := j.enter(ctx); err != nil {
		return nil, false, err
	}
	defer j.mu.Unlock()
	now := j.now()
	j.expire(now)
	to := min(from+lookChunk, j.x.nqueue)
	for id := from; id < to; id++ {
		q := j.x.queue(id)
		if q.count == 0 {
			continue
		}
		v := Queue{Name: strings.Clone(q.name), Queued: int64(q.count), Held: q.pos < 0, Due: j.time(max(q.due, q.rest))}
		if q.lease != nil {
			v.Leased, v.Due = int64(len(q.lease.held)), j.time(q.lease.expires)
		}
		if q.state != "" {
			v.State = []byte(q.state)
		}
		found = append(found, v)
	}
	return found, to < j.x.nqueue, nil
}

// State implements Inspector.
func (j *Journal) State(ctx context.Context, queue string) ([]byte, error) {
	if err := j.enter(ctx); err != nil {
		return nil, err
	}
	defer j.mu.Unlock()
	id, ok := j.x.byName[queue]
	if !ok || j.x.queue(id).state == "" {
		return nil, nil
	}
	return []byte(j.x.queue(id).state), nil
}

// Peek implements Inspector.
func (j *Journal) Peek(ctx context.Context, queue string, limit int) ([]Waiting, error) {
	if err := j.enter(ctx); err != nil {
		return nil, err
	}
	defer j.mu.Unlock()
	id, ok := j.x.byName[queue]
	if !ok {
		return nil, nil
	}
	var found []Waiting
	err := j.look(j.x.queue(id), func(w Waiting, _ heldRequest) bool {
		found = append(found, w)
		return limit <= 0 || len(found) < limit
	})
	return found, err
}

// look yields a queue's requests and where they lie, until yield has enough.
func (j *Journal) look(q *queue, yield func(Waiting, heldRequest) bool) error {
	leased := map[heldRequest]bool{}
	if q.lease != nil {
		for _, h := range q.lease.held {
			leased[heldRequest{place: h.place, i: h.i}] = true
		}
	}
	for place, due := range j.places(q) {
		group := &journalLease{}
		if err := j.readAll(q, place, group); err != nil {
			return err
		}
		for _, h := range group.held {
			w := Waiting{Request: h.r, Due: due, Leased: leased[heldRequest{place: h.place, i: h.i}]}
			if !yield(w, h) {
				return nil
			}
		}
	}
	return nil
}

// places yields where a queue's groups are, in the order of their leases, with
// the due times of those delayed.
func (j *Journal) places(q *queue) iter.Seq2[uint32, time.Time] {
	return func(yield func(uint32, time.Time) bool) {
		for lv := range q.levels() {
			for place := lv.head; place != 0; {
				next := j.x.group(place).next
				if !yield(place, time.Time{}) {
					return
				}
				place = next
			}
		}
		if q.more == nil {
			return
		}
		delayed := slices.Clone(q.more.delayed)
		slices.SortFunc(delayed, func(a, b delayedGroup) int {
			if (delayedHeap{a, b}).Less(0, 1) {
				return -1
			}
			return 1
		})
		for _, d := range delayed {
			if !yield(d.id, j.time(d.due)) {
				return
			}
		}
	}
}

// readAll reads the unfinished requests of a group, from its first, and leaves
// what is remembered for leases alone.
func (j *Journal) readAll(q *queue, place uint32, into *journalLease) error {
	g := j.x.group(place)
	was := g.skip
	g.skip = 0
	err := j.read(q, place, maxGroup, into)
	g.skip = was
	return err
}

// Seen implements Inspector.
func (j *Journal) Seen(ctx context.Context, print uint64) (bool, error) {
	if err := j.enter(ctx); err != nil {
		return false, err
	}
	defer j.mu.Unlock()
	return j.x.prints.has(print), nil
}

// Verify implements Inspector: it reads every segment again, checksums and all,
// then every request that waits.
func (j *Journal) Verify(ctx context.Context) (Findings, error) {
	var f Findings
	last, err := j.verifySegments(ctx, &f)
	if err != nil {
		return f, err
	}
	found := int64(0)
	for id := uint32(0); ; id++ {
		n, err := j.verifyQueue(ctx, id, &f)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return f, err
		}
		found += n
	}
	f.Requests = found
	if err := j.verifyFailed(ctx, &f); err != nil {
		return f, err
	}
	f.Counts, err = j.Counts(ctx)
	if err == nil && j.quiet(last) { // else the crawl has gone on meanwhile
		f.differ("requests in the queues", f.Counts.Queued, found)
		f.differ("failures kept", f.Counts.Failed, f.Failed)
	}
	if f.Counts.Seen < f.Counts.Queued-f.Counts.Leased {
		f.wrong("%d identities seen, fewer than requests that wait", f.Counts.Seen)
	}
	return f, err
}

// written is how far the journal has been written.
type written struct {
	segments int
	size     int64
}

// quiet reports that nothing has been written since.
func (j *Journal) quiet(since written) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return since == written{len(j.segs), j.last().size}
}

// verifySegments checks the frames of all segments, up to what is written now.
func (j *Journal) verifySegments(ctx context.Context, f *Findings) (written, error) {
	if err := j.enter(ctx); err != nil {
		return written{}, err
	}
	end := written{len(j.segs), j.last().size}
	j.mu.Unlock()
	for n := range end.segments {
		if err := ctx.Err(); err != nil {
			return end, err
		}
		size := int64(-1)
		if n == end.segments-1 {
			size = end.size
		}
		if err := verifyFrames(segmentPath(j.dir, uint32(n+1)), size); err != nil {
			f.wrong("%v", err)
		}
	}
	return end, nil
}

// verifyFrames reads a segment's first size bytes, or all of them.
func verifyFrames(path string, size int64) error {
	fr, err := openFrames(path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer fr.close()
	if size >= 0 {
		fr.size = size
	}
	for {
		_, _, err := fr.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: byte %d: %w", path, fr.at, err)
		}
	}
}

// verifyQueue reads the requests of a queue. Its error is io.EOF behind the
// last queue.
func (j *Journal) verifyQueue(ctx context.Context, id uint32, f *Findings) (n int64, err error) {
	if err := j.enter(ctx); err != nil {
		return 0, err
	}
	defer j.mu.Unlock()
	if id >= j.x.nqueue {
		return 0, io.EOF
	}
	q := j.x.queue(id)
	var ready int64
	err = j.look(q, func(w Waiting, h heldRequest) bool {
		n++
		if w.Due.IsZero() {
			ready++
		}
		if !j.x.prints.has(h.r.Print) {
			f.wrong("queue %s: %s is queued but not seen", q.name, h.r.URL)
		}
		if len(w.Request.Meta) > 0 && !json.Valid(w.Request.Meta) {
			f.wrong("queue %s: %s: meta is no JSON", q.name, h.r.URL)
		}
		return true
	})
	if err != nil {
		f.wrong("queue %s: %v", q.name, err)
		return n, nil
	}
	f.differ("requests of queue "+q.name, int64(q.count), n)
	f.differ("requests of queue "+q.name+" that are ready", int64(q.ready), ready)
	return n, nil
}
