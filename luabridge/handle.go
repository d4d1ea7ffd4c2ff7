package luabridge

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"

	lua "github.com/yuin/gopher-lua"

	"downpour/engine"
)

// Handle implements engine.Handler: it calls the hooks of an event in the
// order the scripts were loaded.
func (h *Host) Handle(ctx context.Context, ev engine.Event, v *engine.Visit) error {
	kind := ""
	if v.Request != nil {
		kind = v.Request.Kind
	}
	if ev == engine.EventSkip && v.Skip != nil && v.Skip.Request != nil {
		kind = v.Skip.Request.Kind
	}
	chain := h.chain(hook(ev), kind)
	if ev == engine.EventStart {
		return h.start(ctx, chain, v)
	}
	if len(chain) == 0 {
		return nil
	}
	return h.run(ctx, ev, chain, v)
}

// start hands over what the top levels asked for and calls on_start.
func (h *Host) start(ctx context.Context, chain chain, v *engine.Visit) error {
	h.mu.Lock()
	kept := h.kept
	h.kept = nil
	h.mu.Unlock()
	for _, f := range kept {
		f(v)
	}
	if len(chain) == 0 {
		return nil
	}
	return h.run(ctx, engine.EventStart, chain, v)
}

// run calls a chain.
func (h *Host) run(ctx context.Context, ev engine.Event, chain chain, v *engine.Visit) error {
	p := h.subject(ev, v)
	if p != nil && wantsText(ev, chain) {
		// Decoding burns CPU; the visit is this goroutine's until the lock is taken.
		p.decode()
	}
	c := h.enter(ctx, v)
	defer h.leave(c)
	c.hook, c.page = hookNames[ev], p
	if p != nil && ev != engine.EventSkip && ev != engine.EventEnqueue {
		p.live = true
		defer func() { p.live = false }()
	}
	args := h.arguments(ev, v, p)
	var answer error
	for _, link := range chain {
		fn, ok := link.table.RawGetString(c.hook).(*lua.LFunction)
		if !ok {
			continue
		}
		c.unit = link.unit
		result, err := h.call(c, fn, args, v, p)
		if err != nil {
			return err
		}
		if answer = h.answer(ev, result, v, p, answer); errors.Is(answer, engine.ErrDrop) {
			break
		}
		if ev == engine.EventEnqueue {
			args = h.arguments(ev, v, p)
		}
	}
	return answer
}

// subject is the page that an event is about; nil for none.
func (h *Host) subject(ev engine.Event, v *engine.Visit) *page {
	switch {
	case ev == engine.EventSkip:
		if v.Skip == nil || v.Skip.Request == nil {
			return nil
		}
		return h.newPage(v.Skip.Request, nil)
	case v.Request == nil:
		return nil
	}
	p := h.pageOf(v)
	if p.resp != v.Response {
		h.mu.Lock()
		p.update(v.Response)
		h.mu.Unlock()
	}
	return p
}

// wantsText reports whether a function of the chain looks at the text that it
// is handed.
func wantsText(ev engine.Event, c chain) bool {
	if ev != engine.EventSuccess && ev != engine.EventDone {
		return false
	}
	for _, link := range c {
		if fn, ok := link.table.RawGetString(hookNames[ev]).(*lua.LFunction); ok && takes(fn, 2) {
			return true
		}
	}
	return false
}

// takes reports whether a function sees its nth argument.
func takes(fn *lua.LFunction, n uint8) bool {
	return fn.Proto == nil || fn.Proto.NumParameters >= n || fn.Proto.IsVarArg != 0
}

// call runs one function of a chain. Its error is a *engine.Cancel or a
// *engine.Fatal; any other has been dealt with.
func (h *Host) call(c *call, fn *lua.LFunction, args []lua.LValue, v *engine.Visit, p *page) (lua.LValue, error) {
	mark := v.Mark()
	if len(args) > 1 && !takes(fn, 2) {
		args = args[:1]
	}
	rets, err := h.invoke(fn, 1, args...)
	var cancel *engine.Cancel
	if errors.As(c.err, &cancel) {
		if p != nil {
			err = p.storeMeta()
		}
		if err != nil {
			return nil, errors.Join(h.failed(c, err, v, mark), cancel)
		}
		return nil, cancel
	}
	if err == nil && p != nil {
		err = p.storeMeta()
	}
	if err != nil || c.err != nil {
		return nil, h.failed(c, err, v, mark)
	}
	return rets[0], nil
}

// failed deals with an error of a hook: what the hook did is undone, the error
// logged and counted. It answers a *engine.Fatal where the crawl has to end.
func (h *Host) failed(c *call, err error, v *engine.Visit, mark engine.Mark) error {
	if err == nil {
		err = c.err
	}
	url := ""
	if c.page != nil {
		url = c.page.req.URL
	}
	e := h.scriptError(err, c.hook, url)
	v.Rollback(mark)
	v.ScriptError()
	h.report(e)
	if h.opt.Strict {
		return &engine.Fatal{Err: e}
	}
	return nil
}

