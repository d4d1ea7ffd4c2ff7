package frontier

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"downpour/engine"
)

// A reservation is the part of a Reserve that one shard decides.
type reservation struct {
	keys []string
	gaps []any // ms
}

// Reserve implements engine.Frontier. Buckets of several shards are asked one
// shard after the other, always in the same order; what was taken in the first
// is given up when a later one refuses.
func (r *Redis) Reserve(ctx context.Context, buckets []engine.Bucket) (wait time.Duration, err error) {
	parts := map[int]*reservation{}
	for _, b := range buckets {
		gap := millis(b.Gap)
		if gap <= 0 {
			continue
		}
		shard := r.keys.shard(b.Name)
		p := parts[shard]
		if p == nil {
			p = &reservation{}
			parts[shard] = p
		}
		p.keys = append(p.keys, r.keys.bucket(shard, b.Name))
		p.gaps = append(p.gaps, gap)
	}
	token := r.id + "." + strconv.FormatInt(r.op.Add(1), 10)
	var taken []*reservation
	for _, shard := range slices.Sorted(maps.Keys(parts)) {
		p := parts[shard]
		if wait, err = r.reserve(ctx, p, token, "0"); err != nil || wait > 0 {
			break
		}
		taken = append(taken, p)
	}
	if wait > 0 {
		for _, p := range taken {
			if _, err := r.reserve(ctx, p, token, "1"); err != nil {
				return 0, err
			}
		}
	}
	return wait, err
}

// reserve runs reserve.lua in one shard.
func (r *Redis) reserve(ctx context.Context, p *reservation, token, giveUp string) (wait time.Duration, err error) {
	err = r.patiently(ctx, func(bool) error {
		ms, err := r.scripts.reserve.Run(ctx, r.client, p.keys, append([]any{token, giveUp}, p.gaps...)...).Int64()
		wait = time.Duration(ms) * time.Millisecond
		return err
	})
	return wait, err
}
