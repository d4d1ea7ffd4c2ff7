package frontier

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// A crawl's life: its hash meta says which generation is the present one and
// whether it is live or ended. A change of generation is one transaction
// watched against other openers, so of two processes that start at once one
// begins the crawl and the other joins it.
const (
	metaVersion = "version"
	metaGen     = "gen"
	metaState   = "state"
	metaShards  = "shards"
	metaOld     = "old"    // generations not wiped yet, with their number of shards: "gen/shards gen/shards"
	metaWorker  = "worker" // last worker id given out

	stateLive  = "live"
	stateEnded = "ended"
)

// How many shards a crawl is made with if nobody says.
const (
	defaultShards = 1
	clusterShards = 16
)

// maxShards bounds what another's keys may claim.
const maxShards = 1024

// openTries bounds how often a transaction is tried against other openers.
const openTries = 100

// enter joins the crawl, or begins one, and enters this worker.
func (r *Redis) enter(ctx context.Context) error {
	var id int64
	err := r.patiently(ctx, func(bool) (err error) {
		if r.opts.Look {
			id = -time.Now().UnixNano() // no worker: it never leases
			return nil
		}
		id, err = r.client.HIncrBy(ctx, metaKey(r.opts.Name), metaWorker, 1).Result()
		return err
	})
	if err != nil {
		return err
	}
	r.id = strconv.FormatInt(id, 10)
	for range openTries {
		err = r.patiently(ctx, func(bool) error {
			return r.watch(ctx, metaKey(r.opts.Name), func(tx *redis.Tx) error { return r.enterTx(ctx, tx) })
		})
		if !errors.Is(err, redis.TxFailedErr) {
			break
		}
	}
	if err != nil || r.opts.Look {
		return err
	}
	return r.wipe(ctx)
}

func (r *Redis) enterTx(ctx context.Context, tx *redis.Tx) error {
	key := metaKey(r.opts.Name)
	meta, err := tx.HGetAll(ctx, key).Result()
	if err != nil {
		return err
	}
	if v := meta[metaVersion]; v != "" && v != formatVersion {
		return fmt.Errorf("crawl %q is kept in format %s, this program knows %s: use the version that began it, or another name",
			r.opts.Name, v, formatVersion)
	}
	if r.opts.Look && meta[metaGen] == "" {
		return fmt.Errorf("%w: %s", ErrNoCrawl, r.opts.Name)
	}
	there := 0
	if meta[metaGen] != "" {
		if there, err = strconv.Atoi(meta[metaShards]); err != nil || there < 1 || there > maxShards {
			return fmt.Errorf("key %s holds no crawl: shards %q", key, meta[metaShards])
		}
	}
	r.resumed = meta[metaState] == stateLive && !r.opts.Fresh
	if (r.resumed || r.opts.Look) && r.shards != 0 && r.shards != there {
		return fmt.Errorf("%w: shards=%d, but crawl %q was begun with %d and keeps that: leave it out, or start afresh",
			ErrRedisURL, r.shards, r.opts.Name, there)
	}
	if r.opts.Look {
		r.keys = newKeys(r.opts.Name, meta[metaGen], there)
		return nil
	}
	if r.resumed {
		r.keys = newKeys(r.opts.Name, meta[metaGen], there)
		return r.register(ctx, tx, nil)
	}
	return r.begin(ctx, tx, meta, there)
}

// newShards is how many shards a crawl that begins gets.
func (r *Redis) newShards() int {
	switch {
	case r.shards != 0:
		return r.shards
	case r.kind == kindCluster:
		return clusterShards
	}
	return defaultShards
}

// begin makes a new generation, after the one meta tells of, which has the
// given number of shards.
func (r *Redis) begin(ctx context.Context, tx *redis.Tx, meta map[string]string, before int) error {
	shards := r.newShards()
	set := map[string]any{metaVersion: formatVersion, metaState: stateLive, metaShards: shards}
	if old := meta[metaGen]; old != "" {
		if meta[metaState] == stateLive {
			if err := r.alone(ctx, tx, newKeys(r.opts.Name, old, before)); err != nil {
				return err
			}
		}
		set[metaOld] = strings.TrimSpace(meta[metaOld] + " " + old + "/" + strconv.Itoa(before))
	}
	gen := nextGeneration(meta[metaGen])
	set[metaGen] = gen
	r.keys = newKeys(r.opts.Name, gen, shards)
	// Before the generation becomes the present one: a joiner must find it made.
	for s := range shards {
		if err := r.client.HSet(ctx, r.keys.n(s), "v", formatVersion).Err(); err != nil {
			return err
		}
	}
	return r.register(ctx, tx, set)
}

// register enters the worker and writes meta, if nobody else has meanwhile.
func (r *Redis) register(ctx context.Context, tx *redis.Tx, meta map[string]any) error {
	if meta == nil {
		// Touches meta: one that starts fresh meanwhile must see the joiner.
		meta = map[string]any{metaState: stateLive}
	}
	// By themselves, for a refusal to say why; a transaction's does not.
	err := r.client.HSet(ctx, r.keys.workers(), r.id, r.self.json()).Err()
	if err == nil {
		err = r.client.Set(ctx, r.keys.alive(r.id), 1, lifetime).Err()
	}
	if err == nil {
		_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.HSet(ctx, metaKey(r.opts.Name), meta)
			return nil
		})
	}
	if errors.Is(err, redis.TxFailedErr) {
		r.client.HDel(ctx, r.keys.workers(), r.id)
	}
	return err
}

