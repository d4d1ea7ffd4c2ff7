package luabridge

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// argError raises Lua's error for argument n. A method's own object is none of
// those that whoever calls it counts.
func argError(L *lua.LState, n int, message string) {
	name := calledName(L)
	if strings.Contains(name, ":") {
		n--
	}
	L.RaiseError("bad argument #%d to '%s' (%s)", n, name, message)
}

// calledName is the name of the function of Go that runs: its own, or the one
// it was called by; "?" where there is neither.
func calledName(L *lua.LState) string {
	dbg, _ := L.GetStack(0)
	if name := ownName(L, dbg); name != "" {
		return name
	}
	if _, called := L.GetStack(1); called {
		if _, err := L.GetInfo("n", dbg, lua.LNil); err == nil && dbg.Name != "" {
			return dbg.Name
		}
	}
	return "?"
}

// named is a function of Go that knows its name, for messages: whoever calls
// it, and by whatever name, is told which it was.
func named(L *lua.LState, name string, f lua.LGFunction) *lua.LFunction {
	return L.NewClosure(f, lua.LString(name))
}

// ownName is the name that named gave a function, "" for none.
func ownName(L *lua.LState, dbg *lua.Debug) string {
	v, err := L.GetInfo("f", dbg, lua.LNil)
	f, ok := v.(*lua.LFunction)
	if err != nil || !ok || !f.IsG || len(f.Upvalues) == 0 {
		return ""
	}
	name, _ := f.Upvalues[0].Value().(lua.LString)
	return string(name)
}

func typeError(L *lua.LState, n int, want string) {
	got := "no value"
	if n <= L.GetTop() {
		got = L.Get(n).Type().String()
	}
	argError(L, n, fmt.Sprintf("%s expected, got %s", want, got))
}

// aType is the type of a value with its article, for messages.
func aType(v lua.LValue) string {
	if v == lua.LNil {
		return "nil"
	}
	return "a " + v.Type().String()
}

// argString is argument n as a string; a number counts as one.
func argString(L *lua.LState, n int) string {
	switch v := L.Get(n).(type) {
	case lua.LString:
		return string(v)
	case lua.LNumber:
		return numberText(float64(v))
	}
	typeError(L, n, "string")
	return ""
}

func optString(L *lua.LState, n int, otherwise string) string {
	if L.Get(n) == lua.LNil {
		return otherwise
	}
	return argString(L, n)
}

// argNumber is argument n as a number; a string that reads as one counts.
func argNumber(L *lua.LState, n int) float64 {
	switch v := L.Get(n).(type) {
	case lua.LNumber:
		return float64(v)
	case lua.LString:
		if f, ok := parseNumber(string(v)); ok {
			return f
		}
	}
	typeError(L, n, "number")
	return 0
}

// argInt is argument n cut to an integer, within the bounds of int.
func argInt(L *lua.LState, n int) int { return toInt(argNumber(L, n)) }

func optInt(L *lua.LState, n, otherwise int) int {
	if L.Get(n) == lua.LNil {
		return otherwise
	}
	return argInt(L, n)
}

// optWhole is optInt for what is counted exactly: a fraction, and a number that
// has no exact neighbours, is an error.
func optWhole(L *lua.LState, n, otherwise int) int {
	i := optInt(L, n, otherwise)
	if L.Get(n) != lua.LNil && (float64(i) != argNumber(L, n) || i > exactInt || i < -exactInt) {
		argError(L, n, "it counts whole numbers, up to 2^53")
	}
	return i
}

func toInt(f float64) int {
	const limit = 1 << 62
	switch {
	case math.IsNaN(f):
		return 0
	case f >= limit:
		return limit
	case f <= -limit:
		return -limit
	}
	return int(f)
}

func argTable(L *lua.LState, n int) *lua.LTable {
	if t, ok := L.Get(n).(*lua.LTable); ok {
		return t
	}
	typeError(L, n, "table")
	return nil
}

func argFunction(L *lua.LState, n int) *lua.LFunction {
	if f, ok := L.Get(n).(*lua.LFunction); ok {
		return f
	}
	typeError(L, n, "function")
	return nil
}

// argAny is argument n, which may be nil but has to be there.
func argAny(L *lua.LState, n int) lua.LValue {
	if n > L.GetTop() {
		argError(L, n, "value expected")
	}
	return L.Get(n)
}

// parseNumber reads a number as strtod does: decimal or hexadecimal, with
// white space around it.
func parseNumber(s string) (float64, bool) {
	s = strings.Trim(s, " \t\n\v\f\r")
	if s == "" || strings.ContainsRune(s, '_') {
		return 0, false
	}
	digits := strings.TrimLeft(s, "+-")
	if len(s)-len(digits) > 1 {
		return 0, false
	}
	if len(digits) > 2 && digits[0] == '0' && digits[1]|0x20 == 'x' {
		if strings.ContainsAny(digits, ".pP") {
			if !strings.ContainsAny(s, "pP") {
				s += "p0"
			}
			f, err := strconv.ParseFloat(s, 64)
			return f, err == nil
		}
		u, err := strconv.ParseUint(digits[2:], 16, 64)
		if s[0] == '-' {
			return -float64(u), err == nil
		}
		return float64(u), err == nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return f, true
}

// exactInt is the limit below which every integer has a number of its own.
const exactInt = 1 << 53

// numberText is a number as tostring writes it: an integer in full, else
// fourteen digits (%.14g).
func numberText(f float64) string {
	var room [32]byte
	return string(appendNumberText(room[:0], f))
}

// appendNumberText writes a number as numberText does.
func appendNumberText(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, "nan"...)
	case math.IsInf(f, 1):
		return append(b, "inf"...)
	case math.IsInf(f, -1):
		return append(b, "-inf"...)
	case f == math.Trunc(f) && math.Abs(f) <= exactInt:
		if f == 0 && math.Signbit(f) {
			return append(b, "-0"...)
		}
		return strconv.AppendInt(b, int64(f), 10)
	}
	return append(b, fmt.Sprintf("%.14g", f)...)
}

// pushAll pushes values and answers how many.
func pushAll(L *lua.LState, vs ...lua.LValue) int {
	for _, v := range vs {
		L.Push(v)
	}
	return len(vs)
}

// failed pushes nil and a message: the answer where the world fails.
func failed(L *lua.LState, err error) int {
	return pushAll(L, lua.LNil, lua.LString(err.Error()))
}
