package luabridge

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A hostileCase is one of the hostile hooks and what has to come of it.
type hostileCase struct {
	code  string // the hook's body; "" where the suite's own input runs
	error string // part of the error it ends with; "" for none
	print string // what it prints
}

// hostileHooks are the suite's cases about scripts, those about queues whose
// data scripts see among them, by their names there.
var hostileHooks = map[string]hostileCase{
	"lua-01": {error: "attempt to call 'os.exit', which is no function here: the rest of os is closed to scripts (open it with --allow os)"},
	"lua-02": {error: "io is closed to scripts (open it with --allow io"},
	"lua-03": {error: "attempt to call a non-function object"},
	"lua-04": {code: `package.loadlib("libc.so", "system")`, error: "undefined global 'package'"},
	"lua-06": {code: `string.dump(function() end)`, error: "attempt to call 'string.dump', which is no function"},
	"lua-08": {code: `getmetatable("").__index = function() return error end print(("x"):upper())`, print: "X"},
	"lua-09": {code: `print(pcall(setfenv, 0, {})) rawset(_G, "print", nil)`, print: "false\t'setfenv' cannot change environment of given object"},
	"lua-10": {error: "took longer than 200ms of Lua time (raise it with --script-timeout)"},
	"lua-11": {error: "took longer than 200ms"},
	"lua-12": {error: "took longer than 200ms"},
	"lua-14": {code: `local s = "x" while true do s = s .. s end`, error: "resulting string too large (more than 16 MiB"},
	"lua-15": {code: `local t = {} for i = 1, 1e9 do t[i] = {i} end`, error: "raise it with --script-"},
	"lua-17": {code: `local function f() coroutine.wrap(f)() end f()`, error: "stack overflow"},
	"lua-18": {code: `local function f() return 1 + f() end f()`, error: "stack overflow"},
	"lua-19": {error: "took longer than 200ms"},
	"lua-23": {code: `string.format("%2000000000d", 1)`, error: "too long"},
	"lua-25": {code: `local t = {} for i = 1, 1000 do t[i] = i % 7 end pcall(table.sort, t, function() return true end) print("ends")`, print: "ends"},
	"lua-26": {code: `local t = setmetatable({}, {__tostring = function(t) return tostring(t) end, __gc = error}) print(t)`, error: "stack overflow"},
	"lua-29": {code: `if kept then kept:cancel("not its own") end kept = req`},
	"lua-30": {code: `coroutine.yield(1)`, error: "attempt to yield"},
	"lua-31": {code: `for i = 1, 1e7 do req:enqueue("/" .. i) end`, error: "raise it with --script-"},
	"lua-32": {code: `print(require("downpour.re").match(("a"):rep(40000) .. "b", "(a+)+$"))`, print: "nil"},
	"queue-02": {
		code: `
local json = require "downpour.json"
print(select("#", json.decode(("["):rep(10000))), select(2, json.decode('{"url":123,"meta":' .. ("["):rep(10000))))`,
		print: "2\tline 1, byte 1019: nested too deeply",
	},
	"queue-05": {code: `
print(pcall(req.enqueue, req, "/x", {priority = 1e309}))
req:enqueue("/y", {priority = -1e309, meta = {retries = 2^63}})
print(require("downpour.json").decode("1e309"))`, print: "true\ttrue"},
	"queue-07": {code: `
local json = require "downpour.json"
print(json.encode(json.decode('{"a":1,"a":2,"b":"\\u0000"}')), (json.encode("\255\0")))
req:enqueue("/z\0\255")`, print: `{"a":2,"b":"\u0000"}`},
	"queue-09": {code: `print(require("downpour.json").decode('{"callback":"os.execute(1)"}').callback)`, print: "os.execute(1)"},
}

// elsewhere are cases that no script can bring about: the frontier's.
var elsewhere = map[string]bool{"queue-01": true, "queue-06": true, "queue-10": true, "queue-11": true}

// TestHostileHooks runs each hostile hook on one page of a crawl of three: its
// error names hook, line and limit, the others are as if it had not been.
func TestHostileHooks(t *testing.T) {
	for _, c := range hostileSuite(t) {
		if elsewhere[c.ID] || c.Category != "lua" && c.Category != "queue" {
			continue
		}
		t.Run(c.ID+" "+c.Name, func(t *testing.T) {
			tt, known := hostileHooks[c.ID]
			if !known {
				t.Fatalf("a new case: %s", c.Input)
			}
			if tt.code == "" {
				tt.code = c.Input
			}
			hostile(t, tt)
		})
	}
}

