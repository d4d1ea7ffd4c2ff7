package luabridge

import (
	"slices"
	"time"

	lua "github.com/yuin/gopher-lua"

	"downpour/engine"
	"downpour/internal/extract"
)

// requestFields are the fields of a request, for messages.
var requestFields = []string{
	"url", "original_url", "host", "method", "depth", "referrer", "kind", "meta", "attempt", "priority", "status",
	"headers", "text", "body", "doc", "title", "encoding", "elapsed", "timing", "from_cache", "change", "certificate", "proxy", "ip", "protocol", "hops", "robots",
}

// settableFields are those that a script may assign to.
var settableFields = []string{"meta", "kind", "priority"}

func (h *Host) openRequest() {
	h.types.requestMethods = h.methods("request", map[string]lua.LGFunction{
		"follow":  h.requestFollow,
		"links":   h.requestLinks,
		"urls":    h.requestURLs,
		"enqueue": h.requestEnqueue,
		"retry":   h.requestRetry,
		"cancel":  h.requestCancel,
		"emit":    h.requestEmit,
		"css":     h.requestCSS,
		"xpath":   h.requestXPath,
		"json":    h.requestJSON,
	})
	h.types.request = h.metatable("request", map[string]lua.LGFunction{
		"__index":    h.requestIndex,
		"__newindex": h.requestNewIndex,
		"__tostring": func(L *lua.LState) int {
			L.Push(lua.LString("request: " + checkPage(L, "tostring").req.URL))
			return 1
		},
	})
}

// checkPage is the request that method was called on, which is argument 1.
func checkPage(L *lua.LState, method string) *page {
	if ud, ok := L.Get(1).(*lua.LUserData); ok {
		if p, ok := ud.Value.(*page); ok {
			return p
		}
	}
	L.RaiseError("call it with a colon on a request: req:%s(…)", method)
	return nil
}

// requestIndex is __index of a request: a method or a field.
func (h *Host) requestIndex(L *lua.LState) int {
	ud := L.CheckUserData(1)
	p, ok := ud.Value.(*page)
	name, isString := L.Get(2).(lua.LString)
	if !ok || !isString {
		L.RaiseError("request has no field %s", L.Get(2).String())
	}
	if fn, ok := h.types.requestMethods[string(name)]; ok {
		L.Push(fn)
		return 1
	}
	v, known := p.field(L, string(name))
	if !known {
		L.RaiseError("%s", unknown("request", string(name), requestFields, h.types.requestMethods.names()))
	}
	L.Push(v)
	return 1
}

// field is the value of a field, and whether there is such a field.
func (p *page) field(L *lua.LState, name string) (lua.LValue, bool) {
	r := p.req
	switch name {
	case "url":
		return lua.LString(r.URL), true
	case "original_url":
		return lua.LString(r.OriginalURL()), true
	case "host":
		return lua.LString(p.address().Host()), true
	case "method":
		return lua.LString(r.MethodOrGet()), true
	case "depth":
		return lua.LNumber(r.Depth), true
	case "referrer":
		return optional(r.Referrer), true
	case "kind":
		return optional(r.Kind), true
	case "attempt":
		return lua.LNumber(r.Attempt + 1), true
	case "priority":
		return lua.LNumber(r.Priority), true
	case "meta":
		v, err := p.metaValue()
		if err != nil {
			raise(L, err)
		}
		return v, true
	case "hops":
		return p.hops(), true
	}
	return p.responseField(L, name)
}

