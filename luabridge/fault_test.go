package luabridge

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"downpour/engine"
)

// logged are the script errors in a world's log.
func (w *world) logged() []string {
	var lines []string
	for l := range strings.Lines(w.log.String()) {
		if strings.Contains(l, "script error") {
			lines = append(lines, strings.TrimSpace(w.tidy(l)))
		}
	}
	return lines
}

func TestHookErrorsAreLoggedAndUndone(t *testing.T) {
	w := newWorld(t, `
-- main.lua --
function on_success(req)
  req:enqueue("/kept.html")
  emit { url = req.url }
  req:enqueu("/b.html")
end
function on_done(req)
  emit { done = req.url }
end
-- index.html --
<p>x</p>
`)
	w.seeds = []string{"http://site.test/"}
	s := w.run()
	if diff := cmp.Diff([]string{"done=http://site.test/"}, w.items); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"http://site.test/"}, w.pushed); diff != "" {
		t.Error(diff)
	}
	want := []string{`level=WARN msg="script error" error="request has no field 'enqueu' (did you mean 'enqueue'?)" file=main.lua line=4` +
		` hook=on_success url=http://site.test/ source="req:enqueu(\"/b.html\")"`}
	if diff := cmp.Diff(want, w.logged()); diff != "" {
		t.Error(diff)
	}
	if s.Errors != 1 {
		t.Errorf("%d errors counted", s.Errors)
	}
	counts := w.host.Errors()
	if len(counts) != 1 || counts[0].Count != 1 || counts[0].Error.Column != 7 {
		t.Errorf("%+v", counts)
	}
}

func TestTheSameErrorIsLoggedOnce(t *testing.T) {
	w := newWorld(t, "-- main.lua --\nfunction on_success(req)\n  local x = nil + 1\nend\nfunction on_done(req) error(req.url) end\n")
	for i := range 40 {
		w.pages[fmt.Sprintf("http://site.test/%d", i)] = "<p>x</p>"
		w.seeds = append(w.seeds, fmt.Sprintf("http://site.test/%d", i))
	}
	s := w.run()
	if s.Errors != 80 {
		t.Errorf("%d errors counted", s.Errors)
	}
	if n := len(w.logged()); n != 1+maxSame+1 {
		t.Errorf("%d lines logged:\n%s", n, strings.Join(w.logged(), "\n"))
	}
	if c := w.host.Errors(); c[0].Count != 40 || c[0].Error.Line != 2 {
		t.Errorf("%+v", c[0])
	}
}

func TestStrictEndsTheCrawl(t *testing.T) {
	w := one(t, `function on_success(req) local x = nil + 1 end`)
	w.pages["http://site.test/"] = "<p>x</p>"
	w.seeds = []string{"http://site.test/"}
	w.opt.Strict = true
	_, err := w.crawl()
	var fatal *engine.Fatal
	var script *ScriptError
	if !errors.As(err, &fatal) || !errors.As(err, &script) || script.Line != 1 {
		t.Errorf("Run answers %v", err)
	}
}

