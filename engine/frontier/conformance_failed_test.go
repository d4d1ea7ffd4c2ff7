package frontier

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"downpour/engine"
)

// failedTests are the part of the suite about the failures that are kept.
var failedTests = []suiteTest{
	{"failures are kept", testFailedKept},
	{"failures of a lease that is kept", testFailedKeep},
	{"failures of stale outcomes are not", testFailedStale},
	{"requeue", testRequeue},
	{"requeue of several hosts and levels", testRequeueOrder},
	{"requeue what fails again", testRequeueAgain},
	{"requeue of many", testRequeueMany},
	{"requeue wakes", testRequeueWakes},
	{"requeue of a crawl that is over", testRequeueOver},
	{"pushed again is failed no longer", testFailedPushedAgain},
	{"one failure", testFailedOne},
	{"state of what holds nothing", testLookState},
	{"failures go with the crawl", testFailedFresh},
}

// failing finishes a lease's requests, those of the list as failed in a way:
// "1=404 2=timeout".
func failing(l *engine.Lease, list string) *engine.Outcome {
	out := finish(l)
	for _, w := range strings.Fields(list) {
		page, how, _ := strings.Cut(w, "=")
		i := slices.IndexFunc(l.Requests, func(r *engine.Request) bool { return name(r) == page })
		out.Failed = append(out.Failed, failure(l.Requests[i], how))
	}
	return out
}

func failure(r *engine.Request, how string) *engine.Failed {
	f := &engine.Failed{
		Request: r, Print: print(r.URL), Kind: engine.FailureKind(how), Message: "made up",
		Attempts: r.Attempt + 1, At: time.UnixMilli(1).UTC(),
	}
	if n, err := fmt.Sscan(how, &f.Status); n == 1 && err == nil {
		f.Kind = engine.FailStatus
	}
	return f
}

// kept shows the failures as "queue:page=how", in order.
func (c *tester) kept() string {
	c.t.Helper()
	var list []string
	for f, err := range c.inspector().Failures(c.ctx) {
		if err != nil {
			c.t.Fatal("failures:", err)
		}
		if f.Message != "made up" && f.Kind != engine.FailSetAside || f.At.IsZero() {
			c.t.Errorf("failure of %s: %q at %v", f.Request.URL, f.Message, f.At)
		}
		list = append(list, fmt.Sprintf("%s:%s=%s", f.Request.Queue, name(f.Request), f.Word()))
	}
	slices.Sort(list)
	return strings.Join(slices.Compact(list), " ")
}

// requeue puts back what failed in one of the ways.
func (c *tester) requeue(ways string) int {
	c.t.Helper()
	n, err := c.s.(Steerer).Requeue(c.ctx, func(f *engine.Failed) bool {
		return ways == "" || slices.Contains(strings.Fields(ways), f.Word())
	})
	if err != nil {
		c.t.Fatal("requeue:", err)
	}
	return n
}

func testFailedKept(c *tester) {
	c.push(pages("a:1 2 3 4")...)
	l := c.one(3)
	out := failing(l, "1=404 3=timeout")
	c.done(out)
	c.is("kept", "a:1=404 a:3=timeout", c.kept())
	c.counts(engine.Counts{Queued: 1, Queues: 1, Finished: 3, Charged: 3, Seen: 4, Failed: 2})
	c.sound()
	c.crash()
	c.is("kept after a crash", "a:1=404 a:3=timeout", c.kept())
	c.is("a", "4", c.waiting("a"))
	c.sound()
}

func testFailedKeep(c *tester) {
	c.push(pages("a:1 2 3")...)
	l := c.one(2)
	c.done(&engine.Outcome{
		Lease: l, Finished: l.Requests[:1], Failed: []*engine.Failed{failure(l.Requests[0], "dns")}, Keep: true,
	})
	c.is("kept", "a:1=dns", c.kept())
	c.done(&engine.Outcome{Lease: l, Finished: l.Requests[1:], Charged: 1})
	c.peek("a:3")
	c.is("kept", "a:1=dns", c.kept())
	c.sound()
}

func testFailedStale(c *tester) {
	c.push(pages("a:1 2 3")...)
	l := c.one(2)
	// Of a request that is not finished nothing is kept.
	c.done(&engine.Outcome{
		Lease: l, Finished: l.Requests[:1], Keep: true,
		Failed: []*engine.Failed{failure(l.Requests[0], "404"), failure(l.Requests[1], "500")},
	})
	c.is("kept", "a:1=404", c.kept())
	c.requeue("")
	// Told again, it is not kept again: it is back in the queue.
	c.done(&engine.Outcome{
		Lease: l, Finished: l.Requests[:1], Failed: []*engine.Failed{failure(l.Requests[0], "404")},
	})
	c.is("kept when told again", "", c.kept())
	c.stale(&engine.Outcome{Lease: l, Finished: l.Requests[1:], Failed: []*engine.Failed{failure(l.Requests[1], "500")}})
	c.is("kept of a stale outcome", "", c.kept())
	c.peek("a:2 3 1")
	c.sound()
}

