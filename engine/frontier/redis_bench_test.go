//go:build unix

package frontier

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/redis/go-redis/v9"

	"downpour/engine"
)

// benchRequest is a request of an ordinary length (64 bytes of URL) on one of
// so many hosts.
func benchRequest(i, hosts int) *engine.Request {
	host := fmt.Sprintf("www.host%06d.example", i%hosts)
	url := fmt.Sprintf("http://%s/section/page-%012d.html", host, i)
	return &engine.Request{URL: url, Queue: host, Print: xxhash.Sum64String(url)}
}

func benchOpen(b *testing.B, server *redisServer, name string) *Redis {
	b.Helper()
	r, err := OpenRedis(b.Context(), server.url(), Options{Name: name})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { r.Close() })
	return r
}

// pushAll pushes n requests in batches of 50, as pages do: most links lead to
// the page's own host.
func pushAll(b *testing.B, r *Redis, n, hosts, callers int) {
	b.Helper()
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for from := c * 50; from < n; from += callers * 50 {
				reqs := make([]*engine.Request, 0, 50)
				for i := from; i < min(from+50, n); i++ {
					req := benchRequest(i, hosts)
					if i%5 > 0 {
						req.Queue = fmt.Sprintf("www.host%06d.example", from/50%hosts)
					}
					reqs = append(reqs, req)
				}
				if fresh, err := r.Push(context.Background(), reqs...); err != nil || fresh != len(reqs) {
					b.Error(fresh, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkRedisPush(b *testing.B) {
	server := newRedisServer(b)
	r := benchOpen(b, server, "push")
	m := meter{server: server}
	m.start()
	pushAll(b, r, b.N, 1000, 4)
	m.stop()
	m.report(b, b.N)
}

// BenchmarkRedisLease leases and finishes everything, each request with a
// lease and an outcome of its own, or in eights.
func BenchmarkRedisLease(b *testing.B) {
	for _, each := range []int{1, 8} {
		for _, queues := range []int{1, 16} {
			b.Run(fmt.Sprintf("each=%d/queues=%d", each, queues), func(b *testing.B) {
				server := newRedisServer(b)
				r := benchOpen(b, server, "lease")
				pushAll(b, r, b.N, 1000, 4)
				m := meter{server: server}
				m.start()
				finishBench(b, r, queues, each)
				m.stop()
				m.report(b, b.N)
			})
		}
	}
}

func finishBench(b *testing.B, r *Redis, queues, each int) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				leases, _, err := r.Lease(context.Background(), queues, each, time.Minute)
				if errors.Is(err, engine.ErrDrained) {
					return
				}
				var outs []*engine.Outcome
				for _, l := range leases {
					outs = append(outs, &engine.Outcome{Lease: l, Finished: l.Requests, Charged: len(l.Requests)})
				}
				if err == nil && len(outs) > 0 {
					_, err = r.Done(context.Background(), outs, nil)
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkRedisNothing is what the rates are to be held against: a script of
// the same length that does nothing, called as often as one lease and one
// outcome need.
func BenchmarkRedisNothing(b *testing.B) {
	server := newRedisServer(b)
	c := server.client()
	defer c.Close()
	nothing := redis.NewScript("return {0, 0, 0}")
	m := meter{server: server}
	m.start()
	var wg sync.WaitGroup
	for caller := range 8 {
		wg.Go(func() {
			for i := caller; i < 2*b.N; i += 8 {
				if err := nothing.Run(b.Context(), c, nil, "1", "1").Err(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	m.stop()
	m.report(b, b.N)
}

// BenchmarkRedisMemory is the server's memory for a queued URL, at ten a host,
// and for one that is finished and only seen.
func BenchmarkRedisMemory(b *testing.B) {
	server := newRedisServer(b)
	c := server.client()
	defer c.Close()
	used := func() float64 {
		info, err := c.Info(b.Context(), "memory").Result()
		if err != nil {
			b.Fatal(err)
		}
		n, err := strconv.ParseFloat(infoField(info, "used_memory"), 64)
		if err != nil {
			b.Fatal(err)
		}
		return n
	}
	const n = 500_000
	for b.Loop() {
		before := used()
		r := benchOpen(b, server, "memory"+strconv.Itoa(b.N))
		for from := 0; from < n; from += 50 {
			reqs := make([]*engine.Request, 50)
			for i := range reqs {
				reqs[i] = benchRequest(from+i, n/10)
			}
			if _, err := r.Push(b.Context(), reqs...); err != nil {
				b.Fatal(err)
			}
		}
		queued := used()
		finishBench(b, r, 100, 10)
		b.ReportMetric((queued-before)/n, "B/queued")
		b.ReportMetric((used()-before)/n, "B/seen")
	}
}
