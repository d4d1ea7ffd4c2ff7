package luabridge

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"downpour/internal/option"
)

// fields is argument n as a table of options; nil where it is absent. An option
// that is none of known is an error that names the nearest.
func (h *Host) fields(L *lua.LState, n int, known ...string) *lua.LTable {
	if L.Get(n) == lua.LNil {
		return nil
	}
	t := argTable(L, n)
	for k, _ := t.Next(lua.LNil); k != lua.LNil; k, _ = t.Next(k) {
		name := k.String()
		found := false
		for _, want := range known {
			found = found || name == want
		}
		if found {
			continue
		}
		if near, ok := option.Nearest(name, known); ok {
			argError(L, n, fmt.Sprintf("there is no option '%s' (did you mean '%s'?)", name, near))
		}
		argError(L, n, fmt.Sprintf("there is no option '%s'; there are %s", name, strings.Join(known, ", ")))
	}
	return t
}

// text is an option as a string, "" where it is absent.
func fieldText(L *lua.LState, t *lua.LTable, name string) string {
	if t == nil {
		return ""
	}
	v := t.RawGetString(name)
	if v == lua.LNil {
		return ""
	}
	if !lua.LVCanConvToString(v) {
		L.RaiseError("option '%s' is a %s, not a string", name, v.Type())
	}
	return lua.LVAsString(v)
}

// fieldList is an option as a list of strings, of which one may stand for a
// list; nil where it is absent.
func fieldList(L *lua.LState, t *lua.LTable, name string) (list []string) {
	v, ok := t.RawGetString(name).(*lua.LTable)
	if !ok {
		if s := fieldText(L, t, name); s != "" {
			list = append(list, s)
		}
		return list
	}
	for i := range v.Len() {
		s, ok := v.RawGetInt(i + 1).(lua.LString)
		if !ok {
			L.RaiseError("option '%s' is a list with something in it that is no string", name)
		}
		list = append(list, string(s))
	}
	return list
}

// fieldFirst is fieldText for a value that may be a list as well, such as a
// header's: its first.
func fieldFirst(L *lua.LState, t *lua.LTable, name string) string {
	if t == nil {
		return ""
	}
	list, ok := t.RawGetString(name).(*lua.LTable)
	if !ok {
		return fieldText(L, t, name)
	}
	first, ok := list.RawGetInt(1).(lua.LString)
	if !ok {
		L.RaiseError("option '%s' is a list without a string in it", name)
	}
	return string(first)
}

// record makes a table of name and value pairs, leaving out empty strings.
func record(L *lua.LState, pairs ...string) *lua.LTable {
	t := L.CreateTable(0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			t.RawSetString(pairs[i], lua.LString(pairs[i+1]))
		}
	}
	return t
}

// object makes a userdata with methods, which scripts cannot get behind.
func (h *Host) object(L *lua.LState, value any, meta *lua.LTable) *lua.LUserData {
	return &lua.LUserData{Value: value, Env: L.G.Global, Metatable: meta}
}

// objectType makes the metatable of a type of object: its methods, and fields
// computed from the value.
func (h *Host) objectType(name string, methods map[string]lua.LGFunction, field func(v any, name string) (lua.LValue, bool)) *lua.LTable {
	found := h.methods(name, methods)
	return h.metatable(name, map[string]lua.LGFunction{
		"__index": func(L *lua.LState) int {
			key := L.Get(2).String()
			if fn, ok := found[key]; ok {
				return pushAll(L, fn)
			}
			if ud, ok := L.Get(1).(*lua.LUserData); ok && field != nil {
				if v, ok := field(ud.Value, key); ok {
					return pushAll(L, v)
				}
			}
			L.RaiseError("%s", unknown(name, key, found.names()))
			return 0
		},
		"__newindex": func(L *lua.LState) int {
			L.RaiseError("a %s's '%s' cannot be set", name, L.Get(2).String())
			return 0
		},
		"__tostring": func(L *lua.LState) int { return pushAll(L, lua.LString(name)) },
	})
}

// self is the receiver of a method.
func self[T any](L *lua.LState, typ string) T {
	if ud, ok := L.Get(1).(*lua.LUserData); ok {
		if v, ok := ud.Value.(T); ok {
			return v
		}
	}
	L.RaiseError("call it with a colon on a %s: x:method(…)", typ)
	panic("not reached")
}
