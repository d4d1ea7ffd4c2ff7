package luabridge

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"downpour/engine"
)

func TestLoadErrors(t *testing.T) {
	rows := []struct {
		name   string
		script string
		want   string // Error
		source string // the source line and the caret's column
		column int
	}{
		{"a syntax error", "local x = 1\nlocal = 2\n", "main.lua:2: syntax error near '='", "local = 2", 7},
		{"the end of the file", "function on_success(req)\n  if true then\n    print(1)\nend\n", "main.lua:4: unexpected end of the file: the 'function' of line 1 is not closed", "end", 0},
		{"an undefined global", "local x = 1\nprin(x)", "main.lua:2: undefined global 'prin' (did you mean 'print'?)", "prin(x)", 1},
		{"a hook that is none", "\nfunction on_sucess(req) end", "main.lua:2: there is no hook 'on_sucess' (did you mean 'on_success'?)", "function on_sucess(req) end", 10},
		{"a hook that is no function", "on_done = 5", "main.lua: the hook 'on_done' is a number, not a function", "", 0},
		{"a hook of a kind that is none", "kind \"x\" {\n on_sucess = function() end }", "main.lua:2: there is no hook 'on_sucess' (did you mean 'on_success'?)", " on_sucess = function() end }", 2},
		{"an unknown setting", "crawl { same_hst = true }", `main.lua:1: unknown setting "same_hst" (did you mean "same_host"?)`, "crawl { same_hst = true }", 9},
		{"a setting of the wrong type", "crawl {\n delay = {},\n}", `main.lua:2: setting "delay": takes seconds or text such as "1.5s", not a table`, " delay = {},", 2},
		{"an unknown policy function", "policy { kee = function() end }", "main.lua:1: policy: there is no 'kee' (did you mean 'key'?)", "policy { kee = function() end }", 10},
		{"a runtime error", "local t\nprint(t.x)", "main.lua:2: attempt to index a non-table object(nil) with key 'x'", "print(t.x)", 9},
		{"an error with a table", "error({})", "main.lua:1: error object is a table", "error({})", 0},
		{"a URL that is not absolute", `enqueue("example.com/x")`, "main.lua:1: enqueue: 'example.com/x' is no absolute URL (did you mean 'https://example.com/x'?)", `enqueue("example.com/x")`, 10},
		{"an option that is none", `enqueue("http://a.test/", {knd = "x"})`, "main.lua:1: there is no option 'knd' of a request (did you mean 'kind'?)", `enqueue("http://a.test/", {knd = "x"})`, 28},
		{"a module that is none", `local x = require "downpour.jsn"`, `main.lua:1: require: no "downpour.jsn" in . (did you mean "downpour.json"?)`, "", 0},
		{"a module without its prefix", `local x = require "json"`, `main.lua:1: require: no "json" in . (did you mean "downpour.json"?)`, "", 0},
		{"a field that a module does not have", `require("downpour.url").joim("a", "b")`, "main.lua:1: downpour.url has no field 'joim' (did you mean 'join'?)", "", 0},
		{"io is closed", `io.open("x")`, "main.lua:1: io is closed to scripts (open it with --allow io; --output and require \"downpour.file\" write files)", `io.open("x")`, 0},
		{"compiled Lua", "\x1bLuaQ", "main.lua:1: this is compiled Lua; give the script's text", "", 0},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := one(t, row.script)
			err := w.load()
			var e *ScriptError
			if !errors.As(err, &e) {
				t.Fatalf("%v is no *ScriptError", err)
			}
			got := strings.ReplaceAll(w.tidy(e.Error()), w.dir, ".")
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Error(diff)
			}
			if row.source != "" && (e.Source != row.source || e.Column != row.column) {
				t.Errorf("points at %q, column %d", e.Source, e.Column)
			}
		})
	}
}

func TestDetailShowsThePlace(t *testing.T) {
	w := one(t, "local function f()\n\tprin(1)\nend\nf()\n")
	var e *ScriptError
	if !errors.As(w.load(), &e) {
		t.Fatal("no error")
	}
	want := `main.lua:2: undefined global 'prin' (did you mean 'print'?)
    2 | 	prin(1)
      | 	^
        main.lua:2: in function 'f'
        main.lua:4: in main chunk`
	if diff := cmp.Diff(want, w.tidy(e.Detail())); diff != "" {
		t.Error(diff)
	}
}

