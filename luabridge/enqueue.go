package luabridge

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"downpour/engine"
	"downpour/internal/option"
	"downpour/policies"
)

// pushNames are the options of enqueue.
var pushNames = []string{
	"kind", "method", "body", "headers", "priority", "meta", "depth", "key", "again", "after", "proxy", "jar", "timeout",
}

// A push is the options of one enqueue or follow: a request without a URL.
type push struct {
	req      engine.Request
	nofollow bool
}

// noOptions is the push of an enqueue without options. It is never written to.
var noOptions = &push{}

// request makes r a request of the push for what ref is on a page in that
// encoding. A reference that is no URL stays as it is, to be counted as invalid;
// one to nowhere ("javascript:") is resolved like any other and left to the
// engine.
func (o *push) request(r *engine.Request, base policies.URL, ref, encoding string) *engine.Request {
	if o != noOptions {
		*r = o.req
	}
	if u, err := join(base, ref, encoding); err == nil {
		r.SetURL(u)
	} else {
		r.URL = ref
	}
	return r
}

// pushOptions reads the options of enqueue, or of follow.
func (h *Host) pushOptions(L *lua.LState, t *lua.LTable, follow bool) *push {
	if t == nil {
		return noOptions
	}
	o := &push{}
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		name := k.String()
		if follow && name == "nofollow" {
			o.nofollow = lua.LVAsBool(v)
			continue
		}
		if err := h.pushOption(L, &o.req, name, v); err != nil {
			L.RaiseError("%s", err.Error())
		}
	}
	return o
}

// pushOption sets one option of a request.
func (h *Host) pushOption(L *lua.LState, r *engine.Request, name string, v lua.LValue) (err error) {
	switch name {
	case "kind":
		r.Kind = h.kindName(L, v)
	case "method":
		r.Method, err = textOf(name, v)
		r.Method = strings.ToUpper(r.Method)
	case "body":
		var s string
		s, err = textOf(name, v)
		r.Body = []byte(s)
	case "headers":
		r.Header, err = headerOf(v)
	case "key":
		r.Key, err = textOf(name, v)
	case "proxy":
		r.Proxy, err = textOf(name, v)
	case "jar":
		r.Jar, err = textOf(name, v)
	case "meta":
		r.Meta, err = h.metaJSON(v)
	case "again":
		r.Again = lua.LVAsBool(v)
	case "priority", "depth":
		err = pushNumber(r, name, v)
	case "after":
		r.After, err = durationOf(v)
		err = about(name, err)
	case "timeout":
		r.Timeout, err = durationOf(v)
		err = about(name, err)
	default:
		return errors.New(unknownOption(name))
	}
	return err
}

func pushNumber(r *engine.Request, name string, v lua.LValue) error {
	n, ok := v.(lua.LNumber)
	switch {
	case !ok:
		return fmt.Errorf("%s is a number, not a %s", name, v.Type())
	case name == "priority":
		r.Priority = clampPriority(n)
	case n < 1:
		r.Depth = -1 // the engine's word for 0, which is unset
	default:
		r.Depth = int(n)
	}
	return nil
}

func unknownOption(name string) string {
	if near, ok := option.Nearest(name, pushNames); ok {
		return fmt.Sprintf("there is no option '%s' of a request (did you mean '%s'?)", name, near)
	}
	return fmt.Sprintf("there is no option '%s' of a request; there are %s", name, strings.Join(pushNames, ", "))
}

// textOf is a string, or a number as one.
func textOf(name string, v lua.LValue) (string, error) {
	switch v.(type) {
	case lua.LString, lua.LNumber:
		return lua.LVAsString(v), nil
	}
	return "", fmt.Errorf("%s is a string, not a %s", name, v.Type())
}

func headerOf(v lua.LValue) (http.Header, error) {
	t, ok := v.(*lua.LTable)
	if !ok {
		return nil, fmt.Errorf("headers is a table, not a %s", v.Type())
	}
	header := http.Header{}
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		values := []lua.LValue{v}
		if list, ok := v.(*lua.LTable); ok {
			values = values[:0]
			for i := range list.Len() {
				values = append(values, list.RawGetInt(i+1))
			}
		}
		for _, v := range values {
			s, err := textOf("header "+k.String(), v)
			if err != nil {
				return nil, err
			}
			header.Add(k.String(), s)
		}
	}
	return header, nil
}

// about names the option that an error is of.
func about(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}

// durationOf is seconds, or text such as "1.5s".
func durationOf(v lua.LValue) (time.Duration, error) {
	switch v := v.(type) {
	case lua.LNumber:
		if f := float64(v); f >= 0 && !math.IsInf(f, 0) {
			return secondsOf(f), nil
		}
		return 0, fmt.Errorf("%v is no number of seconds", v)
	case lua.LString:
		return option.ParseDuration(string(v))
	}
	return 0, fmt.Errorf("takes seconds or text such as \"1.5s\", not a %s", v.Type())
}

func secondsOf(f float64) time.Duration {
	if f > math.MaxInt64/1e9 {
		return math.MaxInt64
	}
	return time.Duration(f * 1e9)
}