func TestLimits(t *testing.T) {
	rows := []struct {
		name, script string
		memory       int64
		want         string
	}{
		{"a loop", "while true do end", 0, "took longer than 100ms of Lua time (raise it with --script-timeout)"},
		{"a loop that catches", "while true do pcall(function() while true do end end) end", 0, "took longer than 100ms of Lua time (raise it with --script-timeout)"},
		{"a loop in a coroutine", "coroutine.wrap(function() while true do end end)()", 0, "took longer than 100ms of Lua time (raise it with --script-timeout)"},
		{"tail calls", "local function f() return f() end f()", 0, "took longer than 100ms of Lua time (raise it with --script-timeout)"},
		{"tail calls that are caught", "local function f() return f() end pcall(f) xpcall(f, f)", 0, "took longer than 100ms of Lua time (raise it with --script-timeout)"},
		{"work without the state", "local parse = require('downpour.html').parse while true do parse('<p>') end", 0, "took longer than 100ms of Lua time (raise it with --script-timeout)"},
		{"few tables that are much JSON", "local t = {1} for i = 1, 40 do t = {t, t} end require('downpour.json').encode(t)", 0, "took longer than 100ms of Lua time (raise it with --script-timeout)"},
		{"a table in itself", "local t = {} t.t = t emit(t)", 0, "emit: t: tables nested deeper than 100, or one inside itself"},
		{"much JSON", "require('downpour.json').decode('[' .. ('[],'):rep(1e6) .. '1]')", 32 << 20, "more than 32 MiB of memory in use (raise it with --script-memory)"},
		{"many cells", "require('downpour.csv').parse((','):rep(3e6))", 32 << 20, "more than 32 MiB of memory in use (raise it with --script-memory)"},
		{"a large tree", "require('downpour.html').parse(('<b>'):rep(1e6))", 32 << 20, "more than 32 MiB of memory in use (raise it with --script-memory)"},
		{"a recursion", "local function f() return 1 + f() end f()", 0, "stack overflow"},
		{"memory", "local t = {} for i = 1, 1e9 do t[i] = { i, i, i, i } end", 32 << 20, "more than 32 MiB of memory in use (raise it with --script-memory)"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := one(t, "function on_url(req)\n emit{x=1}\n"+row.script+"\nend\nfunction on_success(req) print('goes on') end")
			w.pages["http://site.test/"] = "<p>x</p>"
			w.seeds = []string{"http://site.test/"}
			w.opt.Timeout = 100 * time.Millisecond
			if w.opt.Memory = row.memory; row.memory > 0 || row.want == "stack overflow" {
				w.opt.Timeout = 20 * time.Second
			}
			w.run()
			counts := w.host.Errors()
			if len(counts) != 1 || counts[0].Error.Message != row.want || counts[0].Error.Hook != "on_url" || counts[0].Error.Line != 3 {
				t.Errorf("%v", w.tidy(w.log.String()))
			}
			if diff := cmp.Diff([]string{"goes on"}, w.printed()); diff != "" || len(w.items) > 0 {
				t.Error(diff, w.items)
			}
		})
	}
}

func TestNestedHookErrors(t *testing.T) {
	w := newWorld(t, `
-- main.lua --
function on_enqueue(req) if req.url:find("bad") then error("no") end end
function on_item(item) if item.bad then return item.missing.field end end
function on_success(req)
  print(req:enqueue("/bad.html"))
  print(req:enqueue("/good.html"))
  emit { bad = true }
  emit { good = true }
end
-- index.html --
<p>x</p>
`)
	w.seeds = []string{"http://site.test/"}
	w.run()
	if diff := cmp.Diff([]string{"false\tdropped", "true"}, w.printed()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"good=true"}, w.items); diff != "" {
		t.Error(diff)
	}
	if n := len(w.logged()); n != 2 {
		t.Error(w.logged())
	}
}

func TestSandbox(t *testing.T) {
	w := one(t, `
print(os.execute, os.getenv, os.remove, os.exit, rawget(_G, "dofile"), rawget(_G, "loadfile"))
print(debug.getinfo, debug.sethook, type(debug.traceback))
print(type(os.time), type(os.date), type(os.clock), type(os.difftime))
print(pcall(loadstring, "\27Lua"))
string.find = nil
function string.upper() return "poisoned" end
pcall(function() getmetatable("").__index = nil end)
print(("x"):upper())
`)
	w.mustLoad()
	got := w.printed()
	want := []string{"nil\tnil\tnil\tnil\tnil\tnil", "nil\tnil\tfunction", "function\tfunction\tfunction\tfunction"}
	if diff := cmp.Diff(want, got[:3]); diff != "" {
		t.Error(diff)
	}
	if !strings.HasPrefix(got[3], "true\tnil") {
		t.Error(got[3])
	}
	if got[4] != "X" {
		t.Error(got[4])
	}
}

func TestAllowOpensByName(t *testing.T) {
	rows := []struct{ allow, want string }{
		{"", "nil\tnil\tfalse"},
		{"env", "function\tnil\tfalse"},
		{"os", "function\tfunction\tfalse"},
		{"io", "nil\tnil\ttrue"},
	}
	for _, row := range rows {
		w := one(t, `print(type(os.getenv) == "function" and "function" or "nil", type(os.execute) == "function" and "function" or "nil", rawget(_G, "io") ~= nil)`)
		w.opt.Allow = []string{row.allow}
		w.mustLoad()
		if diff := cmp.Diff([]string{row.want}, w.printed()); diff != "" {
			t.Error(row.allow, diff)
		}
	}
}
