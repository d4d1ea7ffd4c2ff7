package luabridge

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"downpour/engine"
)

// plainPolicy is the policy that scripts lay theirs over.
type plainPolicy struct{}

func (plainPolicy) Key(context.Context, *engine.Request) (string, []string) { return "base", nil }
func (plainPolicy) Allow(context.Context, *engine.Request) (bool, string)   { return true, "" }
func (plainPolicy) Delay(context.Context, string, *engine.Request, *engine.Response) time.Duration {
	return time.Second
}

func (plainPolicy) Retry(context.Context, *engine.Request, *engine.Failure, *engine.Response) (time.Duration, bool) {
	return time.Minute, true
}

func TestPolicyIdentity(t *testing.T) {
	for _, row := range []struct {
		name, script, want string
		none               bool
		errors             int
	}{
		{"none", `policy { key = function() return "q" end }`, "", true, 0},
		{"a name", `policy { identity = function(req) return (req.url:gsub("^https", "http"):lower()) end }`, "http://a.test/x", false, 0},
		{"nil is the canonical URL", `policy { identity = function() end }`, "", false, 0},
		{"no text", `policy { identity = function() return {} end }`, "", false, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := one(t, row.script).mustLoad()
			identity := h.Identity()
			if identity == nil {
				if !row.none {
					t.Fatal("there is no identity")
				}
				return
			}
			if got := identity(t.Context(), &engine.Request{URL: "https://a.test/X"}); got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
			if n := len(h.Errors()); n != row.errors {
				t.Errorf("%d errors, want %d", n, row.errors)
			}
		})
	}
}

func TestPolicyInPart(t *testing.T) {
	rows := []struct {
		name, script string
		key          string
		allowed      string // "true", or the reason
		delay        time.Duration
		retry        time.Duration // -1: give up
		errors       int
	}{
		{"nothing but key", `policy { key = function(req) return req.host .. req.depth end }`, "a.test3", "true", time.Second, time.Minute, 0},
		{
			"all", `policy {
	key = function(req) return "q" end,
	delay = function(key, req, response) return response.status == 200 and key == "base" and 2.5 or 9 end,
	allow = function(req) return false, "no " .. req.url end,
	retry = function(req, failure) if failure.kind == "timeout" then return 30 end end,
}`, "q", "no http://a.test/x", 2500 * time.Millisecond, 30 * time.Second, 0,
		},
		{"nil leaves it to the base", `policy { delay = function() end, allow = function() end, key = function() end }`, "base", "true", time.Second, time.Minute, 0},
		{"nil gives up", `policy { retry = function() end }`, "base", "true", time.Second, -1, 0},
		{"errors leave it to the base", `policy { key = function() error("x") end, delay = function() return "soon" end }`, "base", "true", time.Second, time.Minute, 2},
		{"a list is a queue and buckets", `policy { key = function(req) return { req.host, "ip 192.0.2.1", 7 } end }`, "a.test ip 192.0.2.1 7", "true", time.Second, time.Minute, 0},
		{"a list of one", `policy { key = function(req) return { req.host } end }`, "a.test", "true", time.Second, time.Minute, 0},
		{"an empty list", `policy { key = function(req) return {} end }`, "base", "true", time.Second, time.Minute, 1},
		{"no name in a list", `policy { key = function(req) return { req.host, {} } end }`, "base", "true", time.Second, time.Minute, 1},
		{"too many names", `policy { key = function(req) return { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 } end }`, "base", "true", time.Second, time.Minute, 1},
		{"in crawl{}", `crawl { policy = { key = function() return "in crawl" end } }`, "in crawl", "true", time.Second, time.Minute, 0},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			h := one(t, row.script).mustLoad()
			p := h.Policy(plainPolicy{})
			ctx, r := context.Background(), &engine.Request{URL: "http://a.test/x", Depth: 3}
			resp := &engine.Response{URL: r.URL, Status: 200}
			queue, buckets := p.Key(ctx, r)
			if key := strings.Join(append([]string{queue}, buckets...), " "); key != row.key {
				t.Errorf("key %q", key)
			}
			allowed := "true"
			if ok, reason := p.Allow(ctx, r); !ok {
				allowed = reason
			}
			if allowed != row.allowed {
				t.Errorf("allow %q", allowed)
			}
			if d := p.Delay(ctx, "base", r, resp); d != row.delay {
				t.Errorf("delay %v", d)
			}
			after, again := p.Retry(ctx, r, &engine.Failure{Kind: engine.FailTimeout, Message: "m", Attempts: 1}, nil)
			if !again {
				after = -1
			}
			if after != row.retry {
				t.Errorf("retry %v", after)
			}
			if n := len(h.Errors()); n != row.errors {
				t.Errorf("errors %v", h.Errors())
			}
		})
	}
}

func TestNoPolicyIsTheBase(t *testing.T) {
	base := plainPolicy{}
	if p := one(t, "").mustLoad().Policy(base); p != engine.Policy(base) {
		t.Errorf("%T", p)
	}
}

