package luabridge

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

func (s *std) openBase(L *lua.LState) {
	g := L.G.Global
	for _, gone := range []string{"dofile", "loadfile", "module", "newproxy", "_printregs", "_GOPHER_LUA_VERSION"} {
		g.RawSetString(gone, lua.LNil)
	}
	install(L, g, map[string]lua.LGFunction{
		"assert":         assert,
		"collectgarbage": collectGarbage,
		"error":          raiseValue,
		"getfenv":        getEnv,
		"getmetatable":   getMetatable,
		"load":           s.load,
		"loadstring":     s.loadString,
		"ipairs":         ipairs(L),
		"next":           next,
		"pairs":          pairs(L.NewFunction(next)),
		"pcall":          s.pcall,
		"select":         selectArgs,
		"setfenv":        setEnv,
		"setmetatable":   setMetatable,
		"tonumber":       toNumber,
		"tostring":       toText,
		"xpcall":         s.xpcall,
	})
}

// next is next(t, key), with an error for a key the table does not have.
func next(L *lua.LState) int {
	t, key := argTable(L, 1), L.Get(2)
	k, v := t.Next(key)
	if k == lua.LNil {
		return pushAll(L, lua.LNil)
	}
	return pushAll(L, k, v)
}

func pairs(next *lua.LFunction) lua.LGFunction {
	return func(L *lua.LState) int { return pushAll(L, next, argTable(L, 1), lua.LNil) }
}

func ipairs(L *lua.LState) lua.LGFunction {
	step := L.NewFunction(func(L *lua.LState) int {
		t, i := L.Get(1).(*lua.LTable), L.Get(2).(lua.LNumber)+1
		v := t.RawGetInt(int(i))
		if v == lua.LNil {
			return 0
		}
		return pushAll(L, i, v)
	})
	return func(L *lua.LState) int { return pushAll(L, step, argTable(L, 1), lua.LNumber(0)) }
}

// setMetatable takes tables alone: gopher-lua would give a metatable to all
// numbers at once.
func setMetatable(L *lua.LState) int {
	t, meta := argTable(L, 1), L.Get(2)
	if _, ok := meta.(*lua.LTable); !ok && (meta != lua.LNil || L.GetTop() < 2) {
		argError(L, 2, "nil or table expected")
	}
	if old, ok := t.Metatable.(*lua.LTable); ok && old.RawGetString("__metatable") != lua.LNil {
		L.RaiseError("cannot change a protected metatable")
	}
	t.Metatable = meta
	L.SetTop(1)
	return 1
}

// collectGarbage does no harm: Go collects by itself.
func collectGarbage(L *lua.LState) int {
	switch what := optString(L, 1, "collect"); what {
	case "count":
		return pushAll(L, lua.LNumber(float64(heapSize())/1024))
	case "collect", "stop", "restart", "step", "setpause", "setstepmul":
		return pushAll(L, lua.LNumber(0))
	default:
		argError(L, 1, "invalid option '"+what+"'")
		return 0
	}
}

func toText(L *lua.LState) int {
	v := argAny(L, 1)
	if n, ok := v.(lua.LNumber); ok {
		return pushAll(L, lua.LString(numberText(float64(n))))
	}
	return pushAll(L, L.ToStringMeta(v))
}

func toNumber(L *lua.LState) int {
	base := optInt(L, 2, 10)
	v := argAny(L, 1)
	if base == 10 {
		if _, ok := v.(lua.LNumber); ok {
			return pushAll(L, v)
		}
		if text, ok := v.(lua.LString); ok {
			if f, ok := parseNumber(string(text)); ok {
				return pushAll(L, lua.LNumber(f))
			}
		}
		return pushAll(L, lua.LNil)
	}
	text := strings.Trim(argString(L, 1), " \t\n\v\f\r")
	if base < 2 || base > 36 {
		argError(L, 2, "base out of range")
	}
	if base == 16 {
		text = strings.TrimPrefix(strings.TrimPrefix(text, "0x"), "0X")
	}
	negative := strings.HasPrefix(text, "-")
	u, err := strconv.ParseUint(strings.TrimPrefix(text, "-"), base, 64)
	if err != nil {
		return pushAll(L, lua.LNil)
	}
	if negative {
		return pushAll(L, lua.LNumber(-u)) // strtoul wraps around
	}
	return pushAll(L, lua.LNumber(u))
}

func selectArgs(L *lua.LState) int {
	top := L.GetTop()
	if L.Get(1) == lua.LString("#") {
		return pushAll(L, lua.LNumber(top-1))
	}
	i := argInt(L, 1)
	if i < 0 {
		i += top
	} else if i > top {
		i = top
	}
	if i < 1 {
		argError(L, 1, "index out of range")
	}
	return top - i
}

// getMetatable answers for a string a table that shows its methods and changes
// nothing: all scripts' strings share one.
func getMetatable(L *lua.LState) int {
	v := argAny(L, 1)
	if v.Type() != lua.LTString {
		return pushAll(L, L.GetMetatable(v))
	}
	t := L.NewTable()
	t.RawSetString("__index", callerEnv(L).RawGetString("string"))
	return pushAll(L, t)
}