func hostile(t *testing.T, tt hostileCase) {
	t.Helper()
	w := one(t, "local kept\nfunction on_success(req, text)\n  if text:find('hostile') then\n"+tt.code+"\n  end\nend\n"+
		"function on_done(req) emit { url = req.url, upper = ('x'):upper() } end\n")
	for _, page := range []string{"a", "b", "c"} {
		w.pages["http://site.test/"+page] = "<p>fine</p>"
		w.seeds = append(w.seeds, "http://site.test/"+page)
	}
	w.pages["http://site.test/b"] = "<p>hostile</p>"
	w.opt.Timeout, w.opt.Memory = time.Minute, 128<<20
	if strings.Contains(tt.error, "200ms") || strings.Contains(tt.error, "--script-") {
		w.opt.Timeout = 200 * time.Millisecond
	}
	start := time.Now()
	w.run()
	if d := time.Since(start); d > 30*time.Second {
		t.Errorf("took %v", d)
	}
	if len(w.items) < 3 || strings.Contains(strings.Join(w.items, ""), "upper=x") {
		t.Errorf("the other pages gave %q", w.items)
	}
	if got := strings.Join(w.printed(), "\n"); !strings.HasPrefix(got, tt.print) {
		t.Errorf("printed %q, want %q", got, tt.print)
	}
	errs := w.host.Errors()
	if tt.error == "" && len(errs) == 0 {
		return
	}
	if len(errs) != 1 || tt.error == "" || !strings.Contains(errs[0].Error.Message, tt.error) {
		t.Fatalf("want %q, errors %v", tt.error, w.logged())
	}
	if e := errs[0].Error; e.Hook != "on_success" || e.Line < 4 || e.URL != "http://site.test/b" {
		t.Errorf("the error is placed at %s:%d, %s, %s", e.File, e.Line, e.Hook, e.URL)
	}
}

// TestMemoryStaysBounded: what the process takes stays below the limit and
// 100 MB, whatever allocates.
func TestMemoryStaysBounded(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes memory of its own")
	}
	const limit = 128 << 20
	tests := []struct{ name, code string }{
		{"doubling", `local s = "x" while true do s = s .. s end`},
		{"many at once", `local s, t = ("x"):rep(1e6), {} for i = 1, 1e9 do t[i] = s .. s .. s .. s .. s .. s .. s .. s .. i end`},
		{"large strings", `local s, t = ("x"):rep(3e7), {} for i = 1, 1e9 do t[i] = s .. i end`},
		{"upper", `local s, t = ("x"):rep(3e7), {} for i = 1, 1e9 do t[i] = s:upper() end`},
		{"tables", `local t = {} for i = 1, 1e9 do t[i] = {i} end`},
		{"closures", `local t = {} for i = 1, 1e9 do t[i] = function() return i end end`},
		{"bytes", `local s, t = ("x"):rep(3e7), {} for i = 1, 1e9 do t[i] = {s:byte(1, 200000)} end`},
		{"items", `for i = 1, 1e9 do emit{a = i} end`},
		{"requests", `for i = 1, 1e9 do req:enqueue("/" .. i) end`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := one(t, "function on_success(req) "+tt.code+" end")
			w.pages["http://site.test/"] = "<p>x</p>"
			w.seeds = []string{"http://site.test/"}
			w.opt.Memory, w.opt.Timeout = limit, 4*time.Second
			forgetPeak(t)
			w.run()
			if errs := w.host.Errors(); len(errs) != 1 || !strings.Contains(errs[0].Error.Message, "raise it with --script-") {
				t.Errorf("errors %v", errs)
			}
			if peak := peakMemory(t); peak > limit+100<<20 {
				t.Errorf("the process took %d MiB", peak>>20)
			}
		})
	}
}

// forgetPeak makes peakMemory begin at what is in memory now.
func forgetPeak(t *testing.T) {
	t.Helper()
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		t.Skip("the peak of memory cannot be set back here")
	}
}

// peakMemory is the most that this process has had in memory.
func peakMemory(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc here")
	}
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	kib, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(strings.SplitN(rest, "\n", 2)[0]), " kB"))
	if err != nil {
		t.Skip("no peak of memory is told here")
	}
	return kib << 10
}

// hostileSuite is the shared suite of hostile cases.
func hostileSuite(t *testing.T) (cases []struct{ ID, Category, Name, Input string }) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(suites(t), "hostile.json"))
	if err != nil {
		t.Skip("no hostile.json among the suites")
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// suites is the folder of test vectors; the test is skipped where there is none.
func suites(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("DOWNPOUR_SUITES"); dir != "" {
		return dir
	}
	dir := filepath.Join("..", "..", "shared", "suites")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the test vectors are not here (set DOWNPOUR_SUITES)")
	}
	return dir
}
