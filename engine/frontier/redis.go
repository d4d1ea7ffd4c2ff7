package frontier

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"downpour/engine"
)

var (
	_ engine.Frontier = (*Redis)(nil)
	_ Store           = (*Redis)(nil)
)

// Redis is a frontier on a Redis server, version 6.2 or later, shared by every
// process that opens the same crawl there. Everything happens in scripts, by the
// server's clock. A crawl is laid in one or several shards, as many as it was
// begun with; a host is in one of them, and hosts of different shards have no
// common order. In a Cluster each shard is in one slot.
//
// A server that cannot be reached, loads its data, is read-only, busy or full
// is waited out, with one warning, until the context ends; an answer that was
// lost on the way is asked for again without anything being done twice. While a
// Cluster moves a slot its shard waits: no command follows it to the server it
// is on its way to. Values in the crawl's keys that it cannot have written go to
// the list dead, with a reason, or end the call with an error.
//
// # Failover
//
// Redis replicates after it has answered. A server that dies takes with it what
// no replica had; the one that takes its place is as the other was a moment
// before. What is filed is therefore answered only when a replica confirms it,
// if the server has, or had in the last minute, any: a page's links are safe
// before the page is finished, and no page is lost. What may be lost is
//
//   - that a page was finished: it is fetched, and counted, again, and its rows
//     are there twice; a page budget may be exceeded by such pages;
//   - that a host was leased or is to rest: another worker may fetch from it
//     while the first is still at it, or too early, once;
//   - an order (pause, stop, a delay), a value the scripts share, where an output
//     ended, what was put in the inbox: the last second's;
//   - with several replicas, if one is chosen that had less than another, or
//     with a server that went on for more than a minute without any, also what
//     was filed since.
//
// A single server with appendfsync everysec that loses its power is as one that
// was replaced by its state of a second ago, and confirms nothing: use
// appendfsync always, or a replica, where that second matters.
type Redis struct {
	client  redis.UniversalClient
	kind    string // of server: kindSingle, kindSentinel or kindCluster
	keys    *keys
	scripts scripts
	opts    Options
	log     *slog.Logger
	server  string   // URL without password
	secrets []string // what no message shows
	self    worker
	id      string // worker id
	resumed bool
	shards  int // that were asked for; 0 for whatever there is

	replicas []replicas     // by shard
	granted  []atomic.Int64 // by shard: pages, as far as is known

	slots  chan *slot
	op     atomic.Int64
	turn   atomic.Int64 // which shard Lease asks first
	down   atomic.Bool  // the server is being waited for
	wake   chan struct{}
	cancel context.CancelFunc // ends listen
	done   sync.WaitGroup     // listen

	mu    sync.Mutex // guards what follows
	held  map[*engine.Lease]*held
	note  []byte
	marks engine.Marks
}

// slotCount is how many pushes and dones may be under way at once.
const slotCount = 32

// SetNote implements Store.
func (r *Redis) SetNote(ctx context.Context, b []byte) error {
	err := r.patiently(ctx, func(bool) error {
		return r.client.Set(ctx, r.keys.note(), b, 0).Err()
	})
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note = append([]byte(nil), b...)
	return nil
}

// Note implements Store.
func (r *Redis) Note() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.note
}

// Resumed implements Store.
func (r *Redis) Resumed() bool { return r.resumed }

// Marks implements Store: the marks of the outputs of this machine. Other
// machines' outputs are files of their own.
func (r *Redis) Marks() engine.Marks {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.marks)
}

// markField names an output in the hash of marks.
func (r *Redis) markField(output string) string { return r.self.Host + " " + output }

// loadKept reads the note and this machine's marks.
func (r *Redis) loadKept(ctx context.Context) error {
	return r.patiently(ctx, func(bool) error {
		note, err := r.client.Get(ctx, r.keys.note()).Bytes()
		if err != nil && !errors.Is(err, redis.Nil) {
			return err
		}
		all, err := r.client.HGetAll(ctx, r.keys.marks()).Result()
		if err != nil {
			return err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.note, r.marks = note, engine.Marks{}
		for f, v := range all {
			output, mine := strings.CutPrefix(f, r.markField(""))
			if n, err := strconv.ParseInt(v, 10, 64); mine && err == nil {
				r.marks[output] = n
			}
		}
		return nil
	})
}

// Counts implements Store.
func (r *Redis) Counts(ctx context.Context) (engine.Counts, error) {
	var c engine.Counts
	err := r.patiently(ctx, func(bool) error {
		c = engine.Counts{}
		for s := range r.keys.shards {
			p := r.client.Pipeline()
			n := p.HGet(ctx, r.keys.n(s), "c")
			queues := p.ZCard(ctx, r.keys.queues(s))
			failed := p.HLen(ctx, r.keys.sets[s].failed())
			if err := sendAll(ctx, p); err != nil {
				return err
			}
			v := strings.Fields(n.Val()) // in the order prelude.lua gives
			for i, to := range []*int64{
				&c.Queued, &c.Leased, &c.Finished, &c.Charged, &c.Seen, &c.Aside, new(int64), new(int64), &c.Queues,
			} {
				if i >= len(v) {
					break
				}
				x, err := strconv.ParseInt(v[i], 10, 64)
				if err != nil {
					return fmt.Errorf("redis: key %s holds no counters: %w", r.keys.n(s), err)
				}
				*to += x
			}
			c.Queues += queues.Val()
			c.Failed += failed.Val()
		}
		return nil
	})
	return c, err
}

// Wake implements engine.Frontier.
func (r *Redis) Wake() <-chan struct{} { return r.wake }

// nudge makes Wake receive.
func (r *Redis) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// heartbeat is how often a worker says that it lives, lifetime how long the
// others believe it.
const (
	heartbeat = 10 * time.Second
	lifetime  = 45 * time.Second
)

// listen passes on what other processes publish and says that this one lives,
// until ctx ends.
func (r *Redis) listen(ctx context.Context) {
	defer r.done.Done()
	var channels []string
	for s := range r.keys.shards {
		channels = append(channels, r.keys.wake(s))
	}
	sub := r.client.Subscribe(ctx, channels...)
	stop := context.AfterFunc(ctx, func() { _ = sub.Close() })
	defer stop()
	beat := time.Now()
	for ctx.Err() == nil {
		// A subscription is confirmed again after a lost connection, and counts
		// as a message: what was published in between is not known.
		_, err := sub.ReceiveTimeout(ctx, max(heartbeat-time.Since(beat), time.Millisecond))
		if err == nil {
			r.nudge()
		}
		if time.Since(beat) >= heartbeat {
			beat = time.Now()
			r.client.Set(ctx, r.keys.alive(r.id), 1, lifetime)
			r.seeAllReplicas(ctx)
		} else if err != nil {
			select {
			case <-ctx.Done():
			case <-time.After(lastPause):
			}
		}
	}
	_ = sub.Close()
}

// Close gives up what is leased, takes the worker off the crawl and closes the
// connections. What was given up is leased again at once, as Cold. It does not
// wait long for a server that is away: leases then run out.
func (r *Redis) Close() error {
	r.cancel()
	r.done.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := r.giveUp(ctx)
	if err == nil {
		p := r.client.Pipeline()
		p.HDel(ctx, r.keys.workers(), r.id)
		p.Del(ctx, r.keys.alive(r.id))
		err = sendAll(ctx, p)
	}
	return redact(cmp.Or(err, r.client.Close()), r.secrets)
}