// responseField is the value of a field that is nil before there is a response.
func (p *page) responseField(L *lua.LState, name string) (lua.LValue, bool) {
	if !slices.Contains(requestFields, name) {
		return lua.LNil, false
	}
	resp := p.resp
	if resp == nil {
		if name == "proxy" {
			return optional(p.req.Proxy), true
		}
		return lua.LNil, true
	}
	switch name {
	case "status":
		return lua.LNumber(resp.Status), true
	case "headers":
		return p.h.headers(p), true
	case "elapsed":
		return durationValue(resp.Timing.Total), true
	case "timing":
		return p.timing(), true
	case "from_cache":
		return lua.LBool(resp.FromCache), true
	case "change":
		return optional(string(resp.Change)), true
	case "certificate":
		return p.certificate(), true
	case "proxy":
		return optional(resp.Proxy), true
	case "ip":
		return optional(resp.IP), true
	case "protocol":
		return lua.LString(resp.Proto), true
	case "robots":
		return p.robots(), true
	}
	return p.bodyField(L, name), true
}

// bodyField is the value of a field that is nil before the body has arrived.
func (p *page) bodyField(L *lua.LState, name string) lua.LValue {
	if p.resp.Body == nil {
		return lua.LNil
	}
	switch name {
	case "text":
		return p.textValue()
	case "body":
		return lua.LString(bytesText(p.resp.Body))
	case "encoding":
		p.decode()
		return optional(p.encoding)
	case "title":
		if p.title == nil {
			p.title = optional(extract.Title(p.decode()))
		}
		return p.title
	case "doc":
		if doc := p.document(L); doc != nil {
			return p.h.node(doc, p)
		}
	}
	return lua.LNil
}

// optional is s, or nil for an empty string.
func optional(s string) lua.LValue {
	if s == "" {
		return lua.LNil
	}
	return lua.LString(s)
}

func durationValue(d time.Duration) lua.LNumber { return lua.LNumber(d.Seconds()) }

func (p *page) timing() lua.LValue {
	t := p.h.L.NewTable()
	tm := p.resp.Timing
	t.RawSetString("dns", durationValue(tm.DNS))
	t.RawSetString("connect", durationValue(tm.Connect))
	t.RawSetString("tls", durationValue(tm.TLS))
	t.RawSetString("first_byte", durationValue(tm.FirstByte))
	t.RawSetString("total", durationValue(tm.Total))
	return t
}

// certificate is the site's, nil where the connection was not by https.
func (p *page) certificate() lua.LValue {
	c := p.resp.TLS
	if c == nil {
		return lua.LNil
	}
	t := p.h.L.NewTable()
	t.RawSetString("subject", lua.LString(c.Subject))
	t.RawSetString("issuer", lua.LString(c.Issuer))
	t.RawSetString("not_after", lua.LNumber(c.NotAfter.Unix()))
	t.RawSetString("version", lua.LString(c.Version))
	return t
}

func (p *page) hops() lua.LValue {
	list := p.h.L.NewTable()
	for _, hop := range p.req.Hops {
		t := p.h.L.NewTable()
		t.RawSetString("url", lua.LString(hop.URL))
		t.RawSetString("status", lua.LNumber(hop.Status))
		list.Append(t)
	}
	return list
}

// requestNewIndex is __newindex of a request.
func (h *Host) requestNewIndex(L *lua.LState) int {
	p := checkPage(L, "…")
	name, v := L.Get(2).String(), L.Get(3)
	switch name {
	case "meta":
		p.metaWas = string(p.req.Meta)
		p.meta = v
	case "kind":
		p.req.Kind = h.kindName(L, v)
	case "priority":
		n, ok := v.(lua.LNumber)
		if !ok {
			L.RaiseError("priority is a number, not a %s", v.Type())
		}
		p.req.Priority = clampPriority(n)
	default:
		if slices.Contains(requestFields, name) || h.types.requestMethods[name] != nil {
			L.RaiseError("the request's '%s' cannot be set", name)
		}
		L.RaiseError("%s; keep values of your own in req.meta", unknown("request", name, settableFields))
	}
	return 0
}

func clampPriority(n lua.LNumber) int { return int(max(-100, min(100, n))) }

