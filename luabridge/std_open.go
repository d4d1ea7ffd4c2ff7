package luabridge

import (
	"context"

	lua "github.com/yuin/gopher-lua"

	"downpour/engine"
	"downpour/internal/pattern"
)

const (
	maxDepth       = 200     // calls of Go functions that call Lua, inside one another (LUAI_MAXCCALLS)
	maxCoroutines  = 20_000  // alive at once
	maxResults     = 1 << 18 // values that unpack, byte and the like answer
	maxChunk       = 1 << 18 // bytes of source for load and loadstring
	nestedFrames   = 4096    // nested Lua calls of a protected call
	coFrames       = 2048    // nested Lua calls of a coroutine
	maxPool        = 64      // idle threads and matchers kept
	minLimitString = 1 << 20
	maxLimitString = 1 << 27
)

// A std is the corrected standard library of one Lua state. It replaces what
// gopher-lua does otherwise than Lua 5.1, slowly, or without a bound. It is
// used under the Host's lock.
type std struct {
	h         *Host
	threads   map[*lua.LState]*thread // those that are inside something
	pool      []*lua.LState           // idle threads for protected calls
	matchers  []*pattern.Machine      // idle
	patterns  pattern.Cache
	maxString int // bytes of a string that a library function makes

	create, resume lua.LGFunction // gopher-lua's own
	maker          *lua.LState    // on which create is called: it has no context
	alive          *counter
	join           *lua.LFunction // what concatenations call
	methods        *lua.LTable    // of strings

	values engine.Values                                // of the store module; nil until it is used
	early  []func(context.Context, engine.Values) error // what top levels did to them
	output string                                       // folder into which the file module writes; "" for the default
}

// A thread is what is known of a Lua thread that runs or waits for one it
// started.
type thread struct {
	owner *lua.LState // for a protected call's: the thread that made the call
	depth int         // calls of Go functions that call Lua, below and in it
	calls int         // of them in it
}

// openStd puts the corrected functions into the globals of L. It is called
// once, after the libraries have been opened and before environments are made
// from the globals.
func openStd(h *Host, L *lua.LState) {
	s := &std{h: h, threads: map[*lua.LState]*thread{}, maxString: maxLimitString}
	if h.watch != nil && h.watch.memory > 0 {
		s.maxString = int(min(max(h.watch.memory/8, minLimitString), maxLimitString))
	}
	s.join = L.NewFunction(s.joined)
	s.openBase(L)
	s.openStrings(L)
	s.openTables(L)
	s.openMath(L)
	s.openCoroutines(L)
	s.openDates(L)
	s.openDebug(L)
	L.G.Registry.RawSetString(stdKey, &lua.LUserData{Value: s, Metatable: lua.LNil})
}

// stdKey is where the Lua registry keeps the std.
const stdKey = "downpour.std"

// std is the library of the Host's state.
func (h *Host) std() *std {
	return h.L.G.Registry.RawGetString(stdKey).(*lua.LUserData).Value.(*std)
}

// library is the global table of that name, made where there is none.
func library(L *lua.LState, name string) *lua.LTable {
	if t, ok := L.G.Global.RawGetString(name).(*lua.LTable); ok {
		return t
	}
	t := L.NewTable()
	L.G.Global.RawSetString(name, t)
	return t
}

// install sets functions of a library.
func install(L *lua.LState, t *lua.LTable, funcs map[string]lua.LGFunction) {
	for name, f := range funcs {
		t.RawSetString(name, L.NewFunction(f))
	}
}

// stopped is why the call at hand has to end, nil while it may go on. Library
// functions that work long ask it now and then.
func (s *std) stopped() error {
	return s.h.gate.Err()
}

// halt raises the reason to end the call at hand, if there is one. No pcall
// keeps it: the next instruction raises it again.
func (s *std) halt(L *lua.LState) {
	if err := s.stopped(); err != nil {
		L.RaiseError("%s", err.Error())
	}
}

// depth is how many calls of Go functions lie below what L does.
func (s *std) depth(L *lua.LState) int {
	if t := s.threads[L]; t != nil {
		return t.depth
	}
	return 0
}

// nest notes that L is in a Go function which calls Lua; the caller defers the
// answer. Too deep is an error.
func (s *std) nest(L *lua.LState) func() {
	t := s.threads[L]
	if t == nil {
		t = &thread{}
		s.threads[L] = t
	}
	if t.depth >= maxDepth {
		L.RaiseError("stack overflow (more than %d calls through library functions)", maxDepth)
	}
	t.depth++
	t.calls++
	return func() {
		t.depth--
		t.calls--
		if t.calls == 0 && t.owner == nil && t.depth == 0 {
			delete(s.threads, L)
		}
	}
}

// logical is the thread as the script sees it: that of a protected call is its
// caller's.
func (s *std) logical(L *lua.LState) *lua.LState {
	for {
		t := s.threads[L]
		if t == nil || t.owner == nil {
			return L
		}
		L = t.owner
	}
}

// caller is the Lua function from which the running Go function was called,
// nil where there is none.
func caller(L *lua.LState) *lua.LFunction {
	for level := 1; ; level++ {
		dbg, ok := L.GetStack(level)
		if !ok {
			return nil
		}
		v, err := L.GetInfo("f", dbg, lua.LNil)
		if fn, ok := v.(*lua.LFunction); err == nil && ok && !fn.IsG {
			return fn
		}
	}
}

// callerEnv is the environment of that function, or the globals.
func callerEnv(L *lua.LState) *lua.LTable {
	if fn := caller(L); fn != nil {
		return fn.Env
	}
	return L.G.Global
}
