package frontier

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"downpour/engine"
)

func testOneOwner(c *tester) {
	c.push(pages("a:1 2 3 b:1")...)
	leases := c.lease(5, 1)
	c.want("a:1 b:1", leases...)
	c.none()
	c.push(pages("a:4 b:2")...)
	c.none()
	c.done(finish(leases[1]))
	c.want("b:2", c.lease(5, 1)...)
}

func testStale(c *tester) {
	u := c.p.unit
	c.push(pages("a:1 2")...)
	old := c.leaseTTL(1, 1, 2*u)[0]
	c.p.pass(3 * u)
	l := c.one(1)
	c.want("a:1", l)
	before, err := c.s.Counts(c.ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, out := range []*engine.Outcome{
		finish(old),
		{Lease: old, Keep: true},
		{Lease: old, Back: old.Requests, Wait: time.Hour, State: []byte("old")},
		{Lease: old, Wait: time.Hour},
	} {
		c.stale(out)
	}
	c.counts(before)
	c.none()
	c.done(finish(l))
	c.stale(finish(l))
	l = c.one(2)
	c.want("a:2", l)
	if l.State != nil {
		c.t.Errorf("state %q of a stale outcome", l.State)
	}
	again := []*engine.Outcome{
		{Lease: l, Keep: true},
		finish(l),
		{Lease: l, State: []byte("twice")},
	}
	if stale, err := c.s.Done(c.ctx, again, nil); err != nil || len(stale) != 1 {
		c.t.Errorf("a lease three times in one Done: stale %s, %v", heads(stale), err)
	}
	c.counts(engine.Counts{Finished: 2, Charged: 2, Seen: 2})
}

func testExpiry(c *tester) {
	u := c.p.unit
	c.push(pages("a:1 2 3")...)
	l := c.leaseTTL(1, 2, 2*u)[0]
	c.done(&engine.Outcome{Lease: l, Finished: l.Requests[:1], Keep: true})
	for again := 1; again <= 2; again++ {
		wait := c.none()
		if wait > 2*u || c.p.exact && wait != 2*u {
			c.t.Errorf("wait %v for a lease of %v", wait, 2*u)
		}
		c.p.pass(3 * u)
		l = c.leaseTTL(1, 2, 2*u)[0]
		c.want("a:2 3", l)
		if l.Again != again {
			c.t.Errorf("again %d, want %d", l.Again, again)
		}
	}
	c.done(&engine.Outcome{Lease: l, Finished: l.Requests[:1]})
	l = c.one(2)
	c.want("a:3", l)
	if l.Again != 0 {
		c.t.Errorf("again %d after an outcome", l.Again)
	}
}

func testKeep(c *tester) {
	u := c.p.unit
	c.push(pages("a:1")...)
	l := c.leaseTTL(1, 1, 4*u)[0]
	first := l.Expires
	for range 3 {
		c.p.pass(2 * u)
		c.done(&engine.Outcome{Lease: l, Keep: true})
		c.none()
	}
	if ahead := l.Expires.Sub(first); ahead < 6*u || c.p.exact && ahead != 6*u {
		c.t.Errorf("three extensions moved the end by %v, want %v", ahead, 6*u)
	}
	c.p.pass(5 * u)
	c.want("a:1", c.one(1))
	c.stale(&engine.Outcome{Lease: l, Keep: true})
}

func testKeepPart(c *tester) {
	c.push(pages("a:1 2 3 4 5")...)
	l := c.one(4)
	r := l.Requests
	c.done(&engine.Outcome{Lease: l, Finished: r[1:2], Charged: 1, Keep: true})
	c.counts(engine.Counts{Queued: 4, Leased: 3, Queues: 1, Finished: 1, Charged: 1, Seen: 5})
	c.done(&engine.Outcome{Lease: l, Finished: r[1:2], Charged: 1, Keep: true})
	c.done(&engine.Outcome{Lease: l, Back: r[3:4], Keep: true})
	c.counts(engine.Counts{Queued: 4, Leased: 2, Queues: 1, Finished: 1, Charged: 1, Seen: 5})
	c.none()
	c.done(&engine.Outcome{Lease: l, Finished: r[2:3], Charged: 1})
	l = c.one(5)
	c.want("a:4 1 5", l)
	c.done(finish(l))
	c.counts(engine.Counts{Finished: 5, Charged: 5, Seen: 5})
}

func testOrder(c *tester) {
	for i, prio := range []int{0, -1, 100, 0, 5, -100, 5, 0, 100} {
		r := page("a", fmt.Sprint(i))
		r.Priority = prio
		c.push(r)
	}
	want := "a:2 8 4 6 0 3 7 1 5"
	c.peek(want)
	c.crash()
	c.peek(want)
}

func testBackPriority(c *tester) {
	c.push(pages("a:1 2 3")...)
	l := c.one(2)
	l.Requests[0].Priority = -1
	l.Requests[1].Priority = 1
	c.done(&engine.Outcome{Lease: l, Back: l.Requests})
	c.want("a:2 3 1", c.one(3))
}

func testDueOrder(c *tester) {
	if c.p.shards > 1 {
		c.t.Skip("hosts of different shards have no common order")
	}
	u := c.p.unit
	for _, q := range []string{"c", "a", "b"} {
		c.push(pages(q + ":1 2")...)
		c.p.pass(u / 4)
	}
	leases := c.lease(2, 1)
	c.want("c:1 a:1", leases...)
	c.done(&engine.Outcome{Lease: leases[0], Finished: leases[0].Requests, Wait: 4 * u})
	c.done(&engine.Outcome{Lease: leases[1], Finished: leases[1].Requests, Wait: 2 * u})
	c.p.pass(5 * u)
	leases = c.lease(3, 1)
	c.want("b:1 a:2 c:2", leases...)
}

func testAfter(c *tester) {
	u := c.p.unit
	reqs := pages("a:1 2 3 b:1")
	reqs[0].After, reqs[1].After, reqs[3].After = 4*u, 2*u, 6*u
	c.push(reqs...)
	l := c.one(5)
	c.want("a:3", l)
	c.done(&engine.Outcome{Lease: l})
	c.p.pass(3 * u)
	l = c.one(5)
	c.want("a:3 2", l)
	c.done(finish(l))
	if wait := c.none(); wait > u || c.p.exact && wait != u {
		c.t.Errorf("wait %v, want %v", wait, u)
	}
	c.counts(engine.Counts{Queued: 2, Queues: 2, Finished: 2, Charged: 2, Seen: 4})
	c.p.pass(2 * u)
	l = c.one(5)
	c.want("a:1", l)
	c.done(finish(l))
	c.none()
	c.p.pass(2 * u)
	c.want("b:1", c.one(5))
}

func testBackAfter(c *tester) {
	u := c.p.unit
	c.push(pages("a:1 2")...)
	l := c.one(1)
	l.Requests[0].After, l.Requests[0].Attempt = 2*u, 1
	c.done(&engine.Outcome{Lease: l, Back: l.Requests})
	l = c.one(2)
	c.want("a:2", l)
	c.done(finish(l))
	c.none()
	c.crash()
	c.p.pass(3 * u)
	l = c.one(2)
	c.want("a:1", l)
	if l.Requests[0].Attempt != 1 {
		c.t.Errorf("attempt %d, want 1", l.Requests[0].Attempt)
	}
}

func testIdentity(c *tester) {
	if n := c.push(pages("a:1 1 2 1")...); n != 2 {
		c.t.Errorf("pushed %d, want 2", n)
	}
	if n := c.push(pages("a:2 1")...); n != 0 {
		c.t.Errorf("pushed %d seen ones", n)
	}
	c.done(finish(c.one(9)))
	if n := c.push(pages("a:2 1")...); n != 0 {
		c.t.Errorf("pushed %d finished ones", n)
	}
	again := page("a", "1")
	again.Again = true
	if n := c.push(again); n != 1 {
		c.t.Errorf("pushed %d with Again, want 1", n)
	}
	c.crash()
	if n := c.push(pages("a:2 1 3")...); n != 1 {
		c.t.Errorf("pushed %d after a crash, want 1", n)
	}
	l := c.one(9)
	c.want("a:1 3", l)
	c.done(finish(l))
	c.counts(engine.Counts{Finished: 4, Charged: 4, Seen: 3})
	if c.p.shards > 1 {
		return // an identity is known where its queue is
	}
	zero, extra := page("a", "zero"), page("b", "zero")
	zero.Print, extra.Print = 0, 0
	if n := c.push(zero, extra); n != 1 {
		c.t.Errorf("pushed %d with a print of 0, want 1", n)
	}
}

func testOutOfOrder(c *tester) {
	c.push(pages("a:1 2 3 4 5 6")...)
	l := c.one(5)
	r := l.Requests
	c.done(&engine.Outcome{Lease: l, Finished: []*engine.Request{r[3], r[1]}})
	c.peek("a:1 3 5 6")
	c.crash()
	l = c.one(9)
	c.want("a:1 3 5 6", l)
	r = l.Requests
	c.done(&engine.Outcome{Lease: l, Finished: []*engine.Request{r[0], r[3], r[1]}})
	c.peek("a:5")
	c.crash()
	c.peek("a:5")
}

func testBack(c *tester) {
	c.push(pages("a:1 2 3 4 5")...)
	l := c.one(4)
	r := l.Requests
	r[2].Kind, r[0].Attempt = "moved", 1
	c.done(&engine.Outcome{Lease: l, Back: []*engine.Request{r[2], r[0]}, Finished: r[3:4]})
	l = c.one(9)
	c.want("a:3 1 2 5", l)
	if l.Requests[0].Kind != "moved" || l.Requests[1].Attempt != 1 {
		c.t.Errorf("put back as %+v and %+v", l.Requests[0], l.Requests[1])
	}
	c.done(&engine.Outcome{Lease: l})
	c.crash()
	l = c.one(9)
	c.want("a:3 1 2 5", l)
	c.done(finish(l))
	c.counts(engine.Counts{Finished: 5, Charged: 4, Seen: 5})
}

func testBackElsewhere(c *tester) {
	c.push(pages("a:1 2")...)
	l := c.one(1)
	l.Requests[0].Queue, l.Requests[0].URL = "b", "http://b.test/new"
	c.done(&engine.Outcome{Lease: l, Back: l.Requests, Wait: c.p.unit})
	l = c.one(5)
	c.want("b:new", l)
	c.p.pass(2 * c.p.unit)
	other := c.one(5)
	c.want("a:2", other)
	c.done(finish(l), finish(other))
	c.counts(engine.Counts{Finished: 2, Charged: 2, Seen: 2})
	c.ends(engine.ErrDrained)
}

func testLongQueue(c *tester) {
	var want []string
	for b := range 30 {
		var reqs []*engine.Request
		for i := range 100 {
			reqs = append(reqs, page("a", fmt.Sprint(b*100+i)))
			want = append(want, fmt.Sprint(b*100+i))
		}
		if n := c.push(reqs...); n != 100 {
			c.t.Fatalf("pushed %d of 100", n)
		}
	}
	var got []string
	for each := 1; len(got) < len(want); each = each%150 + 7 {
		l := c.one(each)
		if room := min(each, len(want)-len(got)); len(l.Requests) != room {
			c.t.Fatalf("leased %d, want %d", len(l.Requests), room)
		}
		for _, r := range l.Requests {
			got = append(got, name(r))
		}
		c.done(finish(l))
	}
	if diff := cmp.Diff(strings.Join(want, " "), strings.Join(got, " ")); diff != "" {
		c.t.Error(diff)
	}
	c.ends(engine.ErrDrained)
}

func testDrained(c *tester) {
	c.ends(engine.ErrDrained)
	late := page("a", "1")
	late.After = c.p.unit
	c.push(late)
	c.none()
	c.p.pass(2 * c.p.unit)
	l := c.one(1)
	c.none()
	c.done(&engine.Outcome{Lease: l, Back: l.Requests})
	c.done(&engine.Outcome{Lease: c.one(1), Finished: nil, Wait: c.p.unit})
	c.none()
	c.p.pass(2 * c.p.unit)
	c.done(finish(c.one(1)))
	c.ends(engine.ErrDrained)
	c.push(page("a", "2"))
	c.want("a:2", c.one(1))
}

func testWake(c *tester) {
	c.push(pages("a:1 2")...)
	l := c.one(1)
	steps := []struct {
		name string
		do   func()
	}{
		{"push", func() { c.push(page("b", "1")) }},
		{"release", func() { c.done(finish(l)) }},
	}
	for _, s := range steps {
		for c.none2(); len(c.s.Wake()) > 0; {
			<-c.s.Wake()
		}
		s.do()
		if !c.woken() {
			c.t.Errorf("%s: no wake", s.name)
		}
		c.lease(9, 1)
	}
}

// none2 leases with nothing due, so that the store knows that one sleeps.
func (c *tester) none2() {
	c.t.Helper()
	if leases := c.lease(1, 1); len(leases) > 0 {
		c.t.Fatalf("leased %s", heads(leases))
	}
}

// woken waits for Wake, ten units at most.
func (c *tester) woken() bool {
	select {
	case <-c.s.Wake():
		return true
	case <-time.After(10 * c.p.unit):
		return false
	}
}

func testContext(c *tester) {
	ctx, cancel := context.WithCancel(c.ctx)
	cancel()
	if _, err := c.s.Push(ctx, page("a", "1")); !errors.Is(err, context.Canceled) {
		c.t.Errorf("push: %v", err)
	}
	if _, _, err := c.s.Lease(ctx, 1, 1, c.ttl()); !errors.Is(err, context.Canceled) {
		c.t.Errorf("lease: %v", err)
	}
	c.push(page("b", "1"))
	l := c.one(1)
	if _, err := c.s.Done(ctx, []*engine.Outcome{finish(l)}, nil); !errors.Is(err, context.Canceled) {
		c.t.Errorf("done: %v", err)
	}
}
