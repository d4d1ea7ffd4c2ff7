package luabridge

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// openStrings replaces the string library. Strings find their methods in a
// table no script can reach; names it does not have are looked up in the
// caller's own string table, so that what a script adds there works for it
// alone.
func (s *std) openStrings(L *lua.LState) {
	t := library(L, "string")
	for _, gone := range []string{"dump", "gfind", "__index"} {
		t.RawSetString(gone, lua.LNil)
	}
	install(L, t, map[string]lua.LGFunction{
		"byte":    s.stringByte,
		"char":    s.stringChar,
		"find":    s.find,
		"format":  s.format,
		"gmatch":  s.gmatch,
		"gsub":    s.gsub,
		"len":     func(L *lua.LState) int { return pushAll(L, lua.LNumber(len(argString(L, 1)))) },
		"lower":   func(L *lua.LState) int { return pushAll(L, lua.LString(mapBytes(argString(L, 1), 'A', 'Z'))) },
		"match":   s.match,
		"rep":     s.rep,
		"reverse": reverse,
		"sub":     sub,
		"upper":   func(L *lua.LState) int { return pushAll(L, lua.LString(mapBytes(argString(L, 1), 'a', 'z'))) },
	})
	s.methods = L.NewTable()
	copyTable(s.methods, t)
	own := L.NewTable()
	own.RawSetString("__index", L.NewFunction(ownMethod))
	s.methods.Metatable = own
	meta := L.NewTable()
	meta.RawSetString("__index", s.methods)
	L.SetMetatable(lua.LString(""), meta)
}

// ownMethod finds a string method that the library does not have in the
// caller's string table.
func ownMethod(L *lua.LState) int {
	if t, ok := callerEnv(L).RawGetString("string").(*lua.LTable); ok {
		return pushAll(L, t.RawGet(L.Get(2)))
	}
	return 0
}

// mapBytes changes the case of the ASCII letters from first to last; other
// bytes stay as they are, as in the C locale.
func mapBytes(s string, first, last byte) string {
	i := 0
	for i < len(s) && (s[i] < first || s[i] > last) {
		i++
	}
	if i == len(s) {
		return s
	}
	b := []byte(s)
	for ; i < len(b); i++ {
		if b[i] >= first && b[i] <= last {
			b[i] ^= 0x20
		}
	}
	return string(b)
}

// from0 turns a position that may count from the end into one from the start
// (posrelat of lstrlib.c).
func from0(i, n int) int {
	if i < 0 {
		i += n + 1
	}
	return max(i, 0)
}

func sub(L *lua.LState) int {
	text := argString(L, 1)
	i, j := from0(argInt(L, 2), len(text)), from0(optInt(L, 3, -1), len(text))
	i, j = max(i, 1), min(j, len(text))
	if i > j {
		return pushAll(L, lua.LString(""))
	}
	return pushAll(L, lua.LString(text[i-1:j]))
}

func reverse(L *lua.LState) int {
	text := argString(L, 1)
	b := make([]byte, len(text))
	for i := range len(text) {
		b[len(b)-1-i] = text[i]
	}
	return pushAll(L, lua.LString(b))
}

func (s *std) stringByte(L *lua.LState) int {
	text := argString(L, 1)
	i := from0(optInt(L, 2, 1), len(text))
	j := from0(optInt(L, 3, i), len(text))
	i, j = max(i, 1), min(j, len(text))
	if i > j {
		return 0
	}
	if j-i >= maxResults {
		L.RaiseError("string slice too long")
	}
	for k := i; k <= j; k++ {
		L.Push(lua.LNumber(text[k-1]))
	}
	return j - i + 1
}

func (s *std) stringChar(L *lua.LState) int {
	b := make([]byte, L.GetTop())
	for i := range b {
		c := argInt(L, i+1)
		if c < 0 || c > 255 {
			argError(L, i+1, "invalid value")
		}
		b[i] = byte(c)
	}
	return pushAll(L, lua.LString(b))
}

// fits raises an error for a string longer than a library function may make.
func (s *std) fits(L *lua.LState, n int) {
	if n > s.maxString || n < 0 {
		L.RaiseError("%s", s.tooLarge().Error())
	}
}

// tooLarge is the error of a string longer than a library function may make.
func (s *std) tooLarge() error {
	return fmt.Errorf("resulting string too large (more than %d MiB; raise it with --script-memory)", s.maxString>>20)
}

// bigString is the size from which a string is made only if the heap has room.
const bigString = 1 << 18

// room ends the call at hand where n bytes more would take the heap over its
// limit.
func (s *std) room(L *lua.LState, n int) {
	if n >= bigString && s.h.watch.crowded(n) {
		s.h.halt(s.h.watch.full())
		s.halt(L)
	}
}

func (s *std) rep(L *lua.LState) int {
	text, n := argString(L, 1), argInt(L, 2)
	if n <= 0 || text == "" {
		return pushAll(L, lua.LString(""))
	}
	if n > s.maxString {
		s.fits(L, n)
	}
	s.fits(L, n*len(text))
	s.room(L, n*len(text))
	return pushAll(L, lua.LString(strings.Repeat(text, n)))
}