// nextGeneration is a name no earlier generation has had, also if meta was
// lost: it grows with time.
func nextGeneration(old string) string {
	n, err := strconv.ParseInt(old, 36, 64)
	if err != nil {
		n = 0
	}
	return strconv.FormatInt(max(n+1, time.Now().Unix()), 36)
}

// alone is an error if another live worker is at the crawl.
func (r *Redis) alone(ctx context.Context, tx *redis.Tx, k *keys) error {
	all, err := tx.HGetAll(ctx, k.workers()).Result()
	if err != nil {
		return err
	}
	var live []string
	for id, text := range all {
		w, ok := parseWorker(text)
		if !ok || w.dead(r.self) {
			continue
		}
		n, err := tx.Exists(ctx, k.alive(id)).Result()
		if err != nil {
			return err
		}
		if n > 0 {
			live = append(live, w.String())
		}
	}
	if len(live) == 0 {
		return nil
	}
	slices.Sort(live)
	return fmt.Errorf("crawl %q cannot start fresh, others are at it (%s): stop them first, or use another name",
		r.opts.Name, strings.Join(live, ", "))
}

// End implements Store. A crawl started anew meanwhile is left alone.
func (r *Redis) End(ctx context.Context) error {
	key := metaKey(r.opts.Name)
	var err error
	for range openTries {
		err = r.patiently(ctx, func(bool) error {
			return r.watch(ctx, key, func(tx *redis.Tx) error {
				gen, err := tx.HGet(ctx, key, metaGen).Result()
				if errors.Is(err, redis.Nil) || gen != r.keys.gen {
					return nil
				}
				if err != nil {
					return err
				}
				_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
					p.HSet(ctx, key, metaState, stateEnded)
					return nil
				})
				return err
			})
		})
		if !errors.Is(err, redis.TxFailedErr) {
			break
		}
	}
	return err
}

// wipe deletes the generations before this one. It may be cut short anywhere
// and done by several at once.
func (r *Redis) wipe(ctx context.Context) error {
	key := metaKey(r.opts.Name)
	return r.patiently(ctx, func(bool) error {
		old, err := r.client.HGet(ctx, key, metaOld).Result()
		if errors.Is(err, redis.Nil) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, f := range strings.Fields(old) {
			gen, n, _ := strings.Cut(f, "/")
			shards, err := strconv.Atoi(n)
			if err != nil || gen == r.keys.gen || shards > maxShards {
				continue
			}
			k := newKeys(r.opts.Name, gen, shards)
			for s := range shards {
				if err := r.wipeShard(ctx, k, s); err != nil {
					return err
				}
			}
			if err := r.client.Unlink(ctx, k.note(), k.workers(), k.orders(), k.pages()).Err(); err != nil {
				return err
			}
		}
		return r.forget(ctx, old)
	})
}

// forget takes the wiped generations off the list, unless it has grown.
func (r *Redis) forget(ctx context.Context, old string) error {
	key := metaKey(r.opts.Name)
	err := r.watch(ctx, key, func(tx *redis.Tx) error {
		now, err := tx.HGet(ctx, key, metaOld).Result()
		if err != nil || now != old {
			return err
		}
		_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.HDel(ctx, key, metaOld)
			return nil
		})
		return err
	})
	if errors.Is(err, redis.Nil) || errors.Is(err, redis.TxFailedErr) {
		return nil // somebody else's next open sees to it
	}
	return err
}

// wipeShard deletes a shard's keys. The marker goes first, so that a worker
// still at the old generation makes no new ones; what says how many sets there
// are goes last.
func (r *Redis) wipeShard(ctx context.Context, k *keys, s int) error {
	set := k.sets[s]
	if err := r.client.HDel(ctx, set.keys[keyN], "v").Err(); err != nil {
		return err
	}
	gone := unlinker{client: r.client}
	it := r.client.ZScan(ctx, set.keys[keyDue], 0, "", 1000).Iterator()
	for queue := true; it.Next(ctx); queue = !queue {
		if queue { // else its score
			gone.add(ctx, set.prefix+"l:"+it.Val(), set.prefix+"p:"+it.Val())
		}
	}
	if err := it.Err(); err != nil {
		return err
	}
	buckets, err := r.client.HGet(ctx, set.keys[keyN], "buckets").Int()
	if errors.Is(err, redis.Nil) {
		buckets = 1
	} else if err != nil {
		return err
	}
	for b := range buckets {
		gone.add(ctx, set.prefix+"s:"+strconv.Itoa(b))
	}
	gone.flush(ctx)
	gone.add(ctx, set.values(), set.expiry())
	gone.add(ctx, set.keys[1:]...)
	gone.add(ctx, set.failed())
	gone.flush(ctx)
	gone.add(ctx, set.keys[keyN])
	gone.flush(ctx)
	return gone.err
}

// An unlinker deletes keys, many in a call. After an error, which err keeps,
// it does nothing.
type unlinker struct {
	client redis.UniversalClient
	keys   []string
	err    error
}

func (u *unlinker) add(ctx context.Context, keys ...string) {
	if u.keys = append(u.keys, keys...); len(u.keys) >= 1000 {
		u.flush(ctx)
	}
}

func (u *unlinker) flush(ctx context.Context) {
	if u.err == nil && len(u.keys) > 0 {
		u.err = u.client.Unlink(ctx, u.keys...).Err()
	}
	u.keys = u.keys[:0]
}
