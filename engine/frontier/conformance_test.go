package frontier

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/google/go-cmp/cmp"

	"downpour/engine"
)

// A place is where the crawls of one test are kept, with what a backend brings
// along for the suite.
type place struct {
	unit   time.Duration // a step of time far above what the backend's own calls take
	exact  bool          // time is virtual: durations are exact
	cold   bool          // the leases after a reopen are Cold
	shared bool          // several stores may be open at once
	shards int           // a host is in one of so many parts, which are not ordered among each other; 0 is 1
	open   func(t *testing.T, o Options) (Store, error)
	crash  func(t *testing.T, s Store) // kill -9 of the process that holds s
	pass   func(d time.Duration)       // lets d go by, for the store's clock too
}

// A suiteTest is one test of the suite, with a store that is empty.
type suiteTest struct {
	name string
	test func(c *tester)
}

// testConformance runs the suite. run calls test with a fresh place, inside a
// bubble if the backend's time is virtual.
func testConformance(t *testing.T, run func(t *testing.T, test func(t *testing.T, p *place))) {
	tests := []suiteTest{
		{"push and finish", testPushAndFinish},
		{"request survives whole", testRequestWhole},
		{"refused requests", testRefused},
		{"one owner", testOneOwner},
		{"stale outcomes change nothing", testStale},
		{"expiry hands out the same head", testExpiry},
		{"what ends three workers is set aside", testSetAside},
		{"expiries in a row", testAgain},
		{"keep extends", testKeep},
		{"keep with some finished", testKeepPart},
		{"keep brings more", testMore},
		{"priority then first in", testOrder},
		{"put-back of another priority", testBackPriority},
		{"queues by due time", testDueOrder},
		{"after", testAfter},
		{"put back after", testBackAfter},
		{"identity is filed once", testIdentity},
		{"finished out of order", testOutOfOrder},
		{"put back and untouched", testBack},
		{"put back into another queue", testBackElsewhere},
		{"long queue", testLongQueue},
		{"rest", testRest},
		{"rest of an empty queue", testRestEmpty},
		{"state", testState},
		{"budget of pages", testMaxPages},
		{"budget per queue", testMaxPerQueue},
		{"budget is spent by what is charged", testCharged},
		{"drained", testDrained},
		{"wake", testWake},
		{"ended context", testContext},
		{"counts", testCounts},
		{"close gives up leases", testCloseGivesUp},
		{"reopen", testReopen},
		{"crash", testCrash},
		{"crash in a lease", testCrashLeased},
		{"rest outlives a restart", testRestReopen},
		{"budget outlives a restart", testBudgetReopen},
		{"marks and note", testMarks},
		{"end starts anew", testEnd},
		{"fresh starts anew", testFresh},
		{"several processes", testShared},
		{"fair to small hosts", testFair},
		{"starts in buckets", testReserve},
		{"starts in several buckets are taken together", testReserveIsWhole},
		{"starts in buckets outlive a restart", testReserveReopen},
		{"model", testModel},
	}
	for _, tt := range append(tests, valuesTests...) {
		t.Run(tt.name, func(t *testing.T) {
			run(t, func(t *testing.T, p *place) {
				c := &tester{t: t, p: p, ctx: t.Context()}
				c.open()
				tt.test(c)
				if c.s != nil {
					if err := c.s.Close(); err != nil {
						t.Error("close:", err)
					}
				}
			})
		})
	}
}

// A tester is one store under test, with calls that fail the test on an error.
type tester struct {
	t   *testing.T
	p   *place
	ctx context.Context
	o   Options
	s   Store
}

func (c *tester) open() {
	c.t.Helper()
	s, err := c.p.open(c.t, c.o)
	if err != nil {
		c.t.Fatal("open:", err)
	}
	c.s = s
}

// with reopens the still empty store with other options.
func (c *tester) with(o Options) {
	c.t.Helper()
	c.reopen(o)
}

func (c *tester) reopen(o Options) {
	c.t.Helper()
	if err := c.s.Close(); err != nil {
		c.t.Fatal("close:", err)
	}
	c.o = o
	c.open()
}

func (c *tester) crash() {
	c.t.Helper()
	c.p.crash(c.t, c.s)
	c.open()
}

