package luabridge

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"downpour/internal/option"
)

// types are the metatables and marks that Lua values carry.
type types struct {
	request *lua.LTable
	node    *lua.LTable
	failure *lua.LTable
	headers *lua.LTable // of a headers table, filled or not
	kind    *lua.LTable
	array   *lua.LTable    // of a table that is a list even when empty
	null    *lua.LUserData // JSON's null

	requestMethods methods
	nodeMethods    methods
	status         statusLine // the last one
}

// methods are the functions that belong to a type of userdata.
type methods map[string]*lua.LFunction

func (h *Host) openTypes() {
	t := &h.types
	t.array = h.metatable("json array", nil)
	t.null = h.L.NewUserData()
	t.null.Metatable = h.metatable("json null", map[string]lua.LGFunction{
		"__tostring": func(L *lua.LState) int {
			L.Push(lua.LString("null"))
			return 1
		},
	})
	t.failure = h.metatable("failure", map[string]lua.LGFunction{"__tostring": failureText})
	h.openHeaders()
	h.openRequest()
	h.openNode()
	h.envMeta = h.L.NewTable()
	h.envMeta.RawSetString("__index", h.L.NewFunction(h.undefined))
}

// metatable makes a metatable that scripts cannot reach.
func (h *Host) metatable(name string, funcs map[string]lua.LGFunction) *lua.LTable {
	t := h.L.NewTable()
	for k, f := range funcs {
		t.RawSetString(k, h.L.NewFunction(f))
	}
	t.RawSetString("__metatable", lua.LString(name))
	return t
}

// methods makes the functions of a type, which know their names: typ:name.
func (h *Host) methods(typ string, funcs map[string]lua.LGFunction) methods {
	m := methods{}
	for name, f := range funcs {
		m[name] = named(h.L, typ+":"+name, f)
	}
	return m
}

// unknown is the message for a field that a type of userdata does not have.
func unknown(typ, name string, among ...[]string) string {
	var all []string
	for _, a := range among {
		all = append(all, a...)
	}
	if near, ok := option.Nearest(name, all); ok {
		return fmt.Sprintf("%s has no field '%s' (did you mean '%s'?)", typ, name, near)
	}
	return fmt.Sprintf("%s has no field '%s'", typ, name)
}

func (m methods) names() []string {
	var names []string
	for n := range m {
		names = append(names, n)
	}
	return names
}

// raise raises err in Lua: a *ScriptError with its own place, any other error
// with the caller's.
func raise(L *lua.LState, err error) {
	if e := asScriptError(err); e != nil {
		L.Error(lua.LString(e.Error()), 0)
	}
	L.RaiseError("%s", strings.TrimSpace(err.Error()))
}

// toString is v as tostring would make it, for a number or string without a
// call.
func toString(L *lua.LState, v lua.LValue) string {
	switch v := v.(type) {
	case lua.LString:
		return string(v)
	case lua.LNumber:
		return numberText(float64(v))
	}
	return L.ToStringMeta(v).String()
}
