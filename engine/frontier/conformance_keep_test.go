package frontier

import (
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"downpour/engine"
)

func testMore(c *tester) {
	c.push(pages("a:1 2 3 4 5 6 7")...)
	l := c.one(2)
	c.want("a:1 2", l)
	more := func(n int, finished []*engine.Request, want string) {
		c.t.Helper()
		out := &engine.Outcome{Lease: l, Finished: finished, Charged: len(finished), Keep: true, More: n}
		c.done(out)
		c.want(want, &engine.Lease{Queue: "a", Requests: out.Added})
	}
	more(2, l.Requests[1:2], "a:3 4")
	if got := heads([]*engine.Lease{l}); got != "a:1 2 3 4" {
		c.t.Errorf("the lease lists %s", got)
	}
	high := page("a", "8")
	high.Priority = 1
	c.push(high)
	more(2, nil, "a:8 5")
	more(9, l.Requests[2:3], "a:6 7")
	more(9, nil, "")
	c.counts(engine.Counts{Queued: 6, Leased: 6, Queues: 1, Finished: 2, Charged: 2, Seen: 8})
	back := page("a", "4")
	*l.Requests[3] = *back
	c.done(&engine.Outcome{Lease: l, Finished: l.Requests[4:5], Back: l.Requests[3:4], Charged: 1})
	c.peek("a:4 1 5 6 7")
	c.reopen(Options{MaxPages: 6})
	l = c.one(1)
	more(9, nil, "a:1 5")
}

func testRest(c *tester) {
	u := c.p.unit
	c.push(pages("a:1 2")...)
	l := c.one(1)
	out := finish(l)
	out.Wait = 4 * u
	start := time.Now()
	c.done(out)
	for {
		leases, wait, err := c.s.Lease(c.ctx, 1, 1, c.ttl())
		if err != nil {
			c.t.Fatal(err)
		}
		rested := time.Since(start)
		if len(leases) == 0 {
			c.p.pass(wait)
			continue
		}
		if rested < 4*u || rested > 6*u || c.p.exact && rested != 4*u {
			c.t.Errorf("rested %v, want %v", rested, 4*u)
		}
		c.want("a:2", leases...)
		return
	}
}

func testRestEmpty(c *tester) {
	u := c.p.unit
	c.push(page("a", "1"))
	out := finish(c.one(1))
	out.Wait = 4 * u
	c.done(out)
	c.ends(engine.ErrDrained)
	c.push(page("a", "2"))
	if wait := c.none(); wait > 4*u || c.p.exact && wait != 4*u {
		c.t.Errorf("wait %v, want %v", wait, 4*u)
	}
	c.p.pass(5 * u)
	c.want("a:2", c.one(1))
}

func testState(c *tester) {
	c.push(pages("a:1 2 3")...)
	state := func(l *engine.Lease, want string) {
		c.t.Helper()
		if string(l.State) != want {
			c.t.Errorf("state %q, want %q", l.State, want)
		}
	}
	l := c.one(1)
	c.done(&engine.Outcome{Lease: l, State: []byte("one\x00")})
	l = c.one(1)
	state(l, "one\x00")
	c.done(&engine.Outcome{Lease: l})
	l = c.one(1)
	state(l, "one\x00")
	c.done(&engine.Outcome{Lease: l, State: []byte("kept"), Keep: true})
	c.done(finish(l))
	l = c.one(2)
	state(l, "kept")
	c.done(&engine.Outcome{Lease: l, State: []byte("last"), Finished: l.Requests})
	c.push(page("a", "4"))
	c.crash()
	state(c.one(1), "last")
}

