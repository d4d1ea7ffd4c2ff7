package frontier

import (
	"container/heap"
	"iter"
	"slices"
)

// maxGroup bounds the requests of a group, maxGroupBytes the bytes at which no
// more is added to it: what one small read brings in.
const (
	maxGroup      = 64
	maxGroupBytes = 16 << 10
)

// A group is up to maxGroup requests of one queue and level that were filed
// together. It says where their text lies and how many are finished.
type group struct {
	seg, off, size uint32 // segment, and the bytes of the entries in it
	skip           uint32 // where reading begins: the entry in the top byte, its offset in the others
	next           uint32 // the group behind it on its level, 0 for none
	count          uint8  // requests; 0 marks a free place
	done           uint8  // finished ones at its front; more may be in index.holes
	prio           int8
	delayed        bool // waits in its queue's delayed heap, not on a level
}

// A level is a list of groups of one priority.
type level struct {
	head, tail uint32
	prio       int8
}

// A queue is one entry of the index. Times are nanoseconds of Unix time.
type queue struct {
	name    string
	state   string // rule state
	due     int64  // when it is looked at next, if it is in the heap
	turn    uint64 // tells equal dues apart: first in first
	rest    int64  // not leased before this
	charged int64
	lease   *journalLease
	more    *queueMore // nil for most
	main    level      // of priority 0
	id      uint32
	count   uint32 // requests not finished
	ready   uint32 // of those, the ones not delayed
	seg     uint32 // segment of the newest record of rest, state and charges
	again   int32  // leases that ran out in a row
	pos     int32  // in the heap, -1 if not there
	cold    bool
	held    bool // the log says that it is leased
}

// queueMore is what few queues have.
type queueMore struct {
	levels  []level // of other priorities, highest first
	delayed delayedHeap
}

// levels yields the queue's levels, highest priority first.
func (q *queue) levels() iter.Seq[*level] {
	return func(yield func(*level) bool) {
		i := 0
		if q.more != nil {
			for ; i < len(q.more.levels) && q.more.levels[i].prio > 0; i++ {
				if !yield(&q.more.levels[i]) {
					return
				}
			}
		}
		if !yield(&q.main) || q.more == nil {
			return
		}
		for ; i < len(q.more.levels); i++ {
			if !yield(&q.more.levels[i]) {
				return
			}
		}
	}
}

// level is the queue's level of a priority, made if it is not there.
func (q *queue) level(prio int8) *level {
	if prio == 0 {
		return &q.main
	}
	q.extend()
	i, ok := slices.BinarySearchFunc(q.more.levels, prio, func(l level, p int8) int { return int(p) - int(l.prio) })
	if !ok {
		q.more.levels = slices.Insert(q.more.levels, i, level{prio: prio})
	}
	return &q.more.levels[i]
}

func (q *queue) extend() {
	if q.more == nil {
		q.more = new(queueMore)
	}
}

// index is all a journal keeps in memory: what waits where, and what has been
// seen. The text of the requests stays in the segments.
type index struct {
	queues [][]queue // in chunks, so that growing copies nothing
	nqueue uint32
	byName map[string]uint32
	groups [][]group // in chunks; place 0 is not used
	ngroup uint32    // places ever used, with place 0
	free   uint32    // list of free places by next
	holes  map[uint32]uint64
	prints printSet
	failed failures
	heap   []*queue
	turn   uint64

	queued, finished, charged int64
	aside                     int64 // requests set aside
	busy                      int64 // queues that hold requests
}

const (
	groupChunk = 1 << 12
	queueChunk = 1 << 8
)

func newIndex() index {
	return index{byName: make(map[string]uint32), holes: make(map[uint32]uint64), ngroup: 1}
}

func (x *index) queue(id uint32) *queue { return &x.queues[id/queueChunk][id%queueChunk] }
func (x *index) group(id uint32) *group { return &x.groups[id/groupChunk][id%groupChunk] }

func (x *index) addQueue(name string) *queue {
	id := x.nqueue
	if id%queueChunk == 0 {
		x.queues = append(x.queues, make([]queue, queueChunk))
	}
	x.nqueue++
	x.byName[name] = id
	q := x.queue(id)
	q.name, q.id, q.pos = name, id, -1
	return q
}

// reserve takes a free place for a group.
func (x *index) reserve() uint32 {
	if id := x.free; id != 0 {
		x.free = x.group(id).next
		return id
	}
	id := x.ngroup
	x.claim(id)
	return id
}