func TestArgs(t *testing.T) {
	const script = "--- Test.\n-- @arg site where (required)\n-- @arg depth how deep (default 5)\n-- @arg other anything\nprint(args.site, args.depth, args.other)\n"
	rows := []struct {
		name string
		args map[string]string
		want string
		err  string
	}{
		{"defaults", map[string]string{"site": "x"}, "x\t5\tnil", ""},
		{"given", map[string]string{"site": "x", "depth": "7"}, "x\t7\tnil", ""},
		{"missing", nil, "", `main.lua needs the argument "site" (where): give it with -a site=VALUE`},
		{"misspelt", map[string]string{"site": "x", "dept": "1"}, "", `no script takes an argument "dept" (did you mean "depth"?)`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := one(t, script)
			w.opt.Args = row.args
			if err := w.load(); err != nil {
				if w.tidy(err.Error()) != row.err {
					t.Errorf("error %v", err)
				}
				return
			}
			if got := strings.Join(w.printed(), "|"); got != row.want || row.err != "" {
				t.Errorf("printed %q", got)
			}
		})
	}
}

// What no header declares cannot have been given: reading it is a mistake.
func TestUndeclaredArgs(t *testing.T) {
	for _, row := range []struct{ name, script, want string }{
		{"misspelt", "--- Test.\n-- @arg site where\nprint(args.sit)", "main.lua:3: no @arg declares args.sit (did you mean args.site?)"},
		{"another", "--- Test.\n-- @arg site where\n-- @arg depth how deep\nprint(args.x)", "main.lua:4: no @arg declares args.x; there are site, depth"},
		{"declared and not given", "--- Test.\n-- @arg site where\nprint(args.site)", ""},
		{"a script that declares none", "--- Test.\nprint(args.sit)", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := one(t, row.script)
			got := ""
			if err := w.load(); err != nil {
				got = w.tidy(err.Error())
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSettings(t *testing.T) {
	w := newWorld(t, `
-- main.lua --
use "slow"
crawl { delay = "1.5s", max_body = "10MB", same_host = true, allow = { "^http://a" }, concurrency = 4, max_depth = nil }
use "slow"
-- snippets/slow.lua --
crawl { delay = 9, per_host = 2 }
return {}
`)
	want := map[string]any{
		"delay": 1500 * time.Millisecond, "max_body": int64(10_000_000), "same_host": true,
		"allow": []string{"^http://a"}, "concurrency": int64(4), "per_host": int64(2),
	}
	if diff := cmp.Diff(want, w.mustLoad().Settings()); diff != "" {
		t.Error(diff)
	}
}

func TestSeeds(t *testing.T) {
	rows := []struct {
		name, script string
		want         []string
		err          string
	}{
		{"none", "", nil, ""},
		{"a string", `crawl { seeds = "http://a.test/" }`, []string{"http://a.test/"}, ""},
		{"a list", `crawl { seeds = { "http://a.test/", "http://b.test/" } }`, []string{"http://a.test/", "http://b.test/"}, ""},
		{"an iterator", `local n = 0 crawl { seeds = function() n = n + 1 if n < 3 then return "http://" .. n .. ".test/" end end }`, []string{"http://1.test/", "http://2.test/"}, ""},
		{"an iterator that fails", `crawl { seeds = function() error("broken") end }`, []string{""}, "main.lua:1: in seeds: broken"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := one(t, row.script)
			var got []string
			msg := ""
			if _, said := w.mustLoad().Settings()["seeds"]; said != (row.script != "") {
				t.Errorf("the settings have seeds: %v", said)
			}
			for s, err := range w.host.Seeds() {
				got = append(got, s)
				if err != nil {
					msg = w.tidy(err.Error())
				}
			}
			if diff := cmp.Diff(row.want, got); diff != "" || msg != row.err {
				t.Error(diff, msg)
			}
		})
	}
}

func TestSearchPath(t *testing.T) {
	shipped := fstest.MapFS{
		"spider.lua":         {Data: []byte("print('spider', require('lib').name)")},
		"lib.lua":            {Data: []byte("return { name = 'shipped lib' }")},
		"snippets/tally.lua": {Data: []byte("return function(o) return { on_start = function() print('tally', o.label) end } end")},
	}
	w := newWorld(t, `
-- main.lua --
local a, b = require "lib", require "dir"
print(a.name, b.name, require("sub.deep"), require("lib") == a, require "mine")
print(shared)
use("tally", { label = "HTTP" })
use "own"
-- lib.lua --
return { name = "own lib" }
-- dir/init.lua --
return { name = "init" }
-- sub/deep.lua --
shared = "global of a module"
return ...
-- snippets/own.lua --
function on_start() print("own", require("beside")) end
return nil
-- snippets/beside.lua --
return "beside"
-- path/mine.lua --
return "mine"
`)
	w.opt.Sources = shipped
	w.opt.Path = []string{filepath.Join(w.dir, "path")}
	w.run()
	want := []string{"own lib\tinit\ttrue\ttrue\tmine", "global of a module", "tally\tHTTP", "own\tbeside"}
	if diff := cmp.Diff(want, w.printed()); diff != "" {
		t.Error(diff)
	}
	w = one(t, "")
	w.opt.Sources = shipped
	w.main = []string{"spider"}
	w.mustLoad()
	if diff := cmp.Diff([]string{"spider\tshipped lib"}, w.printed()); diff != "" {
		t.Error(diff)
	}
	w = one(t, "")
	w.opt.Sources = shipped
	w.main = []string{"spyder"}
	if err := w.load(); err == nil || !strings.Contains(err.Error(), `did you mean "spider"?`) {
		t.Error(err)
	}
}

func TestNothingOutsideTheFolders(t *testing.T) {
	w := one(t, `
for _, name in ipairs { "../secret", "/etc/passwd", "..secret", "link", "a\0b", "a\\b", "sub/../../secret", "", ".", "linked.secret", "C:x" } do
  local ok, err = pcall(require, name)
  print(ok, #err > 0)
  ok, err = pcall(use, name)
  print(ok)
end`)
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret.lua"), []byte("return 'secret'"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(outside, "secret.lua"), filepath.Join(w.dir, "link.lua")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(w.dir, "linked")); err != nil {
		t.Fatal(err)
	}
	w.mustLoad()
	for i, line := range w.printed() {
		if line != "false\ttrue" && line != "false" {
			t.Errorf("line %d: %s", i, line)
		}
	}
	if len(w.printed()) != 22 {
		t.Error(w.printed())
	}
}

func TestChains(t *testing.T) {
	w := newWorld(t, `
-- main1.lua --
use "first"
name = "one"
function on_success(req) print(name, "success") req:enqueue("/a.html") end
function on_item(item) item.one = true end
-- main2.lua --
name = "two"
function on_status(req) print(name, "status") if req.depth > 0 then req:cancel() end end
function on_success(req) print(name, "success") emit { url = req.url } end
function on_item(item) item.two = true return item end
-- main3.lua --
name = "three"
function on_status(req) print(name, "status") end
-- snippets/first.lua --
name = "snippet"
function on_success(req) print(name, "success") end
return { on_status = function(req) print("first", "status") end }
-- index.html --
<p>x</p>
-- a.html --
<p>a</p>
`)
	w.seeds = []string{"http://site.test/"}
	w.run()
	want := []string{
		"first\tstatus", "two\tstatus", "three\tstatus", "snippet\tsuccess", "one\tsuccess", "two\tsuccess",
		"first\tstatus", "two\tstatus",
	}
	if diff := cmp.Diff(want, w.printed()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"url=http://site.test/ one=true two=true"}, w.items); diff != "" {
		t.Error(diff)
	}
}

func TestWantsIsExact(t *testing.T) {
	h := one(t, `function on_success() end
kind "p" { on_error = function() end }`).mustLoad()
	rows := []struct {
		ev   engine.Event
		kind string
		want bool
	}{
		{engine.EventStart, "", false},
		{engine.EventSuccess, "", true},
		{engine.EventSuccess, "p", true},
		{engine.EventSuccess, "other", true},
		{engine.EventError, "", false},
		{engine.EventError, "p", true},
		{engine.EventError, "other", false},
		{engine.EventFinish, "", false},
	}
	for _, row := range rows {
		if got := h.Wants(row.ev, row.kind); got != row.want {
			t.Errorf("%v %q: %v", row.ev, row.kind, got)
		}
	}
}
