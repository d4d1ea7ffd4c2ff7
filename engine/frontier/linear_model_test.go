package frontier

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// A linearQuestion is one call, as put to the model: exactly one of push, done
// and lease is set.
type linearQuestion struct {
	push  []linearPage
	lease *linearWant
	done  *linearOutcome
	call  time.Duration // when it was made, since the beginning of the history
}

// A linearAnswer is what came of it.
type linearAnswer struct {
	fresh   int
	leases  []linearLease
	drained bool
	stale   bool
	added   []string      // pages that More brought
	back    time.Duration // when the answer was there
}

type linearPage struct{ queue, name string }

type linearWant struct {
	queues, each int
	ttl          time.Duration
}

type linearLease struct {
	id    int
	queue string
	pages []string
}

type linearOutcome struct {
	lease          int
	queue          string
	finished, back []string
	wait, ttl      time.Duration
	keep           bool
	more           int
}

// A span is a moment that is only known to lie between two.
type span struct{ from, to time.Duration }

// linearQueue is a queue of the model. Of pages the first held are leased.
type linearQueue struct {
	name  string
	pages []string
	lease int // 0 for none
	held  int
	ends  span // of the lease
	rests span
}

// linearState is a store: what was seen, and the queues, both in order.
type linearState struct {
	seen   []string
	queues []linearQueue
}

// linearSlack is how far the store's clock, which counts in milliseconds, may
// be from ours.
const linearSlack = 3 * time.Millisecond

// linearModel says what a store may answer when it does one thing at a time.
var linearModel = porcupine.Model{
	Init: func() any { return linearState{} },
	Step: func(state, in, out any) (bool, any) {
		s, q, a := state.(linearState).clone(), in.(linearQuestion), out.(linearAnswer)
		switch {
		case q.lease != nil:
			return s.lease(q, a), s
		case q.done != nil:
			return s.done(q, a), s
		default:
			return s.push(q.push) == a.fresh, s
		}
	},
	Equal: func(a, b any) bool { return reflect.DeepEqual(a, b) },
}

func (s linearState) clone() linearState {
	s.seen, s.queues = slices.Clone(s.seen), slices.Clone(s.queues)
	return s
}

// queue is the queue of a name, made if need be.
func (s *linearState) queue(name string) *linearQueue {
	i, ok := slices.BinarySearchFunc(s.queues, name, func(q linearQueue, n string) int {
		return strings.Compare(q.name, n)
	})
	if !ok {
		s.queues = slices.Insert(s.queues, i, linearQueue{name: name})
	}
	return &s.queues[i]
}

func (s *linearState) push(pages []linearPage) (fresh int) {
	for _, p := range pages {
		i, seen := slices.BinarySearch(s.seen, p.queue+"/"+p.name)
		if seen {
			continue
		}
		s.seen = slices.Insert(s.seen, i, p.queue+"/"+p.name)
		q := s.queue(p.queue)
		q.pages = append(slices.Clip(q.pages), p.name)
		fresh++
	}
	return fresh
}

// lease takes what the answer says was leased, if it was there to be leased,
// and wants nothing else to have been due if fewer came than asked for.
func (s *linearState) lease(q linearQuestion, a linearAnswer) bool {
	now := span{q.call - linearSlack, a.back + linearSlack}
	for _, l := range a.leases {
		sq := s.queue(l.queue)
		n := min(q.lease.each, len(sq.pages))
		free := sq.lease == 0 || sq.ends.from <= now.to
		if !free || sq.rests.from > now.to || n == 0 || !slices.Equal(l.pages, sq.pages[:n]) {
			return false
		}
		sq.lease, sq.held, sq.rests = l.id, n, span{}
		sq.ends = span{q.call + q.lease.ttl, a.back + q.lease.ttl}
	}
	left := false
	for _, sq := range s.queues {
		left = left || len(sq.pages) > 0
		free := sq.lease == 0 || sq.ends.to < now.from
		if len(a.leases) < q.lease.queues && free && sq.rests.to < now.from && len(sq.pages) > 0 {
			return false
		}
	}
	return a.drained == (!left && len(a.leases) == 0)
}

// done does what an outcome says, or finds its lease over.
func (s *linearState) done(q linearQuestion, a linearAnswer) bool {
	o := q.done
	sq := s.queue(o.queue)
	if a.stale {
		if sq.lease == o.lease { // it can only have run out
			if sq.ends.from > a.back+linearSlack {
				return false
			}
			sq.lease, sq.held = 0, 0
		}
		return true
	}
	if sq.lease != o.lease {
		return false
	}
	gone := func(name string) bool { return slices.Contains(o.finished, name) || slices.Contains(o.back, name) }
	held := slices.DeleteFunc(slices.Clone(sq.pages[:sq.held]), gone)
	behind := sq.pages[sq.held:]
	if !o.keep {
		sq.pages = slices.Concat(o.back, held, behind)
		sq.lease, sq.held, sq.ends = 0, 0, span{}
		if o.wait > 0 {
			sq.rests = span{q.call + o.wait, a.back + o.wait}
		}
		return len(a.added) == 0
	}
	n := min(o.more, len(behind))
	sq.pages = slices.Concat(held, behind)
	sq.held = len(held) + n
	sq.ends = span{q.call + o.ttl, a.back + o.ttl}
	return slices.Equal(a.added, behind[:n])
}
