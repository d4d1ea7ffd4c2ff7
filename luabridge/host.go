package luabridge

import (
	"context"
	"iter"

	"downpour/engine"
)

// A Host is the loaded scripts of one crawl. Its methods are safe for
// concurrent use.
type Host struct{}

var _ engine.Handler = (*Host)(nil)

// Load compiles the scripts and runs their top levels. What they enqueue and
// emit there is kept and handed over at EventStart. An error in a script is a
// *ScriptError. The caller closes the Host.
func Load(ctx context.Context, o Options) (*Host, error) { return &Host{}, nil }

// Settings is what crawl{} said, each value of the type its option has.
func (h *Host) Settings() map[string]any { return nil }

// Seeds are the seeds of crawl{}, pulled as they are needed.
func (h *Host) Seeds() iter.Seq2[string, error] { return func(func(string, error) bool) {} }

// Policy lays the script's policy{} over base; it is base where there is none.
func (h *Host) Policy(base engine.Policy) engine.Policy { return base }

// Proxy is crawl{proxy = function}; nil where there is none.
func (h *Host) Proxy() func(*engine.Request) string { return nil }

// Errors are the scripts' errors so far, the most frequent first.
func (h *Host) Errors() []ErrorCount { return nil }

// Args are the scripts' arguments with the defaults filled in.
func (h *Host) Args() map[string]string { return nil }

// Expose makes a Go value a global of every script.
func (h *Host) Expose(name string, value any) {}

// Blocking gives the Lua state up while f runs.
func (h *Host) Blocking(f func()) { f() }

// Wants implements engine.Handler.
func (h *Host) Wants(ev engine.Event, kind string) bool { return false }

// Handle implements engine.Handler.
func (h *Host) Handle(ctx context.Context, ev engine.Event, v *engine.Visit) error { return nil }

// Close frees the scripts' state.
func (h *Host) Close() error { return nil }
