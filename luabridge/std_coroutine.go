package luabridge

import (
	"runtime"
	"strings"
	"sync/atomic"

	lua "github.com/yuin/gopher-lua"
)

// A counter counts what lives; it may outlive the state it belongs to.
type counter struct{ n atomic.Int64 }

// openCoroutines replaces the coroutine library: coroutines are bounded in
// number and depth, cost no goroutine, and one that waits for another cannot
// be resumed.
func (s *std) openCoroutines(L *lua.LState) {
	t := library(L, "coroutine")
	s.create = t.RawGetString("create").(*lua.LFunction).GFunction
	s.resume = t.RawGetString("resume").(*lua.LFunction).GFunction
	s.alive = new(counter)
	s.maker = s.newThread()
	install(L, t, map[string]lua.LGFunction{
		"create":  func(L *lua.LState) int { return pushAll(L, s.coroutine(L)) },
		"resume":  s.coResume,
		"running": s.coRunning,
		"status":  func(L *lua.LState) int { return pushAll(L, lua.LString(s.status(L, argThread(L, 1)))) },
		"wrap":    s.wrap,
		"yield":   s.yield,
	})
}

func argThread(L *lua.LState, n int) *lua.LState {
	th, ok := L.Get(n).(*lua.LState)
	if !ok {
		argError(L, n, "coroutine expected")
	}
	return th
}

// coroutine makes a coroutine of the function that is argument 1.
func (s *std) coroutine(L *lua.LState) *lua.LState {
	fn, ok := L.Get(1).(*lua.LFunction)
	if !ok || fn.IsG {
		argError(L, 1, "Lua function expected")
	}
	if s.alive.n.Load() >= maxCoroutines {
		L.RaiseError("too many coroutines (more than %d)", maxCoroutines)
	}
	// gopher-lua's create takes the size of the new stack from the state it
	// runs on.
	s.maker.Options.CallStackSize, s.maker.Options.RegistrySize = coFrames, 64
	s.maker.SetTop(0)
	s.maker.Push(fn)
	s.create(s.maker)
	th := s.maker.Get(-1).(*lua.LState)
	s.maker.SetTop(0)
	th.Env, th.Panic = L.Env, panicRaised
	if ctx := L.Context(); ctx != nil {
		th.SetContext(ctx)
	}
	s.alive.n.Add(1)
	runtime.AddCleanup(th, func(c *counter) { c.n.Add(-1) }, s.alive)
	return th
}

// status is what coroutine.status answers.
func (s *std) status(L, th *lua.LState) string {
	if th.Dead {
		return "dead"
	}
	if s.logical(L) == th {
		return "running"
	}
	for t := s.logical(L); t.Parent != nil; {
		if t = s.logical(t.Parent); t == th {
			return "normal"
		}
	}
	return "suspended"
}

func (s *std) coResume(L *lua.LState) int {
	th := argThread(L, 1)
	if status := s.status(L, th); status != "suspended" {
		return pushAll(L, lua.LFalse, lua.LString("cannot resume "+status+" coroutine"))
	}
	depth := s.depth(L) + 1
	if depth > maxDepth {
		return pushAll(L, lua.LFalse, lua.LString("C stack overflow"))
	}
	s.threads[th] = &thread{depth: depth}
	running := L.G.CurrentThread
	defer func() {
		delete(s.threads, th)
		L.G.CurrentThread = running
	}()
	n := s.resume(L)
	s.halt(L)
	return n
}

// wrap is coroutine.wrap. An error goes on to the caller, through Error, which
// closes what it unwinds.
func (s *std) wrap(L *lua.LState) int {
	th := s.coroutine(L)
	return pushAll(L, L.NewFunction(func(L *lua.LState) int {
		L.Insert(th, 1)
		n := s.coResume(L)
		ok, first := L.Get(-n), L.Get(-n+1)
		if ok == lua.LTrue {
			return n - 1
		}
		if text, ok := first.(lua.LString); ok {
			// Twice is enough: coroutines in one another would hide the message.
			if at := position(L, 1); !strings.HasPrefix(string(text), at+at) {
				first = lua.LString(at) + text
			}
		}
		L.Error(first, 0)
		return 0
	}))
}

func (s *std) coRunning(L *lua.LState) int {
	th := s.logical(L)
	if th.Parent == nil {
		return pushAll(L, lua.LNil)
	}
	return pushAll(L, th)
}

// yield leaves a coroutine; not through a protected call, a comparison of sort
// or another call of a library function.
func (s *std) yield(L *lua.LState) int {
	t := s.threads[L]
	if L.Parent == nil || t != nil && (t.owner != nil || t.calls > 0) {
		L.RaiseError("attempt to yield across metamethod/C-call boundary")
	}
	return -1
}
