package frontier

import (
	"container/heap"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"downpour/engine"
)

// Over implements Steerer.
func (j *Journal) Over(ctx context.Context) (bool, error) {
	if err := j.enter(ctx); err != nil {
		return false, err
	}
	defer j.mu.Unlock()
	_, err := os.Stat(filepath.Join(j.dir, endedMark))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Revive implements Steerer.
func (j *Journal) Revive(ctx context.Context) error {
	if err := j.enter(ctx); err != nil {
		return err
	}
	defer j.mu.Unlock()
	err := os.Remove(filepath.Join(j.dir, endedMark))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	j.newFile = true
	return nil
}

// Drop implements Steerer.
func (j *Journal) Drop(ctx context.Context, queue string, match func(*engine.Request) bool) (dropped int, err error) {
	if err := j.enter(ctx); err != nil {
		return 0, err
	}
	defer j.mu.Unlock()
	id, ok := j.x.byName[queue]
	if !ok {
		return 0, nil
	}
	q := j.x.queue(id)
	d, err := j.toDrop(q, match)
	if err != nil || d.n == 0 {
		return 0, err
	}
	if err := j.commit(j.appendDrop(q, d)); err != nil {
		return 0, err
	}
	if q.lease == nil && q.ready == 0 { // else it keeps its place among those that are due
		j.x.schedule(q, j.now(), j.o.MaxPerQueue)
	}
	j.nudge()
	return d.n, nil
}

// A dropping is what Drop takes out and what it files anew: the requests of a
// delayed group go together, and those to be kept come back in another.
type dropping struct {
	gone []heldRequest
	kept []pushItem
	n    int // requests that match
}

// appendDrop makes the frame of a Drop.
func (j *Journal) appendDrop(q *queue, d *dropping) []byte {
	b := j.appendDone(beginFrame(j.buf), opDrop, q, d.gone, 0)
	now := j.now()
	for i := range d.kept {
		if !d.kept[i].taken {
			b = j.appendGroup(b, d.kept[i:], now, 0)
		}
	}
	return b
}

// toDrop collects what a Drop of what matches means for q.
func (j *Journal) toDrop(q *queue, match func(*engine.Request) bool) (*dropping, error) {
	d := &dropping{}
	var group []heldRequest // those of a delayed group
	var due time.Time
	hits := map[heldRequest]bool{}
	end := func() {
		if len(hits) > 0 {
			d.gone = append(d.gone, group...)
			for _, h := range group {
				if !hits[h] {
					h.r.After = max(time.Until(due), 1)
					d.kept = append(d.kept, pushItem{r: h.r, queue: q.id})
				}
			}
		}
		group = group[:0]
		clear(hits)
	}
	err := j.look(q, func(w Waiting, h heldRequest) bool {
		if len(group) > 0 && group[0].place != h.place {
			end()
		}
		hit := !w.Leased && match(w.Request)
		if hit {
			d.n++
		}
		switch {
		case !w.Due.IsZero():
			group, due = append(group, h), w.Due
			if hit {
				hits[h] = true
			}
		case hit:
			d.gone = append(d.gone, h)
		}
		return true
	})
	end()
	return d, err
}

// drop takes requests out of a group. A delayed group goes as a whole, or it
// had become ready; it may be anywhere among the delayed.
func (x *index) drop(q *queue, id uint32, start, n uint8) (fresh int) {
	g := x.group(id)
	if !g.delayed || start > 0 || n < g.count {
		return x.finish(q, id, start, n)
	}
	i := slices.IndexFunc(q.more.delayed, func(d delayedGroup) bool { return d.id == id })
	heap.Remove(&q.more.delayed, i)
	q.count -= uint32(n)
	x.queued -= int64(n)
	if q.count == 0 {
		x.busy--
	}
	*g = group{next: x.free}
	x.free = id
	return int(n)
}
