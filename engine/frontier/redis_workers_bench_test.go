//go:build unix

package frontier

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"downpour/engine"
)

// BenchmarkRedisWorkers crawls with one worker and with four, each of 16
// fetches at a time, where a page takes 50 ms to answer: how the rate grows
// with the workers when the fetch is the bottleneck.
func BenchmarkRedisWorkers(b *testing.B) {
	const pages, hosts, fetches, page = 4000, 500, 16, 50 * time.Millisecond
	rate := func(workers int) float64 {
		server := newRedisServer(b)
		pushAll(b, benchOpen(b, server, "workers"), pages, hosts, 4)
		stores := make([]*Redis, workers)
		for i := range stores {
			stores[i] = benchOpen(b, server, "workers")
		}
		var wg sync.WaitGroup
		begun := time.Now()
		for i := range workers * fetches {
			wg.Go(func() {
				if err := crawlSlowly(stores[i/fetches], page); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
		return pages / time.Since(begun).Seconds()
	}
	for b.Loop() {
		one, four := rate(1), rate(4)
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(one, "pages/s-of-1")
		b.ReportMetric(four, "pages/s-of-4")
		b.ReportMetric(four/one, "times")
	}
}

// crawlSlowly leases requests one by one and finishes each after a while, until
// nothing is left.
func crawlSlowly(r *Redis, page time.Duration) error {
	for {
		leases, wait, err := r.Lease(context.Background(), 1, 1, time.Minute)
		if errors.Is(err, engine.ErrDrained) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("lease: %w", err)
		}
		if len(leases) == 0 {
			time.Sleep(min(wait, page))
			continue
		}
		time.Sleep(page)
		for _, l := range leases {
			out := &engine.Outcome{Lease: l, Finished: l.Requests, Charged: len(l.Requests)}
			if _, err := r.Done(context.Background(), []*engine.Outcome{out}, nil); err != nil {
				return fmt.Errorf("done: %w", err)
			}
		}
	}
}
