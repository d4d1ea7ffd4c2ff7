package frontier

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"downpour/engine"
)

// Failures are kept in a hash a shard, with their queue: the fingerprint, as in
// the sets of what has been seen, to the stored form. One takes some 140 bytes
// beside its stored form, 400 with it. Those that lease.lua sets aside have no
// fingerprint there: their field is asideField and a stamp.
func (s shardKeys) failed() string { return s.prefix + "failed" }

const asideField = "aside:"

// failedPrint is the print that a field of the hash stands for, 0 for none.
func failedPrint(field string) uint64 {
	n, err := strconv.ParseInt(field, 10, 64)
	if err != nil {
		return 0
	}
	return unmixed(n)
}

// planFailed works out the steps that keep failures: of those requests that
// leave the lease with this outcome.
func (p *report) planFailed() (steps []any) {
	for _, f := range p.out.Failed {
		i := slices.IndexFunc(p.held.slots, func(s spot) bool { return s.req == f.Request })
		if i >= 0 && p.fate[i] {
			steps = append(steps, stepFailed, mixed(f.Print), f.AppendJSON(nil))
		}
	}
	return steps
}

// A keptFailure is a failure as it is stored.
type keptFailure struct{ field, value string }

func (k keptFailure) parse() (*engine.Failed, error) {
	f, err := engine.ParseFailed([]byte(k.value))
	if err != nil {
		return nil, err
	}
	f.Print = failedPrint(k.field)
	f.Request.Print = f.Print
	return f, nil
}

// kept yields what a shard keeps, chunk by chunk; match is a pattern for the
// fields, "" for all.
func (r *Redis) kept(ctx context.Context, shard int, match string) iter.Seq2[[]keptFailure, error] {
	return func(yield func([]keptFailure, error) bool) {
		for cursor := uint64(0); ; {
			var pairs []string
			err := r.patiently(ctx, func(bool) error {
				page, next, err := r.client.HScan(ctx, r.keys.sets[shard].failed(), cursor, match, lookChunk).Result()
				if err == nil {
					pairs, cursor = page, next
				}
				return err
			})
			if err != nil {
				yield(nil, err)
				return
			}
			var found []keptFailure
			for i := 0; i+1 < len(pairs); i += 2 {
				found = append(found, keptFailure{pairs[i], pairs[i+1]})
			}
			if len(found) > 0 && !yield(found, nil) || cursor == 0 {
				return
			}
		}
	}
}

// Failures implements Inspector. What cannot be read is left out.
func (r *Redis) Failures(ctx context.Context) iter.Seq2[*engine.Failed, error] {
	return func(yield func(*engine.Failed, error) bool) {
		for s := range r.keys.shards {
			for chunk, err := range r.kept(ctx, s, "") {
				if err != nil {
					yield(nil, err)
					return
				}
				for _, k := range chunk {
					if f, err := k.parse(); err == nil && !yield(f, nil) {
						return
					}
				}
			}
		}
	}
}

// Failure implements Inspector.
func (r *Redis) Failure(ctx context.Context, url string, print uint64) (*engine.Failed, error) {
	field := strconv.FormatInt(mixed(print), 10)
	for s := range r.keys.shards {
		var value string
		err := r.patiently(ctx, func(bool) (err error) {
			value, err = r.client.HGet(ctx, r.keys.sets[s].failed(), field).Result()
			return err
		})
		if err == nil {
			return keptFailure{field, value}.parse()
		}
		if !errors.Is(err, redis.Nil) {
			return nil, err
		}
	}
	for s := range r.keys.shards {
		for chunk, err := range r.kept(ctx, s, asideField+"*") {
			if err != nil {
				return nil, err
			}
			for _, k := range chunk {
				if f, err := k.parse(); err == nil && f.Request.OriginalURL() == url {
					return f, nil
				}
			}
		}
	}
	return nil, nil
}

// requeueChunk bounds the failures of one call of requeue.lua.
const requeueChunk = 500

// argRequeueResent is the argument of requeue.lua that says it may have run
// before.
const argRequeueResent = 1

// Requeue implements Steerer.
func (r *Redis) Requeue(ctx context.Context, match func(*engine.Failed) bool) (requeued int, err error) {
	for s := range r.keys.shards {
		for chunk, err := range r.kept(ctx, s, "") {
			if err != nil {
				return requeued, err
			}
			n, err := r.requeueSome(ctx, s, chunk, match)
			requeued += n
			if err != nil {
				return requeued, err
			}
		}
	}
	return requeued, nil
}

func (r *Redis) requeueSome(ctx context.Context, shard int, found []keptFailure, match func(*engine.Failed) bool) (n int, err error) {
	for chunk := range slices.Chunk(found, requeueChunk) {
		args := []any{"", "0"}
		for _, k := range chunk {
			f, err := k.parse()
			if err != nil || r.keys.shard(f.Request.Queue) != shard || !match(f) {
				continue
			}
			req := f.Requeued()
			args = append(args, k.field, k.value, req.Queue, req.Priority, appendStored(nil, req))
		}
		if len(args) == 2 {
			continue
		}
		res, _, err := r.run(ctx, r.scripts.requeue, shard, argRequeueResent, args)
		if err != nil {
			return n, err
		}
		put, ok := res.(int64)
		if !ok {
			return n, unexpected("requeue", res)
		}
		n += int(put)
	}
	return n, nil
}

// verifyFailed reads what is kept.
func (r *Redis) verifyFailed(ctx context.Context, f *Findings) error {
	for s := range r.keys.shards {
		fields := map[string]bool{} // the same one may come twice
		for chunk, err := range r.kept(ctx, s, "") {
			if err != nil {
				return err
			}
			for _, k := range chunk {
				if fields[k.field] {
					continue
				}
				fields[k.field] = true
				f.Failed++
				if failed, err := k.parse(); err != nil {
					f.wrong("failure %s: %v", strings.ToValidUTF8(k.field, "?"), err)
				} else if r.keys.shard(failed.Request.Queue) != s {
					f.wrong("failure %s is in the shard of another queue than %s", k.field, failed.Request.Queue)
				}
			}
		}
	}
	return nil
}
