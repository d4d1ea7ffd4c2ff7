package luabridge

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	lua "github.com/yuin/gopher-lua"

	"downpour/engine"
	"downpour/internal/extract"
)

// A Host is the loaded scripts of one crawl. Its methods are safe for
// concurrent use.
type Host struct {
	opt  Options
	log  *slog.Logger
	args map[string]string

	declared []string // names of the arguments, where all scripts declare some; nil where one may take anything

	mu      sync.Mutex // the lock of the Lua state: guards all below, but for watch
	L       *lua.LState
	base    *lua.LTable // the globals every environment starts from
	gate    *gate
	watch   *watchdog
	threads []*lua.LState
	calls   []*call
	closed  bool

	envs      []*lua.LTable
	envMeta   *lua.LTable
	types     types
	modules   map[moduleKey]lua.LValue // what require answered
	kindNames map[*lua.LTable]string
	useDepth  int
	selectors map[string]*extract.Selector

	units    []*unit
	loading  *unit // whose top level runs
	wiring   wiring
	kept     []func(sink) // what the top levels asked for
	settings settings
	policy   policyHooks
	queue    *Queue // of a policy with queues of its own; set before the crawl starts
	faults   faults
}

var _ engine.Handler = (*Host)(nil)

// Settings is what crawl{} said, each value of the type its option has
// (option.Check). A function for seeds is there as a function, to say that
// there are seeds; one for proxy and a table for policy are left out: Proxy and
// Policy have them.
func (h *Host) Settings() map[string]any { return maps.Clone(h.settings.merged()) }

// Args are the scripts' arguments with the defaults filled in.
func (h *Host) Args() map[string]string { return maps.Clone(h.args) }

// LuaTime is for how long the Lua state was held so far.
func (h *Host) LuaTime() time.Duration { return h.watch.total() }

// Close frees the scripts' state. No other method may run meanwhile or after.
func (h *Host) Close() error {
	h.watch.stop()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil
	}
	h.closed = true
	h.threads, h.calls, h.kept = nil, nil, nil
	h.L.Close()
	return nil
}

// A sink is where the requests and items of a call go: a visit, or what is
// kept for the crawl's start.
type sink interface {
	Enqueue(*engine.Request) (fresh bool, skip *engine.Skip)
	Emit(engine.Item)
	Fail(reason string)
	Stop(reason string)
}

// A keeper is the sink of top levels.
type keeper struct{ h *Host }

func (k keeper) keep(f func(sink)) { k.h.kept = append(k.h.kept, f) }

func (k keeper) Enqueue(r *engine.Request) (bool, *engine.Skip) {
	k.keep(func(s sink) { s.Enqueue(r) })
	return true, nil
}

func (k keeper) Emit(it engine.Item) { k.keep(func(s sink) { s.Emit(it) }) }

func (k keeper) Fail(reason string) { k.keep(func(s sink) { s.Fail(reason) }) }

func (k keeper) Stop(reason string) { k.keep(func(s sink) { s.Stop(reason) }) }

// context is the context of the call at hand, for Go code in Blocking.
func (h *Host) context() context.Context {
	if c := h.gate.cur; c != nil && c.ctx != nil {
		return c.ctx
	}
	return context.Background()
}