func testMaxPages(c *tester) {
	c.with(Options{MaxPages: 3})
	c.push(pages("a:1 2 b:1 2 c:1")...)
	leases := c.lease(2, 2)
	if c.p.shards < 2 {
		c.want("a:1 2 b:1", leases...)
	}
	slices.SortFunc(leases, func(a, b *engine.Lease) int { return len(b.Requests) - len(a.Requests) })
	if len(leases) != 2 || len(leases[0].Requests) != 2 || len(leases[1].Requests) != 1 {
		c.t.Fatalf("leased %s, want two pages of one queue and one of another", heads(leases))
	}
	c.none()
	c.done(finish(leases[0]))
	c.none()
	c.done(&engine.Outcome{Lease: leases[1]})
	leases = c.lease(3, 3)
	if len(leases) != 1 || len(leases[0].Requests) != 1 {
		c.t.Fatalf("leased %s, want one page", heads(leases))
	}
	c.done(finish(leases[0]))
	c.ends(engine.ErrBudget)
	counts, err := c.s.Counts(c.ctx)
	if err != nil || counts.Queued != 2 || counts.Charged != 3 {
		c.t.Errorf("counts %+v, %v", counts, err)
	}
}

func testMaxPerQueue(c *tester) {
	c.with(Options{MaxPerQueue: 2})
	c.push(pages("a:1 2 3 b:1 2")...)
	leases := c.lease(5, 5)
	c.want("a:1 2 b:1 2", leases...)
	c.done(finish(leases[0]))
	c.none()
	out := finish(leases[1])
	out.Charged = 1
	c.done(out)
	c.ends(engine.ErrBudget)
	c.push(pages("a:4 b:3 4")...)
	l := c.one(5)
	c.want("b:3", l)
	c.done(finish(l))
	c.ends(engine.ErrBudget)
	c.push(pages("c:1")...)
	c.done(finish(c.one(1)))
	c.ends(engine.ErrBudget)
}

func testCharged(c *tester) {
	c.with(Options{MaxPages: 2})
	c.push(pages("a:1 2 3 4 5")...)
	l := c.one(9)
	c.want("a:1 2", l)
	c.done(&engine.Outcome{Lease: l, Finished: l.Requests})
	l = c.one(9)
	c.want("a:3 4", l)
	c.done(&engine.Outcome{Lease: l, Finished: l.Requests[:1], Back: l.Requests[1:], Charged: 1, Keep: true})
	c.none()
	c.done(&engine.Outcome{Lease: l})
	l = c.one(9)
	c.want("a:4", l)
	c.done(&engine.Outcome{Lease: l, Finished: l.Requests, Charged: 1})
	c.ends(engine.ErrBudget)
	c.counts(engine.Counts{Queued: 1, Queues: 1, Finished: 4, Charged: 2, Seen: 5})
}

func testCounts(c *tester) {
	c.counts(engine.Counts{})
	reqs := pages("a:1 2 3 b:1 c:1")
	reqs[4].After = 2 * c.p.unit
	c.push(reqs...)
	c.counts(engine.Counts{Queued: 5, Queues: 3, Seen: 5})
	leases := c.lease(2, 2)
	c.want("a:1 2 b:1", leases...)
	c.counts(engine.Counts{Queued: 5, Leased: 3, Queues: 3, Seen: 5})
	c.done(&engine.Outcome{Lease: leases[0], Finished: leases[0].Requests[:1], Charged: 1, Wait: c.p.unit})
	c.counts(engine.Counts{Queued: 4, Leased: 1, Queues: 3, Finished: 1, Charged: 1, Seen: 5})
	c.done(&engine.Outcome{Lease: leases[1], Finished: leases[1].Requests})
	c.counts(engine.Counts{Queued: 3, Queues: 2, Finished: 2, Charged: 1, Seen: 5})
}

func testCloseGivesUp(c *tester) {
	c.push(pages("a:1 2")...)
	l := c.one(1)
	c.reopen(c.o)
	c.want("a:1", c.one(1))
	c.stale(finish(l))
}