func testRequeue(c *tester) {
	r := page("a", "1")
	r.Meta, r.Kind, r.Attempt = []byte(`{"a":1}`), "item", 2
	c.push(append(pages("a:2 3"), r)...)
	c.done(failing(c.one(5), "1=503 2=404"))
	c.ends(engine.ErrDrained)
	if n := c.requeue("503 timeout"); n != 1 {
		c.t.Errorf("requeued %d, want 1", n)
	}
	c.is("kept", "a:2=404", c.kept())
	c.counts(engine.Counts{Queued: 1, Queues: 1, Finished: 3, Charged: 3, Seen: 3, Failed: 1})
	if n := c.push(page("a", "1")); n != 0 {
		c.t.Error("what was requeued is seen no longer")
	}
	c.sound()
	c.crash()
	l := c.one(5)
	c.want("a:1", l)
	got := l.Requests[0]
	want := `{"url":"http://a.test/1","kind":"item","meta":{"a":1},"last":"503"}`
	c.is("requeued", want, string(got.AppendJSON(nil)))
	c.done(finish(l))
	c.is("kept after its success", "a:2=404", c.kept())
	c.ends(engine.ErrDrained)
	if n := c.requeue("503"); n != 0 {
		c.t.Errorf("requeued %d, nothing of it failed", n)
	}
	c.sound()
}

func testRequeueOrder(c *tester) {
	c.push(append(pages("a:1 2 b:1"), prio(page("a", "p"), 5))...)
	for _, l := range c.lease(2, 5) {
		list := "1=404 2=404 p=404"
		if l.Queue == "b" {
			list = "1=404"
		}
		c.done(failing(l, list))
	}
	c.push(page("a", "3"))
	if n := c.requeue(""); n != 4 {
		c.t.Errorf("requeued %d, want 4", n)
	}
	c.sound()
	a := strings.Fields(c.waiting("a"))
	if len(a) != 4 || a[0] != "p" || a[1] != "3" {
		c.t.Errorf("a holds %v, want p by its priority, then 3, then those requeued", a)
	}
	c.is("b", "1", c.waiting("b"))
	c.finishAll(5)
}

func testRequeueAgain(c *tester) {
	c.push(pages("a:1")...)
	for _, how := range []string{"404", "500", "timeout"} {
		c.done(failing(c.one(1), "1="+how))
		c.is("kept", "a:1="+how, c.kept())
		c.crash()
		if n := c.requeue(""); n != 1 {
			c.t.Errorf("requeued %d, want 1", n)
		}
		c.crash()
		c.is("kept", "", c.kept())
	}
	c.done(finish(c.one(1)))
	c.ends(engine.ErrDrained)
	c.counts(engine.Counts{Finished: 4, Charged: 4, Seen: 1})
	c.sound()
}

func testRequeueMany(c *tester) {
	const n = 1300
	var reqs []*engine.Request
	for i := range n {
		reqs = append(reqs, page(fmt.Sprint("q", i%5), fmt.Sprint(i)))
	}
	c.push(reqs...)
	for range 2 {
		for left := n; left > 0; {
			for _, l := range c.lease(3, 100) {
				out := finish(l)
				for _, r := range l.Requests {
					out.Failed = append(out.Failed, failure(r, "503"))
				}
				left -= len(l.Requests)
				c.done(out)
			}
		}
		c.p.pass(3 * time.Second / 2) // for a cleaning of the journal
		c.sound()
		c.crash()
		if got := c.requeue("404"); got != 0 {
			c.t.Errorf("requeued %d, want none", got)
		}
		if got := c.requeue("503"); got != n {
			c.t.Errorf("requeued %d, want %d", got, n)
		}
		c.p.pass(3 * time.Second / 2)
		c.sound()
		c.crash()
		c.is("kept", "", c.kept())
	}
	if order := strings.Fields(c.finishAll(n)); len(order) != n {
		c.t.Errorf("fetched %d again, want %d", len(order), n)
	}
}

func testRequeueWakes(c *tester) {
	c.push(pages("a:1")...)
	c.done(failing(c.one(1), "1=404"))
	c.ends(engine.ErrDrained)
	select {
	case <-c.s.Wake():
	default:
	}
	c.requeue("")
	select {
	case <-c.s.Wake():
	case <-time.After(5 * time.Second):
		c.t.Error("nobody was woken")
	}
	c.peek("a:1")
}

