package luabridge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"downpour/internal/option"
)

// Load compiles the scripts and runs their top levels. What they enqueue and
// emit there is kept and handed over at EventStart. An error in a script is a
// *ScriptError. The caller closes the Host.
func Load(ctx context.Context, o Options) (*Host, error) {
	h := newHost(o)
	var sources []*source
	for _, name := range o.Files {
		s, err := h.openScript(name)
		if err != nil {
			_ = h.Close()
			return nil, err
		}
		sources = append(sources, s)
	}
	err := h.readArgs(sources)
	if err == nil {
		err = h.runAll(ctx, sources)
	}
	if err != nil {
		_ = h.Close()
		return nil, err
	}
	return h, nil
}

func newHost(o Options) *Host {
	h := &Host{opt: o, log: o.Log, L: newState(), gate: &gate{Context: context.Background()}, modules: map[moduleKey]lua.LValue{}, kindNames: map[*lua.LTable]string{}}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.opt.Stdout == nil {
		h.opt.Stdout = io.Discard
	}
	h.watch = &watchdog{limit: limitOr(o.Timeout, defaultTimeout), memory: uint64(limitOr(o.Memory, defaultMemory))}
	h.faults.sources = map[string][]byte{}
	h.base = h.L.Get(lua.GlobalsIndex).(*lua.LTable)
	h.L.SetContext(h.gate)
	openStd(h, h.L)
	h.narrow()
	h.openTypes()
	h.openGlobals()
	for name, v := range o.Expose {
		h.base.RawSetString(name, h.expose(v))
	}
	return h
}

// limitOr is v, the default for zero and no limit, 0, for negative ones.
func limitOr[T ~int64](v, def T) T {
	switch {
	case v == 0:
		return def
	case v < 0:
		return 0
	}
	return v
}

// readArgs checks the arguments against what the scripts declare.
func (h *Host) readArgs(sources []*source) error {
	h.args = maps.Clone(h.opt.Args)
	if h.args == nil {
		h.args = map[string]string{}
	}
	var names []string
	open := false // some script declares nothing: it may take anything
	for _, s := range sources {
		header := ReadHeader(s.text)
		open = open || len(header.Args) == 0
		for _, a := range header.Args {
			names = append(names, a.Name)
			if _, given := h.args[a.Name]; given {
				continue
			}
			if a.Required {
				return fmt.Errorf("%s needs the argument %q (%s): give it with -a %s=VALUE", s.name, a.Name, a.Text, a.Name)
			}
			if a.Default != "" {
				h.args[a.Name] = a.Default
			}
		}
	}
	if !open {
		h.declared = names
	}
	for _, name := range slices.Sorted(maps.Keys(h.opt.Args)) {
		if open || slices.Contains(names, name) {
			continue
		}
		if near, ok := option.Nearest(name, names); ok {
			return fmt.Errorf("no script takes an argument %q (did you mean %q?)", name, near)
		}
		return fmt.Errorf("no script takes an argument %q; there are %s", name, strings.Join(names, ", "))
	}
	return nil
}

// runAll runs the top levels and finds the hooks.
func (h *Host) runAll(ctx context.Context, sources []*source) error {
	c := h.enter(ctx, nil)
	defer h.leave(c)
	c.sink = keeper{h}
	h.setArgs()
	for _, s := range sources {
		u := &unit{name: s.name, folders: s.folders, kinds: map[string]*lua.LTable{}}
		u.env = h.newEnv()
		if _, err := h.runFile(u, s); err != nil {
			return err
		}
		if err := h.checkGlobals(u); err != nil {
			return err
		}
		h.units = append(h.units, u)
	}
	h.wire()
	return nil
}

// runFile runs a file's top level in the environment of u and answers what it
// returned. The error is a *ScriptError.
func (h *Host) runFile(u *unit, s *source) (lua.LValue, error) {
	fn, err := h.compile(s)
	if err != nil {
		return lua.LNil, err
	}
	fn.Env = u.env
	c := h.gate.cur
	before, outer, hook := h.loading, c.unit, c.hook
	h.loading, c.unit, c.hook = u, u, ""
	rets, err := h.invoke(fn, 1)
	h.loading, c.unit, c.hook = before, outer, hook
	if err != nil {
		return lua.LNil, h.scriptError(err, "", "")
	}
	return rets[0], nil
}

// compile parses a script. The error is a *ScriptError.
func (h *Host) compile(s *source) (*lua.LFunction, error) {
	text := bytes.TrimPrefix(s.text, []byte("\xef\xbb\xbf"))
	if bytes.HasPrefix(text, []byte("#")) {
		text = append([]byte("--"), text...)
	}
	h.faults.sources[s.name] = text
	if bytes.HasPrefix(text, []byte("\x1bLua")) {
		return nil, &ScriptError{File: s.name, Line: 1, Message: "this is compiled Lua; give the script's text"}
	}
	fn, err := h.L.Load(bytes.NewReader(text), s.name)
	if err != nil {
		return nil, h.syntaxError(s.name, err)
	}
	h.std().bound(fn.Proto)
	return fn, nil
}

// checkGlobals finds hooks that are none among what a script left.
func (h *Host) checkGlobals(u *unit) error {
	for _, t := range append([]*lua.LTable{u.env, u.hooks}, slices.Collect(maps.Values(u.kinds))...) {
		if t == nil {
			continue
		}
		for _, name := range keys(t) {
			v := t.RawGetString(name)
			if v == lua.LNil {
				continue
			}
			if msg := checkHook(name, v); msg != "" {
				return h.hookError(u, name, v, msg)
			}
		}
	}
	return nil
}

// hookError points at the function that is no hook.
func (h *Host) hookError(u *unit, name string, v lua.LValue, msg string) error {
	e := &ScriptError{File: u.name, Message: msg}
	if fn, ok := v.(*lua.LFunction); ok && fn.Proto != nil {
		e.File, e.Line = fn.Proto.SourceName, fn.Proto.LineDefined
	}
	h.point(e, name)
	return e
}

// asScriptError is err as a *ScriptError, nil if it is none.
func asScriptError(err error) *ScriptError {
	var e *ScriptError
	if errors.As(err, &e) {
		return e
	}
	return nil
}