// answer is what a hook's first result means to the engine.
func (h *Host) answer(ev engine.Event, result lua.LValue, v *engine.Visit, p *page, before error) error {
	switch {
	case ev == engine.EventIdle && result == lua.LFalse:
		return engine.ErrNoMore
	case ev != engine.EventEnqueue:
	case result == lua.LFalse:
		return engine.ErrDrop
	case result != nil && result.Type() == lua.LTString:
		u, _ := resolve(p.address(), result.String())
		v.Request.URL = u
	}
	return before
}

// arguments are what the hook of an event receives.
func (h *Host) arguments(ev engine.Event, v *engine.Visit, p *page) []lua.LValue {
	var req lua.LValue = lua.LNil
	if p != nil {
		req = &p.ud
	}
	switch ev {
	case engine.EventStart:
		return nil
	case engine.EventIdle:
		return []lua.LValue{lua.LNumber(v.Room)}
	case engine.EventFinish:
		return []lua.LValue{h.summary(v.Summary)}
	case engine.EventURL:
		return []lua.LValue{req, lua.LString(v.Request.URL)}
	case engine.EventStatus:
		return []lua.LValue{req, lua.LString(v.Response.Proto), h.statusText(v.Response.Status), lua.LString(v.Response.Message)}
	case engine.EventHeaders:
		return []lua.LValue{req, h.headers(p)}
	case engine.EventSuccess:
		return []lua.LValue{req, p.handedText()}
	case engine.EventError:
		return []lua.LValue{req, h.failure(v.Failure)}
	case engine.EventDone:
		if v.Failure != nil {
			return []lua.LValue{req, h.failure(v.Failure)}
		}
		return []lua.LValue{req, p.handedText()}
	case engine.EventSkip:
		return []lua.LValue{req, optional(v.Skip.Reason), optional(v.Skip.Detail)}
	}
	return []lua.LValue{req}
}

// handedText is the text for a hook, empty where nobody asked for it to be
// decoded.
func (p *page) handedText() lua.LValue { return lua.LString(p.text) }

// statusText is a status as a string, made once.
func (h *Host) statusText(status int) lua.LValue {
	if status < 0 || status >= len(h.types.statuses) {
		return lua.LString(strconv.Itoa(status))
	}
	if h.types.statuses[status] == nil {
		h.types.statuses[status] = lua.LString(strconv.Itoa(status))
	}
	return h.types.statuses[status]
}

// summary is what on_finish receives.
func (h *Host) summary(s *engine.Summary) lua.LValue {
	if s == nil {
		return h.L.NewTable()
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return h.L.NewTable()
	}
	v, err := h.parseJSON(raw)
	if err != nil {
		return h.L.NewTable()
	}
	return v
}

// filter asks on_enqueue about a request of the script's own; false drops it.
func (h *Host) filter(L *lua.LState, chain chain, r *engine.Request) bool {
	p := h.newPage(r, nil)
	for _, link := range chain {
		result, ok := h.nested(L, "on_enqueue", link, r.URL, &p.ud)
		if ok {
			if err := p.storeMeta(); err != nil {
				ok = false
				h.nestedError(L, "on_enqueue", r.URL, err)
			}
		}
		if !ok || result == lua.LFalse {
			return false
		}
		if s, isString := result.(lua.LString); isString {
			r.URL, _ = resolve(p.address(), string(s))
		}
	}
	return true
}

// filterItem asks on_item about an item; nil drops it.
func (h *Host) filterItem(L *lua.LState, chain chain, t *lua.LTable, p *page) *lua.LTable {
	var req lua.LValue = lua.LNil
	url := ""
	if p != nil {
		req, url = &p.ud, p.req.URL
	}
	for _, link := range chain {
		result, ok := h.nested(L, "on_item", link, url, t, req)
		if !ok || result == lua.LFalse {
			return nil
		}
		if other, isTable := result.(*lua.LTable); isTable {
			t = other
		}
	}
	return t
}

// nested calls a hook inside another one. Its error is its own: logged and
// counted, with the outer hook going on; ok is false then.
func (h *Host) nested(L *lua.LState, name string, link link, url string, args ...lua.LValue) (result lua.LValue, ok bool) {
	fn, isFunction := link.table.RawGetString(name).(*lua.LFunction)
	if !isFunction {
		return lua.LNil, true
	}
	c := h.gate.cur
	if c.inside[name] {
		return lua.LNil, true // what the hook itself pushes or emits passes
	}
	if c.inside == nil {
		c.inside = map[string]bool{}
	}
	outer := c.unit
	c.unit, c.inside[name] = link.unit, true
	rets, err := h.invoke(fn, 1, args...)
	c.inside[name] = false
	if err == nil {
		c.unit = outer
		return rets[0], true
	}
	if c.err != nil { // out of time, or cancelled: the outer hook ends as well
		L.RaiseError("%s", c.err.Error())
	}
	h.nestedError(L, name, url, err)
	c.unit = outer
	return lua.LNil, false
}

// nestedError deals with an error of a hook inside another.
func (h *Host) nestedError(L *lua.LState, name, url string, err error) {
	c := h.gate.cur
	e := h.scriptError(err, name, url)
	h.report(e)
	if s, ok := c.sink.(interface{ ScriptError() }); ok {
		s.ScriptError()
	}
	if h.opt.Strict {
		h.halt(&engine.Fatal{Err: e})
		L.RaiseError("%s", e.Error())
	}
}
