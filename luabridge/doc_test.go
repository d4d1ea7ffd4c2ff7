package luabridge

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"downpour/internal/option"
)

// TestReference: every hook, field, method, option and global is documented,
// and nothing else. Modules are TestModuleDocs's.
func TestReference(t *testing.T) {
	w := one(t, `for k, v in pairs(_G) do if k == "log" then for f in pairs(v) do print("log." .. f) end else print(k) end end`)
	h := w.mustLoad()
	lua51 := strings.Fields(`_G _VERSION assert collectgarbage coroutine debug error getfenv getmetatable ipairs load loadstring math next
		os package pairs pcall rawequal rawget rawset select setfenv setmetatable string table tonumber tostring type unpack xpcall`)
	globals := slices.DeleteFunc(w.printed(), func(name string) bool { return slices.Contains(lua51, name) })
	method := func(object string, m methods) []string {
		var names []string
		for name := range maps.Keys(m) {
			names = append(names, object+":"+name)
		}
		return names
	}
	var keys []string
	for _, o := range option.Table {
		if o.Key != "" {
			keys = append(keys, o.Key)
		}
	}
	code := map[string][]string{
		"hooks":   hookNames,
		"request": append(method("req", h.types.requestMethods), requestFields...),
		"element": append(method("element", h.types.nodeMethods), "tag"),
		"options": append([]string{"nofollow"}, pushNames...),
		"globals": globals,
		"crawl":   keys,
		"policy":  slices.Concat(policyNames, queueNames),
	}
	for _, s := range Reference() {
		if s.Text == "" {
			t.Errorf("section %s says nothing", s.Name)
		}
		var docs []string
		for _, e := range s.Entries {
			docs = append(docs, e.Name())
			if !strings.HasSuffix(e.Text, ".") {
				t.Errorf("%s: %s: %q is no sentence", s.Name, e.Name(), e.Text)
			}
		}
		if s.Module {
			continue
		}
		want := slices.Sorted(slices.Values(code[s.Name]))
		slices.Sort(docs)
		same(t, s.Name, want, docs)
		delete(code, s.Name)
	}
	if len(code) > 0 {
		t.Errorf("no section for %v", slices.Collect(maps.Keys(code)))
	}
}
