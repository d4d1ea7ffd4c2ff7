package luabridge

import (
	"errors"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// end makes the call at hand end after d, as the watchdog does.
func end(h *Host, d time.Duration) *time.Timer {
	c := h.gate.cur
	return time.AfterFunc(d, func() { c.halt(errors.New("limit reached")) })
}

func TestStdStopsAtLimit(t *testing.T) {
	tests := []struct{ name, code string }{
		{"loop", `while true do end`},
		{"pcall loop", `while true do pcall(function() while true do end end) end`},
		{"pcall of library function", `while true do pcall(string.rep) end`},
		{"xpcall handler", `xpcall(function() while true do end end, function() while true do end end) while true do end`},
		{"coroutine loop", `coroutine.wrap(function() while true do end end)()`},
		{"coroutine in pcall", `while true do pcall(coroutine.wrap(function() while true do end end)) end`},
		{"pattern", `return ("a"):rep(5000):find((".-"):rep(20) .. "b")`},
		{"gsub", `return ("a"):rep(1000000):gsub("a*b", "")`},
		{"gmatch", `for w in ("a"):rep(1000000):gmatch("a*b") do end while true do end`},
		{"sort", `local t = {} for i = 1, 200000 do t[i] = i end while true do table.sort(t, function(a, b) return a > b end) end`},
		{"gsub callback", `("a"):rep(100):gsub("a", function() while true do end end)`},
		{"load", `load(function() return " " end) while true do end`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newStdHost(t)
			defer end(h, 20*time.Millisecond).Stop()
			start := time.Now()
			_, err := run(t, h, tt.code)
			if err == nil || !strings.Contains(err.Error(), "limit reached") {
				t.Errorf("error %v", err)
			}
			if d := time.Since(start); d > 3*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

func TestStdBounds(t *testing.T) {
	tests := []struct{ name, code, want string }{
		{"rep", `return pcall(string.rep, "x", 1e10)`, "resulting string too large"},
		{"rep by overflow", `return pcall(string.rep, ("x"):rep(1000), 2^61)`, "resulting string too large"},
		{"format width", `return pcall(string.format, "%2000000000d", 1)`, "width or precision too long"},
		{"format strings", `local s = ("x"):rep(3e6) return pcall(string.format, "%s%s%s%s", s, s, s, s)`, "resulting string too large"},
		{"gsub", `local s = ("x"):rep(1e4) return pcall(string.gsub, s, "x", s)`, "resulting string too large"},
		{"concat", `local s, t = ("x"):rep(1e5), {} for i = 1, 100 do t[i] = s end return pcall(table.concat, t)`, "resulting string too large"},
		{"unpack", `return pcall(unpack, {}, 1, 1e9)`, "too many results to unpack"},
		{"byte", `return pcall(string.byte, ("x"):rep(1e6), 1, -1)`, "string slice too long"},
		{"nested coroutines", `local function f() coroutine.wrap(f)() end return pcall(f)`, "stack overflow"},
		{"nested pcall", `local function f() local ok, e = pcall(f) error(e, 0) end return pcall(f)`, "stack overflow"},
		{"nested gsub", `local function f() return (("x"):gsub("x", f)) end return pcall(f)`, "stack overflow"},
		{"nested sort", `local function f() table.sort({2, 1}, f) end return pcall(f)`, "stack overflow"},
		{"deep recursion", `local function f() return 1 + f() end return pcall(f)`, "stack overflow"},
		{"many coroutines", `local t = {} return pcall(function() for i = 1, 1e5 do t[i] = coroutine.create(function() end) end end)`, "too many coroutines"},
		{"big chunk", `return nil, (select(2, loadstring(("("):rep(3e5))))`, "256 KiB"},
		{"deep chunk", `return nil, (select(2, loadstring("x = " .. ("("):rep(2e5) .. "1" .. (")"):rep(5e4))))`, ""},
		{"bytecode", `return nil, (select(2, loadstring("\27Lua")))`, "bytecode"},
		{"tostring recursion", `local t = setmetatable({}, {__tostring = function(t) return tostring(t) end}) return pcall(tostring, t)`, "stack overflow"},
		{"index recursion", `local t = setmetatable({}, {__index = function(t, k) return t[k] end}) return pcall(function() return t.x end)`, "stack overflow"},
		{"number metatable", `return pcall(setmetatable, 5, {})`, "table expected"},
		{"global environment", `return pcall(setfenv, 0, {})`, "cannot change environment"},
		{"environment of library", `return pcall(setfenv, print, {})`, "cannot change environment"},
		{"resume of a waiting coroutine", `local a a = coroutine.create(function() return coroutine.wrap(function() return coroutine.resume(a) end)() end) return select(2, coroutine.resume(a))`, "cannot resume normal coroutine"},
		{"yield from sort", `return coroutine.wrap(function() return pcall(table.sort, {2, 1}, coroutine.yield) end)()`, "attempt to yield"},
		{"yield from gsub", `return coroutine.wrap(function() return pcall(function() ("x"):gsub("x", function() coroutine.yield() end) end) end)()`, "attempt to yield"},
		{"yield outside", `return pcall(coroutine.yield)`, "attempt to yield"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newStdHost(t)
			defer end(h, 20*time.Second).Stop()
			v, err := run(t, h, tt.code)
			if err != nil {
				t.Fatal(err)
			}
			if len(v) < 2 || lua.LVAsBool(v[0]) || !strings.Contains(v[1].String(), tt.want) {
				t.Errorf("answers %v, want %q", v, tt.want)
			}
		})
	}
}

// TestStringsArePrivate: what a script does to the library changes no other
// script's strings.
func TestStringsArePrivate(t *testing.T) {
	tests := []struct{ name, poison string }{
		{"library", `string.upper = nil`},
		{"metatable", `getmetatable("").__index = function() return "x" end`},
		{"methods", `getmetatable("").__index.upper = function() return "x" end`},
		{"raw", `rawset(string, "upper", error)`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newStdHost(t)
			if _, err := run(t, h, tt.poison); err != nil {
				t.Fatal(err)
			}
			v, err := run(t, h, `return ("a"):upper()`)
			if err != nil || v[0].String() != "A" {
				t.Errorf(`("a"):upper() = %v, %v`, v, err)
			}
		})
	}
}

func TestOwnStringMethod(t *testing.T) {
	h := newStdHost(t)
	v, err := run(t, h, `function string.twice(s) return s .. s end return ("ab"):twice()`)
	if err != nil || v[0].String() != "abab" {
		t.Errorf("answers %v, %v", v, err)
	}
}

func TestTraceback(t *testing.T) {
	h := newStdHost(t)
	v, err := run(t, h, `
local function inner() return debug.traceback("here") end
local function outer() local ok, r = pcall(function() local s = inner() return s end) return r end
local r = outer()
return r`)
	if err != nil {
		t.Fatal(err)
	}
	got := v[0].String()
	for _, want := range []string{"here\nstack traceback:\n", "t:2: ", "t:3: ", "in function 'pcall'", "t:4: in main chunk"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	deep, err := run(t, h, `local function f(n) if n == 0 then return debug.traceback() end local r = f(n - 1) return r end return f(100)`)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(deep[0].String(), "\n"); n != maxFramesShown+1 {
		t.Errorf("%d lines of a deep traceback:\n%s", n, deep[0])
	}
}

func BenchmarkStd(b *testing.B) {
	tests := []struct{ name, code string }{
		{"pcall", `local f = function() end for i = 1, n do pcall(f) end`},
		{"caught error", `for i = 1, n do pcall(error, "x") end`},
		{"coroutine", `for i = 1, n do local f = coroutine.wrap(function() coroutine.yield(1) end) f() f() end`},
		{"find", `local s = "https://shop.example/item-12/index.html" for i = 1, n do s:find("item%-(%d+)") end`},
		{"gsub callback", `local s, f = "a b c d", function(w) return w end for i = 1, n do s:gsub("%a", f) end`},
		{"format", `for i = 1, n do string.format("%d %s %5.2f", i, "x", 1.5) end`},
	}
	for _, tt := range tests {
		b.Run(tt.name, func(b *testing.B) {
			h := newHost(Options{Timeout: -1})
			defer h.Close()
			fn, err := h.L.Load(strings.NewReader("local n = ... "+tt.code), "b")
			if err != nil {
				b.Fatal(err)
			}
			c := h.enter(b.Context(), keeper{h})
			defer h.leave(c)
			if _, err := h.invoke(fn, 0, lua.LNumber(b.N)); err != nil {
				b.Fatal(err)
			}
		})
	}
}
