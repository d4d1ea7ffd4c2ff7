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
	h.heard(ev, v)
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
	if p != nil && chain.reads() {
		// Decoding burns CPU; the visit is this goroutine's until the lock is taken.
		p.decode()
	}
	c := h.enter(ctx, v)
	defer h.leave(c)
	c.hook, c.page = hookNames[ev], p
	if p != nil && ev != engine.EventSkip && ev != engine.EventEnqueue {
		p.live = true
	}
	n, most := h.subjectOf(c, ev, v, p), 0
	var answer error
	for i, link := range chain {
		fn, ok := link.table.RawGetString(c.hook).(*lua.LFunction)
		if !ok {
			continue
		}
		if i > 0 {
			h.watch.renew(c)
		}
		c.unit = link.unit
		args := c.args[:n]
		if n > 0 && takes(fn, 2) {
			if most == 0 {
				most = h.details(&c.args, ev, v, p)
			}
			args = c.args[:most]
		}
		result, err := h.call(c, fn, args, v, p)
		if err != nil {
			answer = err
			break
		}
		if ev == engine.EventIdle || ev == engine.EventEnqueue {
			if answer = h.answer(ev, result, v, p, answer); errors.Is(answer, engine.ErrDrop) {
				break
			}
		}
	}
	if p != nil {
		p.live = false
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
	p, ok := v.Local.(*page)
	if !ok {
		p = h.newPage(v.Request, v.Response)
		p.visit = v
		v.Local = p
	}
	p.req = v.Request
	if p.resp != v.Response {
		h.mu.Lock()
		p.update(v.Response)
		h.mu.Unlock()
	}
	return p
}

// takes reports whether a function sees its nth argument.
func takes(fn *lua.LFunction, n uint8) bool {
	return fn.Proto == nil || fn.Proto.NumParameters >= n || fn.Proto.IsVarArg != 0
}

// call runs one function of a chain. Its error is a *engine.Cancel or a
// *engine.Fatal; any other has been dealt with.
func (h *Host) call(c *call, fn *lua.LFunction, args []lua.LValue, v *engine.Visit, p *page) (lua.LValue, error) {
	mark := v.Mark()
	rets, err := h.invoke(fn, 1, args...)
	if c.over() != nil {
		return nil, h.halted(c, err, v, p, mark)
	}
	if err == nil && p != nil {
		err = answered(fn, p.storeMeta())
	}
	if err != nil {
		return nil, h.failed(c, err, v, mark)
	}
	return rets[0], nil
}

// halted deals with a hook that was ended: by its own cancel, which is no
// error, or by one of its limits.
func (h *Host) halted(c *call, err error, v *engine.Visit, p *page, mark engine.Mark) error {
	var cancel *engine.Cancel
	var fatal *engine.Fatal
	over := c.over()
	switch {
	case errors.As(over, &fatal):
		return fatal
	case errors.Is(over, context.Canceled), errors.Is(over, context.DeadlineExceeded):
		v.Rollback(mark) // the visit itself was cut, which is no fault of the script's
		return nil
	case !errors.As(over, &cancel):
		return h.failed(c, err, v, mark)
	}
	if err := p.storeMeta(); err != nil {
		if fatal := h.failed(c, err, v, mark); fatal != nil {
			return fatal
		}
	}
	return cancel
}

// failed deals with an error of a hook: what the hook did is undone, the error
// logged and counted. It answers a *engine.Fatal where the crawl has to end.
func (h *Host) failed(c *call, err error, v *engine.Visit, mark engine.Mark) error {
	if err == nil {
		err = c.over()
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
		v.Request.URL = resolve(p.address(), result.String(), "")
	}
	return before
}

// subjectOf sets the first of the arguments that the hook of an event receives
// and answers how many those are that every function gets.
func (h *Host) subjectOf(c *call, ev engine.Event, v *engine.Visit, p *page) int {
	switch {
	case ev == engine.EventStart:
		return 0
	case ev == engine.EventIdle:
		c.args[0] = lua.LNumber(v.Room)
	case ev == engine.EventFinish:
		c.args[0] = h.summary(v.Summary)
	case p != nil:
		c.args[0] = &p.ud
	default:
		c.args[0] = lua.LNil
	}
	return 1
}

// details sets the arguments after the first and answers how many there are in
// all. It is not called for functions that do not look at them.
func (h *Host) details(args *[4]lua.LValue, ev engine.Event, v *engine.Visit, p *page) int {
	switch ev {
	case engine.EventURL:
		args[1] = lua.LString(v.Request.URL)
	case engine.EventStatus:
		h.statusLine(args, v.Response)
		return 4
	case engine.EventHeaders:
		args[1] = h.headers(p)
	case engine.EventSuccess:
		args[1] = p.textValue()
	case engine.EventError:
		args[1] = h.failure(v.Failure)
	case engine.EventDone:
		if v.Failure == nil {
			args[1] = p.textValue()
		} else {
			args[1] = h.failure(v.Failure)
		}
	case engine.EventSkip:
		args[1], args[2] = optional(v.Skip.Reason), optional(v.Skip.Detail)
		return 3
	default:
		return 1
	}
	return 2
}

// A statusLine is what on_status receives, kept for the next response that has
// the same.
type statusLine struct {
	proto   string
	status  int
	message string
	values  [3]lua.LValue
}

// statusLine sets version, status and message.
func (h *Host) statusLine(args *[4]lua.LValue, r *engine.Response) {
	last := &h.types.status
	if last.status != r.Status || last.proto != r.Proto || last.message != r.Message {
		*last = statusLine{r.Proto, r.Status, r.Message, [3]lua.LValue{
			lua.LString(r.Proto), lua.LString(strconv.Itoa(r.Status)), lua.LString(r.Message),
		}}
	}
	copy(args[1:], last.values[:])
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
			r.URL = resolve(p.address(), string(s), "")
		}
	}
	return true
}

// filterItem asks on_item about an item; nil drops it.
func (h *Host) filterItem(L *lua.LState, chain chain, t *lua.LTable, p *page) *lua.LTable {
	req := lua.LNil
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
	if over := c.over(); over != nil { // out of time, or cancelled: the outer hook ends as well
		L.RaiseError("%s", over.Error())
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
