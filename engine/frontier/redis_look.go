package frontier

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

var (
	_ Inspector = (*Redis)(nil)
	_ Steerer   = (*Redis)(nil)
)

// A serverClock turns the server's times into this process's.
type serverClock struct {
	here   time.Time
	server int64 // ms
}

// clock is that of the server that holds a shard.
func (r *Redis) clock(ctx context.Context, shard int) (c serverClock, err error) {
	err = r.patiently(ctx, func(bool) error {
		node, err := r.node(ctx, r.keys.n(shard))
		if err != nil {
			return err
		}
		t, err := node.Time(ctx).Result()
		c = serverClock{time.Now(), t.UnixMilli()}
		return err
	})
	return c, err
}

// at is the moment that a number of the server's milliseconds is.
func (c serverClock) at(ms float64) time.Time {
	return c.here.Add(time.Duration(ms-float64(c.server)) * time.Millisecond)
}

// parked is the stamp of a queue whose page budget is used up, PARKED in
// prelude.lua; stampUnit how many stamps a millisecond has.
const (
	parked    = 9e15
	stampUnit = 1024
)

// Queues implements Inspector.
func (r *Redis) Queues(ctx context.Context) iter.Seq2[Queue, error] {
	return func(yield func(Queue, error) bool) {
		for s := range r.keys.shards {
			clock, err := r.clock(ctx, s)
			if err == nil {
				var more bool
				if more, err = r.shardQueues(ctx, s, clock, yield); !more && err == nil {
					return
				}
			}
			if err != nil {
				yield(Queue{}, err)
				return
			}
		}
	}
}

// shardQueues yields the queues of a shard: those in due, then those that hold
// nothing but requests with a time of their own.
func (r *Redis) shardQueues(ctx context.Context, shard int, clock serverClock, yield func(Queue, error) bool) (more bool, err error) {
	set := r.keys.sets[shard]
	for _, key := range []int{keyDue, keyLate} {
		for cursor := uint64(0); ; {
			var pairs []string // queue and score, or queue and number
			err := r.patiently(ctx, func(bool) (err error) {
				var next uint64
				if key == keyDue {
					pairs, next, err = r.client.ZScan(ctx, set.keys[key], cursor, "", lookChunk).Result()
				} else {
					pairs, next, err = r.client.HScan(ctx, set.keys[key], cursor, "", lookChunk).Result()
				}
				if err == nil {
					cursor = next
				}
				return err
			})
			if err != nil {
				return false, err
			}
			found, err := r.queues(ctx, set, pairs, clock, key == keyLate)
			if err != nil {
				return false, err
			}
			for _, q := range found {
				if !yield(q, nil) {
					return false, nil
				}
			}
			if cursor == 0 {
				break
			}
		}
	}
	return true, nil
}

// queues looks at the queues of pairs, or only at those not in due.
func (r *Redis) queues(ctx context.Context, set shardKeys, pairs []string, clock serverClock, apart bool) ([]Queue, error) {
	var found []Queue
	err := r.patiently(ctx, func(bool) error {
		found = nil
		p := r.client.Pipeline()
		var looks []queueLook
		for i := 0; i+1 < len(pairs); i += 2 {
			looks = append(looks, newQueueLook(ctx, p, set, pairs[i]))
		}
		if err := sendAll(ctx, p); passing(err) != "" {
			return err
		}
		for _, l := range looks {
			if q := l.queue(clock); q.Queued > 0 && (!apart || l.due.Err() != nil) {
				found = append(found, q)
			}
		}
		return nil
	})
	return found, err
}

// A queueLook is the answers from which a Queue is put together. Those that are
// missing or of another type count as nothing.
type queueLook struct {
	name       string
	due, rest  *redis.FloatCmd
	list, prio *redis.IntCmd
	late       *redis.StringCmd
	own, state *redis.StringCmd
}

func newQueueLook(ctx context.Context, p redis.Pipeliner, set shardKeys, name string) queueLook {
	return queueLook{
		name: name,
		due:  p.ZScore(ctx, set.keys[keyDue], name),
		rest: p.ZScore(ctx, set.keys[keyRest], name),
		list: p.LLen(ctx, set.prefix+"l:"+name),
		prio: p.ZCard(ctx, set.prefix+"p:"+name),
		late: p.HGet(ctx, set.keys[keyLate], name),
		own:  p.HGet(ctx, set.keys[keyOwn], name), state: p.HGet(ctx, set.keys[keyState], name),
	}
}

func (l queueLook) queue(clock serverClock) Queue {
	late, _ := strconv.ParseInt(l.late.Val(), 10, 64) // nothing for what is no number
	q := Queue{Name: l.name, Queued: l.list.Val() + l.prio.Val() + late}
	if l.state.Err() == nil {
		q.State = []byte(l.state.Val())
	}
	score := l.due.Val()
	if l.due.Err() != nil {
		score = l.rest.Val()
	}
	switch {
	case score < 0:
		if f := strings.Fields(l.own.Val()); len(f) == 3 {
			q.Leased, _ = strconv.ParseInt(f[2], 10, 64)
		}
	case score >= parked:
		q.Held = true
	}
	if score != 0 && !q.Held {
		q.Due = clock.at(math.Floor(math.Abs(score) / stampUnit))
	}
	return q
}

// State implements Inspector.
func (r *Redis) State(ctx context.Context, queue string) (state []byte, err error) {
	err = r.patiently(ctx, func(bool) (err error) {
		state, err = r.client.HGet(ctx, r.keys.sets[r.keys.shard(queue)].keys[keyState], queue).Bytes()
		return err
	})
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	return state, err
}

