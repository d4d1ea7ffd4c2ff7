package frontier

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"downpour/engine"
)

// redisValues are a crawl's values in Redis: a hash of each shard, with the
// ends of their times beside it.
type redisValues struct{ r *Redis }

// Values implements Store. A server that is away is waited for, as it is by
// every call, and a sum whose answer was lost on the way is counted once.
func (r *Redis) Values() engine.Values { return redisValues{r} }

// argValuesResent is the argument of values.lua that says it may have run
// before.
const argValuesResent = 3

// Get implements engine.Values.
func (v redisValues) Get(ctx context.Context, key string) (value []byte, ok bool, err error) {
	if err := engine.CheckValue(key, nil); err != nil {
		return nil, false, err
	}
	res, err := v.run(ctx, "", 0, key, "get")
	if errors.Is(err, redis.Nil) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	text, ok := res.(string)
	if !ok {
		return nil, false, unexpected("values", res)
	}
	return []byte(text), true, nil
}

// Set implements engine.Values. Redis counts in milliseconds: a ttl is rounded
// up to them.
func (v redisValues) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if err := engine.CheckValue(key, value); err != nil {
		return err
	}
	if value == nil {
		_, err := v.change(ctx, key, "del")
		return err
	}
	ms := max(0, ttl+time.Millisecond-1) / time.Millisecond
	_, err := v.change(ctx, key, "set", value, int64(ms))
	return err
}

// Incr implements engine.Values.
func (v redisValues) Incr(ctx context.Context, key string, n int64) (int64, error) {
	if err := engine.CheckValue(key, nil); err != nil {
		return 0, err
	}
	res, err := v.change(ctx, key, "incr", n)
	if err != nil {
		return 0, err
	}
	return integer(res)
}

// Claim implements engine.Values. It counts exactly up to 2^53.
func (v redisValues) Claim(ctx context.Context, key string, n, limit int64) (granted, sum int64, err error) {
	if err := engine.CheckValue(key, nil); err != nil {
		return 0, 0, err
	}
	res, err := v.change(ctx, key, "claim", n, limit)
	if err != nil {
		return 0, 0, err
	}
	both, ok := res.([]any)
	if !ok || len(both) != 2 {
		return 0, 0, unexpected("values", res)
	}
	if granted, err = integer(both[0]); err == nil {
		sum, err = integer(both[1])
	}
	return granted, sum, err
}

func integer(v any) (int64, error) {
	text, ok := v.(string)
	if !ok {
		return 0, unexpected("values", v)
	}
	return strconv.ParseInt(text, 10, 64)
}

// change runs the script so that it is done once, however often it is sent.
func (v redisValues) change(ctx context.Context, key, what string, args ...any) (res any, err error) {
	err = v.r.inSlot(ctx, func(s *slot) (err error) {
		res, err = v.run(ctx, s.name, s.seq, key, what, args...)
		return err
	})
	return res, err
}

func (v redisValues) run(ctx context.Context, slot string, seq int64, key, what string, args ...any) (any, error) {
	all := append([]any{"", slot, seq, "0", what, key}, args...)
	shard := v.r.keys.shard(key)
	res, _, err := v.r.run(ctx, v.r.scripts.values, shard, argValuesResent, all)
	switch {
	case err == nil, errors.Is(err, redis.Nil):
		return res, err
	case strings.HasPrefix(err.Error(), "NOTINTEGER"):
		return nil, engine.ErrNotInteger
	case strings.HasPrefix(err.Error(), "OVERFLOW"):
		return nil, engine.ErrOverflow
	case strings.Contains(err.Error(), "WRONGTYPE"):
		set := v.r.keys.sets[shard]
		return nil, fmt.Errorf("redis: %s or %s is no longer what Downpour made it: %w", set.values(), set.expiry(), err)
	}
	return nil, err
}
