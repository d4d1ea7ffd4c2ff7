package frontier

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"downpour/engine"
)

func z(score float64, member string) redis.Z { return redis.Z{Score: score, Member: member} }

func TestRedisPassword(t *testing.T) {
	server := newRedisServer(t, "--requirepass", "hunter2")
	if _, err := OpenRedis(t.Context(), server.url(), Options{}); err == nil || !strings.Contains(err.Error(), "NOAUTH") {
		t.Errorf("without password: %v", err)
	}
	if _, err := OpenRedis(t.Context(), "unix://:wrong@"+server.socket(), Options{}); err == nil || strings.Contains(err.Error(), "wrong@") {
		t.Errorf("with a wrong one: %v", err)
	}
	r, err := OpenRedis(t.Context(), "unix://:hunter2@"+server.socket()+"?db=3", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// Of several that open an ended crawl at once one begins it and the others
// join: what any of them pushes is there.
func TestRedisOpenTogether(t *testing.T) {
	server := newRedisServer(t)
	for round := range 5 {
		var wg sync.WaitGroup
		var mu sync.Mutex
		var all []*Redis
		for i := range 6 {
			wg.Go(func() {
				r, err := OpenRedis(t.Context(), server.url(), Options{})
				if err == nil {
					_, err = r.Push(t.Context(), page(fmt.Sprintf("h%d", i), fmt.Sprint(round)))
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				all = append(all, r)
			})
		}
		wg.Wait()
		if t.Failed() {
			return
		}
		began := 0
		for _, r := range all {
			if !r.Resumed() {
				began++
			}
		}
		c, err := all[0].Counts(t.Context())
		if err != nil || began != 1 || c.Queued != 6 {
			t.Errorf("round %d: %d began, %+v, %v", round, began, c, err)
		}
		if err := all[0].End(t.Context()); err != nil {
			t.Error(err)
		}
		for _, r := range all {
			r.Close()
		}
	}
}

func TestRedisFreshAmongOthers(t *testing.T) {
	server := newRedisServer(t)
	r := mustOpen(t, server.url(), Options{Owner: "the other one"})
	if _, err := r.Push(t.Context(), pages("a:1")...); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenRedis(t.Context(), server.url(), Options{Fresh: true}); err == nil || !strings.Contains(err.Error(), "the other one") {
		t.Errorf("fresh with another at it: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	fresh := mustOpen(t, server.url(), Options{Fresh: true})
	tidy(t, fresh)
	if c, err := fresh.Counts(t.Context()); err != nil || c != (engine.Counts{}) {
		t.Errorf("counts %+v, %v", c, err)
	}
}

// A worker left behind by a new crawl, or whose keys were deleted, is told so,
// and a wiped crawl leaves nothing behind.
func TestRedisGone(t *testing.T) {
	server := newRedisServer(t)
	r := mustOpen(t, server.url(), Options{})
	tidy(t, r)
	if _, err := r.Push(t.Context(), pages("a:1 2 b:1")...); err != nil {
		t.Fatal(err)
	}
	if err := r.End(t.Context()); err != nil {
		t.Fatal(err)
	}
	next := mustOpen(t, server.url(), Options{})
	tidy(t, next)
	if _, err := r.Push(t.Context(), pages("a:3")...); !errors.Is(err, ErrGone) {
		t.Errorf("push: %v", err)
	}
	if _, _, err := r.Lease(t.Context(), 1, 1, time.Second); !errors.Is(err, ErrGone) {
		t.Errorf("lease: %v", err)
	}
	if err := r.End(t.Context()); err != nil {
		t.Error(err)
	}
	left, err := r.client.Keys(t.Context(), r.keys.sets[0].prefix+"*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range left {
		if k != r.keys.alive(r.id) {
			t.Errorf("left over: %s", k)
		}
	}
	if state, err := r.client.HGet(t.Context(), metaKey("default"), metaState).Result(); state != stateLive || err != nil {
		t.Errorf("the new crawl is %q, %v", state, err)
	}
}
