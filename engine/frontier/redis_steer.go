package frontier

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"downpour/engine"
)

// The bounds of one drop call, and how often what moved meanwhile is looked
// for again.
const (
	dropRequests = 1000
	dropTries    = 5
)

// argDropResent is the argument of drop.lua that says it may have run before:
// what it took out then is not found again.
const argDropResent = 2

// Drop implements Steerer. Requests that come under a lease while it looks
// stay.
func (r *Redis) Drop(ctx context.Context, queue string, match func(*engine.Request) bool) (dropped int, err error) {
	for range dropTries {
		gone, left, err := r.dropOnce(ctx, queue, match)
		dropped += gone
		if err != nil || left == 0 {
			return dropped, err
		}
		select {
		case <-ctx.Done():
			return dropped, ctx.Err()
		case <-time.After(firstPause):
		}
	}
	return dropped, nil
}

func (r *Redis) dropOnce(ctx context.Context, queue string, match func(*engine.Request) bool) (gone, left int, err error) {
	var hits []lookEntry
	for l, err := range r.look(ctx, queue, 0) {
		if err != nil {
			return 0, 0, err
		}
		req, err := parseStored(l.raw)
		if err != nil || l.leased {
			continue
		}
		if req.Queue = queue; match(req) {
			hits = append(hits, l)
		}
	}
	shard := r.keys.shard(queue)
	// From the head on: what a call takes out does not move what comes behind,
	// counted from the end.
	for batch := range slices.Chunk(hits, dropRequests) {
		args := []any{"", queue, "0"}
		for _, h := range batch {
			args = append(args, h.at, h.member)
		}
		res, _, err := r.run(ctx, r.scripts.drop, shard, argDropResent, args)
		if err != nil {
			return gone, left, err
		}
		n, ok := res.([]any)
		if !ok || len(n) != 2 {
			return gone, left, unexpected("drop", res)
		}
		taken, _ := n[0].(int64)
		stayed, _ := n[1].(int64)
		gone, left = gone+int(taken), left+int(stayed)
	}
	return gone, left, nil
}

// Over implements Steerer.
func (r *Redis) Over(ctx context.Context) (over bool, err error) {
	err = r.patiently(ctx, func(bool) error {
		state, err := r.client.HGet(ctx, metaKey(r.opts.Name), metaState).Result()
		over = state == stateEnded
		return err
	})
	return over, err
}

// Revive implements Steerer.
func (r *Redis) Revive(ctx context.Context) error {
	key := metaKey(r.opts.Name)
	return r.patiently(ctx, func(bool) error {
		err := r.watch(ctx, key, func(tx *redis.Tx) error {
			gen, err := tx.HGet(ctx, key, metaGen).Result()
			if err != nil {
				return err
			}
			if gen != r.keys.gen {
				return ErrGone
			}
			_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
				p.HSet(ctx, key, metaState, stateLive)
				return nil
			})
			return err
		})
		if errors.Is(err, redis.TxFailedErr) {
			return nil // another has joined: it is live
		}
		return err
	})
}

// Orders are what people ask of every worker of a crawl.
type Orders struct {
	Paused bool
	Leave  bool                     // this process is to end; the crawl can be resumed
	Delays map[string]time.Duration // by queue, "" for all
}

// The fields of the hash of orders.
const (
	orderPaused = "paused"
	orderStop   = "stop"   // the last worker that is to leave
	orderDelay  = "delay " // and the queue: seconds
)

// Orders reads what is asked.
func (r *Redis) Orders(ctx context.Context) (Orders, error) {
	o := Orders{Delays: map[string]time.Duration{}}
	var all map[string]string
	err := r.patiently(ctx, func(bool) (err error) {
		all, err = r.client.HGetAll(ctx, r.keys.orders()).Result()
		return err
	})
	for field, v := range all {
		queue, delay := strings.CutPrefix(field, orderDelay)
		switch {
		case field == orderPaused:
			o.Paused = true
		case field == orderStop:
			last, err := strconv.ParseInt(v, 10, 64)
			self, _ := strconv.ParseInt(r.id, 10, 64)
			o.Leave = err == nil && self <= last
		case delay:
			if s, err := strconv.ParseFloat(v, 64); err == nil && s >= 0 {
				o.Delays[queue] = time.Duration(s * float64(time.Second))
			}
		}
	}
	return o, err
}

// Pause asks all workers to start nothing, or to go on.
func (r *Redis) Pause(ctx context.Context, paused bool) error {
	return r.patiently(ctx, func(bool) error {
		if paused {
			return r.client.HSet(ctx, r.keys.orders(), orderPaused, 1).Err()
		}
		return r.client.HDel(ctx, r.keys.orders(), orderPaused).Err()
	})
}

// Stop asks all workers that are at the crawl now to leave it.
func (r *Redis) Stop(ctx context.Context) error {
	return r.patiently(ctx, func(bool) error {
		last, err := r.client.HGet(ctx, metaKey(r.opts.Name), metaWorker).Result()
		if err != nil {
			return err
		}
		return r.client.HSet(ctx, r.keys.orders(), orderStop, last).Err()
	})
}

// SetDelay asks all workers to let a queue rest so long, or all if it is "".
func (r *Redis) SetDelay(ctx context.Context, queue string, d time.Duration) error {
	return r.patiently(ctx, func(bool) error {
		return r.client.HSet(ctx, r.keys.orders(), orderDelay+queue, d.Seconds()).Err()
	})
}

// inboxChunk bounds how many entries of the inbox are taken at once.
const inboxChunk = 500

// Inbox is what was pushed from outside, by Post or by any client of Redis:
//
//	RPUSH downpour:{NAME:0}:inbox URL
//
// Each is a URL, or a request as JSON with a "url". The workers take them in
// within a second, as seeds; what has been taken in is told to Took.
func (r *Redis) Inbox(ctx context.Context) (entries []string, err error) {
	err = r.patiently(ctx, func(bool) (err error) {
		entries, err = r.client.LRange(ctx, r.keys.inbox(), 0, inboxChunk-1).Result()
		return err
	})
	return entries, err
}

// Took removes entries from the inbox. Cut off before it, they are taken in
// once more, and dropped as duplicates.
func (r *Redis) Took(ctx context.Context, entries ...string) error {
	return r.patiently(ctx, func(bool) error {
		p := r.client.Pipeline()
		for _, e := range entries {
			p.LRem(ctx, r.keys.inbox(), 1, e)
		}
		return sendAll(ctx, p)
	})
}

// Post puts entries in the inbox.
func (r *Redis) Post(ctx context.Context, entries ...string) error {
	values := make([]any, len(entries))
	for i, e := range entries {
		values[i] = e
	}
	return r.patiently(ctx, func(bool) error {
		return r.client.RPush(ctx, r.keys.inbox(), values...).Err()
	})
}

// Live reports how many workers are at the crawl.
func (r *Redis) Live(ctx context.Context) (n int, err error) {
	err = r.patiently(ctx, func(bool) error {
		n = 0
		all, err := r.client.HGetAll(ctx, r.keys.workers()).Result()
		if err != nil {
			return err
		}
		for id := range all {
			alive, err := r.client.Exists(ctx, r.keys.alive(id)).Result()
			if err != nil {
				return err
			}
			n += int(alive)
		}
		return nil
	})
	return n, err
}