func testReopen(c *tester) {
	c.push(pages("a:1 2 3")...)
	c.done(finish(c.one(2)))
	c.push(pages("b:1 2")...)
	c.reopen(c.o)
	if !c.s.Resumed() {
		c.t.Error("not resumed")
	}
	leases := c.lease(5, 1)
	for _, l := range leases {
		if l.Cold != c.p.cold {
			c.t.Errorf("%s: cold is %v", l.Queue, l.Cold)
		}
		c.done(finish(l))
	}
	if len(leases) != 2 {
		c.t.Fatalf("leased %s", heads(leases))
	}
	l := c.one(1)
	c.want("b:2", l)
	if l.Cold {
		c.t.Error("cold twice")
	}
	c.done(finish(l))
	c.ends(engine.ErrDrained)
	c.counts(engine.Counts{Finished: 5, Charged: 5, Seen: 5})
}

func testCrash(c *tester) {
	for i := range 3 {
		c.push(page("a", string(rune('1'+i))))
		c.crash()
		c.push(page("b", string(rune('1'+i))))
	}
	c.crash()
	if !c.s.Resumed() {
		c.t.Error("not resumed")
	}
	c.counts(engine.Counts{Queued: 6, Queues: 2, Seen: 6})
	got := c.finishAll(20)
	var a, b []byte
	for i := 0; i+2 < len(got); i += 4 {
		if got[i] == 'a' {
			a = append(a, got[i+2])
		} else {
			b = append(b, got[i+2])
		}
	}
	if string(a) != "123" || string(b) != "123" {
		c.t.Errorf("finished %s", got)
	}
	c.crash()
	c.ends(engine.ErrDrained)
}

// A crash takes the worker with it: what it held comes back when its lease
// ends, at the latest.
func testCrashLeased(c *tester) {
	u := c.p.unit
	c.push(pages("a:1 2 3")...)
	l := c.leaseTTL(1, 2, 2*u)[0]
	c.done(&engine.Outcome{Lease: l, Finished: l.Requests[:1], Keep: true})
	c.crash()
	c.p.pass(3 * u)
	again := c.one(5)
	c.want("a:2 3", again)
	c.stale(&engine.Outcome{Lease: l, Finished: l.Requests})
	c.done(finish(again))
	c.ends(engine.ErrDrained)
}

func testRestReopen(c *tester) {
	u := c.p.unit
	c.push(pages("a:1 2")...)
	out := finish(c.one(1))
	out.Wait = 8 * u
	c.done(out)
	c.crash()
	c.p.pass(2 * u)
	c.reopen(c.o)
	if wait := c.none(); wait > 6*u || c.p.exact && wait != 6*u {
		c.t.Errorf("wait %v, want %v", wait, 6*u)
	}
	c.p.pass(7 * u)
	c.want("a:2", c.one(1))
}

func testBudgetReopen(c *tester) {
	c.with(Options{MaxPages: 5, MaxPerQueue: 2})
	c.push(pages("a:1 2 3 b:1 2 3")...)
	leases := c.lease(2, 1)
	c.done(finish(leases[0]), finish(leases[1]))
	c.crash()
	leases = c.lease(2, 5)
	c.want("a:2 b:2", leases...)
	c.done(finish(leases[0]), finish(leases[1]))
	c.crash()
	c.ends(engine.ErrBudget)
	c.push(pages("c:1 2")...)
	l := c.one(5)
	c.want("c:1", l)
	c.done(finish(l))
	c.ends(engine.ErrBudget)
}

func testMarks(c *tester) {
	if m, n := c.s.Marks(), c.s.Note(); len(m) != 0 || n != nil {
		c.t.Errorf("at first marks %v and note %q", m, n)
	}
	if err := c.s.SetNote(c.ctx, []byte("seeds\x00é")); err != nil {
		c.t.Fatal(err)
	}
	c.push(pages("a:1 2 3")...)
	marks := engine.Marks{}
	for i, m := range []engine.Marks{{"x.jsonl": 10}, {"x.jsonl": 20, "y.csv": 1 << 40}, nil} {
		l := c.one(1)
		if stale, err := c.s.Done(c.ctx, []*engine.Outcome{finish(l)}, m); err != nil || len(stale) > 0 {
			c.t.Fatal(i, stale, err)
		}
		for name, end := range m {
			marks[name] = end
		}
		for _, when := range []string{"before", "after"} {
			if diff := cmp.Diff(marks, c.s.Marks()); diff != "" {
				c.t.Errorf("marks %s the crash (-want +got):\n%s", when, diff)
			}
			if got := string(c.s.Note()); got != "seeds\x00é" {
				c.t.Errorf("note %s the crash: %q", when, got)
			}
			if when == "before" {
				c.crash()
			}
		}
	}
}

