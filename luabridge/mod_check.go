package luabridge

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

func testModule() module {
	return module{
		name: "test", text: "Checks for scripts that test scripts; a failed case is a verdict (exit status 3).",
		docs: []doc{
			{call: "case(name, f) -> boolean", text: "Runs f and prints whether it raised no error."},
			{call: "equal(got, want, what?)", text: "An error unless both are equal, tables by what is in them."},
			{call: "ok(v, what?)", text: "An error unless v is true."},
			{call: "match(s, pattern, what?)", text: "An error unless the Lua pattern is found in s."},
			{call: "raises(f, text?) -> message", text: "An error unless f raises one, with text in its message."},
		},
		open: func(h *Host, L *lua.LState) lua.LValue {
			return newModule(L, map[string]lua.LGFunction{
				"case":   h.testCase,
				"equal":  h.testEqual,
				"ok":     testOK,
				"match":  h.testMatch,
				"raises": h.testRaises,
			})
		},
	}
}

// attempt calls f protected and answers its error, nil for none.
func (h *Host) attempt(L *lua.LState, f *lua.LFunction) lua.LValue {
	top := L.GetTop()
	h.std().protect(L, f, nil, top+1)
	ok, err := L.Get(top+1), L.Get(top+2)
	L.SetTop(top)
	if ok == lua.LTrue {
		return nil
	}
	return err
}

func (h *Host) testCase(L *lua.LState) int {
	name, f := argString(L, 1), argFunction(L, 2)
	err := h.attempt(L, f)
	if err == nil {
		fmt.Fprintf(h.opt.Stdout, "ok   %s\n", name)
		return pushAll(L, lua.LTrue)
	}
	fmt.Fprintf(h.opt.Stdout, "FAIL %s: %s\n", name, strings.ReplaceAll(toString(L, err), "\n", "\n     "))
	if c := h.gate.cur; c != nil && c.sink != nil {
		c.sink.Fail("test: " + name)
	}
	return pushAll(L, lua.LFalse)
}

// wrong raises what a check found, at the line that made it.
func wrong(L *lua.LState, n int, message string) {
	if what := optString(L, n, ""); what != "" {
		message = what + ": " + message
	}
	L.RaiseError("%s", message)
}

func (h *Host) testEqual(L *lua.LState) int {
	got, want := argAny(L, 1), L.Get(2)
	if !h.same(L, got, want, 0) {
		wrong(L, 3, "got "+h.inspect(L, got)+", want "+h.inspect(L, want))
	}
	return 0
}

// same compares tables by what is in them, all else by ==.
func (h *Host) same(L *lua.LState, a, b lua.LValue, depth int) bool {
	x, ok := a.(*lua.LTable)
	y, both := b.(*lua.LTable)
	if !ok || !both || x == y {
		return L.Equal(a, b)
	}
	if depth > maxNesting {
		L.RaiseError("tables nested deeper than %d, or one inside itself", maxNesting)
	}
	h.fill(x)
	h.fill(y)
	n := 0
	for k, v := x.Next(lua.LNil); k != lua.LNil; k, v = x.Next(k) {
		if !h.same(L, v, y.RawGet(k), depth+1) {
			return false
		}
		n++
	}
	for k, _ := y.Next(lua.LNil); k != lua.LNil; k, _ = y.Next(k) {
		n--
	}
	return n == 0
}

func testOK(L *lua.LState) int {
	if !lua.LVAsBool(L.Get(1)) {
		wrong(L, 2, "got "+L.Get(1).String())
	}
	return 0
}

func (h *Host) testMatch(L *lua.LState) int {
	s, source := argString(L, 1), argString(L, 2)
	m := h.std().matcher()
	defer h.std().release(m)
	ok, err := m.Find(h.std().patterns.Get(source), s, 0)
	if err != nil {
		L.RaiseError("%s", err.Error())
	}
	if !ok {
		wrong(L, 3, fmt.Sprintf("%s does not match %s", inspectString(s), inspectString(source)))
	}
	return 0
}

func (h *Host) testRaises(L *lua.LState) int {
	f, text := argFunction(L, 1), optString(L, 2, "")
	err := h.attempt(L, f)
	if err == nil {
		L.RaiseError("no error was raised")
	}
	if message := toString(L, err); !strings.Contains(message, text) {
		L.RaiseError("the error is %s, without %s", inspectString(message), inspectString(text))
	}
	return pushAll(L, err)
}
