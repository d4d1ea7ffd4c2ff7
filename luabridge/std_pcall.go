package luabridge

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// A protected call of gopher-lua runs on the caller's thread, and an error
// closes the upvalues of every function on that thread: after a caught error
// closures no longer share the caller's locals. Here each protected call has a
// thread of its own, so an error closes what it unwinds and no more.

// pcall is pcall(f, ...).
func (s *std) pcall(L *lua.LState) int {
	argAny(L, 1)
	return s.protect(L, L.Get(1), nil, 2)
}

// xpcall is xpcall(f, handler, ...): the handler sees the stack as the error
// left it. Arguments for f are taken as later versions of Lua do.
func (s *std) xpcall(L *lua.LState) int {
	argAny(L, 2)
	return s.protect(L, L.Get(1), L.Get(2), 3)
}

// protect calls fn with the arguments of L from first on.
func (s *std) protect(L *lua.LState, fn, handler lua.LValue, first int) int {
	s.halt(L)
	depth := s.depth(L) + 1
	if depth > maxDepth {
		L.RaiseError("stack overflow (more than %d calls through library functions)", maxDepth)
	}
	th := s.take(L, depth)
	th.Push(fn)
	top := L.GetTop()
	for i := first; i <= top; i++ {
		th.Push(L.Get(i))
	}
	running := L.G.CurrentThread
	err := attempt(th, max(top-first+1, 0), lua.MultRet)
	var value lua.LValue
	if err != nil {
		value = err.Object
		if handler != nil {
			value = s.handle(th, handler, value)
		} else if text, ok := value.(lua.LString); ok {
			value = message(string(text), fn)
		}
	}
	L.G.CurrentThread = running
	if err != nil {
		delete(s.threads, th) // closures may still refer to its stack
		s.halt(L)
		return pushAll(L, lua.LFalse, value)
	}
	n := th.GetTop()
	L.Push(lua.LTrue)
	for i := 1; i <= n; i++ {
		L.Push(th.Get(i))
	}
	s.give(th)
	return n + 1
}

// handle runs a message handler on the thread that failed, whose calls still
// stand, and answers what it does.
func (s *std) handle(th *lua.LState, handler, value lua.LValue) lua.LValue {
	th.Push(handler)
	th.Push(value)
	if attempt(th, 1, 1) != nil {
		return lua.LString("error in error handling")
	}
	return th.Get(-1)
}

// attempt calls the function that lies on th below its nargs arguments. After
// an error th is left as the error found it: its calls can be looked at, and it
// cannot be used again. PCall of gopher-lua would write a traceback of every
// error, with a line for each tail call there was, and for an error inside the
// interpreter clear what closures still refer to.
func attempt(th *lua.LState, nargs, nret int) (err *lua.ApiError) {
	th.Panic = panicRaised
	defer func() {
		switch v := recover().(type) {
		case nil:
		case *lua.ApiError:
			err = v
		default:
			err = &lua.ApiError{Type: lua.ApiErrorPanic, Object: lua.LString(plain(fmt.Sprint(v)))}
		}
	}()
	th.Call(nargs, nret)
	return nil
}

// panicRaised raises the value on top of the stack, without a traceback.
func panicRaised(L *lua.LState) { panic(&lua.ApiError{Type: lua.ApiErrorRun, Object: L.Get(-1)}) }

// plain is the message of an error inside the interpreter.
func plain(text string) string {
	if strings.HasPrefix(text, "lua callstack overflow") {
		return "stack overflow"
	}
	return "internal error: " + text
}

// take is a thread for a protected call made by L.
func (s *std) take(L *lua.LState, depth int) *lua.LState {
	var th *lua.LState
	if n := len(s.pool); n > 0 {
		th, s.pool = s.pool[n-1], s.pool[:n-1]
	} else {
		th = s.newThread()
	}
	if ctx := L.Context(); ctx != nil {
		th.SetContext(ctx)
	}
	th.Env = L.Env
	s.threads[th] = &thread{owner: L, depth: depth}
	return th
}

// give puts a thread back that nothing refers to.
func (s *std) give(th *lua.LState) {
	delete(s.threads, th)
	th.SetTop(0)
	if len(s.pool) < maxPool {
		s.pool = append(s.pool, th)
	}
}

// newThread makes a Lua thread with a small stack that may grow. One made from
// a state with a context would get a goroutine that watches it.
func (s *std) newThread() *lua.LState {
	L := s.h.L
	options, ctx := L.Options, L.RemoveContext()
	L.Options.CallStackSize = nestedFrames
	L.Options.RegistrySize = 256
	th, _ := L.NewThread()
	L.Options = options
	if ctx != nil {
		L.SetContext(ctx)
	}
	return th
}

// message is the text of an error of fn. A library function that pcall itself
// calls has no line to name.
func message(text string, fn lua.LValue) lua.LValue {
	if f, ok := fn.(*lua.LFunction); ok && f.IsG {
		text = strings.TrimPrefix(text, " ")
	}
	return lua.LString(text)
}

// raiseValue is error(value, level).
func raiseValue(L *lua.LState) int {
	v := L.Get(1)
	level := optInt(L, 2, 1)
	if lua.LVCanConvToString(v) && level > 0 {
		v = lua.LString(position(L, level) + argString(L, 1))
	}
	L.Error(v, 0)
	return 0
}

// position is "file:line: " of the Lua function level calls up, "" for any
// other.
func position(L *lua.LState, level int) string {
	dbg, ok := L.GetStack(level)
	if !ok {
		return ""
	}
	if _, err := L.GetInfo("Sl", dbg, lua.LNil); err != nil || dbg.What == "G" || dbg.Source == "" || dbg.CurrentLine <= 0 {
		return ""
	}
	return fmt.Sprintf("%s:%d: ", dbg.Source, dbg.CurrentLine)
}

// assert is assert(v, message).
func assert(L *lua.LState) int {
	if lua.LVAsBool(argAny(L, 1)) {
		return L.GetTop()
	}
	v := L.Get(2)
	switch m := v.(type) {
	case *lua.LNilType:
		L.RaiseError("assertion failed!")
	case lua.LString, lua.LNumber:
		L.RaiseError("%s", lua.LVAsString(m))
	}
	L.Error(v, 0) // any other value as it is, as later versions of Lua do
	return 0
}
