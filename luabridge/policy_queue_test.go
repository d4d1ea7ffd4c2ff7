package luabridge

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"downpour/engine"

	"github.com/google/go-cmp/cmp"
)

// stack is a policy that answers the last request first and prints what it is
// told.
const stack = `
local stack = {}
local function name(req) return (req.url:gsub("^http://", "")) end
policy {
  start = function() print("start") end,
  stop = function() print("stop") end,
  push = function(req) table.insert(stack, req) end,
  pop = function() return table.remove(stack) end,
  len = function() return #stack end,
  on_done = function(req) print("done", name(req)) end,
  on_success = function(req) print("success", name(req)) end,
  on_error = function(req) print("error", name(req)) end,
}
`

func openQueue(t *testing.T, script string, o QueueOptions) (*world, *Queue) {
	t.Helper()
	w := one(t, script)
	q, err := w.mustLoad().Queue(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return w, q
}

// file pushes requests, HOST/PATH each, and answers how many were new.
func file(t *testing.T, q *Queue, urls ...string) int {
	t.Helper()
	var reqs []*engine.Request
	for _, u := range urls {
		host, _, _ := strings.Cut(u, "/")
		r := &engine.Request{URL: "http://" + u, Queue: host}
		r.Print = engine.Fingerprint(r, r.URL)
		reqs = append(reqs, r)
	}
	fresh, err := q.Push(t.Context(), reqs...)
	if err != nil {
		t.Fatal(err)
	}
	return fresh
}

// leased are the URLs of the leases that a Lease call brings, and the leases.
func leased(t *testing.T, q *Queue, queues int) ([]string, []*engine.Lease, time.Duration) {
	t.Helper()
	leases, wait, err := q.Lease(t.Context(), queues, 1, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	var urls []string
	for _, l := range leases {
		for _, r := range l.Requests {
			urls = append(urls, strings.TrimPrefix(r.URL, "http://"))
		}
	}
	return urls, leases, wait
}

func done(t *testing.T, q *Queue, outs ...*engine.Outcome) {
	t.Helper()
	stale, err := q.Done(t.Context(), outs, nil)
	if err != nil || len(stale) > 0 {
		t.Fatal(stale, err)
	}
}

func finished(l *engine.Lease) *engine.Outcome {
	return &engine.Outcome{Lease: l, Finished: l.Requests, Charged: len(l.Requests)}
}

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestQueueOrder(t *testing.T) {
	w, q := openQueue(t, stack, QueueOptions{Concurrency: 2})
	same(t, "fresh", 3, file(t, q, "a/1", "b/2", "c/3"))
	same(t, "fresh again", 0, file(t, q, "a/1"))
	urls, leases, _ := leased(t, q, 9)
	same(t, "two at once", []string{"c/3", "b/2"}, urls)
	file(t, q, "d/4")
	q.h.heard(engine.EventSuccess, &engine.Visit{Request: leases[0].Requests[0]})
	q.h.heard(engine.EventError, &engine.Visit{Request: leases[1].Requests[0]})
	done(t, q, finished(leases[0]), finished(leases[1]))
	urls, leases, _ = leased(t, q, 1)
	same(t, "the last first", []string{"d/4"}, urls)
	done(t, q, finished(leases[0]))
	c, _ := q.Counts(t.Context())
	same(t, "counts", engine.Counts{Queued: 1, Queues: 1, Finished: 3, Charged: 3, Seen: 4}, c)
	if err := q.Close(); err != nil {
		t.Error(err)
	}
	same(t, "told", []string{"start", "success\tc/3", "done\tc/3", "error\tb/2", "done\tb/2", "done\td/4", "stop"}, w.printed())
}

func TestQueueRestsAndReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, q := openQueue(t, stack, QueueOptions{Concurrency: 4})
		file(t, q, "a/1", "a/2")
		urls, leases, wait := leased(t, q, 4)
		same(t, "one a queue", []string{"a/2"}, urls)
		same(t, "till the end of it", idle, wait)
		done(t, q, &engine.Outcome{Lease: leases[0], Back: leases[0].Requests, Wait: 2 * time.Second, State: []byte("s")})
		urls, _, wait = leased(t, q, 4)
		same(t, "a resting queue", []string(nil), urls)
		same(t, "rest", 2*time.Second, wait)
		time.Sleep(2 * time.Second)
		urls, leases, _ = leased(t, q, 4)
		same(t, "what was put back comes first", []string{"a/2"}, urls)
		same(t, "state", "s", string(leases[0].State))
		keep := finished(leases[0])
		keep.Keep, keep.More = true, 9
		done(t, q, keep)
		same(t, "more", 1, len(keep.Added))
		done(t, q, &engine.Outcome{Lease: leases[0]})
		urls, leases, _ = leased(t, q, 4)
		same(t, "untouched", []string{"a/1"}, urls)
		done(t, q, finished(leases[0]))
		if _, _, err := q.Lease(t.Context(), 1, 1, time.Minute); !errors.Is(err, engine.ErrDrained) {
			t.Errorf("at the end: %v", err)
		}
	})
}

func TestQueueLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, q := openQueue(t, stack, QueueOptions{})
		r := &engine.Request{URL: "http://a/1", Queue: "a", Print: 1, After: 3 * time.Second}
		if _, err := q.Push(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		_, _, wait := leased(t, q, 1)
		same(t, "wait", 3*time.Second, wait)
		time.Sleep(wait)
		urls, _, _ := leased(t, q, 1)
		same(t, "then", []string{"a/1"}, urls)
	})
}

func TestQueueBudgets(t *testing.T) {
	rows := []struct {
		name string
		o    QueueOptions
		want int
	}{
		{"pages", QueueOptions{Concurrency: 9, MaxPages: 2}, 2},
		{"pages of a queue", QueueOptions{Concurrency: 9, MaxPerQueue: 1}, 2},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, q := openQueue(t, stack, row.o)
			file(t, q, "a/1", "a/2", "b/1", "b/2")
			total := 0
			for {
				leases, _, err := q.Lease(t.Context(), 9, 1, time.Minute)
				if err != nil {
					if !errors.Is(err, engine.ErrBudget) {
						t.Errorf("ended by %v", err)
					}
					break
				}
				for _, l := range leases {
					total++
					done(t, q, finished(l))
				}
				if total > row.want {
					break
				}
			}
			same(t, "pages", row.want, total)
		})
	}
}

func TestQueueErrors(t *testing.T) {
	rows := []struct{ name, script, want string }{
		{"no request", `policy { push = function() end, pop = function() return 7 end }`, "policy.pop answered a number, not a request, or nil and the seconds to wait"},
		{"twice", `local r policy { push = function(req) r = r or req end, pop = function() return r end }`, "policy.pop answered a request that does not wait: each that was pushed is answered once"},
		{"never", `policy { push = function() end, pop = function() end }`, "policy.pop answered neither a request nor the seconds to wait, with 2 waiting and none under way"},
		{"raises", `policy { push = function() end, pop = function() error("no") end }`, "main.lua:1: in policy.pop: no"},
		{"a bad wait", `policy { push = function() end, pop = function() return nil, -1 end }`, "policy.pop: the wait -1 is no number of seconds"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w, q := openQueue(t, row.script, QueueOptions{})
			file(t, q, "a/1", "a/2")
			var err error
			for range 2 {
				var leases []*engine.Lease
				if leases, _, err = q.Lease(t.Context(), 1, 1, time.Minute); len(leases) > 0 {
					done(t, q, finished(leases[0]))
				}
			}
			if err == nil || w.tidy(err.Error()) != row.want {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestQueueWaitsAndDrops(t *testing.T) {
	_, q := openQueue(t, `policy { extend = function(list) assert(#list == 2) end, pop = function() return nil, 1.5 end }`, QueueOptions{})
	file(t, q, "a/1", "a/2")
	_, _, wait := leased(t, q, 1)
	same(t, "wait", 1500*time.Millisecond, wait)

	_, q = openQueue(t, `policy { push = function() end, pop = function() end, len = function() return 0 end }`, QueueOptions{})
	file(t, q, "a/1")
	q.Lease(t.Context(), 1, 1, time.Minute)
	if _, _, err := q.Lease(t.Context(), 1, 1, time.Minute); !errors.Is(err, engine.ErrDrained) {
		t.Errorf("a script that drops all: %v", err)
	}
}

func TestQueueIsWhole(t *testing.T) {
	rows := []struct{ script, want string }{
		{`policy { len = function() end }`, "'len' belongs to a policy with queues of its own, which needs pop and push"},
		{`policy { pop = function() end }`, "pop needs push"},
		{`policy { pusj = function() end }`, "there is no 'pusj' (did you mean 'push'?)"},
		{`policy { push = 1 }`, "'push' is a function, not a number"},
	}
	for _, row := range rows {
		if err := one(t, row.script).load(); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", row.script, err)
		}
	}
	if one(t, `policy { key = function() end }`).mustLoad().OwnQueues() {
		t.Error("a policy in part has queues of its own")
	}
}

// TestQueueInACrawl: a depth-first crawl by a stack in Lua.
func TestQueueInACrawl(t *testing.T) {
	w := one(t, stack+`
function on_success(req) req:follow() print(req.url:match("[^/]*$")) end`)
	w.pages["http://site.test/"] = "<a href=a>a</a><a href=b>b</a>"
	w.pages["http://site.test/a"] = "<a href=a1>a1</a>"
	w.pages["http://site.test/b"] = "<a href=b1>b1</a><a href=b2>b2</a>"
	for _, name := range []string{"a1", "b1", "b2"} {
		w.pages["http://site.test/"+name] = "<p>leaf</p>"
	}
	h := w.mustLoad()
	q, err := h.Queue(context.Background(), QueueOptions{Concurrency: 1})
	if err != nil {
		t.Fatal(err)
	}
	w.cfg.Concurrency = 1
	e, err := engine.New(w.cfg, engine.Deps{
		Frontier: q, Fetcher: worldSite{w}, Handler: h, Output: worldRows{w},
		Seeds: func(yield func(string, error) bool) { yield("http://site.test/", nil) },
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Run(t.Context())
	if err != nil || s.Pages != 6 {
		t.Fatal(s.Pages, err)
	}
	var order []string
	for _, line := range w.printed() {
		if rest, ok := strings.CutPrefix(line, "done\tsite.test/"); ok {
			order = append(order, rest)
		}
	}
	same(t, "order", []string{"", "b", "b2", "b1", "a", "a1"}, order)
}
