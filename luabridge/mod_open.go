package luabridge

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// A module is what require "downpour.NAME" answers.
type module struct {
	name string
	text string // one line on what it is for
	docs []doc
	open func(h *Host, L *lua.LState) lua.LValue // makes the table of its functions; called once a script
}

// A doc is one function or value of a module, for the reference and the types
// that editors read.
type doc struct {
	call  string // "decode(s) -> value | nil, message"
	text  string // what it does, in one or two sentences
	waits bool   // it gives the Lua state up: other hooks may run meanwhile
}

// modulePrefix is what the names of modules begin with in require.
const modulePrefix = "downpour."

// modules lists the modules in the order of the reference.
func modules() []module {
	return []module{
		jsonModule(), urlModule(), textModule(), reModule(), htmlModule(), xmlModule(), timeModule(), hashModule(), base64Module(),
		csvModule(), sitemapModule(), feedModule(), robotsModule(), inspectModule(), setModule(), fileModule(), storeModule(), httpModule(), testModule(),
	}
}

// moduleNames are the names by which require finds modules.
func moduleNames() []string {
	var names []string
	for _, m := range modules() {
		names = append(names, modulePrefix+m.name)
	}
	return names
}

// openModule makes the module that require names; nil for a name that is none.
func (h *Host) openModule(L *lua.LState, name string) lua.LValue {
	short, ok := strings.CutPrefix(name, modulePrefix)
	if !ok {
		return nil
	}
	for _, m := range modules() {
		if m.name == short {
			return strictModule(L, name, nameFunctions(L, short, m.open(h, L)))
		}
	}
	return nil
}

// nameFunctions makes a module's functions know their names.
func nameFunctions(L *lua.LState, module string, v lua.LValue) lua.LValue {
	switch v := v.(type) {
	case *lua.LFunction:
		return named(L, module, v.GFunction)
	case *lua.LTable:
		v.ForEach(func(name, f lua.LValue) {
			if f, ok := f.(*lua.LFunction); ok && f.IsG {
				v.RawSet(name, named(L, module+"."+name.String(), f.GFunction))
			}
		})
	}
	return v
}

// strictModule makes reading a field that a module does not have an error.
func strictModule(L *lua.LState, name string, v lua.LValue) lua.LValue {
	t, ok := v.(*lua.LTable)
	if !ok || t.Metatable != lua.LNil {
		return v
	}
	mt := L.CreateTable(0, 1)
	mt.RawSetString("__index", L.NewFunction(func(L *lua.LState) int {
		key := L.ToString(2)
		var have []string
		t.ForEach(func(k, _ lua.LValue) { have = append(have, k.String()) })
		L.RaiseError("%s", unknown(name, key, have))
		return 0
	}))
	t.Metatable = mt
	return t
}

// newModule makes a table of functions.
func newModule(L *lua.LState, funcs map[string]lua.LGFunction) *lua.LTable {
	t := L.CreateTable(0, len(funcs))
	install(L, t, funcs)
	return t
}