func testEnd(c *tester) {
	c.push(pages("a:1 2")...)
	if err := c.s.SetNote(c.ctx, []byte("n")); err != nil {
		c.t.Fatal(err)
	}
	out := finish(c.one(1))
	out.Wait, out.State = time.Hour, []byte("s")
	c.done(out)
	if err := c.s.End(c.ctx); err != nil {
		c.t.Fatal(err)
	}
	c.anew()
}

func testFresh(c *tester) {
	c.push(pages("a:1 2")...)
	c.done(finish(c.one(1)))
	c.o.Fresh = true
	c.anew()
}

// anew reopens the store and wants it empty, and its new crawl to be resumed.
func (c *tester) anew() {
	c.t.Helper()
	c.reopen(c.o)
	if c.s.Resumed() || c.s.Note() != nil || len(c.s.Marks()) > 0 {
		c.t.Errorf("resumed %v, note %q, marks %v", c.s.Resumed(), c.s.Note(), c.s.Marks())
	}
	c.counts(engine.Counts{})
	c.ends(engine.ErrDrained)
	if n := c.push(pages("a:1 2")...); n != 2 {
		c.t.Errorf("pushed %d, want 2", n)
	}
	l := c.one(1)
	if c.want("a:1", l); l.State != nil || l.Cold {
		c.t.Errorf("state %q, cold %v", l.State, l.Cold)
	}
	c.o.Fresh = false
	c.crash()
	if !c.s.Resumed() {
		c.t.Error("the new crawl is not resumed")
	}
	c.counts(engine.Counts{Queued: 2, Queues: 1, Seen: 2, Leased: c.heldOver(1)})
}

// heldOver is how many of n leased requests are still leased after a crash: all
// where the store outlives the worker.
func (c *tester) heldOver(n int64) int64 {
	if c.p.shared {
		return n
	}
	return 0
}

// Two processes share a crawl, or the second is told who has it.
func testShared(c *tester) {
	other, err := c.p.open(c.t, c.o)
	if !c.p.shared {
		if err == nil {
			c.t.Fatal("opened twice")
		}
		return
	}
	if err != nil {
		c.t.Fatal(err)
	}
	defer other.Close()
	c.push(pages("a:1 2")...)
	mine := c.one(1)
	c.want("a:1", mine)
	c.push(pages("b:1")...)
	theirs, _, err := other.Lease(c.ctx, 5, 1, c.ttl())
	if err != nil {
		c.t.Fatal(err)
	}
	c.want("b:1", theirs...)
	if n, err := other.Push(c.ctx, pages("a:1 3")...); n != 1 || err != nil {
		c.t.Errorf("pushed %d, %v", n, err)
	}
	if _, wait, err := other.Lease(c.ctx, 1, 1, c.ttl()); err != nil || wait <= 0 {
		c.t.Errorf("wait %v, %v", wait, err)
	}
	out := finish(mine)
	out.Wait = 2 * c.p.unit
	c.done(out)
	if leases, wait, err := other.Lease(c.ctx, 1, 1, c.ttl()); err != nil || len(leases) > 0 || wait > 2*c.p.unit {
		c.t.Errorf("leased %s, wait %v, %v", heads(leases), wait, err)
	}
	c.p.pass(3 * c.p.unit)
	theirs, _, err = other.Lease(c.ctx, 1, 9, c.ttl())
	if err != nil {
		c.t.Fatal(err)
	}
	c.want("a:2 3", theirs...)
}
