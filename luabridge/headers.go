package luabridge

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// A headers table is empty until a script looks into it: then it holds a list
// of values under each lower-case name, and looks names up in any case. Until
// then its only element is the request it belongs to.

func (h *Host) openHeaders() {
	h.types.headers = h.metatable("headers", map[string]lua.LGFunction{
		"__index": func(L *lua.LState) int {
			t := argTable(L, 1)
			if name, ok := L.Get(2).(lua.LString); ok {
				L.Push(h.header(t, strings.ToLower(string(name))))
				return 1
			}
			return 0
		},
	})
}

// headers is the table of p's response headers.
func (h *Host) headers(p *page) lua.LValue {
	if p.resp == nil {
		return lua.LNil
	}
	if p.headers == nil {
		p.headers = h.L.CreateTable(1, 0)
		p.headers.Append(&p.ud)
		p.headers.Metatable = h.types.headers
		p.headersOf = p.resp
	}
	return p.headers
}

// header looks up one name in a headers table. One that has not been filled
// gets that name alone.
func (h *Host) header(t *lua.LTable, name string) lua.LValue {
	if v := t.RawGetString(name); v != lua.LNil {
		return v
	}
	ud, ok := t.RawGetInt(1).(*lua.LUserData)
	if !ok {
		return lua.LNil
	}
	p, ok := ud.Value.(*page)
	if !ok || p.headersOf == nil {
		return lua.LNil
	}
	values := p.headersOf.Header[http.CanonicalHeaderKey(name)]
	if values == nil {
		return lua.LNil
	}
	list := stringList(h.L, values)
	t.RawSetString(name, list)
	return list
}

// fill puts the headers into a headers table that nobody has looked into yet.
// Whoever reads a table's fields without Lua's own operators calls it first.
func (h *Host) fill(t *lua.LTable) {
	if t.Metatable != h.types.headers {
		return
	}
	ud, ok := t.RawGetInt(1).(*lua.LUserData)
	if !ok {
		return
	}
	t.Remove(1)
	p, ok := ud.Value.(*page)
	if !ok || p.headersOf == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(p.headersOf.Header)) {
		if lower := strings.ToLower(name); t.RawGetString(lower) == lua.LNil {
			t.RawSetString(lower, stringList(h.L, p.headersOf.Header[name]))
		}
	}
}

// openPairs makes pairs and next look into headers tables.
func (h *Host) openPairs() {
	for _, name := range []string{"next", "pairs"} {
		fn, ok := h.base.RawGetString(name).(*lua.LFunction)
		if !ok || !fn.IsG {
			continue
		}
		inner := fn.GFunction
		wrapped := *fn
		wrapped.GFunction = func(L *lua.LState) int {
			if t, ok := L.Get(1).(*lua.LTable); ok && t.Metatable == h.types.headers {
				h.fill(t)
			}
			return inner(L)
		}
		h.base.RawSetString(name, &wrapped)
	}
}