func (c *tester) push(reqs ...*engine.Request) int {
	c.t.Helper()
	n, err := c.s.Push(c.ctx, reqs...)
	if err != nil {
		c.t.Fatal("push:", err)
	}
	return n
}

// ttl is long enough not to run out by itself.
func (c *tester) ttl() time.Duration { return 1000 * c.p.unit }

func (c *tester) leaseTTL(queues, each int, ttl time.Duration) []*engine.Lease {
	c.t.Helper()
	leases, wait, err := c.s.Lease(c.ctx, queues, each, ttl)
	if err != nil {
		c.t.Fatal("lease:", err)
	}
	if len(leases) < queues && wait < time.Millisecond {
		c.t.Errorf("lease: %d of %d queues and a wait of %v", len(leases), queues, wait)
	}
	if c.p.shards > 1 {
		slices.SortFunc(leases, func(a, b *engine.Lease) int { return strings.Compare(a.Queue, b.Queue) })
	}
	for _, l := range leases {
		if len(l.Requests) == 0 || len(l.Requests) > each {
			c.t.Fatalf("lease of %q with %d requests, asked for %d", l.Queue, len(l.Requests), each)
		}
		if left := time.Until(l.Expires); left > ttl || left <= 0 || l.TTL != ttl {
			c.t.Errorf("lease for %v: TTL %v, expires in %v", ttl, l.TTL, left)
		}
		for _, r := range l.Requests {
			if r.Queue != l.Queue || r.After != 0 || r.Again {
				c.t.Errorf("leased from %q: queue %q, after %v, again %v", l.Queue, r.Queue, r.After, r.Again)
			}
		}
	}
	return leases
}

func (c *tester) lease(queues, each int) []*engine.Lease {
	c.t.Helper()
	return c.leaseTTL(queues, each, c.ttl())
}

// one leases a single queue, which must be there.
func (c *tester) one(each int) *engine.Lease {
	c.t.Helper()
	leases := c.lease(1, each)
	if len(leases) != 1 {
		c.t.Fatalf("leased %d queues, want 1", len(leases))
	}
	return leases[0]
}

// none wants that nothing is due, and returns how long Lease says to wait.
func (c *tester) none() time.Duration {
	c.t.Helper()
	leases, wait, err := c.s.Lease(c.ctx, 4, 4, c.ttl())
	if err != nil || len(leases) > 0 {
		c.t.Fatalf("leased %s, %v; want nothing due", heads(leases), err)
	}
	return wait
}

// ends wants Lease to answer with err.
func (c *tester) ends(want error) {
	c.t.Helper()
	if leases, _, err := c.s.Lease(c.ctx, 1, 1, c.ttl()); !errors.Is(err, want) || len(leases) > 0 {
		c.t.Fatalf("leased %s, %v; want %v", heads(leases), err, want)
	}
}

func (c *tester) done(outs ...*engine.Outcome) {
	c.t.Helper()
	stale, err := c.s.Done(c.ctx, outs, nil)
	if err != nil {
		c.t.Fatal("done:", err)
	}
	if len(stale) > 0 {
		c.t.Fatalf("done: %s are stale", heads(stale))
	}
}

// stale wants the outcome to be refused.
func (c *tester) stale(out *engine.Outcome) {
	c.t.Helper()
	stale, err := c.s.Done(c.ctx, []*engine.Outcome{out}, nil)
	if err != nil || len(stale) != 1 || stale[0] != out.Lease {
		c.t.Fatalf("done: stale %s, %v; want the lease of %s", heads(stale), err, out.Lease.Queue)
	}
}

// want compares what a lease or several hold, as "queue:page page queue:page".
func (c *tester) want(want string, leases ...*engine.Lease) {
	c.t.Helper()
	if diff := cmp.Diff(want, heads(leases)); diff != "" {
		c.t.Fatalf("leased (-want +got):\n%s", diff)
	}
}

// peek leases one queue to see what it holds, and gives it back.
func (c *tester) peek(want string) {
	c.t.Helper()
	l := c.one(100)
	c.want(want, l)
	c.done(&engine.Outcome{Lease: l})
}