// liveVisit is the visit of the page that method acts on; it raises an error
// when that visit is over, and in a hook of another.
func (p *page) liveVisit(L *lua.LState, method string) *engine.Visit {
	if p.visit == nil || !p.live {
		L.RaiseError("req:%s: this request is not under way any more", method)
	}
	if p.h.gate.cur.page != p {
		// Its own hooks, which wait just now, may be changing the visit.
		L.RaiseError("req:%s: this is not the request of the running hook", method)
	}
	return p.visit
}

func (h *Host) requestRetry(L *lua.LState) int {
	p := checkPage(L, "retry")
	v := p.liveVisit(L, "retry")
	after := time.Duration(-1)
	switch arg := L.Get(2).(type) {
	case *lua.LNilType:
	case lua.LNumber:
		after = secondsOf(float64(arg))
	case *lua.LTable:
		after = h.retryAfter(L, arg)
	default:
		L.RaiseError("req:retry takes {after = seconds}, not a %s", arg.Type())
	}
	L.Push(lua.LBool(v.Retry(after)))
	return 1
}

func (h *Host) retryAfter(L *lua.LState, t *lua.LTable) time.Duration {
	for _, name := range keys(t) {
		if name != "after" {
			L.RaiseError("%s", unknown("req:retry{}", name, []string{"after"}))
		}
	}
	v := t.RawGetString("after")
	if v == lua.LNil {
		return -1
	}
	d, err := durationOf(v)
	if err != nil {
		L.RaiseError("after: %s", err.Error())
	}
	return d
}

// requestCancel ends the visit. It does not return, and no pcall catches it
// for longer than one instruction.
func (h *Host) requestCancel(L *lua.LState) int {
	p := checkPage(L, "cancel")
	p.liveVisit(L, "cancel")
	reason := ""
	if L.Get(2) != lua.LNil {
		reason = toString(L, L.Get(2))
	}
	cancel := &engine.Cancel{Reason: reason}
	h.halt(cancel)
	L.RaiseError("%s", cancel.Error())
	return 0
}

func (h *Host) requestCSS(L *lua.LState) int {
	p := checkPage(L, "css")
	sel := h.selector(L)
	doc := p.document(L)
	if doc == nil {
		L.Push(h.L.NewTable())
		return 1
	}
	nodes, err := doc.All(sel)
	selected(L, sel, err)
	L.Push(h.nodeList(&element{node: doc, page: p}, nodes))
	return 1
}

func (h *Host) requestXPath(L *lua.LState) int {
	p := checkPage(L, "xpath")
	expr := argString(L, 2)
	doc := p.document(L)
	if doc == nil {
		L.Push(h.L.NewTable())
		return 1
	}
	return h.pushXPath(L, &element{node: doc, page: p}, expr)
}

// requestJSON is the body as a Lua value, or nil and a message.
func (h *Host) requestJSON(L *lua.LState) int {
	p := checkPage(L, "json")
	if p.resp == nil || p.resp.Body == nil {
		L.Push(lua.LNil)
		L.Push(lua.LString("there is no body"))
		return 2
	}
	text := p.decode()
	v, err := h.parseJSON([]byte(text))
	if err != nil {
		L.Push(lua.LNil)
		L.Push(lua.LString("json: " + err.Error()))
		return 2
	}
	L.Push(v)
	return 1
}

// failureText is tostring of a failure: "timeout: no answer within 30s".
func failureText(L *lua.LState) int {
	t := argTable(L, 1)
	L.Push(lua.LString(t.RawGetString("kind").String() + ": " + t.RawGetString("message").String()))
	return 1
}

// failure is what on_error receives.
func (h *Host) failure(f *engine.Failure) lua.LValue {
	if f == nil {
		return lua.LNil
	}
	t := h.L.NewTable()
	t.RawSetString("kind", lua.LString(f.Kind))
	t.RawSetString("message", lua.LString(f.Message))
	if f.Status != 0 {
		t.RawSetString("status", lua.LNumber(f.Status))
	}
	t.RawSetString("attempts", lua.LNumber(f.Attempts))
	t.Metatable = h.types.failure
	return t
}
