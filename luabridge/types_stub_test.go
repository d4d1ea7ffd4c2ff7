package luabridge

import (
	"strings"
	"testing"

	"github.com/yuin/gopher-lua/parse"
)

// TestStubs: the stubs are Lua and have every entry of the reference, those
// that wait marked so.
func TestStubs(t *testing.T) {
	stubs := Stubs()
	for name, text := range stubs {
		if _, err := parse.Parse(strings.NewReader(text), name); err != nil {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
		if !strings.HasPrefix(text, "---@meta\n") {
			t.Errorf("%s is no stub", name)
		}
	}
	for _, s := range Reference() {
		text := stubs["downpour.lua"]
		if s.Module {
			text = stubs["downpour/"+s.Name+".lua"]
		}
		for _, e := range s.Entries {
			sig, ok := parseCall(e.Call)
			if !ok {
				if !strings.HasPrefix(e.Call, "#") {
					t.Errorf("%s cannot be read", e.Call)
				}
				continue
			}
			if sig.name == "require" {
				continue // editors know it
			}
			if !strings.Contains(text, sig.name) || !strings.Contains(text, e.Text) {
				t.Errorf("%s is not in the stubs", e.Call)
			}
			if e.Waits && sig.call && !strings.Contains(text, "---"+e.Text+"\n---@async\n") {
				t.Errorf("%s is not marked as waiting", e.Call)
			}
		}
	}
}

func TestStubAnnotations(t *testing.T) {
	stubs := Stubs()
	rows := []struct{ name, file, want string }{
		{"a hook", "downpour.lua", "---@type fun(req: downpour.request, text: string)\non_success = nil\n"},
		{"a field", "downpour.lua", "---@field depth number Links"},
		{"a method", "downpour.lua", "---@async\n---@param selector? string\n---@param opts? downpour.options\n---@return number\nfunction request:follow(selector, opts) end\n"},
		{"a key of crawl", "downpour.lua", "---@field delay? number|string Between"},
		{"a function of policy", "downpour.lua", "---@field pop? fun(): any The next"},
		{"a global", "downpour.lua", "---@param settings downpour.crawl\nfunction crawl(settings) end\n"},
		{"a function that may fail", "downpour/url.lua", "---@param base string\n---@param ref string\n---@param encoding? string\n---@return string?, string?\nfunction url.join(base, ref, encoding) end\n"},
		{"options in braces", "downpour/json.lua", "---@param value any\n---@param opts? table\n---@return string?, string?\nfunction json.encode(value, opts) end\n"},
		{"an object", "downpour/set.lua", "---@class downpour.set\nlocal set_object = {}\n"},
		{"that is answered", "downpour/set.lua", "---@return downpour.set\nfunction set.new(list) end\n"},
		{"a module that is a function", "downpour/inspect.lua", "local function inspect(v) end\n\nreturn inspect\n"},
	}
	for _, row := range rows {
		if !strings.Contains(stubs[row.file], row.want) {
			t.Errorf("%s: no\n%s\nin %s:\n%s", row.name, row.want, row.file, stubs[row.file])
		}
	}
}