func TestProxyFunction(t *testing.T) {
	h := one(t, `crawl { proxy = function(req) if req.host == "a.test" then return "http://proxy.test:1" end end }`).mustLoad()
	proxy := h.Proxy()
	got := []string{proxy(&engine.Request{URL: "http://a.test/"}), proxy(&engine.Request{URL: "http://b.test/"})}
	if diff := cmp.Diff([]string{"http://proxy.test:1", ""}, got); diff != "" {
		t.Error(diff)
	}
	if _, ok := h.Settings()["proxy"]; ok {
		t.Error("the function is among the settings")
	}
	if one(t, "").mustLoad().Proxy() != nil {
		t.Error("a proxy function without a script's")
	}
}

func TestEmit(t *testing.T) {
	rows := []struct{ name, script, want string }{
		{"order and types", `emit { z = 1, a = 1.5, s = "x", yes = true, big = 2^40 }`, "z=1 a=1.5 s=x yes=true big=1099511627776"},
		{"what lies deeper", `emit { list = { 1, "b", { c = false } }, t = { z = 1, a = {} } }`, `list=[1,"b",{"c":false}] t={"z":1,"a":{}}`},
		{"null", `local json = require "downpour.json" emit { a = json.null, b = 1 }`, "a=<nil> b=1"},
		{"text that is no UTF-8", "emit { t = { \"a\\255\\\"\\n\" } }", `t=["a` + "\ufffd" + `\"\n"]`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := one(t, row.script)
			w.run()
			if diff := cmp.Diff([]string{row.want}, w.items); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEmitRefuses(t *testing.T) {
	rows := []struct{ script, want string }{
		{`emit("x")`, "main.lua:1: emit takes a table, not a string"},
		{`emit { f = print }`, "main.lua:1: emit: f: a function is no JSON value"},
		{`local t = {} t.t = t emit { x = t }`, "nested deeper than 100"},
		{`emit { n = 0/0 }`, "main.lua:1: emit: n: NaN and infinity are no JSON values"},
	}
	for _, row := range rows {
		w := one(t, row.script)
		if err := w.load(); err == nil || !strings.Contains(w.tidy(err.Error()), row.want) {
			t.Errorf("%s: %v", row.script, err)
		}
	}
}

func TestFailStopAndTheTopLevel(t *testing.T) {
	w := one(t, `
fail("verdict one")
emit { top = true }
function on_start() fail("verdict two") end
function on_success(req) stop("enough") end`)
	w.pages["http://site.test/"] = "<p>x</p>"
	w.seeds = []string{"http://site.test/"}
	s := w.run()
	if diff := cmp.Diff([]string{"verdict one", "verdict two"}, s.Verdicts); diff != "" {
		t.Error(diff)
	}
	if s.End != "stopped" || s.Reason != "enough" {
		t.Errorf("ended %q because %q", s.End, s.Reason)
	}
	if diff := cmp.Diff([]string{"top=true"}, w.items); diff != "" {
		t.Error(diff)
	}
}

// gauge is a Go value for scripts.
type gauge struct {
	MaxValue int
	total    int
}

func (g *gauge) AddTo(n int) int {
	g.total += n
	return g.total
}

func TestExpose(t *testing.T) {
	g := &gauge{MaxValue: 7}
	w := one(t, `
print(gauge.max_value, gauge:add_to(3))
function on_start() print(gauge:add_to(4), late("x")) end`)
	w.opt.Expose = map[string]any{"gauge": g}
	w.mustLoad().Expose("late", func(s string) string { return s + "!" })
	w.run()
	if diff := cmp.Diff([]string{"7\t3", "7\tx!"}, w.printed()); diff != "" {
		t.Error(diff)
	}
}

func TestOneWorld(t *testing.T) {
	w := newWorld(t, `
-- main.lua --
local n = 0
crawl { concurrency = 64 }
for i = 1, 300 do enqueue("http://site.test/page" .. i) end
function on_success(req)
  local before = n
  n = n + 1
  assert(n == before + 1)
  local ok, doc = pcall(function() return req.doc end)
  assert(ok and doc:find("p"))
  table.sort({ 3, 1, 2 }, function(a, b) return a < b and req.title == "t" end)
  local co = coroutine.wrap(function() local l = #req:links() coroutine.yield(l) return req.url end)
  assert(co() == 1 and co() == req.url)
end
function on_finish() print(n) end
`)
	for i := range 301 {
		w.pages["http://site.test/page"+strconv.Itoa(i)] = "<title>t</title><p>x</p><a href=/y>y</a>"
	}
	w.cfg.Concurrency = 64
	w.cfg.PerHost = -1
	w.run()
	if diff := cmp.Diff([]string{"300"}, w.printed()); diff != "" {
		t.Error(diff, w.log.String())
	}
}
