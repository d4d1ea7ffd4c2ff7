package frontier

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"downpour/engine"
)

// lookTests are the part of the suite about looking into a store and steering
// it.
var lookTests = []suiteTest{
	{"queues", testLookQueues},
	{"peek", testLookPeek},
	{"seen", testLookSeen},
	{"drop", testDrop},
	{"drop from a leased queue", testDropLeased},
	{"drop what is delayed", testDropDelayed},
	{"drop outlives a crash", testDropCrash},
	{"drop a whole queue", testDropAll},
	{"verify", testVerify},
	{"look at a crawl that is over", testLookOver},
	{"revive", testRevive},
}

func (c *tester) inspector() Inspector { return c.s.(Inspector) }

// listed shows the queues as "name queued/leased".
func (c *tester) listed() string {
	c.t.Helper()
	var list []string
	for q, err := range c.inspector().Queues(c.ctx) {
		if err != nil {
			c.t.Fatal("queues:", err)
		}
		list = append(list, fmt.Sprintf("%s %d/%d", q.Name, q.Queued, q.Leased))
	}
	sort.Strings(list)
	return strings.Join(list, ", ")
}

// waiting shows what a queue holds: leased ones with a star, delayed ones in
// brackets.
func (c *tester) waiting(queue string) string {
	c.t.Helper()
	found, err := c.inspector().Peek(c.ctx, queue, 0)
	if err != nil {
		c.t.Fatal("peek:", err)
	}
	var list []string
	for _, w := range found {
		n := name(w.Request)
		if w.Leased {
			n += "*"
		}
		if !w.Due.IsZero() {
			n = "(" + n + ")"
		}
		list = append(list, n)
	}
	return strings.Join(list, " ")
}

