package luabridge

import (
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// openTables replaces what gopher-lua pushes through its stack value by value
// (concat, unpack), and what goes wrong after t[#t] = nil (remove).
func (s *std) openTables(L *lua.LState) {
	t := library(L, "table")
	sort, _ := t.RawGetString("sort").(*lua.LFunction)
	install(L, t, map[string]lua.LGFunction{
		"concat":   s.concat,
		"foreach":  s.foreach,
		"foreachi": s.foreachi,
		"insert":   insert,
		"maxn":     maxn,
		"remove":   remove,
		"sort":     s.sorter(sort.GFunction),
	})
	install(L, L.G.Global, map[string]lua.LGFunction{"unpack": unpack})
}

func (s *std) concat(L *lua.LState) int {
	t, sep := argTable(L, 1), optString(L, 2, "")
	i, j := optInt(L, 3, 1), optInt(L, 4, t.Len())
	var b strings.Builder
	for k := i; k <= j; k++ {
		switch v := t.RawGetInt(k).(type) {
		case lua.LString:
			b.WriteString(string(v))
		case lua.LNumber:
			b.WriteString(numberText(float64(v)))
		default:
			L.RaiseError("invalid value (%s) at index %d in table for 'concat'", v.Type(), k)
		}
		if k < j {
			b.WriteString(sep)
		}
		s.fits(L, b.Len())
	}
	return pushAll(L, lua.LString(b.String()))
}

func unpack(L *lua.LState) int {
	t := argTable(L, 1)
	i, j := optInt(L, 2, 1), optInt(L, 3, t.Len())
	if i > j {
		return 0
	}
	if j-i >= maxResults || j-i < 0 {
		L.RaiseError("too many results to unpack")
	}
	for k := i; k <= j; k++ {
		L.Push(t.RawGetInt(k))
	}
	return j - i + 1
}

func insert(L *lua.LState) int {
	t := argTable(L, 1)
	switch L.GetTop() {
	case 2:
		t.Append(L.Get(2))
	case 3:
		pos, n := argInt(L, 2), t.Len()
		if pos > n {
			t.RawSet(lua.LNumber(pos), L.Get(3))
			return 0
		}
		t.Insert(pos, L.Get(3))
	default:
		L.RaiseError("wrong number of arguments to 'insert'")
	}
	return 0
}

// remove is table.remove. The array part may end in nils left by assignments,
// which gopher-lua would take for elements.
func remove(L *lua.LState) int {
	t := argTable(L, 1)
	n := t.Len()
	pos := optInt(L, 2, n)
	if pos < 1 || pos > n {
		return 0
	}
	if pos < n {
		return pushAll(L, t.Remove(pos))
	}
	v := t.RawGetInt(n)
	for t.Len() == n {
		t.Remove(-1)
	}
	return pushAll(L, v)
}

// maxn is the largest positive number among all keys.
func maxn(L *lua.LState) int {
	t, most := argTable(L, 1), lua.LNumber(0)
	for k, _ := t.Next(lua.LNil); k != lua.LNil; k, _ = t.Next(k) {
		if n, ok := k.(lua.LNumber); ok {
			most = max(most, n)
		}
	}
	return pushAll(L, most)
}

// sorter bounds how deep sorts may lie in one another's comparisons, and keeps
// a comparison from leaving a coroutine in the middle.
func (s *std) sorter(sort lua.LGFunction) lua.LGFunction {
	return func(L *lua.LState) int {
		t := argTable(L, 1)
		if L.GetTop() > 1 && L.Get(2) == lua.LNil {
			L.SetTop(1)
		}
		if L.GetTop() > 1 {
			argFunction(L, 2)
			defer s.nest(L)()
		} else if s.sortStrings(t) {
			return 0
		}
		return sort(L)
	}
}

// sortStrings sorts a list of strings alone, without calls into the
// interpreter.
func (s *std) sortStrings(t *lua.LTable) bool {
	n := t.Len()
	list := make([]string, n)
	for i := range list {
		v, ok := t.RawGetInt(i + 1).(lua.LString)
		if !ok {
			return false
		}
		list[i] = string(v)
	}
	slices.Sort(list)
	for i, v := range list {
		t.RawSetInt(i+1, lua.LString(v))
	}
	return true
}

func (s *std) foreach(L *lua.LState) int {
	t, f := argTable(L, 1), argFunction(L, 2)
	defer s.nest(L)()
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		if r := each(L, f, k, v); r != lua.LNil {
			return pushAll(L, r)
		}
	}
	return 0
}

func (s *std) foreachi(L *lua.LState) int {
	t, f := argTable(L, 1), argFunction(L, 2)
	defer s.nest(L)()
	for i := 1; i <= t.Len(); i++ {
		if r := each(L, f, lua.LNumber(i), t.RawGetInt(i)); r != lua.LNil {
			return pushAll(L, r)
		}
	}
	return 0
}

func each(L *lua.LState, f *lua.LFunction, k, v lua.LValue) lua.LValue {
	pushAll(L, f, k, v)
	L.Call(2, 1)
	r := L.Get(-1)
	L.Pop(1)
	return r
}
