package luabridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"downpour/engine"
	"downpour/internal/option"

	lua "github.com/yuin/gopher-lua"
)

// policyHooks are the functions of policy{}.
type policyHooks struct {
	key, delay, allow, retry *lua.LFunction
	identity                 *lua.LFunction
	queue                    map[string]*lua.LFunction // those of queueNames
}

func (p *policyHooks) any() bool {
	return p.key != nil || p.delay != nil || p.allow != nil || p.retry != nil
}

// policyNames are the functions that decide about requests one by one.
var policyNames = []string{"key", "delay", "allow", "retry", "identity"}

// globalPolicy is policy{…}.
func (h *Host) globalPolicy(L *lua.LState) int {
	t, ok := L.Get(1).(*lua.LTable)
	if !ok {
		L.RaiseError("policy takes a table of functions")
	}
	if h.loading == nil {
		L.RaiseError("policy{} belongs at the top level of a script: it is read before the crawl starts")
	}
	if err := h.setPolicy(t); err != nil {
		L.RaiseError("%s", err.Error())
	}
	return 0
}

func (h *Host) setPolicy(t *lua.LTable) error {
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		name := k.String()
		into := map[string]**lua.LFunction{
			"key": &h.policy.key, "delay": &h.policy.delay, "allow": &h.policy.allow, "retry": &h.policy.retry,
			"identity": &h.policy.identity,
		}[name]
		own := slices.Contains(queueNames, name)
		if into == nil && !own {
			return unknownPolicy(name)
		}
		fn, ok := v.(*lua.LFunction)
		switch {
		case !ok:
			return fmt.Errorf("policy: '%s' is a function, not a %s", name, v.Type())
		case own:
			if h.policy.queue == nil {
				h.policy.queue = map[string]*lua.LFunction{}
			}
			h.policy.queue[name] = fn
		default:
			*into = fn
		}
	}
	return h.policy.checkQueue()
}

func unknownPolicy(name string) error {
	all := slices.Concat(policyNames, queueNames)
	if near, ok := option.Nearest(name, all); ok {
		return fmt.Errorf("policy: there is no '%s' (did you mean '%s'?)", name, near)
	}
	return fmt.Errorf("policy: there is no '%s'; it takes %s", name, strings.Join(all, ", "))
}

// Policy lays the script's policy{} over base; it is base where there is none.
func (h *Host) Policy(base engine.Policy) engine.Policy {
	if !h.policy.any() {
		return base
	}
	return &policy{h, base}
}

// A policy asks the script first and base for what the script does not decide:
// a function it lacks, one that fails, and a nil answer.
type policy struct {
	h    *Host
	base engine.Policy
}

// ask calls a policy function; ok is false when base has to decide.
func (p *policy) ask(ctx context.Context, name string, r *engine.Request, fn *lua.LFunction, args func() []lua.LValue, use func([3]lua.LValue) error) bool {
	if fn == nil {
		return false
	}
	h := p.h
	c := h.enter(ctx, nil)
	defer h.leave(c)
	c.hook = "policy." + name
	rets, err := h.invoke(fn, 2, args()...)
	if err == nil {
		if rets[0] == lua.LNil && name != "retry" {
			return false
		}
		err = answered(fn, use(rets))
	}
	if err != nil {
		h.report(h.scriptError(err, c.hook, r.URL))
		return false
	}
	return true
}

func (p *policy) args(r *engine.Request, resp *engine.Response) func() []lua.LValue {
	return func() []lua.LValue { return []lua.LValue{&p.h.newPage(r, resp).ud} }
}

// Key implements engine.Policy.
func (p *policy) Key(ctx context.Context, r *engine.Request) (queue string, buckets []string) {
	if p.ask(ctx, "key", r, p.h.policy.key, p.args(r, nil), func(rets [3]lua.LValue) (err error) {
		queue, buckets, err = queueAndBuckets(rets[0])
		return err
	}) {
		return queue, buckets
	}
	return p.base.Key(ctx, r)
}

