package luabridge

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"downpour/internal/option"
)

// globalUse is use(name, opts): the snippet's hooks are called before those of
// the script that uses it. It answers the snippet's hooks.
func (h *Host) globalUse(L *lua.LState) int {
	name := argString(L, 1)
	by := h.loading
	if by == nil {
		L.RaiseError("use: it can be called at the top level of a script only")
	}
	src, err := h.search(name, by.folders)
	if err != nil {
		L.RaiseError("use: %s", err.Error())
	}
	u := &unit{name: src.name, folders: src.folders, kinds: map[string]*lua.LTable{}, snippet: true}
	u.env = h.newEnv()
	if err := h.runSnippet(u, src, name, L.Get(2)); err != nil {
		raise(L, err)
	}
	h.units = append(h.units, u)
	if u.hooks == nil {
		return 0
	}
	L.Push(u.hooks)
	return 1
}

// maxUse is how deep snippets may use one another.
const maxUse = 50

// runSnippet runs a snippet and takes the hooks it answers.
func (h *Host) runSnippet(u *unit, src *source, name string, opts lua.LValue) error {
	if h.useDepth >= maxUse {
		return fmt.Errorf("use: %q uses itself", name)
	}
	h.useDepth++
	defer func() { h.useDepth-- }()
	v, err := h.runFile(u, src)
	if err != nil {
		return err
	}
	if fn, ok := v.(*lua.LFunction); ok {
		if opts == lua.LNil {
			opts = h.L.NewTable()
		}
		if v, err = h.runIn(u, fn, opts); err != nil {
			return err
		}
	} else if opts != lua.LNil {
		return fmt.Errorf("use: %q takes no options", name)
	}
	switch v := v.(type) {
	case *lua.LTable:
		u.hooks = v
	case *lua.LNilType:
	default:
		return fmt.Errorf("use: %q answered a %s, not a table of hooks", name, v.Type())
	}
	return h.checkGlobals(u)
}

// runIn calls a function of u while it is loaded.
func (h *Host) runIn(u *unit, fn *lua.LFunction, arg lua.LValue) (lua.LValue, error) {
	c := h.gate.cur
	before, outer := h.loading, c.unit
	h.loading, c.unit = u, u
	rets, err := h.invoke(fn, 1, arg)
	h.loading, c.unit = before, outer
	if err != nil {
		return lua.LNil, h.scriptError(err, "", "")
	}
	return rets[0], nil
}

// globalRequire is require(name): a module of Downpour, or a file of the search
// path. A file runs once a crawl, with the globals of the script that asked for
// it first.
func (h *Host) globalRequire(L *lua.LState) int {
	name := argString(L, 1)
	if v := h.module(L, name); v != nil {
		L.Push(v)
		return 1
	}
	u := h.unitOf(L)
	if u == nil {
		L.RaiseError("require: it cannot be called here")
	}
	src, err := h.search(name, u.folders)
	if err != nil {
		L.RaiseError("require: %s", err.Error())
	}
	key := moduleKey{name: src.name}
	if v, ok := h.modules[key]; ok {
		if v == lua.LNil {
			L.RaiseError("require: %q requires itself", name)
		}
		L.Push(v)
		return 1
	}
	h.modules[key] = lua.LNil
	inner := &unit{name: src.name, env: u.env, kinds: u.kinds, folders: src.folders, snippet: u.snippet}
	v, err := h.runFile(inner, src)
	if err != nil {
		delete(h.modules, key)
		raise(L, err)
	}
	if v == lua.LNil {
		v = lua.LTrue
	}
	h.modules[key] = v
	L.Push(v)
	return 1
}

// A moduleKey names what require answered: a file, or a module of Downpour for
// one script.
type moduleKey struct {
	env  *lua.LTable // nil for a file
	name string
}

// module is one of Downpour's own modules, nil for any other name. Each script
// has a copy.
func (h *Host) module(L *lua.LState, name string) lua.LValue {
	key := moduleKey{callerEnv(L), name}
	if v, ok := h.modules[key]; ok {
		return v
	}
	v := h.openModule(L, name)
	if v != nil {
		h.modules[key] = v
	}
	return v
}

// unitOf is the script whose function called.
func (h *Host) unitOf(L *lua.LState) *unit {
	if h.loading != nil {
		return h.loading
	}
	env := callerEnv(L)
	for _, u := range h.units {
		if u.env == env {
			return u
		}
	}
	if c := h.gate.cur; c != nil {
		return c.unit
	}
	return nil
}

// openKind makes the metatable of kinds.
func (h *Host) openKind() {
	h.types.kind = h.metatable("kind", map[string]lua.LGFunction{
		// kind "x" {…} adds the hooks of a table.
		"__call": func(L *lua.LState) int {
			t, more := argTable(L, 1), argTable(L, 2)
			for k, v := more.Next(lua.LNil); k != lua.LNil; k, v = more.Next(k) {
				h.setHook(L, t, k, v)
			}
			L.Push(t)
			return 1
		},
		"__newindex": func(L *lua.LState) int {
			h.setHook(L, argTable(L, 1), L.Get(2), L.Get(3))
			return 0
		},
		"__tostring": func(L *lua.LState) int {
			L.Push(lua.LString("kind: " + h.kindName(L, L.Get(1))))
			return 1
		},
	})
}

func (h *Host) setHook(L *lua.LState, t *lua.LTable, k, v lua.LValue) {
	if name, ok := k.(lua.LString); ok {
		if msg := checkHook(string(name), v); msg != "" {
			h.raiseKey(L, string(name), errors.New(msg))
		}
	}
	L.RawSet(t, k, v)
}

// globalKind is kind(name): the table of hooks of one kind of request.
func (h *Host) globalKind(L *lua.LState) int {
	name := argString(L, 1)
	u := h.unitOf(L)
	if u == nil || h.loading == nil {
		L.RaiseError("kind: it can be called at the top level of a script only")
	}
	if name == "" {
		L.RaiseError("kind: a kind needs a name")
	}
	t := u.kinds[name]
	if t == nil {
		t = h.L.NewTable()
		t.Metatable = h.types.kind
		u.kinds[name] = t
		h.kindNames[t] = name
	}
	L.Push(t)
	return 1
}

// kindName is the name that v gives a kind: a string, or what kind() answered.
func (h *Host) kindName(L *lua.LState, v lua.LValue) string {
	switch v := v.(type) {
	case *lua.LNilType:
		return ""
	case lua.LString:
		h.checkKind(string(v))
		return string(v)
	case *lua.LTable:
		if name, ok := h.kindNames[v]; ok {
			return name
		}
	}
	L.RaiseError("a kind is a name, not a %s", v.Type())
	return ""
}

// checkKind warns, once, of a kind that nobody declared while there is one with
// nearly that name.
func (h *Host) checkKind(name string) {
	if h.loading != nil || h.wiring.kinds[name] != nil || h.wiring.loose[name] {
		return
	}
	if len(h.wiring.loose) < maxUse {
		h.wiring.loose[name] = true
	}
	if near, ok := option.Nearest(name, slices.Sorted(maps.Keys(h.wiring.kinds))); ok {
		h.log.Warn("request of a kind that no script declares", "kind", name, "nearest", near)
	}
}
