package luabridge

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// A Store keeps what scripts share between the workers of a crawl: numbers
// that are counted exactly, and JSON values. It is safe for concurrent use.
type Store interface {
	// Get answers the value of key; ok is false where there is none.
	Get(ctx context.Context, key string) (value []byte, ok bool, err error)
	// Set sets it, for good or, with ttl above 0, for that long; a nil value
	// removes it.
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error
	// Incr adds n to the integer at key, 0 where there is none, as one step,
	// and answers the sum. A value that is no integer is an error.
	Incr(ctx context.Context, key string, n int64) (int64, error)
}

// UseStore makes the store module keep its values in s instead of in memory.
// It is called before the crawl's first hook.
func (h *Host) UseStore(s Store) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.std().store = s
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
					return h.storeIncr(L, *self[*string](L, "counter"), optInt(L, 2, 1))
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
				"incr": func(L *lua.LState) int { return h.storeIncr(L, "value:"+argString(L, 1), optInt(L, 2, 1)) },
			})
		},
	}
}

// backend is where the store keeps its values.
func (h *Host) backend() Store {
	s := h.std()
	if s.store == nil {
		s.store = NewMemoryStore()
	}
	return s.store
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

// A MemoryStore is a Store in this process's memory.
type MemoryStore struct {
	mu     sync.Mutex // guards values
	values map[string]stored
}

type stored struct {
	value []byte
	until time.Time // zero for good
}

var _ Store = (*MemoryStore)(nil)

// NewMemoryStore makes an empty store.
func NewMemoryStore() *MemoryStore { return &MemoryStore{values: map[string]stored{}} }

// Get implements Store.
func (m *MemoryStore) Get(_ context.Context, key string) ([]byte, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.readLocked(key)
	return v.value, ok, nil
}

func (m *MemoryStore) readLocked(key string) (stored, bool) {
	v, ok := m.values[key]
	if ok && !v.until.IsZero() && !time.Now().Before(v.until) {
		delete(m.values, key)
		return stored{}, false
	}
	return v, ok
}

// Set implements Store.
func (m *MemoryStore) Set(_ context.Context, key string, value []byte, ttl time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if value == nil {
		delete(m.values, key)
		return nil
	}
	v := stored{value: value}
	if ttl > 0 {
		v.until = time.Now().Add(ttl)
	}
	m.values[key] = v
	return nil
}

// Incr implements Store.
func (m *MemoryStore) Incr(_ context.Context, key string, n int64) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.readLocked(key)
	var sum int64
	if ok {
		var err error
		if sum, err = strconv.ParseInt(string(v.value), 10, 64); err != nil {
			return 0, errNoInteger
		}
	}
	sum += n
	v.value = strconv.AppendInt(nil, sum, 10)
	m.values[key] = v
	return sum, nil
}

var errNoInteger = errors.New("the value is no integer")