// requestEnqueue is req:enqueue(url|list, opts).
func (h *Host) requestEnqueue(L *lua.LState) int {
	p := checkPage(L, "enqueue")
	p.liveVisit(L, "enqueue")
	return h.enqueue(L, p, 2)
}

// globalEnqueue is enqueue(url|list|iterator, opts): in a hook of a page it is
// req:enqueue.
func (h *Host) globalEnqueue(L *lua.LState) int { return h.enqueue(L, h.gate.cur.page, 1) }

// enqueue pushes what argument n names: true or false and why not for one URL,
// how many were new for several.
func (h *Host) enqueue(L *lua.LState, p *page, n int) int {
	if h.gate.cur.sink == nil {
		L.RaiseError("enqueue: nothing can be enqueued here")
	}
	opts, ok := L.Get(n + 1).(*lua.LTable)
	if v := L.Get(n + 1); !ok && v != lua.LNil {
		L.RaiseError("the options of enqueue are a table, not a %s", v.Type())
	}
	o := h.pushOptions(L, opts, false)
	switch v := L.Get(n).(type) {
	case *lua.LTable:
		if url := v.RawGetString("url"); url != lua.LNil {
			return h.enqueueOne(L, p, h.urlOf(L, url), o)
		}
		fresh := 0
		for i := range v.Len() {
			fresh += h.push(L, p, v.RawGetInt(i+1), o)
		}
		L.Push(lua.LNumber(fresh))
		return 1
	case *lua.LFunction:
		L.Push(lua.LNumber(h.enqueueAll(L, p, v, o)))
		return 1
	default:
		return h.enqueueOne(L, p, h.urlOf(L, v), o)
	}
}

// enqueueAll pushes what an iterator answers until it answers nil.
func (h *Host) enqueueAll(L *lua.LState, p *page, iterator *lua.LFunction, o *push) (fresh int) {
	for {
		L.Push(iterator)
		L.Call(0, 1)
		url := L.Get(-1)
		L.Pop(1)
		if url == lua.LNil {
			return fresh
		}
		fresh += h.push(L, p, url, o)
	}
}

// urlOf is the URL that v names: a string, a link of req:links, or a request.
func (h *Host) urlOf(L *lua.LState, v lua.LValue) string {
	switch v := v.(type) {
	case lua.LString:
		return string(v)
	case *lua.LTable:
		if url, ok := v.RawGetString("url").(lua.LString); ok {
			return string(url)
		}
	case *lua.LUserData:
		if p, ok := v.Value.(*page); ok {
			return p.req.URL
		}
	}
	L.RaiseError("enqueue takes a URL, a list or an iterator, not %s", aType(v))
	return ""
}

func (h *Host) enqueueOne(L *lua.LState, p *page, url string, o *push) int {
	fresh, reason := h.admit(L, p, url, o)
	L.Push(lua.LBool(fresh))
	if reason == "" {
		return 1
	}
	L.Push(lua.LString(reason))
	return 2
}

// push enqueues one URL of several: 1 if it was new, else 0.
func (h *Host) push(L *lua.LState, p *page, url lua.LValue, o *push) int {
	if fresh, _ := h.admit(L, p, h.urlOf(L, url), o); fresh {
		return 1
	}
	return 0
}

// admit resolves one URL, asks on_enqueue and hands the request to the visit.
func (h *Host) admit(L *lua.LState, p *page, ref string, o *push) (fresh bool, reason string) {
	base, encoding := h.against(p)
	r := o.request(p.room(), base, strings.TrimSpace(ref), encoding)
	if p == nil {
		mustBeAbsolute(L, r.URL)
	}
	if c := h.chain(hook(engine.EventEnqueue), r.Kind); len(c) > 0 && !h.filter(L, c, r) {
		if s, ok := h.gate.cur.sink.(interface{ Drop(*engine.Request) }); ok {
			s.Drop(r)
		}
		return false, engine.SkipDropped
	}
	r.Refresh = p != nil && p.refreshes[r.URL]
	fresh, skip := h.gate.cur.sink.Enqueue(r)
	switch {
	case fresh:
		return true, ""
	case skip != nil:
		return false, skip.Reason
	}
	return false, engine.SkipDuplicate
}

// against is what enqueue resolves references against, the page at hand or
// nothing, and the page's encoding.
func (h *Host) against(p *page) (base policies.URL, encoding string) {
	if p == nil {
		return policies.URL{}, ""
	}
	base = h.pageBase(p) // which decodes the page
	return base, p.encoding
}

// mustBeAbsolute raises an error where url, which has been resolved, is none.
func mustBeAbsolute(L *lua.LState, url string) {
	_, err := policies.ParseURL(url)
	if err == nil {
		return
	}
	if _, err := policies.ParseURL("https://" + url); err == nil && strings.Contains(url, ".") && !strings.Contains(url, "://") {
		L.RaiseError("enqueue: '%s' is no absolute URL (did you mean 'https://%s'?)", url, url)
	}
	L.RaiseError("enqueue: '%s' is no absolute URL: %s", url, err.Error())
}

// pageBase is what a page's URLs are resolved against.
func (h *Host) pageBase(p *page) policies.URL {
	address := p.address()
	if p.resp == nil || p.resp.Body == nil {
		return address
	}
	if !p.base.IsZero() {
		return p.base
	}
	return p.rebase(p.findBase())
}