// load is load(function or string, name).
func (s *std) load(L *lua.LState) int {
	if _, ok := L.Get(1).(lua.LString); ok {
		return s.loadString(L)
	}
	f := argFunction(L, 1)
	defer s.nest(L)()
	var b strings.Builder
	for {
		L.Push(f)
		L.Call(0, 1)
		piece := L.Get(-1)
		L.Pop(1)
		if piece == lua.LNil || piece == lua.LString("") {
			break
		}
		text, ok := piece.(lua.LString)
		if !ok {
			return pushAll(L, lua.LNil, lua.LString("reader function must return a string"))
		}
		if b.WriteString(string(text)); b.Len() > maxChunk {
			break
		}
	}
	return s.compile(L, b.String(), optString(L, 2, "=(load)"))
}

func (s *std) loadString(L *lua.LState) int {
	text := argString(L, 1)
	return s.compile(L, text, optString(L, 2, text))
}

// compile makes a function of source text, with the caller's environment. The
// compiler recurses, so the text is bounded.
func (s *std) compile(L *lua.LState, text, chunk string) int {
	name := chunkName(chunk)
	if len(text) > maxChunk {
		return pushAll(L, lua.LNil, lua.LString(name+": chunk has more than 256 KiB"))
	}
	if strings.HasPrefix(text, "\x1b") {
		return pushAll(L, lua.LNil, lua.LString(name+": bytecode cannot be loaded"))
	}
	fn, err := L.Load(strings.NewReader(text), name)
	if err != nil {
		return failed(L, s.h.syntaxError(name, err))
	}
	s.bound(fn.Proto)
	fn.Env = callerEnv(L)
	return pushAll(L, fn)
}

// chunkName is how messages name a chunk (luaO_chunkid).
func chunkName(name string) string {
	const most = 40
	if name != "" && (name[0] == '=' || name[0] == '@') {
		return name[1:]
	}
	line, _, more := strings.Cut(name, "\n")
	if len(line) > most {
		line, more = line[:most], true
	}
	if more {
		line += "..."
	}
	return `[string "` + line + `"]`
}

// level is the Lua function that getfenv and setfenv mean by argument 1.
func level(L *lua.LState) *lua.LFunction {
	if f, ok := L.Get(1).(*lua.LFunction); ok {
		return f
	}
	n := optInt(L, 1, 1)
	if n < 0 {
		argError(L, 1, "level must be non-negative")
	}
	if n == 0 {
		return caller(L)
	}
	dbg, ok := L.GetStack(n)
	if !ok {
		argError(L, 1, "invalid level")
	}
	v, err := L.GetInfo("f", dbg, lua.LNil)
	f, ok := v.(*lua.LFunction)
	if err != nil || !ok {
		argError(L, 1, "invalid level")
	}
	return f
}

// getEnv is getfenv. The state's own globals stay out of reach: for level 0 and
// library functions it answers the caller's environment.
func getEnv(L *lua.LState) int {
	if f := level(L); f != nil && !f.IsG {
		return pushAll(L, f.Env)
	}
	return pushAll(L, callerEnv(L))
}

func setEnv(L *lua.LState) int {
	env := argTable(L, 2)
	f := level(L)
	if n, ok := L.Get(1).(lua.LNumber); f == nil || f.IsG || ok && n == 0 {
		L.RaiseError("'setfenv' cannot change environment of given object")
	}
	f.Env = env
	return pushAll(L, f)
}

// openMath corrects the math library: math.huge is infinity, not the largest
// number.
func (s *std) openMath(L *lua.LState) {
	t := library(L, "math")
	t.RawSetString("huge", lua.LNumber(math.Inf(1)))
	install(L, t, map[string]lua.LGFunction{
		"fmod": func(L *lua.LState) int {
			return pushAll(L, lua.LNumber(math.Mod(argNumber(L, 1), argNumber(L, 2))))
		},
		"modf": func(L *lua.LState) int {
			f := argNumber(L, 1)
			if math.IsInf(f, 0) {
				return pushAll(L, lua.LNumber(f), lua.LNumber(0))
			}
			whole := math.Trunc(f)
			return pushAll(L, lua.LNumber(whole), lua.LNumber(f-whole))
		},
	})
	t.RawSetString("mod", t.RawGetString("fmod"))
	random := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	install(L, t, map[string]lua.LGFunction{
		"random": func(L *lua.LState) int { return pushAll(L, randomNumber(L, random)) },
		"randomseed": func(L *lua.LState) int {
			random = rand.New(rand.NewPCG(math.Float64bits(argNumber(L, 1)), 0))
			return 0
		},
	})
}

func randomNumber(L *lua.LState, random *rand.Rand) lua.LNumber {
	low, high := 1, 0
	switch L.GetTop() {
	case 0:
		return lua.LNumber(random.Float64())
	case 1:
		if high = argInt(L, 1); high < low {
			argError(L, 1, "interval is empty")
		}
	case 2:
		if low, high = argInt(L, 1), argInt(L, 2); high < low {
			argError(L, 2, "interval is empty")
		}
	default:
		L.RaiseError("wrong number of arguments")
	}
	return lua.LNumber(float64(low) + math.Floor(random.Float64()*(float64(high)-float64(low)+1)))
}
