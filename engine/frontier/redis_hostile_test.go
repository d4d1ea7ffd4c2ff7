package frontier

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"downpour/engine"
)

// Whatever stands in a crawl's keys, every call answers: with an error or
// without what it cannot read, but within its time, and the server goes on.
func TestRedisHostileKeys(t *testing.T) {
	server := newRedisServer(t)
	c := server.client()
	defer c.Close()
	huge := "99999999999999999999999999"
	garbage := []struct {
		name string
		put  func(ctx context.Context, key string) error
	}{
		{"text", func(ctx context.Context, key string) error { return c.Set(ctx, key, "\xff x", 0).Err() }},
		{"list", func(ctx context.Context, key string) error { return c.RPush(ctx, key, "", "a", huge).Err() }},
		{"set", func(ctx context.Context, key string) error { return c.SAdd(ctx, key, "a", "-1", huge).Err() }},
		{"scores", func(ctx context.Context, key string) error {
			return errors.Join(
				c.Do(ctx, "zadd", key, "+inf", "a", "-inf", "b", "1e300", "c", "-1e300", "d", "0.5", "e", "-1", "f", "1", "").Err(),
				c.ZAdd(ctx, key, redis.Z{Score: 1, Member: "0:99999999999:a{}"}, redis.Z{Score: 2, Member: "-" + huge + ":1:a{}"}).Err(),
			)
		}},
		{"fields", func(ctx context.Context, key string) error {
			return c.HSet(ctx, key, "a", "nonsense", "b", huge+" "+huge+" "+huge, "buckets", "-7", "granted", "nan", "back", huge,
				"0", "nan", "granted 0", "x", "c", "1 2", "\xff", "\xff").Err()
		}},
		{"counters", func(ctx context.Context, key string) error {
			return c.HSet(ctx, key, "v", formatVersion, "buckets", huge, "c", strings.TrimSpace(strings.Repeat(huge+" ", 16))).Err()
		}},
		{"numbers", func(ctx context.Context, key string) error {
			nine := "9007199254740993"
			return c.HSet(ctx, key, "v", formatVersion, "granted", huge, "back", "-"+huge, "a", nine, "b", "-"+nine,
				"c", fmt.Sprint(nine, " ", nine, " 0 0 0 0 0 0 0 0 0 0 0 0 0 0")).Err()
		}},
	}
	for round, g := range garbage {
		t.Run(g.name, func(t *testing.T) {
			for i, name := range append(keyNames[:keyNone:keyNone], "pages", "failed", "values", "expiry", "orders", "workers", "s:0", "l:a", "p:a") {
				crawl := fmt.Sprintf("k%d.%d", round, i)
				r := mustOpen(t, server.url()+"?shards=2", Options{Name: crawl, MaxPages: 1000})
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				prio := page("a", "9")
				prio.Priority = 3
				if _, err := r.Push(ctx, append(pages("a:1 2 3 b:1 2 c:1"), prio)...); err != nil {
					t.Fatal(err)
				}
				held, _, err := r.Lease(ctx, 1, 1, time.Minute)
				if err != nil {
					t.Fatal(err)
				}
				for s := range 2 {
					key := r.keys.sets[s].prefix + name
					if err := errors.Join(c.Del(ctx, key).Err(), g.put(ctx, key)); err != nil {
						t.Fatal(err)
					}
				}
				for what, err := range touch(ctx, r, held) {
					if errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("key %s: %s does not answer", name, what)
					}
				}
				if err := c.Ping(ctx).Err(); err != nil {
					t.Fatalf("key %s: the server: %v", name, err)
				}
				cancel()
				_ = r.Close() // its error is of the garbage
			}
		})
	}
}

// touch calls everything once.
func touch(ctx context.Context, r *Redis, held []*engine.Lease) map[string]error {
	errs := map[string]error{}
	_, errs["push"] = r.Push(ctx, pages("a:4 1 d:1")...)
	var outs []*engine.Outcome
	for _, l := range held {
		out := &engine.Outcome{Lease: l, Finished: l.Requests, Charged: len(l.Requests), State: []byte("x")}
		outs = append(outs, out)
	}
	_, errs["done"] = r.Done(ctx, outs, engine.Marks{"out": 1})
	more, _, err := r.Lease(ctx, 9, 9, time.Minute)
	errs["lease"] = err
	outs = nil
	for _, l := range more {
		outs = append(outs, &engine.Outcome{Lease: l, Back: l.Requests})
	}
	_, errs["put back"] = r.Done(ctx, outs, nil)
	_, errs["drop"] = r.Drop(ctx, "a", func(*engine.Request) bool { return true })
	_, errs["counts"] = r.Counts(ctx)
	_, errs["verify"] = r.Verify(ctx)
	_, errs["seen"] = r.Seen(ctx, 7)
	_, errs["orders"] = r.Orders(ctx)
	_, errs["live"] = r.Live(ctx)
	return errs
}
