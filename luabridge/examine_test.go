package luabridge

import (
	"testing"
)

func TestExamine(t *testing.T) {
	rows := []struct {
		name, script string
		want         []string
	}{
		{"nothing", `local n = 0
crawl { delay = 1 }
local function f(x) if x then return f(n) end end
function later() counter = (counter or 0) + 1 return counter, _VERSION end
function on_success(req, text) req.meta.x = req.url .. tostring(f(1)) req:follow() later() for i, v in ipairs(req:links()) do print(i, v) end end
local Shop = kind "shop"
function Shop:on_success() self:emit { url = self.url } end
repeat local done = true until done`, nil},
		{"a global", "function on_success(req)\n  if false then\n    prnt(req.url)\n  end\nend", []string{"main.lua:3: undefined global 'prnt' (did you mean 'print'?)"}},
		{"a field", "function on_error(req, failure)\n  print(failure.knd, req.staus)\nend", []string{"main.lua:2: request has no field 'staus' (did you mean 'status'?)"}},
		{"a method", "function on_success(req)\n  local again = function() req:folow() end\nend", []string{"main.lua:2: request has no field 'folow' (did you mean 'follow'?)"}},
		{"self", "local P = kind 'p'\nfunction P:on_success(text) return self.titel end", []string{"main.lua:2: request has no field 'titel' (did you mean 'title'?)"}},
		{"a table of hooks", "kind 'p' {\n  on_url = function(r) return r.hots end,\n}", []string{"main.lua:2: request has no field 'hots' (did you mean 'host'?)"}},
		{"the second parameter", "function on_item(item, req) return item.hots, req.hots end", []string{"main.lua:1: request has no field 'hots' (did you mean 'host'?)"}},
		{"a key in a branch", "if args.x then\n  crawl {\n    dealy = 1,\n  }\nend", []string{`main.lua:3: unknown setting "dealy" (did you mean "delay"?)`}},
		{"a hook in a function", "function on_start()\n  function on_succes() end\nend", []string{"main.lua:2: there is no hook 'on_succes' (did you mean 'on_success'?)"}},
		{"shadowed", "function on_success(req)\n  for _, req in ipairs { {} } do print(req.mine) end\n  req = {}\n  print(req.mine)\nend", nil},
		{"an element", "function on_success(req)\n  print(req.doc.txt)\n  local b = req.doc:find('b')\n  b:atr('x')\n  print(b.tag, b:text(), b:parent().tga)\n  b = {}\n  print(b.mine)\nend", []string{
			"main.lua:2: element has no field 'txt' (did you mean 'text'?)",
			"main.lua:4: element has no field 'atr' (did you mean 'attr'?)",
			"main.lua:5: element has no field 'tga' (did you mean 'tag'?)",
		}},
		{"an argument", "--- Does.\n-- @arg site  where\n-- @arg depth  how far\nfunction on_start()\n  print(args.site, args.sit)\n  local args = {}\n  print(args.sit)\nend", []string{"main.lua:5: no @arg declares args.sit (did you mean args.site?)"}},
		{"arguments of a script that declares none", "function on_start() print(args.anything) end", nil},
		{"environments", "function f() setfenv(1, {}) return anything end", nil},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := one(t, row.script)
			var got []string
			for _, e := range w.mustLoad().Examine() {
				got = append(got, w.tidy(e.Error()))
			}
			same(t, "found", row.want, got)
		})
	}
}
