package luabridge

import (
	"fmt"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"downpour/internal/option"
)

// newEnv makes the globals of one script: copies of the library tables, so that
// what a script does to them is its own affair. Reading a global that is not
// there is an error.
func (h *Host) newEnv() *lua.LTable {
	env := h.L.CreateTable(0, 64)
	copyTable(env, h.base)
	for _, name := range libraries {
		if lib, ok := h.base.RawGetString(name).(*lua.LTable); ok {
			mine := h.L.CreateTable(0, 16)
			copyTable(mine, lib)
			mine.Metatable = lib.Metatable
			env.RawSetString(name, mine)
		}
	}
	env.RawSetString("_G", env)
	env.Metatable = h.envMeta
	h.envs = append(h.envs, env)
	return env
}

// libraries are the global tables of which each script has a copy.
var libraries = []string{"string", "table", "math", "coroutine", "os", "io", "debug", "log"}

func copyTable(to, from *lua.LTable) {
	for k, v := from.Next(lua.LNil); k != lua.LNil; k, v = from.Next(k) {
		to.RawSet(k, v)
	}
}

// narrow closes what the base library opens too wide.
func (h *Host) narrow() {
	g := h.base
	for _, name := range []string{"dofile", "loadfile", "module", "newproxy", "_printregs", "_GOPHER_LUA_VERSION"} {
		g.RawSetString(name, lua.LNil)
	}
	if os, ok := g.RawGetString("os").(*lua.LTable); ok && !h.allows("os") {
		open := []string{"time", "date", "clock", "difftime"}
		if h.allows("env") {
			open = append(open, "getenv")
		}
		keep(os, open...)
	}
	if debug, ok := g.RawGetString("debug").(*lua.LTable); ok {
		keep(debug, "traceback")
	}
	if h.allows("io") {
		h.L.Push(h.L.NewFunction(lua.OpenIo))
		h.L.Push(lua.LString(lua.IoLibName))
		h.L.Call(1, 0)
	}
}

func (h *Host) allows(part string) bool { return slices.Contains(h.opt.Allow, part) }

// keep removes all but the named fields of a table.
func keep(t *lua.LTable, names ...string) {
	kept := map[string]lua.LValue{}
	for _, n := range names {
		kept[n] = t.RawGetString(n)
	}
	for _, k := range keys(t) {
		t.RawSetString(k, lua.LNil)
	}
	for n, v := range kept {
		t.RawSetString(n, v)
	}
}

// keys lists a table's names.
func keys(t *lua.LTable) []string {
	var names []string
	for k, _ := t.Next(lua.LNil); k != lua.LNil; k, _ = t.Next(k) {
		if s, ok := k.(lua.LString); ok {
			names = append(names, string(s))
		}
	}
	return names
}

// undefined is __index of every environment.
func (h *Host) undefined(L *lua.LState) int {
	name, ok := L.Get(2).(lua.LString)
	if !ok || slices.Contains(hookNames, string(name)) {
		return 0
	}
	env, _ := L.Get(1).(*lua.LTable)
	L.RaiseError("%s", undefinedGlobal(string(name), env))
	return 0
}

func undefinedGlobal(name string, env *lua.LTable) string {
	if name == "io" {
		return "io is closed to scripts (open it with --allow io; --output and require \"downpour.file\" write files)"
	}
	if env != nil {
		if near, ok := option.Nearest(name, append(keys(env), hookNames...)); ok {
			return fmt.Sprintf("undefined global '%s' (did you mean '%s'?)", name, near)
		}
	}
	return fmt.Sprintf("undefined global '%s'", name)
}

// hookNames are the globals that are hooks.
var hookNames = []string{
	"on_start", "on_enqueue", "on_url", "on_status", "on_headers", "on_success",
	"on_error", "on_done", "on_skip", "on_idle", "on_finish", "on_item",
}

// checkHook says what is wrong with a hook called name, "" for nothing.
func checkHook(name string, v lua.LValue) string {
	if !strings.HasPrefix(name, "on_") {
		return ""
	}
	if !slices.Contains(hookNames, name) {
		if near, ok := option.Nearest(name, hookNames); ok {
			return fmt.Sprintf("there is no hook '%s' (did you mean '%s'?)", name, near)
		}
		return fmt.Sprintf("there is no hook '%s'; the hooks are %s", name, strings.Join(hookNames, ", "))
	}
	if v != lua.LNil && v.Type() != lua.LTFunction {
		return fmt.Sprintf("the hook '%s' is a %s, not a function", name, v.Type())
	}
	return ""
}
