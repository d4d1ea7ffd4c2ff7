//go:build unix

package frontier

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"

	"downpour/engine"
)

// pageLike makes the links of pages: 50 of one host each, at hosts in turn.
func pageLike(hosts int) func(page int) []*engine.Request {
	reqs := make([]*engine.Request, 50)
	return func(page int) []*engine.Request {
		host := "www.site-" + strconv.Itoa(page%hosts) + ".test"
		for i := range reqs {
			reqs[i] = &engine.Request{
				URL:   "http://" + host + "/docs/section-" + strconv.Itoa(page) + "/page-" + strconv.Itoa(i) + ".html",
				Depth: 3, Referrer: "http://" + host + "/docs/section-" + strconv.Itoa(page) + "/", Queue: host,
			}
			reqs[i].Print = xxhash.Sum64String(reqs[i].URL)
		}
		return reqs
	}
}

// scattered makes batches of 50 of which each goes to another host.
func scattered(hosts int) func(page int) []*engine.Request {
	reqs := make([]*engine.Request, 50)
	return func(page int) []*engine.Request {
		for i := range reqs {
			n := page*50 + i
			host := "www.site-" + strconv.Itoa(n*7919%hosts) + ".test"
			reqs[i] = &engine.Request{URL: "http://" + host + "/docs/page-" + strconv.Itoa(n) + ".html", Depth: 3, Queue: host}
			reqs[i].Print = xxhash.Sum64String(reqs[i].URL)
		}
		return reqs
	}
}

func benchJournal(b *testing.B) *Journal {
	b.Helper()
	j, err := OpenJournal(b.Context(), b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { j.Close() })
	return j
}

func BenchmarkJournalPush(b *testing.B) {
	for _, bb := range []struct {
		name string
		make func(page int) []*engine.Request
	}{
		{"pages of 1 host", pageLike(1)},
		{"pages of 1000 hosts", pageLike(1000)},
		{"scattered over 100000 hosts", scattered(100_000)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			j := benchJournal(b)
			const pages = 64 // made ahead, between two looks at the clock
			var m meter
			n := 0
			for page := 0; b.Loop(); page += pages {
				var batches [pages][]*engine.Request
				for i := range batches {
					batches[i] = slices.Clone(bb.make(page + i))
				}
				m.start()
				for _, reqs := range batches {
					if fresh, err := j.Push(b.Context(), reqs...); err != nil || fresh != len(reqs) {
						b.Fatal(fresh, err)
					}
					n += len(reqs)
				}
				m.stop()
			}
			m.report(b, n)
		})
	}
}

func BenchmarkJournalLeaseDone(b *testing.B) {
	for _, bb := range []struct {
		name         string
		hosts        int
		queues, each int
	}{
		{"one by one of 1 host", 1, 1, 1},
		{"one by one of 1000 hosts", 1000, 1, 1},
		{"16 queues of 1000 hosts", 1000, 16, 1},
		{"16 queues of 10000 hosts", 10_000, 16, 1},
		{"eights of 1000 hosts", 1000, 1, 8},
	} {
		b.Run(bb.name, func(b *testing.B) {
			j := benchJournal(b)
			fill := pageLike(bb.hosts)
			finished, page := 0, 0
			pages := max(400, bb.hosts)
			var m meter
			for b.Loop() {
				for range pages {
					if _, err := j.Push(b.Context(), fill(page)...); err != nil {
						b.Fatal(err)
					}
					page++
				}
				m.start()
				for j.x.queued > 1_000 {
					finished += leaseAndFinish(b, j, bb.queues, bb.each)
				}
				m.stop()
			}
			m.report(b, finished)
		})
	}
}

// leaseAndFinish takes up to queues due queues and finishes what it got.
func leaseAndFinish(b *testing.B, s Store, queues, each int) (finished int) {
	leases, _, err := s.Lease(b.Context(), queues, each, time.Minute)
	if err != nil {
		b.Fatal(err)
	}
	outs := make([]*engine.Outcome, len(leases))
	for i, l := range leases {
		outs[i] = finish(l)
		finished += len(l.Requests)
	}
	if _, err := s.Done(b.Context(), outs, nil); err != nil {
		b.Fatal(err)
	}
	return finished
}

// BenchmarkJournalWrite is what the journal's rates are to be held against: a
// file that is written to in pieces as long as the record of one finished
// request, and nothing else.
func BenchmarkJournalWrite(b *testing.B) {
	f, err := os.OpenFile(filepath.Join(b.TempDir(), "f"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	var m meter
	var piece [40]byte
	n := 0
	m.start()
	for ; b.Loop(); n++ {
		if _, err := f.Write(piece[:]); err != nil {
			b.Fatal(err)
		}
	}
	m.stop()
	m.report(b, n)
}

// A small crawl opens at once.
func BenchmarkJournalOpen(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		j, err := OpenJournal(b.Context(), dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		j.crash()
	}
}

// TestJournalMemory measures what a queued request takes of memory, and how
// long a reopen lasts: DOWNPOUR_LARGE requests, a hundred thousand if not set.
func TestJournalMemory(t *testing.T) {
	n := 100_000
	if large := os.Getenv("DOWNPOUR_LARGE"); large != "" {
		n, _ = strconv.Atoi(large)
	}
	tests := []struct {
		name string
		make func(page int) []*engine.Request
		most float64 // bytes a request
	}{
		{"page-like", pageLike(n / 1000), 25},
		{"scattered", scattered(n / 50), 70},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			j, err := OpenJournal(t.Context(), dir, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { j.Close() }()
			before := heapInUse()
			start := time.Now()
			for page := range n / 50 {
				if fresh, err := j.Push(t.Context(), tt.make(page)...); err != nil || fresh != 50 {
					t.Fatal(fresh, err)
				}
			}
			j.cache = groupCache{} // of a fixed size
			each := float64(heapInUse()-before) / float64(n)
			t.Logf("%d requests: %.1f bytes of memory each, pushed in %v", n, each, time.Since(start))
			if each > tt.most {
				t.Errorf("%.1f bytes of memory a request, want at most %v", each, tt.most)
			}
			j.crash()
			start = time.Now()
			if j, err = OpenJournal(t.Context(), dir, Options{}); err != nil {
				t.Fatal(err)
			}
			c, err := j.Counts(t.Context())
			if err != nil || c.Queued != int64(n) || c.Seen != int64(n) {
				t.Errorf("reopened with %+v, %v", c, err)
			}
			t.Logf("reopened in %v: %.1f bytes each, %s", time.Since(start), float64(heapInUse()-before)/float64(n), resident())
		})
	}
}

func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// resident is the process's memory as the system sees it.
func resident() string {
	b, err := os.ReadFile("/proc/self/statm")
	var size, rss int64
	if _, scan := fmt.Sscan(string(b), &size, &rss); errors.Join(err, scan) != nil {
		return "resident unknown"
	}
	return fmt.Sprintf("resident %d MB", rss*int64(os.Getpagesize())>>20)
}
