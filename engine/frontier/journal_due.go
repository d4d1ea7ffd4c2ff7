package frontier

// The heap of queues by due time. A queue is in it when it holds requests that
// its budget allows to be leased, or when it is leased: it is then due when the
// lease ends.

// schedule sets when q is looked at next. It is called when that may have
// changed: q may have been due since earlier than now, which would be forgotten.
func (x *index) schedule(q *queue, now, maxPerQueue int64) {
	switch {
	case q.lease != nil:
		x.setDue(q, q.lease.expires)
	case q.count == 0 || room(1, maxPerQueue, q.charged, 0) == 0:
		x.unsetDue(q)
	case q.ready > 0:
		x.setDue(q, max(now, q.rest))
	default:
		x.setDue(q, max(q.more.delayed[0].due, q.rest))
	}
}

// setDue puts q in the heap, or moves it there.
func (x *index) setDue(q *queue, due int64) {
	x.turn++
	q.due, q.turn = due, x.turn
	if q.pos < 0 {
		q.pos = int32(len(x.heap))
		x.heap = append(x.heap, q)
	}
	if !x.up(int(q.pos)) {
		x.down(int(q.pos))
	}
}

// unsetDue takes q out of the heap.
func (x *index) unsetDue(q *queue) {
	if q.pos < 0 {
		return
	}
	i, last := int(q.pos), len(x.heap)-1
	x.swap(i, last)
	x.heap[last] = nil
	x.heap = x.heap[:last]
	q.pos = -1
	if i < last && !x.up(i) {
		x.down(i)
	}
}

func (x *index) swap(i, j int) {
	x.heap[i], x.heap[j] = x.heap[j], x.heap[i]
	x.heap[i].pos, x.heap[j].pos = int32(i), int32(j)
}

func (x *index) less(i, j int) bool {
	a, b := x.heap[i], x.heap[j]
	return a.due < b.due || a.due == b.due && a.turn < b.turn
}

func (x *index) up(i int) (moved bool) {
	for i > 0 {
		parent := (i - 1) / 2
		if !x.less(i, parent) {
			break
		}
		x.swap(i, parent)
		i, moved = parent, true
	}
	return moved
}

func (x *index) down(i int) {
	for {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(x.heap); c++ {
			if x.less(c, least) {
				least = c
			}
		}
		if least == i {
			return
		}
		x.swap(i, least)
		i = least
	}
}