func testRequeueOver(c *tester) {
	c.push(pages("a:1 2")...)
	c.done(failing(c.one(2), "2=503"))
	if err := c.s.End(c.ctx); err != nil {
		c.t.Fatal(err)
	}
	c.reopen(Options{Look: true})
	c.is("kept of what is over", "a:2=503", c.kept())
	c.requeue("")
	if err := c.s.(Steerer).Revive(c.ctx); err != nil {
		c.t.Fatal(err)
	}
	c.reopen(Options{})
	if !c.s.Resumed() {
		c.t.Error("not resumed")
	}
	c.peek("a:2")
}

func testFailedPushedAgain(c *tester) {
	c.push(pages("a:1 2")...)
	c.done(failing(c.one(2), "1=404 2=404"))
	if n := c.push(page("a", "2")); n != 0 {
		c.t.Error("what failed is seen no longer")
	}
	again := page("a", "1")
	again.Again = true
	c.push(again)
	c.is("kept", "a:2=404", c.kept())
	c.crash()
	c.is("kept", "a:2=404", c.kept())
	c.done(finish(c.one(2)))
	c.is("kept", "a:2=404", c.kept())
	c.sound()
}

func testFailedOne(c *tester) {
	c.push(pages("a:1 2")...)
	c.done(failing(c.one(2), "1=404"))
	for page, want := range map[string]string{"1": "404", "2": "", "3": ""} {
		url := "http://a.test/" + page
		f, err := c.inspector().Failure(c.ctx, url, print(url))
		if err != nil {
			c.t.Fatal(err)
		}
		got := ""
		if f != nil {
			got = f.Word()
			if f.Print != print(url) || f.Request.URL != url {
				c.t.Errorf("failure of %s: print %x, %s", url, f.Print, f.Request.URL)
			}
		}
		c.is(url, want, got)
	}
}

func testFailedFresh(c *tester) {
	c.push(pages("a:1 2")...)
	c.done(failing(c.one(2), "1=404"))
	c.reopen(Options{Fresh: true})
	c.is("kept of a crawl started anew", "", c.kept())
	c.counts(engine.Counts{})
}

// What ended three workers in a row is kept as a failure and can be requeued.
func TestRedisSetAsideKept(t *testing.T) {
	server := newRedisServer(t)
	r := mustOpen(t, server.url(), Options{Name: "aside"})
	c := &tester{t: t, p: &place{unit: time.Millisecond}, ctx: t.Context(), s: r}
	c.push(pages("a:\"1 2")...)
	for range 3 {
		if l := c.leaseTTL(1, 1, 20*time.Millisecond); len(l) != 1 {
			t.Fatal("nothing leased")
		}
		<-time.After(30 * time.Millisecond)
	}
	c.want("a:2", c.one(5))
	c.counts(engine.Counts{Queued: 1, Leased: 1, Queues: 1, Seen: 2, Aside: 1, Failed: 1})
	c.sound()
	url := pages(`a:"1`)[0].URL
	f, err := r.Failure(t.Context(), url, print(url))
	if err != nil || f == nil || f.Kind != engine.FailSetAside || f.Attempts != 1 || time.Since(f.At) > time.Minute {
		t.Fatalf("failure %+v, %v; want one set aside", f, err)
	}
	if n := c.requeue("set_aside"); n != 1 {
		t.Errorf("requeued %d, want 1", n)
	}
	c.is("a", `2* "1`, c.waiting("a"))
	c.sound()
}

// A key of failures that another program has written is moved out of the way,
// and a value that is none is reported.
func TestRedisHostileFailures(t *testing.T) {
	server := newRedisServer(t)
	r := mustOpen(t, server.url(), Options{Name: "hostile"})
	c := &tester{t: t, p: &place{unit: time.Millisecond}, ctx: t.Context(), s: r}
	key := r.keys.sets[0].failed()
	if err := r.client.HSet(t.Context(), key, "1", "{}", "x", `{"kind":"a","queue":"a","request":7}`).Err(); err != nil {
		t.Fatal(err)
	}
	f, err := r.Verify(t.Context())
	if err != nil || len(f.Problems) != 2 || f.Failed != 2 {
		t.Errorf("verify found %+v, %v; want two problems", f, err)
	}
	if n := c.requeue(""); n != 0 {
		t.Errorf("requeued %d of what is no failure", n)
	}
	r.client.Del(t.Context(), key)
	r.client.Set(t.Context(), key, "x", 0)
	c.push(pages("a:1")...)
	c.done(failing(c.one(1), "1=404"))
	c.is("kept", "a:1=404", c.kept())
}

func testLookState(c *tester) {
	c.push(pages("a:1")...)
	l := c.one(1)
	out := finish(l)
	out.State = []byte("what it is owed")
	c.done(out)
	for queue, want := range map[string]string{"a": "what it is owed", "b": ""} {
		state, err := c.inspector().State(c.ctx, queue)
		if err != nil {
			c.t.Fatal(err)
		}
		c.is("state of "+queue, want, string(state))
	}
}