// counts compares the store's counts.
func (c *tester) counts(want engine.Counts) {
	c.t.Helper()
	got, err := c.s.Counts(c.ctx)
	if err != nil {
		c.t.Fatal("counts:", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		c.t.Fatalf("counts (-want +got):\n%s", diff)
	}
}

// finishAll leases and finishes until the store is drained and returns the
// order, which it wants within the given number of requests.
func (c *tester) finishAll(most int) string {
	c.t.Helper()
	var order []string
	for range most + 1 {
		leases, wait, err := c.s.Lease(c.ctx, 1, 1, c.ttl())
		if errors.Is(err, engine.ErrDrained) {
			return strings.Join(order, " ")
		}
		if err != nil {
			c.t.Fatal("lease:", err)
		}
		if len(leases) == 0 {
			c.p.pass(wait)
		}
		for _, l := range leases {
			order = append(order, heads([]*engine.Lease{l}))
			c.done(finish(l))
		}
	}
	c.t.Fatalf("not drained after %d leases: %v", most, order)
	return ""
}

// page is a request for a page of a queue of the same name as its host.
func page(queue, name string) *engine.Request {
	r := &engine.Request{URL: "http://" + queue + ".test/" + name, Queue: queue}
	r.Print = print(r.URL)
	return r
}

func print(url string) uint64 { return xxhash.Sum64String(url) }

// pages are requests in the form of want: "a:1 2 b:1".
func pages(list string) []*engine.Request {
	var reqs []*engine.Request
	queue := ""
	for _, name := range strings.Fields(list) {
		if q, n, ok := strings.Cut(name, ":"); ok {
			queue, name = q, n
		}
		reqs = append(reqs, page(queue, name))
	}
	return reqs
}

func heads(leases []*engine.Lease) string {
	var b strings.Builder
	for _, l := range leases {
		for i, r := range l.Requests {
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			if i == 0 {
				b.WriteString(l.Queue + ":")
			}
			b.WriteString(name(r))
		}
	}
	return b.String()
}

func name(r *engine.Request) string { return r.URL[strings.LastIndexByte(r.URL, '/')+1:] }

func finish(l *engine.Lease) *engine.Outcome {
	return &engine.Outcome{Lease: l, Finished: l.Requests, Charged: len(l.Requests)}
}

func testPushAndFinish(c *tester) {
	if c.s.Resumed() {
		c.t.Error("a new crawl is resumed")
	}
	if n := c.push(pages("a:1 2")...); n != 2 {
		c.t.Errorf("pushed %d, want 2", n)
	}
	l := c.one(1)
	c.want("a:1", l)
	if l.Cold || l.Again != 0 || l.State != nil {
		c.t.Errorf("first lease: cold %v, again %d, state %q", l.Cold, l.Again, l.State)
	}
	c.done(finish(l))
	l = c.one(5)
	c.want("a:2", l)
	c.done(finish(l))
	c.ends(engine.ErrDrained)
}

func testRequestWhole(c *tester) {
	r := page("a", "1")
	r.Original, r.Method, r.Body, r.Kind = "http://b.test/", "POST", []byte("\xff\x00"), "item"
	r.Header = http.Header{"Accept": {"a", "b"}}
	r.Meta, r.Depth, r.Priority, r.Referrer = []byte(`{"a":[1,2]}`), 3, 4, "http://b.test/é"
	r.Attempt, r.Hops, r.Timeout = 2, []engine.Hop{{URL: "http://b.test/", Status: 302}}, time.Minute
	c.push(r)
	want := string(r.AppendJSON(nil))
	c.crash()
	got := string(c.one(1).Requests[0].AppendJSON(nil))
	if diff := cmp.Diff(want, got); diff != "" {
		c.t.Errorf("leased (-pushed +leased):\n%s", diff)
	}
}

func testRefused(c *tester) {
	bad := page("a", "1")
	bad.URL = "/relative"
	lost := page("", "1")
	lost.URL = "http://a.test/"
	for i, r := range []*engine.Request{bad, lost} {
		if n, err := c.s.Push(c.ctx, page("a", fmt.Sprint(i)), r); err == nil {
			c.t.Errorf("pushed %d with %q in queue %q", n, r.URL, r.Queue)
		}
	}
	if n := c.push(); n != 0 {
		c.t.Errorf("a push of nothing filed %d", n)
	}
	c.ends(engine.ErrDrained)
}
