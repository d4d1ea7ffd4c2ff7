package frontier

import (
	"context"

	"downpour/engine"
)

// Bounds of one frame of a Push, which is cut into several above them, and how
// far ahead requests are looked for that go into the same group.
const (
	frameRequests = 1024
	frameBytes    = 1 << 20
	groupWindow   = maxGroup
)

// pushing is what one frame of a Push is put together in.
type pushing struct {
	items []pushItem
	named map[string]uint32 // queues this frame names
	last  string            // the queue of the request before, and its id
	id    uint32
}

// A pushItem is a request that is not a duplicate.
type pushItem struct {
	r     *engine.Request
	queue uint32
	taken bool // it is in a group already
}

// Push files requests. A large push is written in several frames: cut off by a
// crash it is filed in part.
func (j *Journal) Push(ctx context.Context, reqs ...*engine.Request) (fresh int, err error) {
	for _, r := range reqs {
		if err := check(r); err != nil {
			return 0, err
		}
	}
	if err := j.enter(ctx); err != nil {
		return 0, err
	}
	defer j.mu.Unlock()
	for len(reqs) > 0 {
		n, size := 0, 0
		for ; n < len(reqs) && n < frameRequests && size < frameBytes; n++ {
			size += len(reqs[n].Body) + len(reqs[n].Meta)
		}
		if err := j.pushFrame(reqs[:n]); err != nil {
			return fresh, err
		}
		fresh += len(j.push.items)
		reqs = reqs[n:]
	}
	if fresh > 0 {
		j.nudge()
	}
	clear(j.push.items[:cap(j.push.items)])
	return fresh, nil
}

func (j *Journal) pushFrame(reqs []*engine.Request) error {
	p := &j.push
	p.items = p.items[:0]
	b := beginFrame(j.buf)
	for _, r := range reqs {
		if !j.x.prints.add(r.Print) && !r.Again {
			continue
		}
		if r.Again {
			b = j.appendMended(b, r.Print)
		}
		if r.Queue != p.last {
			p.id, b = j.queueID(b, r.Queue)
			p.last = r.Queue
		}
		p.items = append(p.items, pushItem{r: r, queue: p.id})
	}
	return j.filePushed(b)
}

// filePushed completes the frame b with the requests of j.push, writes it and
// schedules their queues.
func (j *Journal) filePushed(b []byte) error {
	p := &j.push
	now := j.now()
	for i := range p.items {
		if !p.items[i].taken {
			b = j.appendGroup(b, p.items[i:min(i+groupWindow, len(p.items))], now, 0)
		}
	}
	clear(p.named)
	if err := j.commit(b); err != nil {
		return err
	}
	for _, it := range p.items {
		q := j.x.queue(it.queue)
		if q.lease == nil && (q.pos < 0 || q.due > now) {
			j.x.schedule(q, now, j.o.MaxPerQueue)
		}
	}
	return nil
}

// queueID is the number of a queue. One that has none is named in the frame b.
func (j *Journal) queueID(b []byte, name string) (uint32, []byte) {
	if id, ok := j.x.byName[name]; ok {
		return id, b
	}
	p := &j.push
	if id, ok := p.named[name]; ok {
		return id, b
	}
	if p.named == nil {
		p.named = make(map[string]uint32)
	}
	id := j.x.nqueue + uint32(len(p.named))
	p.named[name] = id
	return id, appendLen(appendUints(b, opQueue, uint64(id)), name)
}

// appendGroup makes a group of the first item and of those behind it that may
// go with it, as many as fit. What goes to the front is not cut.
func (j *Journal) appendGroup(b []byte, items []pushItem, now int64, flags byte) []byte {
	first := &items[0]
	op := groupOp{place: j.x.reserve(), queue: first.queue, prio: int8(first.r.Priority), flags: flags}
	if first.r.After > 0 {
		op.flags |= groupDelayed
		op.at, op.after = now, int64(first.r.After)
	}
	b = appendGroupHead(b, op)
	start := len(b)
	var count uint8
	for i := range items {
		it := &items[i]
		if it.taken || it.queue != first.queue || it.r.Priority != first.r.Priority || it.r.After != first.r.After {
			continue
		}
		if count == maxGroup || len(b)-start >= maxGroupBytes && flags&groupFront == 0 {
			break
		}
		it.taken = true
		b = appendEntry(b, it.r)
		count++
	}
	endGroup(b, start, count)
	j.cache.put(op.place, b[start:])
	return b
}
