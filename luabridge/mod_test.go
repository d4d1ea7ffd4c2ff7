package luabridge

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"downpour/engine"

	lua "github.com/yuin/gopher-lua"
)

// A module test is a script that checks itself with downpour.test: fail()
// there, or an error, is the test's failure. The names and the checks are in
// the scripts, where those who write crawls would put them.

// runScript loads one script with the files beside it.
func runScript(t *testing.T, script string, files map[string]string) (*Host, string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	main := filepath.Join(dir, "main.lua")
	if err := os.WriteFile(main, []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	h, err := Load(t.Context(), Options{Files: []string{main}, Stdout: &out})
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	t.Cleanup(func() { h.Close() })
	return h, out.String()
}

const prelude = `local test = require "downpour.test"
local function same(name, ...)
  local got = {...}
  return function(...)
    local want = {...}
    test.case(name, function() test.equal(got, want) end)
  end
end
local function fails(name, v, message)
  return function(text)
    test.case(name, function() test.equal(v, nil) test.ok(type(message) == "string", "message") test.ok(message:find(text, 1, true), message) end)
  end
end
local function misuse(name, f, ...)
  local args = {...}
  return function(text)
    test.case(name, function()
      local message = test.raises(function() f(unpack(args)) end, text)
      test.match(message, "main%.lua:%d+: ")
    end)
  end
end
`

func TestModules(t *testing.T) {
	scripts, err := filepath.Glob("testdata/modules/*.lua")
	if err != nil {
		t.Fatal(err)
	}
	tested := map[string]bool{}
	for _, path := range scripts {
		name := strings.TrimSuffix(filepath.Base(path), ".lua")
		tested[name] = true
		t.Run(name, func(t *testing.T) {
			t.Chdir(".")
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, out := runScript(t, prelude+string(text), map[string]string{
				"data/a.txt": "one\ntwo\r\n\nlast", "b.csv": "x,y\n1,2\n",
			})
			if !strings.Contains(out, "ok   ") {
				t.Errorf("no case ran:\n%s", out)
			}
			for line := range strings.SplitSeq(out, "\n") {
				if line != "" && !strings.HasPrefix(line, "ok   ") {
					t.Error(line)
				}
			}
		})
	}
	for _, m := range modules() {
		if !tested[m.name] {
			t.Errorf("module %s has no test", m.name)
		}
	}
}

// TestModuleDocs: every function of a module is documented, and nothing else.
func TestModuleDocs(t *testing.T) {
	var script strings.Builder
	for _, m := range modules() {
		script.WriteString(`local m = require "downpour.` + m.name + `"
if type(m) == "table" then for k in pairs(m) do print("` + m.name + ` " .. k) end else print("` + m.name + ` inspect") end
`)
	}
	_, out := runScript(t, script.String(), nil)
	got := map[string]bool{}
	for line := range strings.SplitSeq(strings.TrimSpace(out), "\n") {
		got[line] = true
	}
	for _, m := range modules() {
		if m.text == "" || len(m.docs) == 0 {
			t.Errorf("module %s is not documented", m.name)
		}
		for _, d := range m.docs {
			name, _, _ := strings.Cut(d.call, "(")
			if d.text == "" {
				t.Errorf("%s.%s says nothing", m.name, name)
			}
			if strings.ContainsAny(name, ":.#") {
				continue // a method or field of an object
			}
			if key := m.name + " " + name; !got[key] {
				t.Errorf("%s is documented and does not exist", key)
			} else {
				delete(got, key)
			}
		}
	}
	for key := range got {
		t.Errorf("%s is not documented", key)
	}
}

// TestFilesStayInside: no path reaches anything outside the two folders.
func TestFilesStayInside(t *testing.T) {
	outside := t.TempDir()
	secret := filepath.Join(outside, "secret.txt")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir, out := t.TempDir(), t.TempDir()
	for _, d := range []string{dir, out} {
		if err := os.Symlink(outside, filepath.Join(d, "link")); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(secret, filepath.Join(d, "file")); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct{ name, path string }{
		{"absolute", secret},
		{"parent", "../" + filepath.Base(outside) + "/secret.txt"},
		{"parent inside", "a/../../" + filepath.Base(outside) + "/secret.txt"},
		{"link to a folder", "link/secret.txt"},
		{"link to a file", "file"},
		{"empty", ""},
		{"the folder", "."},
		{"NUL", "a\x00b"},
		{"device", "/dev/null"},
	}
	script := filepath.Join(dir, "main.lua")
	code := `local file = require "downpour.file"
function try(path)
  for _, f in ipairs{file.read, file.lines, function(p) return file.write(p, "x") end, function(p) return file.append(p, "x") end} do
    local v, message = f(path)
    if v ~= nil or type(message) ~= "string" then error("reached " .. path .. tostring(message)) end
  end
end
`
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := os.WriteFile(script, []byte(code), 0o644); err != nil {
				t.Fatal(err)
			}
			h, err := Load(t.Context(), Options{Files: []string{script}})
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			h.UseOutput(out)
			probe(t, h, "try", tt.path)
			if b, err := os.ReadFile(secret); err != nil || string(b) != "secret" {
				t.Errorf("the file outside holds %q, %v", b, err)
			}
		})
	}
}

