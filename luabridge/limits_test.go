package luabridge

import (
	"strings"
	"testing"
	"time"

	"downpour/engine"
)

// A hook that waits over and over, works through a library function at a
// stretch, or makes much of little ends within its limits.
func TestLimitsHoldInModules(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes memory of its own")
	}
	const limit = 128 << 20
	tests := []struct{ name, code, error string }{
		{"store", `local s = require "downpour.store" while true do s.get("a") end`, "took longer than 300ms"},
		{"file append", `local f = require "downpour.file" while true do f.append("a.txt", ("x"):rep(1000)) end`, "took longer than 300ms"},
		{"file write", `local f = require "downpour.file" local i = 0 while true do i = i + 1 f.write("a" .. i % 10, "x") end`, "took longer than 300ms"},
		{"file lines", `local f = require "downpour.file" while true do f.lines("main.lua") end`, "took longer than 300ms"},
		{"date", `os.date(("%c"):rep(1e6))`, "resulting string too large"},
		{"csv of one long row many times", `local r = {} for i = 1, 100 do r[i] = ('"'):rep(1e5) end
local all = {} for i = 1, 1000 do all[i] = r end require("downpour.csv").encode(all)`, "resulting string too large"},
		{"meta of many strings", `for i = 1, 1e9 do req.meta["k" .. i] = ("x"):rep(1e4) end`, "raise it with --script-"},
		{"meta of one large table", `local s = ("x"):rep(1e5) for i = 1, 1000 do req.meta[i] = s end`, "raise it with --script-"},
		{"matches", `for _ in require("downpour.re").gmatch(("a"):rep(1e7), "a") do end`, "raise it with --script-"},
		{"pieces", `require("downpour.re").split(("a"):rep(1e7), "a")`, "raise it with --script-"},
		{"parameters", `local k = {} for i = 1, 1e9 do k[i] = require("downpour.url").query(("a=b&"):rep(1e5)) end`, "raise it with --script-"},
		{"links", `local d = require("downpour.html").parse(("<a href=x>y</a>"):rep(2e5)) local k = {} for i = 1, 1e9 do k[i] = d:links() end`, "raise it with --script-"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := one(t, "function on_success(req) if req.url:find('hostile') then "+tt.code+" end end")
			w.pages["http://site.test/hostile"] = "<p>x</p>"
			w.seeds = []string{"http://site.test/hostile"}
			w.opt.Memory, w.opt.Timeout = limit, 300*time.Millisecond
			w.mustLoad().UseOutput(t.TempDir())
			forgetPeak(t)
			start := time.Now()
			w.run()
			if d := time.Since(start); d > 10*time.Second {
				t.Errorf("took %v", d)
			}
			errs := w.host.Errors()
			if len(errs) == 0 || !strings.Contains(errs[0].Error.Message, tt.error) {
				t.Errorf("errors %v, want %q", w.logged(), tt.error)
			}
			if peak := peakMemory(t); peak > limit+100<<20 {
				t.Errorf("the process took %d MiB", peak>>20)
			}
		})
	}
}

// What a function answered or left behind is an error at its own place.
func TestAnswersHaveAPlace(t *testing.T) {
	tests := []struct{ name, script, error string }{
		{"policy.delay", "\npolicy { delay = function() return 0/0 end }", `error="NaN is no number of seconds" file=main.lua line=2 hook=policy.delay`},
		{"policy.key", "policy {\n  key = function() return ('k'):rep(5000) end }", "policy.key answered a name of 5000 bytes, more than 4096"},
		{"meta", "\nfunction on_success(req)\n  req.meta.a = req.meta\nend", "or one inside itself\" file=main.lua line=2 hook=on_success"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := one(t, tt.script)
			w.pages["http://site.test/"] = "x"
			w.seeds = []string{"http://site.test/"}
			h := w.mustLoad()
			p, r := h.Policy(plainPolicy{}), &engine.Request{URL: "http://site.test/"}
			p.Key(t.Context(), r)
			p.Delay(t.Context(), "site.test", r, nil)
			w.run()
			if got := strings.Join(w.logged(), "\n"); !strings.Contains(got, tt.error) {
				t.Errorf("logged %s, want %s", got, tt.error)
			}
		})
	}
}

// Matches are looked for in batches, of which no one may tell.
func TestManyMatches(t *testing.T) {
	w := one(t, `
local re = require "downpour.re"
local n, s = 0, ("ab"):rep(1000)
for m in re.gmatch(s, "a(b)") do n = n + 1 end
print(n, select(2, re.gsub(s, "a", "")), (re.gsub(s, "^a", "X")):sub(1, 4), #re.split(s, "b"), #re.split("", ","), #re.split("abc", ""))
print(re.gsub("abc", "", "-"), (re.gsub(s, "a", "", 70)):sub(68, 74), (re.gsub("aaa", "a", "b", 0)), #re.split(",a,", ","))`)
	w.mustLoad()
	want := "1000\t1000\tXbab\t1001\t1\t3\n-a-b-c-\tbbbabab\taaa\t3\n"
	if got := w.stdout.String(); got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

// An argument of a method is counted without the object.
func TestMethodArguments(t *testing.T) {
	tests := []struct{ code, error string }{
		{`require("downpour.html").parse("x"):all()`, "bad argument #1 to 'element:all' (string expected, got no value)"},
		{`require("downpour.store").counter("n"):add("x")`, "bad argument #1 to 'counter:add' (number expected, got string)"},
		{`require("downpour.store").incr("n", 0.5)`, "bad argument #2 to 'store.incr' (it counts whole numbers, up to 2^53)"},
		{`emit()`, "emit takes a table, not nil"},
		{`enqueue()`, "enqueue takes a URL, a list or an iterator, not nil"},
		{`return #nil`, "attempt to get the length of what has none"},
		{`require("downpour.html").parse("x"):all("a[")`, `: selector "a[": a name is missing at the end`},
		{`enqueue("http://site.test/", {timeout = -1})`, "timeout: -1 is no number of seconds"},
	}
	for _, tt := range tests {
		t.Run(tt.code, func(t *testing.T) {
			if err := one(t, tt.code).load(); err == nil || !strings.Contains(err.Error(), tt.error) {
				t.Errorf("error %v, want %s", err, tt.error)
			}
		})
	}
}