func (c *tester) is(what, want, got string) {
	c.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		c.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// leaseOf leases two queues and returns the lease of the one that is named.
func (c *tester) leaseOf(queue string, each int) *engine.Lease {
	c.t.Helper()
	for _, l := range c.lease(2, each) {
		if l.Queue == queue {
			return l
		}
	}
	c.t.Fatalf("queue %s is not due", queue)
	return nil
}

// drop takes out the pages whose names are in the list.
func (c *tester) drop(queue, list string) int {
	c.t.Helper()
	n, err := c.s.(Steerer).Drop(c.ctx, queue, func(r *engine.Request) bool {
		return strings.Contains(" "+list+" ", " "+name(r)+" ")
	})
	if err != nil {
		c.t.Fatal("drop:", err)
	}
	return n
}

// sound wants Verify to find nothing wrong.
func (c *tester) sound() {
	c.t.Helper()
	f, err := c.inspector().Verify(c.ctx)
	if err != nil {
		c.t.Fatal("verify:", err)
	}
	if len(f.Problems) > 0 {
		c.t.Errorf("verify found %q", f.Problems)
	}
	if f.Requests != f.Counts.Queued {
		c.t.Errorf("verify found %d requests of %d", f.Requests, f.Counts.Queued)
	}
}

func after(r *engine.Request, d time.Duration) *engine.Request {
	r.After = d
	return r
}

func prio(r *engine.Request, p int) *engine.Request {
	r.Priority = p
	return r
}

func testLookQueues(c *tester) {
	c.is("queues of an empty store", "", c.listed())
	c.push(pages("a:1 2 3 b:1")...)
	c.push(after(page("c", "1"), 100*c.p.unit))
	c.is("queues", "a 3/0, b 1/0, c 1/0", c.listed())
	l := c.leaseOf("a", 2)
	c.is("queues while a and b are leased", "a 3/2, b 1/1, c 1/0", c.listed())
	before := time.Now()
	c.done(&engine.Outcome{Lease: l, Finished: l.Requests[:1], Wait: 50 * c.p.unit, State: []byte(`{"w":"429"}`)})
	for q, err := range c.inspector().Queues(c.ctx) {
		if err != nil {
			c.t.Fatal(err)
		}
		rest := q.Due.Sub(before)
		switch {
		case q.Name == "a" && (string(q.State) != `{"w":"429"}` || rest < 49*c.p.unit || rest > 51*c.p.unit):
			c.t.Errorf("queue a: state %q, due in %v", q.State, rest)
		case q.Name == "b" && rest < 900*c.p.unit:
			c.t.Errorf("the lease of b ends in %v", rest)
		}
	}
}

func testLookPeek(c *tester) {
	c.push(pages("a:1 2")...)
	c.push(prio(page("a", "3"), 5), prio(page("a", "4"), -5), after(page("a", "5"), 200*c.p.unit), after(page("a", "6"), 100*c.p.unit))
	c.is("a", "3 1 2 4 (6) (5)", c.waiting("a"))
	l := c.one(2)
	c.want("a:3 1", l)
	c.is("a under a lease", "3* 1* 2 4 (6) (5)", c.waiting("a"))
	c.is("a queue that is not there", "", c.waiting("b"))
	found, err := c.inspector().Peek(c.ctx, "a", 2)
	if err != nil || len(found) != 2 || found[0].Request.Queue != "a" {
		c.t.Errorf("peek at two of a: %v, %v", found, err)
	}
	c.done(finish(l))
	c.want("a:2 4", c.one(5))
}

func testLookSeen(c *tester) {
	var reqs []*engine.Request
	for i := range 2000 {
		reqs = append(reqs, page("a", fmt.Sprint(i)))
	}
	c.push(reqs...)
	for i := range 2500 {
		r := page("a", fmt.Sprint(i))
		if i%100 > 1 && i != 1999 && i != 2000 {
			continue
		}
		seen, err := c.inspector().Seen(c.ctx, r.Print)
		if err != nil || seen != (i < 2000) {
			c.t.Errorf("page %d: seen %v, %v", i, seen, err)
		}
	}
}

func testDrop(c *tester) {
	c.push(pages("a:1 2 3 4 b:1")...)
	c.push(prio(page("a", "5"), 5))
	if n := c.drop("a", "2 4 5 9"); n != 3 {
		c.t.Errorf("dropped %d, want 3", n)
	}
	c.is("a", "1 3", c.waiting("a"))
	c.counts(engine.Counts{Queued: 3, Queues: 2, Seen: 6})
	if n := c.push(page("a", "2")); n != 0 {
		c.t.Error("what was dropped is filed again")
	}
	c.sound()
	left := strings.Fields(c.finishAll(3))
	sort.Strings(left)
	c.is("left", "a:1 a:3 b:1", strings.Join(left, " "))
}

func testDropLeased(c *tester) {
	c.push(pages("a:1 2 3 4")...)
	l := c.one(2)
	if n := c.drop("a", "1 3"); n != 1 {
		c.t.Errorf("dropped %d, want 1", n)
	}
	c.is("a", "1* 2* 4", c.waiting("a"))
	c.done(finish(l))
	c.sound()
	c.is("order", "a:4", c.finishAll(1))
}

func testDropDelayed(c *tester) {
	d := 10 * c.p.unit
	c.push(page("a", "1"), after(page("a", "2"), d), after(page("a", "3"), d), after(page("b", "4"), d))
	if n := c.drop("a", "2") + c.drop("b", "4"); n != 2 {
		c.t.Errorf("dropped %d, want 2", n)
	}
	c.is("queues", "a 2/0", c.listed())
	c.is("a", "1 (3)", c.waiting("a"))
	c.sound()
	c.done(finish(c.one(5)))
	if wait := c.none(); wait < d/2 {
		c.t.Errorf("what was delayed by %v is due in %v", d, wait)
	}
	c.p.pass(d)
	c.is("order", "a:3", c.finishAll(1))
}

func testDropCrash(c *tester) {
	d := 100 * c.p.unit
	c.push(pages("a:1 2 3")...)
	c.push(after(page("a", "4"), d), after(page("a", "5"), d))
	c.drop("a", "2 5")
	c.crash()
	c.is("a", "1 3 (4)", c.waiting("a"))
	c.sound()
	if n := c.push(pages("a:2 5")...); n != 0 {
		c.t.Errorf("%d of what was dropped is filed again", n)
	}
}

func testDropAll(c *tester) {
	c.push(pages("a:1 2 3")...)
	l := c.one(1)
	c.done(&engine.Outcome{Lease: l, Finished: l.Requests, Wait: 50 * c.p.unit})
	if n := c.drop("a", "2 3"); n != 2 {
		c.t.Errorf("dropped %d, want 2", n)
	}
	c.sound()
	c.ends(engine.ErrDrained)
	c.push(page("a", "4"))
	if wait := c.none(); wait < 40*c.p.unit {
		c.t.Errorf("a rests for %v, its rest was 50 steps", wait)
	}
}

func testVerify(c *tester) {
	c.sound()
	for i := range 300 {
		c.push(page(fmt.Sprint("q", i%7), fmt.Sprint(i)))
	}
	c.push(after(page("z", "1"), 100*c.p.unit), prio(page("q1", "p"), 3))
	c.sound()
	l := c.one(5)
	c.sound()
	c.done(&engine.Outcome{Lease: l, Finished: l.Requests[1:3], Back: l.Requests[:1], Charged: 2})
	c.sound()
}

func testLookOver(c *tester) {
	c.push(pages("a:1 2")...)
	if err := c.s.End(c.ctx); err != nil {
		c.t.Fatal(err)
	}
	for range 2 { // looking changes nothing
		c.reopen(Options{Look: true})
		if over, err := c.s.(Steerer).Over(c.ctx); !over || err != nil {
			c.t.Errorf("an ended crawl is over: %v, %v", over, err)
		}
		c.is("queues", "a 2/0", c.listed())
		c.counts(engine.Counts{Queued: 2, Queues: 1, Seen: 2})
	}
	c.reopen(Options{})
	if c.s.Resumed() {
		c.t.Error("a crawl that is over is resumed")
	}
}

func testRevive(c *tester) {
	c.push(pages("a:1 2")...)
	if err := c.s.End(c.ctx); err != nil {
		c.t.Fatal(err)
	}
	c.reopen(Options{Look: true})
	if err := c.s.(Steerer).Revive(c.ctx); err != nil {
		c.t.Fatal(err)
	}
	c.reopen(Options{})
	if !c.s.Resumed() {
		c.t.Error("a crawl that was revived is not resumed")
	}
	c.is("a", "1 2", c.waiting("a"))
}

func TestLookNothing(t *testing.T) {
	server := newRedisServer(t)
	for name, open := range map[string]func(Options) (Store, error){
		"journal": func(o Options) (Store, error) { return OpenJournal(t.Context(), filepath.Join(t.TempDir(), "x"), o) },
		"redis":   func(o Options) (Store, error) { return OpenRedis(t.Context(), server.url(), o) },
	} {
		if s, err := open(Options{Look: true}); !errors.Is(err, ErrNoCrawl) {
			t.Errorf("%s: looking at nothing: %v, %v; want %v", name, s, err, ErrNoCrawl)
		}
	}
}

func TestJournalLook(t *testing.T) {
	for _, limit := range []int64{segmentSize, 2000} {
		testLook(t, func(t *testing.T, test func(t *testing.T, p *place)) {
			synctest.Test(t, func(t *testing.T) { test(t, journalPlace(t, limit)) })
		})
	}
}

func TestRedisLook(t *testing.T) {
	_, url := newModestServer(t)
	for _, shards := range []int{1, 3} {
		crawl := 0
		testLook(t, func(t *testing.T, test func(t *testing.T, p *place)) {
			crawl++
			name := fmt.Sprintf("c%d.%d", shards, crawl)
			test(t, &place{
				unit: 60 * time.Millisecond, shared: true,
				open: func(t *testing.T, o Options) (Store, error) {
					o.Name = name
					return OpenRedis(t.Context(), fmt.Sprintf("%s?shards=%d", url, shards), o)
				},
				crash: func(t *testing.T, s Store) { s.(*Redis).vanish(t) },
				pass:  func(d time.Duration) { <-time.After(d) },
			})
		})
	}
}

// testLook runs the part of the suite about looking.
func testLook(t *testing.T, run func(t *testing.T, test func(t *testing.T, p *place))) {
	for _, tt := range slices.Concat(lookTests, failedTests) {
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