// probe calls a global function of the first script with one string.
func probe(t *testing.T, h *Host, name, arg string) {
	t.Helper()
	c := h.enter(t.Context(), keeper{h})
	defer h.leave(c)
	c.unit = h.units[0]
	fn, ok := h.units[0].env.RawGetString(name).(*lua.LFunction)
	if !ok {
		t.Fatalf("no function %s", name)
	}
	if err := callGlobal(h, fn, arg); err != nil {
		t.Error(err)
	}
}

func TestWriteAndRead(t *testing.T) {
	out := filepath.Join(t.TempDir(), "made", "here")
	h, _ := runScript(t, `local file = require "downpour.file"
function go(name)
  assert(file.write(name, "one\n"))
  assert(file.append(name, "two\n"))
  assert(file.read(name) == "one\ntwo\n")
end`, nil)
	h.UseOutput(out)
	probe(t, h, "go", "deep/er/a.txt")
	b, err := os.ReadFile(filepath.Join(out, "deep/er/a.txt"))
	if err != nil || string(b) != "one\ntwo\n" {
		t.Errorf("the file holds %q, %v", b, err)
	}
}

// TestHeaderAsContentType: what req.headers holds under a name serves as it is.
func TestHeaderAsContentType(t *testing.T) {
	for name, content := range map[string]string{"text": `"text/plain"`, "list": `{"text/plain", "text/html"}`} {
		t.Run(name, func(t *testing.T) {
			h, _ := runScript(t, `local sitemap, feed = require "downpour.sitemap", require "downpour.feed"
function go(url)
  local m = assert(sitemap.parse(url .. "\n", {content_type = `+content+`}))
  assert(m.type == "text" and m.urls[1].loc == url, m.type)
  assert(not feed.parse(url, {content_type = `+content+`}))
end`, nil)
			probe(t, h, "go", "http://site.test/a")
		})
	}
	_, err := Load(t.Context(), Options{Files: []string{oneFile(t, `require("downpour.sitemap").parse("", {content_type = {}})`)}})
	if err == nil || !strings.Contains(err.Error(), "option 'content_type' is a list without a string in it") {
		t.Errorf("error %v", err)
	}
}

func TestSetShrinks(t *testing.T) {
	s := &stringSet{members: map[string]struct{}{}}
	names := make([]string, 50_000)
	for i := range names {
		names[i] = strings.Repeat("x", i%7) + string(rune('a'+i%26)) + strings.Repeat("y", i/26)[:min(i/26, 5)] + string(rune(0x4e00+i%20000))
		s.add(names[i])
	}
	for _, n := range names {
		s.remove(n)
	}
	if len(s.members) != 0 || s.peak > 1024 {
		t.Errorf("%d members, room for %d", len(s.members), s.peak)
	}
}

// fetchSink answers http.get in place of a visit.
type fetchSink struct {
	keeper
	answers map[string]*engine.Response
	asked   []string
}

func (f *fetchSink) FetchNow(_ context.Context, r *engine.Request) (*engine.Response, error) {
	f.asked = append(f.asked, r.MethodOrGet()+" "+r.URL+" "+r.Header.Get("X-Test")+" "+string(r.Body))
	if a, ok := f.answers[r.URL]; ok {
		return a, nil
	}
	return nil, &engine.Failure{Kind: engine.FailConnect, Message: "refused"}
}

func TestHTTP(t *testing.T) {
	h, _ := runScript(t, `local http = require "downpour.http"
function go(url)
  local r, message = http.get(url, {headers = {["X-Test"] = "h"}})
  assert(r, message)
  assert(r.status == 200, r.status)
  assert(r.text == "body", r.text)
  assert(r.url == "http://other.test/b", r.url)
  assert(#r.hops == 1 and r.hops[1].status == 302)
  local p = assert(http.post("http://a.test/form", "x=1"))
  assert(p.status == 404)
  local none, why = http.get("http://down.test/")
  assert(none == nil and why:find("refused"), why)
  local ok, e = pcall(http.get, "http://a.test/", {timeot = 1})
  assert(not ok and e:find("timeout"), e)
  local inner = coroutine.wrap(function() local t = {2, 1} table.sort(t, function(a, b) return http.get("http://other.test/b").status == 0 end) return "sorted" end)
  assert(inner() == "sorted")
end`, nil)
	sink := &fetchSink{keeper: keeper{h}, answers: map[string]*engine.Response{
		"http://a.test/":      {Status: 302, Header: map[string][]string{"Location": {"http://other.test/b"}}},
		"http://other.test/b": {Status: 200, Body: []byte("body"), Header: map[string][]string{"Content-Type": {"text/plain"}}},
		"http://a.test/form":  {Status: 404, Header: map[string][]string{}},
	}}
	c := h.enter(t.Context(), sink)
	defer h.leave(c)
	c.unit = h.units[0]
	if err := callGlobal(h, h.units[0].env.RawGetString("go"), "http://a.test/"); err != nil {
		t.Fatal(err)
	}
	want := []string{"GET http://a.test/ h ", "GET http://other.test/b  ", "POST http://a.test/form  x=1"}
	for i, w := range want {
		if i >= len(sink.asked) || sink.asked[i] != w {
			t.Errorf("request %d of %q is not %q", i, sink.asked, w)
		}
	}
}

// callGlobal calls a Lua function with one string. The state is held.
func callGlobal(h *Host, fn any, arg string) error {
	_, err := h.invoke(fn.(*lua.LFunction), 0, lua.LString(arg))
	return err
}
