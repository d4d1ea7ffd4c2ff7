package frontier

import (
	"context"
	"strconv"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// A budget of pages over several shards is handed out to them in grants, as
// pages.lua tells; with one shard it is simply compared with what is charged.

// grantPages is the least that a shard is granted at a time, if there is as
// much.
const grantPages = 16

// sharesPages reports whether a budget of pages is shared out.
func (r *Redis) sharesPages() bool { return r.opts.MaxPages > 0 && r.keys.shards > 1 }

// pageLimit is the scripts' argument for a shard's part of the budget.
func (r *Redis) pageLimit(shard int) any {
	if !r.sharesPages() {
		return r.opts.MaxPages
	}
	return "+" + strconv.FormatInt(r.granted[shard].Load(), 10)
}

// grant has pages granted to a shard, from what other shards do not need if
// there are no others. It reports whether there were any.
func (r *Redis) grant(ctx context.Context, shard, pages int) (bool, error) {
	got, err := r.takePages(ctx, shard, max(pages, grantPages), nil)
	if err == nil && got < 0 {
		var returned []any
		if returned, err = r.returnPages(ctx); err == nil {
			got, err = r.takePages(ctx, shard, max(pages, grantPages), returned)
		}
	}
	if err != nil || got < 0 {
		return false, err
	}
	raise(&r.granted[shard], got)
	return true, nil
}

// settlePages tells shard 0 of what the shards of a resumed crawl need, also if
// it went on for a while under another budget.
func (r *Redis) settlePages(ctx context.Context) error {
	if !r.sharesPages() {
		return nil
	}
	returned, err := r.returnPages(ctx)
	if err == nil {
		_, err = r.takePages(ctx, 0, 0, returned)
	}
	return err
}

// takePages asks shard 0 for pages; got is what the shard was granted in all,
// -1 if none is left.
func (r *Redis) takePages(ctx context.Context, shard, pages int, returned []any) (got int64, err error) {
	args := append([]any{"", "0", "take", r.opts.MaxPages, shard, pages}, returned...)
	res, _, err := r.run(ctx, r.scripts.pages, 0, argPagesResent, args)
	if err != nil {
		return 0, err
	}
	got, ok := res.(int64)
	if !ok {
		return 0, unexpected("pages", res)
	}
	return got, nil
}

// returnPages has every shard give back what it does not need. It answers
// shard, granted and given back of each.
func (r *Redis) returnPages(ctx context.Context) (returned []any, err error) {
	var known map[string]string
	err = r.patiently(ctx, func(bool) (err error) {
		known, err = r.client.HGetAll(ctx, r.keys.pages()).Result()
		return err
	})
	if err != nil {
		return nil, err
	}
	for s := range r.keys.shards {
		granted, _ := strconv.ParseInt(known["granted "+strconv.Itoa(s)], 10, 64)
		res, _, err := r.run(ctx, r.scripts.pages, s, argPagesResent, []any{"", "0", "back", granted})
		if err != nil {
			return nil, err
		}
		pair, ok := res.([]any)
		if !ok || len(pair) != 2 {
			return nil, unexpected("pages", res)
		}
		if g, ok := pair[0].(int64); ok {
			raise(&r.granted[s], g)
		}
		returned = append(returned, s, pair[0], pair[1])
	}
	return returned, nil
}

// raise makes a number at least n.
func raise(a *atomic.Int64, n int64) {
	for {
		old := a.Load()
		if old >= n || a.CompareAndSwap(old, n) {
			return
		}
	}
}

// confirms reports whether a script's effect must not be lost once it is
// answered: what is filed, and what is granted or given back.
func (r *Redis) confirms(s *redis.Script) bool { return s == r.scripts.push || s == r.scripts.pages }