// queueAndBuckets reads what policy.key answers: the name of a queue, or a list of it and
// the buckets.
func queueAndBuckets(v lua.LValue) (queue string, buckets []string, err error) {
	names := []lua.LValue{v}
	if t, ok := v.(*lua.LTable); ok {
		names = names[:0]
		for i := range min(t.Len(), engine.MaxBuckets+2) {
			names = append(names, t.RawGetInt(i+1))
		}
	}
	for i, name := range names {
		s := lua.LVAsString(name)
		if len(s) > engine.MaxQueueName {
			return "", nil, fmt.Errorf("policy.key answered a name of %d bytes, more than %d", len(s), engine.MaxQueueName)
		}
		switch {
		case s == "" && i == 0:
			return "", nil, errors.New("policy.key answered no name of a queue")
		case s == "":
			return "", nil, fmt.Errorf("policy.key: name %d of its list is a %s", i+1, name.Type())
		case i == 0:
			queue = s
		default:
			buckets = append(buckets, s)
		}
	}
	switch {
	case queue == "":
		return "", nil, errors.New("policy.key answered an empty list")
	case len(buckets) > engine.MaxBuckets:
		return "", nil, fmt.Errorf("policy.key answered more than a queue and %d buckets", engine.MaxBuckets)
	}
	return queue, buckets, nil
}

// Allow implements engine.Policy: what the script allows, base may still
// forbid.
func (p *policy) Allow(ctx context.Context, r *engine.Request) (bool, string) {
	allowed, reason := true, ""
	p.ask(ctx, "allow", r, p.h.policy.allow, p.args(r, nil), func(rets [3]lua.LValue) error {
		allowed = lua.LVAsBool(rets[0])
		reason = lua.LVAsString(rets[1])
		return nil
	})
	if !allowed {
		return false, reason
	}
	return p.base.Allow(ctx, r)
}

// Identity is the script's policy.identity; nil where there is none.
func (h *Host) Identity() engine.Identity {
	if h.policy.identity == nil {
		return nil
	}
	p := &policy{h: h}
	return func(ctx context.Context, r *engine.Request) (name string) {
		p.ask(ctx, "identity", r, h.policy.identity, p.args(r, nil), func(rets [3]lua.LValue) error {
			s, ok := rets[0].(lua.LString)
			if !ok {
				return fmt.Errorf("policy.identity answers text, not a %s", rets[0].Type())
			}
			name = string(s)
			return nil
		})
		return name
	}
}

// Delay implements engine.Policy.
func (p *policy) Delay(ctx context.Context, queue string, r *engine.Request, resp *engine.Response) time.Duration {
	var rest time.Duration
	args := func() []lua.LValue {
		page := p.h.newPage(r, resp)
		response := lua.LNil
		if resp != nil {
			response = &page.ud
		}
		return []lua.LValue{lua.LString(queue), &page.ud, response}
	}
	if p.ask(ctx, "delay", r, p.h.policy.delay, args, func(rets [3]lua.LValue) (err error) {
		rest, err = durationOf(rets[0])
		return err
	}) {
		return rest
	}
	return p.base.Delay(ctx, queue, r, resp)
}

// Retry implements engine.Policy.
func (p *policy) Retry(ctx context.Context, r *engine.Request, f *engine.Failure, resp *engine.Response) (time.Duration, bool) {
	var after time.Duration
	again := false
	args := func() []lua.LValue { return []lua.LValue{&p.h.newPage(r, resp).ud, p.h.failure(f)} }
	if p.ask(ctx, "retry", r, p.h.policy.retry, args, func(rets [3]lua.LValue) (err error) {
		if rets[0] == lua.LNil || rets[0] == lua.LFalse {
			return nil
		}
		after, err = durationOf(rets[0])
		again = err == nil
		return err
	}) {
		return after, again
	}
	return p.base.Retry(ctx, r, f, resp)
}
