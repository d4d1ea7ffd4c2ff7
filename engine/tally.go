package engine

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"
)

// tally counts what the crawl does, for Summary.
type tally struct {
	pages, success, failed, retries, redirects atomic.Int64
	robots, pushed, items, bytes, left         atomic.Int64
	unlinked                                   atomic.Int64

	mu       sync.Mutex // guards what follows
	name     string
	resumed  bool
	started  time.Time
	failures map[string]int64
	skips    map[string]int64
	changes  map[string]int64 // nil until a page says
	verdicts []string
	hosts    map[uint64]struct{} // hashes of the queues fetched from
}

// maxHosts bounds the set that counts hosts; above it the count stays there.
const maxHosts = 1 << 20

func (t *tally) init(name string) {
	t.name = name
	t.failures = map[string]int64{}
	t.skips = map[string]int64{}
	t.hosts = map[uint64]struct{}{}
}

func (t *tally) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.started = time.Now()
}

// maxVerdicts bounds what is kept of a script's verdicts.
const maxVerdicts = 100

func (t *tally) verdict(reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.verdicts) < maxVerdicts {
		t.verdicts = append(t.verdicts, reason)
	}
}

func (t *tally) skip(reason string, n int64) {
	if n == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.skips[reason] += n
}

// visit counts a visit that ended, with f if it failed.
func (t *tally) visit(queue string, f *Failure) {
	t.pages.Add(1)
	if f == nil {
		t.success.Add(1)
	} else {
		t.failed.Add(1)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if f != nil {
		t.failures[failureKey(f)]++
	}
	if len(t.hosts) < maxHosts {
		t.hosts[xxhash.Sum64String(queue)] = struct{}{}
	}
}

// met reports whether a queue has been fetched from.
func (t *tally) met(queue string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.hosts[xxhash.Sum64String(queue)]
	return ok
}

// change counts what has become of a page.
func (t *tally) change(resp *Response) {
	if resp == nil || resp.Change == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.changes == nil {
		t.changes = map[string]int64{}
	}
	t.changes[string(resp.Change)]++
}

func (t *tally) summary() Summary {
	t.mu.Lock()
	defer t.mu.Unlock()
	elapsed := time.Duration(0)
	if !t.started.IsZero() {
		elapsed = time.Since(t.started)
	}
	return Summary{
		Name: t.name, Resumed: t.resumed,
		Pages: t.pages.Load(), Success: t.success.Load(), Failed: t.failed.Load(),
		Retries: t.retries.Load(), Redirects: t.redirects.Load(), Robots: t.robots.Load(),
		Pushed: t.pushed.Load(), Items: t.items.Load(), Bytes: t.bytes.Load(), Left: t.left.Load(),
		Failures: maps.Clone(t.failures), Skips: maps.Clone(t.skips), Changes: maps.Clone(t.changes), Unlinked: t.unlinked.Load(),
		Verdicts: slices.Clone(t.verdicts), Hosts: int64(len(t.hosts)),
		Started: t.started, Elapsed: elapsed, Seconds: elapsed.Seconds(),
	}
}