// claim makes the place id exist. A cleaned log may leave places out: chunks
// that nothing lies in stay nil.
func (x *index) claim(id uint32) {
	if missing := int(id/groupChunk) + 1 - len(x.groups); missing > 0 {
		x.groups = append(x.groups, make([][]group, missing)...)
	}
	if x.groups[id/groupChunk] == nil {
		x.groups[id/groupChunk] = make([]group, groupChunk)
	}
	x.ngroup = max(x.ngroup, id+1)
}

// live is the group at place id, nil if there is none.
func (x *index) live(id uint32) *group {
	if id == 0 || id >= x.ngroup || x.groups[id/groupChunk] == nil {
		return nil
	}
	if g := x.group(id); g.count > 0 {
		return g
	}
	return nil
}

// collectFree lists the places that no group uses, after the segments have been
// read.
func (x *index) collectFree() {
	x.free = 0
	for c := len(x.groups) - 1; c >= 0; c-- {
		for i := len(x.groups[c]) - 1; i >= 0; i-- {
			id := uint32(c*groupChunk + i)
			if g := &x.groups[c][i]; g.count == 0 && id > 0 && id < x.ngroup {
				g.next, x.free = x.free, id
			}
		}
	}
}

// add files a group that lies at place id, at the head or the tail of its level
// or, with a due time, among the delayed.
func (x *index) add(q *queue, id uint32, front bool, due int64) {
	g := x.group(id)
	if q.count == 0 {
		x.busy++
	}
	left := uint32(g.count - g.done)
	q.count += left
	x.queued += int64(left)
	if g.delayed {
		q.extend()
		x.turn++
		heap.Push(&q.more.delayed, delayedGroup{due, x.turn, id})
		return
	}
	q.ready += left
	x.link(q, id, front)
}

func (x *index) link(q *queue, id uint32, front bool) {
	g := x.group(id)
	l := q.level(g.prio)
	switch {
	case l.head == 0:
		l.head, l.tail, g.next = id, id, 0
	case front:
		l.head, g.next = id, l.head
	default:
		x.group(l.tail).next = id
		l.tail, g.next = id, 0
	}
}

func (x *index) unlink(q *queue, id uint32) {
	g := x.group(id)
	l := q.level(g.prio)
	if l.head == id {
		if l.head = g.next; l.head == 0 {
			l.tail = 0
		}
		return
	}
	for before := l.head; before != 0; before = x.group(before).next {
		if b := x.group(before); b.next == id {
			if b.next = g.next; b.next == 0 {
				l.tail = before
			}
			return
		}
	}
}

// release moves what was delayed until now to its level.
func (x *index) release(q *queue, now int64) {
	if q.more == nil {
		return
	}
	for d := &q.more.delayed; len(*d) > 0 && (*d)[0].due <= now; {
		x.ripen(q, heap.Pop(d).(delayedGroup).id)
	}
}

func (x *index) ripen(q *queue, id uint32) {
	g := x.group(id)
	g.delayed = false
	q.ready += uint32(g.count - g.done)
	x.link(q, id, false)
}

// finish marks the n requests of a group from start on as finished and frees
// the group with its last. Those finished before are passed over. It returns
// how many were not.
func (x *index) finish(q *queue, id uint32, start, n uint8) (fresh int) {
	g := x.group(id)
	for g.delayed { // read back from the log: it had become ready
		x.ripen(q, heap.Pop(&q.more.delayed).(delayedGroup).id)
	}
	holes := x.holes[id]
	for i := start; i < start+n; i++ {
		if i >= g.done && holes&(1<<i) == 0 {
			holes |= 1 << i
			fresh++
		}
	}
	had := holes
	for g.done < g.count && holes&(1<<g.done) != 0 {
		holes &^= 1 << g.done
		g.done++
	}
	if holes != 0 {
		x.holes[id] = holes
	} else if had != 0 && len(x.holes) > 0 {
		delete(x.holes, id)
	}
	q.count -= uint32(fresh)
	q.ready -= uint32(fresh)
	x.queued -= int64(fresh)
	if fresh > 0 && q.count == 0 {
		x.busy--
	}
	if g.done == g.count {
		x.unlink(q, id)
		*g = group{next: x.free}
		x.free = id
	}
	return fresh
}

// A delayedGroup is a group that may not be leased before its due time.
type delayedGroup struct {
	due  int64
	turn uint64
	id   uint32
}

type delayedHeap []delayedGroup

func (h delayedHeap) Len() int { return len(h) }
func (h delayedHeap) Less(i, j int) bool {
	return h[i].due < h[j].due || h[i].due == h[j].due && h[i].turn < h[j].turn
}
func (h delayedHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *delayedHeap) Push(v any)   { *h = append(*h, v.(delayedGroup)) }
func (h *delayedHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
