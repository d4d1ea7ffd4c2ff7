package luabridge

import (
	"context"
	"sync/atomic"
	"time"

	lua "github.com/yuin/gopher-lua"
)

const (
	maxRegistry  = 1 << 20 // values on one thread's stack
	registryStep = 16384   // it grows by; the library's own step makes growing quadratic
	maxFrames    = 4096    // nested Lua calls of one thread; the library's traceback takes their square in time
	maxThreads   = 64      // idle threads kept for the next hook
)

// newState opens a Lua state with the libraries that a sandboxed script may
// have; closing what they open too wide is openStd's and narrow's part.
func newState() *lua.LState {
	lua.MaxArrayIndex = 1 << 21
	L := lua.NewState(lua.Options{
		SkipOpenLibs:        true,
		RegistrySize:        1024,
		RegistryMaxSize:     maxRegistry,
		RegistryGrowStep:    registryStep,
		CallStackSize:       maxFrames,
		MinimizeStackMemory: true,
	})
	for _, lib := range []struct {
		name string
		open lua.LGFunction
	}{
		{lua.BaseLibName, lua.OpenBase},
		{lua.TabLibName, lua.OpenTable},
		{lua.StringLibName, lua.OpenString},
		{lua.MathLibName, lua.OpenMath},
		{lua.CoroutineLibName, lua.OpenCoroutine},
		{lua.OsLibName, lua.OpenOs},
		{lua.DebugLibName, lua.OpenDebug},
	} {
		L.Push(L.NewFunction(lib.open))
		L.Push(lua.LString(lib.name))
		L.Call(1, 0)
	}
	return L
}

// A call is one stay of Go code in the Lua state: a hook, a policy function, a
// script's top level. Everything in it but ended is used under the Host's lock.
type call struct {
	hook   string          // name for messages; "" for a top level
	unit   *unit           // whose function runs
	page   *page           // the page at hand; nil for none
	sink   sink            // where enqueue, emit, fail and stop go
	ctx    context.Context // the caller's
	spent  time.Duration   // Lua time used before the last Blocking
	seen   time.Time       // when the watchdog first found it running since; zero before
	inside map[string]bool // hooks that run inside this one
	args   [4]lua.LValue   // room for a hook's arguments

	ended atomic.Pointer[error] // why the call has to end: nothing in Lua can then go on; nil while it may
}

// halt ends the call. The first reason stays.
func (c *call) halt(err error) { c.ended.CompareAndSwap(nil, &err) }

// over is why the call has to end, nil while it may go on.
func (c *call) over() error {
	if err := c.ended.Load(); err != nil {
		return *err
	}
	return nil
}

// A gate is the context of every Lua thread of a state. As only one call runs
// at a time, its Done is that of the call at hand. The interpreter asks for it
// at every instruction: nil, which never receives, is the cheapest answer.
type gate struct {
	context.Context
	cur *call
}

// closed is the Done of a call that has to end.
var closed = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

func (g *gate) Done() <-chan struct{} {
	if g.cur == nil || g.cur.ended.Load() == nil {
		return nil
	}
	return closed
}

func (g *gate) Err() error {
	if g.cur == nil {
		return nil
	}
	return g.cur.over()
}

// enter takes the lock and starts the clock of a new call.
func (h *Host) enter(ctx context.Context, s sink) *call {
	h.mu.Lock()
	var c *call
	if n := len(h.calls); n > 0 {
		c, h.calls = h.calls[n-1], h.calls[:n-1]
	} else {
		c = &call{}
	}
	c.ctx, c.sink = ctx, s
	h.gate.cur = c
	h.watch.begin(c)
	return c
}

// leave ends a call, keeps it for the next and gives the lock up.
func (h *Host) leave(c *call) {
	h.watch.end()
	h.gate.cur = nil
	if len(h.calls) < maxThreads {
		*c = call{}
		h.calls = append(h.calls, c)
	}
	h.mu.Unlock()
}

// halt ends the call at hand: whatever the script catches, its next
// instruction raises again.
func (h *Host) halt(err error) { h.gate.cur.halt(err) }

// Blocking gives the Lua state up while f runs, so that other hooks go on. It
// is called by functions that Lua code called, with the state held; f must not
// touch Lua values. The hook's clock stands still meanwhile.
func (h *Host) Blocking(f func()) {
	c, running := h.gate.cur, h.L.G.CurrentThread
	h.watch.end()
	h.gate.cur = nil
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		h.gate.cur = c
		h.L.G.CurrentThread = running
		h.watch.resume(c)
	}()
	f()
}

// Working is Blocking for work that burns the processor: the time of f counts
// as Lua time, so that a hook cannot go on with it for ever.
func (h *Host) Working(f func()) {
	c, since := h.gate.cur, time.Now()
	h.Blocking(func() {
		f()
		c.spent += time.Since(since)
	})
}

// thread takes a Lua thread from the pool. A thread that an error has unwound
// is not put back: closures may still refer to its stack.
func (h *Host) thread() *lua.LState {
	if n := len(h.threads); n > 0 {
		th := h.threads[n-1]
		h.threads = h.threads[:n-1]
		return th
	}
	h.L.RemoveContext() // a thread made from one with a context gets a goroutine of its own
	th, _ := h.L.NewThread()
	h.L.SetContext(h.gate)
	th.SetContext(h.gate)
	return th
}

// invoke calls fn on a thread of its own and answers up to nret results,
// missing ones as nil. The lock is held.
func (h *Host) invoke(fn *lua.LFunction, nret int, args ...lua.LValue) ([3]lua.LValue, error) {
	var rets [3]lua.LValue
	th := h.thread()
	running := h.L.G.CurrentThread
	h.L.G.CurrentThread = th
	th.Push(fn)
	for _, a := range args {
		th.Push(a)
	}
	err := attempt(th, len(args), nret)
	h.L.G.CurrentThread = running
	if err != nil {
		err.StackTrace = h.luaFrames(th)
		return rets, err
	}
	for i := range nret {
		rets[i] = th.Get(i + 1)
	}
	th.SetTop(0)
	if len(h.threads) < maxThreads {
		h.threads = append(h.threads, th)
	}
	return rets, nil
}
