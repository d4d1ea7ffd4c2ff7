package luabridge

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// site of three pages with a redirect and an error.
const shop = `
-- index.html --
200
Content-Type: text/html
X-Twice: 1
X-Twice: 2

<html><head><title> Shop
 &amp; more</title></head><body><ul id=list><li class=x>one</li><li>two</li></ul>
<a href="/a.html">A</a> <a href="b.html#frag" rel="next nofollow">B</a> <area href="c.html"></body></html>
-- a.html --
<p>page a</p>
-- data.json --
200
Content-Type: application/json

{"name": "x", "list": [1, 2, {"deep": null}], "none": []}
-- moved.html --
301
Location: /a.html

-- latin.html --
200
Content-Type: text/html; charset=iso-8859-1

caf` + "\xe9" + `
-- accents.html --
200
Content-Type: text/html; charset=iso-8859-1
Link: <?q=é>; rel="next", </fr>; rel=alternate; hreflang=fr; title="en français"
Link: <far>; rel="canonical nofollow"

<base href="/deep/"><a href="` + "\xfc?q=\xe9#\xe9" + `">a</a>
`

func TestScripts(t *testing.T) {
	rows := []struct {
		name   string
		script string
		seed   string // of http://site.test/
		want   []string
	}{
		{
			name: "the six hooks in order, with their arguments",
			script: `
function on_url(req, url) print("url", url == req.url) end
function on_status(req, version, status, message) print("status", type(status), version, status, message) end
function on_headers(req, headers) print("headers", headers["content-type"][1], #headers["X-TWICE"], headers.nope) end
function on_success(req, text) print("success", #text == #req.body, text:sub(1, 6)) end
function on_error(req, failure) print("error") end
function on_done(req, response) print("done", response == req.text) end`,
			want: []string{
				"url\ttrue", "status\tstring\tHTTP/1.1\t200\tOK", "headers\ttext/html\t2\tnil",
				"success\ttrue\t<html>", "done\ttrue",
			},
		},
		{
			name: "an error status", seed: "missing.html",
			script: `
function on_status(req, version, status, message) print(status, message) end
function on_success(req, text) print("success") end
function on_error(req, f) print(f.kind, f.status, f.attempts, tostring(f):match("^status: ") ~= nil, req.status) end
function on_done(req, f) print("done", f.kind) end`,
			want: []string{"404\tNot Found", "status\t404\t1\ttrue\t404", "done\tstatus"},
		},
		{
			name: "a redirect", seed: "moved.html",
			script: `
function on_url(req, url) print("url", url) end
function on_status(req, v, status) print("status", status, req.url) end
function on_success(req) print(req.url, req.original_url, #req.hops, req.hops[1].status, req.hops[1].url) end`,
			want: []string{
				"url\thttp://site.test/moved.html", "status\t301\thttp://site.test/moved.html",
				"url\thttp://site.test/a.html", "status\t200\thttp://site.test/a.html",
				"http://site.test/a.html\thttp://site.test/moved.html\t1\t301\thttp://site.test/moved.html",
			},
		},
		{
			name: "fields",
			script: `
function on_success(req)
  print(req.host, req.method, req.depth, req.attempt, req.priority, req.status, req.title, req.elapsed, req.timing.total)
  print(req.referrer, req.kind, req.proxy, req.ip, req.protocol, req.from_cache, req.encoding, #req.hops)
end`,
			want: []string{
				"site.test\tGET\t0\t1\t0\t200\tShop & more\t1.5\t1.5",
				"nil\tnil\tnil\t192.0.2.1\tHTTP/1.1\tfalse\tutf-8\t0",
			},
		},
		{
			name: "pairs over headers",
			script: `
function on_headers(req, headers)
  for name, values in pairs(headers) do print(name, table.concat(values, ",")) end
  print(next(req.headers) ~= nil, req.headers == headers, rawget(headers, "Content-Type"))
end`,
			want: []string{"content-type\ttext/html", "x-twice\t1,2", "true\ttrue\tnil"},
		},
		{
			name: "an encoding", seed: "latin.html",
			script: `function on_success(req, text) print((text:find("café", 1, true)), req.encoding, #req.body) end`,
			want:   []string{"1\twindows-1252\t5"},
		},
		{
			name: "elements",
			script: `
function on_success(req)
  local list = req.doc:find("#list")
  print(list.tag, #list:all("li"), list:text("li"), list:find("li"):attr("class"), list:find("li"):attr("id"), req.doc:find("nope"))
  local two = list:find("li"):next()
  print(two:text(), two:prev() == list:find("li"), two:parent() == list, two:next(), #list:children(), req.doc:text("h9"))
  print(two:html(), #req:css("a"), req.doc == req.doc)
end`,
			want: []string{"ul\t2\tone\tx\tnil\tnil", "two\ttrue\ttrue\tnil\t2\tnil", "<li>two</li>\t2\ttrue"},
		},
		{
			name: "links",
			script: `
function on_success(req)
  for _, l in ipairs(req:links("a[href]")) do print(l.url, l.text, l.rel, l.tag, l.attr, l.nofollow) end
  print(table.concat(req:urls(), " "))
end`,
			want: []string{
				"http://site.test/a.html\tA\tnil\ta\thref\tfalse",
				"http://site.test/b.html\tB\tnext nofollow\ta\thref\ttrue",
				"http://site.test/a.html http://site.test/b.html http://site.test/c.html",
			},
		},
		{
			name: "links in an encoding, and of headers", seed: "accents.html",
			script: `
function on_success(req)
  print(table.concat(req:urls(), " "), req.doc:urls()[1], req.doc:xpath("//a")[1]:attr("href"))
  print((req:enqueue(req.doc:find("a"):attr("href"), {key = "x"})))
  for _, l in ipairs(req:links("link")) do print(l.url, l.text, l.rel, l.tag, l.attr, l.nofollow) end
  print(req:urls("link[rel~=canonical]")[1], #req:links(), req:follow("link[href]"), req:follow("link[href]", {nofollow = true}))
end
function on_skip(req, reason) end
crawl { max_pages = 1 }`,
			want: []string{
				"http://site.test/deep/%C3%BC?q=%E9\thttp://site.test/deep/%C3%BC?q=%E9\tü?q=é#é",
				"true",
				"http://site.test/accents.html?q=%C3%A9\t\tnext\tlink\theader\tfalse",
				"http://site.test/fr\ten français\talternate\tlink\theader\tfalse",
				"http://site.test/far\t\tcanonical nofollow\tlink\theader\ttrue",
				"http://site.test/far\t1\t2\t1",
			},
		},
		{
			name: "json", seed: "data.json",
			script: `
function on_success(req)
  local d = req:json()
  print(d.name, #d.list, d.list[3].deep ~= nil, #d.none)
  for k in pairs(d) do print(k) end
end`,
			want: []string{"x\t3\ttrue\t0", "name", "list", "none"},
		},
		{
			name:   "json that is none",
			script: `function on_success(req) local v, msg = req:json() print(v, type(msg)) end`,
			want:   []string{"nil\tstring"},
		},
		{
			name: "cancel does not return and no pcall catches it",
			script: `
function on_status(req)
  pcall(function() req:cancel("enough") end)
  print("not reached")
end
function on_headers() print("not reached") end
function on_error(req, f) print(f.kind, f.message) end
function on_done(req, f) print(f.kind) end`,
			want: []string{"cancelled\tenough", "cancelled"},
		},
		{
			name: "meta goes with the request",
			script: `
function on_success(req)
  if req.depth == 0 then req:enqueue("a.html", { meta = { n = 1, list = { "x" } } }) return end
  print(req.meta.n, req.meta.list[1], req.referrer, req.depth)
  req.meta.n = req.meta.n + 1
end
function on_done(req) print(req.meta.n) end`,
			want: []string{"nil", "1\tx\thttp://site.test/\t1", "2"},
		},
		{
			name: "what enqueue answers",
			script: `
function on_success(req)
  if req.depth > 0 then return end
  print(req:enqueue("a.html"))
  print(req:enqueue("/a.html"))
  print(req:enqueue("mailto:x@example.com"))
  print(enqueue { "a.html", "data.json", "moved.html" })
  local n = 0
  print(enqueue(function() n = n + 1 if n < 3 then return "/n" .. n end end))
end`,
			want: []string{"true", "false\tduplicate", "false\tscheme", "2", "2"},
		},
		{
			name: "kinds",
			script: `
local Product = kind "product"
function Product:on_success(text) print("product", self.url, self.kind) end
kind "other" { on_success = function(req) print("other", req.kind) end }
function on_success(req)
  print("own", req.kind)
  if req.depth == 0 then
    req:enqueue("a.html", { kind = "product" })
    req:enqueue("a.html?2", { kind = Product })
    req:enqueue("data.json", { kind = "other" })
    req:enqueue("latin.html", { kind = "label" })
  end
end
function on_done(req) print("done", req.kind) end`,
			want: []string{
				"own\tnil", "done\tnil", "product\thttp://site.test/a.html\tproduct", "done\tproduct",
				"done\tproduct", "other\tother", "done\tother", "own\tlabel", "done\tlabel",
			},
		},
		{
			name: "on_enqueue drops and changes",
			script: `
function on_enqueue(req)
  print(req.url, req.referrer)
  if req.url:find("b.html") then return false end
  if req.url:find("c.html") then return "data.json" end
end
function on_success(req)
  print("got", req.url)
  if req.depth == 0 then print(req:follow(nil, { nofollow = true })) end
end`,
			want: []string{
				"http://site.test/\tnil", "got\thttp://site.test/", "http://site.test/a.html\tnil", "http://site.test/b.html\tnil",
				"http://site.test/c.html\tnil", "2", "got\thttp://site.test/a.html", "got\thttp://site.test/data.json",
			},
		},
		{
			name: "start and finish",
			script: `
function on_start() print("start") end
function on_finish(s) print("finish", s.pages, s.success) end`,
			want: []string{"start", "finish\t1\t1"},
		},
		{
			name:   "the top level enqueues",
			script: `enqueue("http://site.test/a.html") function on_success(req) print(req.url, req.depth) end`,
			want:   []string{"http://site.test/a.html\t0", "http://site.test/\t0"},
		},
		{
			name: "closures, coroutines and sort in a hook",
			script: `
local n = 0
function on_success(req)
  local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
  local t = { co(), co(), co() }
  table.sort(t, function(a, b) n = n + 1 return a > b end)
  print(t[1], t[2], t[3], n > 0, req.doc:find("li").tag)
end`,
			want: []string{"3\t2\t1\ttrue\tli"},
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, "-- main.lua --\n"+row.script+"\n"+shop)
			w.seeds = []string{"http://site.test/" + row.seed}
			w.run()
			if diff := cmp.Diff(row.want, w.printed()); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(w.log.String(), "script error") {
				t.Error(w.tidy(w.log.String()))
			}
		})
	}
}
