package luabridge

import (
	"context"
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"

	"downpour/engine"
)

// UseValues makes the store module keep its values in v instead of in memory,
// and does there what the scripts' top levels did: they run before it is known
// which crawl it is, and read only what they have set themselves. It is called
// once, before the crawl's first hook.
func (h *Host) UseValues(ctx context.Context, v engine.Values) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.std()
	for _, change := range s.early {
		if err := change(ctx, v); err != nil {
			return fmt.Errorf("store: what a script's top level did: %w", err)
		}
	}
	s.values, s.early = v, nil
	return nil
}

// An earlyStore is the store of the scripts' top levels: it remembers what is
// done, for UseValues.
type earlyStore struct {
	engine.Values
	s *std
}

// maxEarly is how many changes of the store top levels may make.
const maxEarly = 100_000

func (e earlyStore) note(change func(context.Context, engine.Values) error) error {
	if len(e.s.early) >= maxEarly {
		return fmt.Errorf("the top level of a script may change the store %d times: do it in on_start", maxEarly)
	}
	e.s.early = append(e.s.early, change)
	return nil
}

// Set implements engine.Values.
func (e earlyStore) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if err := e.note(func(ctx context.Context, v engine.Values) error { return v.Set(ctx, key, value, ttl) }); err != nil {
		return err
	}
	return e.Values.Set(ctx, key, value, ttl)
}

// Incr implements engine.Values.
func (e earlyStore) Incr(ctx context.Context, key string, n int64) (int64, error) {
	sum, err := e.Values.Incr(ctx, key, n)
	if err != nil || n == 0 {
		return sum, err
	}
	return sum, e.note(func(ctx context.Context, v engine.Values) error {
		_, err := v.Incr(ctx, key, n)
		return err
	})
}

func storeModule() module {
	return module{
		name: "store", text: "Values shared by all workers of the crawl, kept where the frontier is.",
		docs: []doc{
			{call: "counter(name) -> counter", text: "A number that all workers count together."},
			{call: "counter:add(n?) -> number | nil, message", text: "Adds n (1) and answers the sum.", waits: true},
			{call: "counter:get() -> number | nil, message", text: "The number as it stands.", waits: true},
			{call: "get(key) -> value | nil, message", text: "The value of key, nil where there is none.", waits: true},
			{call: "set(key, value, {ttl=}?) -> true | nil, message", text: "Sets it to a JSON value, for ttl seconds where that is given; nil removes it.", waits: true},
			{call: "incr(key, n?) -> number | nil, message", text: "Adds n (1) to the number at key in one step.", waits: true},
		},
		open: func(h *Host, L *lua.LState) lua.LValue {
			counter := h.objectType("counter", map[string]lua.LGFunction{
				"add": func(L *lua.LState) int {
					return h.storeIncr(L, *self[*string](L, "counter"), optWhole(L, 2, 1))
				},
				"get": func(L *lua.LState) int { return h.storeIncr(L, *self[*string](L, "counter"), 0) },
			}, nil)
			return newModule(L, map[string]lua.LGFunction{
				"counter": func(L *lua.LState) int {
					key := "counter:" + argString(L, 1)
					return pushAll(L, h.object(L, &key, counter))
				},
				"get":  h.storeGet,
				"set":  h.storeSet,
				"incr": func(L *lua.LState) int { return h.storeIncr(L, "value:"+argString(L, 1), optWhole(L, 2, 1)) },
			})
		},
	}
}

// backend is where the store keeps its values.
func (h *Host) backend() engine.Values {
	s := h.std()
	if s.values == nil {
		s.values = engine.NewValues(nil)
	}
	if h.loading != nil {
		return earlyStore{s.values, s}
	}
	return s.values
}

func (h *Host) storeIncr(L *lua.LState, key string, n int) int {
	b, ctx := h.backend(), h.context()
	var sum int64
	var err error
	h.Blocking(func() { sum, err = b.Incr(ctx, key, int64(n)) })
	if err != nil {
		return failed(L, err)
	}
	return pushAll(L, lua.LNumber(sum))
}

func (h *Host) storeGet(L *lua.LState) int {
	key := "value:" + argString(L, 1)
	b, ctx := h.backend(), h.context()
	var value []byte
	var ok bool
	var err error
	h.Blocking(func() { value, ok, err = b.Get(ctx, key) })
	if err != nil {
		return failed(L, err)
	}
	if !ok {
		return pushAll(L, lua.LNil)
	}
	v, err := h.parseJSON(value)
	if err != nil {
		return failed(L, err)
	}
	return pushAll(L, v)
}

func (h *Host) storeSet(L *lua.LState) int {
	key, v := "value:"+argString(L, 1), argAny(L, 2)
	var ttl time.Duration
	if opts := h.fields(L, 3, "ttl"); opts != nil {
		n, ok := opts.RawGetString("ttl").(lua.LNumber)
		if !ok || n <= 0 {
			argError(L, 3, "ttl is a number of seconds above 0")
		}
		ttl = time.Duration(float64(n) * float64(time.Second))
	}
	var value []byte
	if v != lua.LNil {
		var err error
		if value, err = h.appendJSON(nil, v, 0); err != nil {
			argError(L, 2, err.Error())
		}
	}
	b, ctx := h.backend(), h.context()
	var err error
	h.Blocking(func() { err = b.Set(ctx, key, value, ttl) })
	if err != nil {
		return failed(L, err)
	}
	return pushAll(L, lua.LTrue)
}
