package luabridge

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"downpour/engine"
	"downpour/internal/option"
)

// openGlobals sets the functions that every script has.
func (h *Host) openGlobals() {
	for name, f := range map[string]lua.LGFunction{
		"crawl":   h.globalCrawl,
		"policy":  h.globalPolicy,
		"use":     h.globalUse,
		"require": h.globalRequire,
		"kind":    h.globalKind,
		"enqueue": h.globalEnqueue,
		"emit":    h.globalEmit,
		"fail":    h.globalFail,
		"stop":    h.globalStop,
		"print":   h.globalPrint,
	} {
		h.base.RawSetString(name, named(h.L, name, f))
	}
	log := h.L.NewTable()
	for name, level := range map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	} {
		log.RawSetString(name, named(h.L, "log."+name, h.logger(level)))
	}
	h.base.RawSetString("log", log)
	h.openKind()
	h.openPairs()
}

// setArgs makes the args table. Where the scripts declare what they take,
// reading something else is an error; what is declared and not given is nil.
func (h *Host) setArgs() {
	args := h.L.NewTable()
	for _, name := range slices.Sorted(maps.Keys(h.args)) {
		args.RawSetString(name, lua.LString(h.args[name]))
	}
	if h.declared != nil {
		args.Metatable = h.metatable("args", map[string]lua.LGFunction{
			"__index": func(L *lua.LState) int {
				if message := h.undeclared(L.Get(2).String()); message != "" {
					L.RaiseError("%s", message)
				}
				return pushAll(L, lua.LNil)
			},
		})
	}
	h.base.RawSetString("args", args)
}

// undeclared is the message for an argument that no script declares, "" for one
// that may be read.
func (h *Host) undeclared(name string) string {
	if h.declared == nil || slices.Contains(h.declared, name) {
		return ""
	}
	if near, ok := option.Nearest(name, h.declared); ok {
		return fmt.Sprintf("no @arg declares args.%s (did you mean args.%s?)", name, near)
	}
	return fmt.Sprintf("no @arg declares args.%s; there are %s", name, strings.Join(h.declared, ", "))
}

// globalPrint is print: to the output of the command, not to the log.
func (h *Host) globalPrint(L *lua.LState) int {
	var b strings.Builder
	for i := 1; i <= L.GetTop(); i++ {
		if i > 1 {
			b.WriteByte('\t')
		}
		b.WriteString(toString(L, L.Get(i)))
	}
	b.WriteByte('\n')
	if _, err := h.opt.Stdout.Write([]byte(b.String())); err != nil {
		L.RaiseError("print: %s", err.Error())
	}
	return 0
}

// logger is log.debug and its like: the values joined by spaces; a table at the
// end gives attributes.
func (h *Host) logger(level slog.Level) lua.LGFunction {
	return func(L *lua.LState) int {
		if !h.log.Enabled(h.context(), level) {
			return 0
		}
		var words []string
		var attrs []any
		if c := h.gate.cur; c != nil && c.unit != nil {
			attrs = append(attrs, slog.String("script", c.unit.name))
		}
		n := L.GetTop()
		for i := 1; i <= n; i++ {
			v := L.Get(i)
			if t, ok := v.(*lua.LTable); ok && i == n && i > 1 {
				attrs = append(attrs, h.logAttrs(L, t)...)
				continue
			}
			words = append(words, toString(L, v))
		}
		h.log.Log(h.context(), level, strings.Join(words, " "), attrs...) //nolint:sloglint // the message is the script's
		return 0
	}
}

func (h *Host) logAttrs(L *lua.LState, t *lua.LTable) []any {
	var attrs []any
	h.fill(t)
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		switch v := v.(type) {
		case lua.LNumber:
			attrs = append(attrs, slog.Float64(k.String(), float64(v)))
		case lua.LBool:
			attrs = append(attrs, slog.Bool(k.String(), bool(v)))
		default:
			attrs = append(attrs, slog.String(k.String(), toString(L, v)))
		}
	}
	return attrs
}

// globalFail is fail(reason): the crawl goes on and ends with a verdict.
func (h *Host) globalFail(L *lua.LState) int {
	h.sink(L, "fail").Fail(reasonOf(L, "failed by a script"))
	return 0
}

// globalStop is stop(reason): the crawl ends in order.
func (h *Host) globalStop(L *lua.LState) int {
	h.sink(L, "stop").Stop(reasonOf(L, "stopped by a script"))
	return 0
}

func reasonOf(L *lua.LState, otherwise string) string {
	if L.Get(1) == lua.LNil {
		return otherwise
	}
	return toString(L, L.Get(1))
}

// sink is where what a function gives goes.
func (h *Host) sink(L *lua.LState, name string) sink {
	s := h.gate.cur.sink
	if s == nil {
		L.RaiseError("%s: it cannot be called here", name)
	}
	return s
}

// globalEmit is emit(item).
func (h *Host) globalEmit(L *lua.LState) int { return h.emit(L, h.gate.cur.page, 1) }

// requestEmit is req:emit(item).
func (h *Host) requestEmit(L *lua.LState) int {
	p := checkPage(L, "emit")
	p.liveVisit(L, "emit")
	return h.emit(L, p, 2)
}

func (h *Host) emit(L *lua.LState, p *page, n int) int {
	t, ok := L.Get(n).(*lua.LTable)
	if !ok {
		L.RaiseError("emit takes a table, not %s", aType(L.Get(n)))
	}
	s := h.sink(L, "emit")
	if c := h.chain(hookItem, kindOf(p)); len(c) > 0 {
		if t = h.filterItem(L, c, t, p); t == nil {
			return 0
		}
	}
	item, err := h.item(t)
	if err != nil {
		L.RaiseError("emit: %s", err.Error())
	}
	s.Emit(item)
	return 0
}

func kindOf(p *page) string {
	if p == nil {
		return ""
	}
	return p.req.Kind
}

// item makes a row of a table: its fields in the order they were set, what
// lies deeper as JSON.
func (h *Host) item(t *lua.LTable) (engine.Item, error) {
	h.fill(t)
	item := make(engine.Item, 0, 8)
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		name, err := keyText(k)
		if err != nil {
			return nil, err
		}
		value, err := h.itemValue(v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		item = append(item, engine.Field{Name: name, Value: value})
	}
	return item, nil
}

func (h *Host) itemValue(v lua.LValue) (any, error) {
	switch v := v.(type) {
	case lua.LBool:
		return bool(v), nil
	case lua.LNumber:
		f := float64(v)
		if i := int64(f); float64(i) == f && i > -1<<53 && i < 1<<53 {
			return i, nil
		}
		if _, err := appendNumber(nil, f); err != nil {
			return nil, err
		}
		return f, nil
	case lua.LString:
		return string(v), nil
	case *lua.LUserData:
		if v == h.types.null {
			return nil, nil
		}
	}
	raw, err := h.appendJSON(nil, v, 0)
	return json.RawMessage(raw), err
}