// Peek implements Inspector.
func (r *Redis) Peek(ctx context.Context, queue string, limit int) ([]Waiting, error) {
	var found []Waiting
	for l, err := range r.look(ctx, queue, limit) {
		if err != nil {
			return nil, err
		}
		req, err := parseStored(l.raw)
		if err != nil {
			continue // the next lease puts it among the dead
		}
		req.Queue = queue
		found = append(found, Waiting{Request: req, Leased: l.leased, Due: l.due})
		if limit > 0 && len(found) == limit {
			break
		}
	}
	return found, nil
}

// A lookEntry is one stored request and where it is, as drop.lua wants it told.
type lookEntry struct {
	at     string
	member string // what is stored in that place
	raw    string // the request in it
	leased bool
	due    time.Time
}

// look yields what a queue holds: by priority, then what is delayed. No more
// than limit of the normal priority are asked for, unless that is 0.
func (r *Redis) look(ctx context.Context, queue string, limit int) iter.Seq2[lookEntry, error] {
	return func(yield func(lookEntry, error) bool) {
		shard := r.keys.shard(queue)
		set := r.keys.sets[shard]
		var prio []redis.Z
		var list []string
		var length int64
		var q Queue
		clock, err := r.clock(ctx, shard)
		if err == nil {
			err = r.patiently(ctx, func(bool) error {
				node, err := r.node(ctx, set.keys[keyN])
				if err != nil {
					return err
				}
				p := node.TxPipeline()
				l := newQueueLook(ctx, p, set, queue)
				z := p.ZRangeWithScores(ctx, set.prefix+"p:"+queue, 0, -1)
				items := p.LRange(ctx, set.prefix+"l:"+queue, 0, int64(limit)-1)
				if err := sendAll(ctx, p); passing(err) != "" {
					return err
				}
				q, prio, list, length = l.queue(clock), z.Val(), items.Val(), l.list.Val()
				return nil
			})
		}
		if err != nil {
			yield(lookEntry{}, err)
			return
		}
		n := int64(0)
		give := func(at, raw string) bool {
			n++
			return yield(lookEntry{at: at, member: raw, raw: raw, leased: n <= q.Leased}, nil)
		}
		low := 0
		for ; low < len(prio) && prio[low].Score < 0; low++ {
			if !give("p", fmt.Sprint(prio[low].Member)) {
				return
			}
		}
		for i, raw := range list {
			if !give(strconv.FormatInt(int64(i)-length, 10), raw) {
				return
			}
		}
		for _, z := range prio[low:] {
			if !give("p", fmt.Sprint(z.Member)) {
				return
			}
		}
		r.lookLater(ctx, set, queue, clock, yield)
	}
}

// lookLater yields a queue's delayed requests. They are not kept by queue: all
// are gone through, if the queue has any.
func (r *Redis) lookLater(ctx context.Context, set shardKeys, queue string, clock serverClock, yield func(lookEntry, error) bool) {
	var left int
	err := r.patiently(ctx, func(bool) (err error) {
		left, err = r.client.HGet(ctx, set.keys[keyLate], queue).Int()
		return err
	})
	if errors.Is(err, redis.Nil) {
		return
	}
	mark := ":" + strconv.Itoa(len(queue)) + ":" + queue
	for from := int64(0); left > 0 && err == nil; from += lookChunk {
		var page []redis.Z
		err = r.patiently(ctx, func(bool) (err error) {
			page, err = r.client.ZRangeWithScores(ctx, set.keys[keyLater], from, from+lookChunk-1).Result()
			return err
		})
		if len(page) == 0 {
			break
		}
		for _, z := range page {
			member := fmt.Sprint(z.Member)
			colon := strings.IndexByte(member, ':')
			if colon < 0 || !strings.HasPrefix(member[colon:], mark) {
				continue
			}
			left--
			e := lookEntry{at: "w", member: member, raw: member[colon+len(mark):], due: clock.at(z.Score)}
			if !yield(e, nil) {
				return
			}
		}
	}
	if err != nil {
		yield(lookEntry{}, err)
	}
}

// Seen implements Inspector.
func (r *Redis) Seen(ctx context.Context, print uint64) (bool, error) {
	fp := mixed(print)
	for s := range r.keys.shards {
		for before := -1; ; {
			buckets, err := r.buckets(ctx, s)
			if err != nil {
				return false, err
			}
			if buckets == before {
				break // it was not moved to another set meanwhile
			}
			before = buckets
			var seen bool
			err = r.patiently(ctx, func(bool) (err error) {
				key := r.keys.sets[s].prefix + "s:" + strconv.Itoa(bucket(fp, buckets))
				seen, err = r.client.SIsMember(ctx, key, fp).Result()
				return err
			})
			if seen || err != nil {
				return seen, err
			}
		}
	}
	return false, nil
}

// buckets is how many sets the fingerprints of a shard are in.
func (r *Redis) buckets(ctx context.Context, shard int) (n int, err error) {
	err = r.patiently(ctx, func(bool) (err error) {
		n, err = r.client.HGet(ctx, r.keys.n(shard), "buckets").Int()
		return err
	})
	if errors.Is(err, redis.Nil) {
		return 1, nil
	}
	return n, err
}

// bucket is the set of a fingerprint, reckoned as in push.lua: in floating
// point, with a remainder that is never negative.
func bucket(fp int64, buckets int) int {
	level := math.Exp2(math.Floor(math.Log2(float64(buckets))))
	of := func(n float64) int {
		x := math.Floor(float64(fp) / (1 << 20))
		return int(x - math.Floor(x/n)*n)
	}
	if b := of(2 * level); b < buckets {
		return b
	}
	return of(2*level) % int(level)
}
