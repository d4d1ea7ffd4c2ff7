package luabridge

import (
	"fmt"
	"iter"
	"maps"

	lua "github.com/yuin/gopher-lua"

	"downpour/engine"
	"downpour/internal/option"
)

// settings is what crawl{} said.
type settings struct {
	script  map[string]any // of the scripts; the last one wins
	snippet map[string]any // of snippets, for what no script sets
	seeds   []*lua.LFunction
	proxy   *lua.LFunction
}

// merged lays the scripts' settings over those of the snippets.
func (s *settings) merged() map[string]any {
	all := map[string]any{}
	maps.Copy(all, s.snippet)
	maps.Copy(all, s.script)
	return all
}

// globalCrawl is crawl{…}.
func (h *Host) globalCrawl(L *lua.LState) int {
	t, ok := L.Get(1).(*lua.LTable)
	if !ok {
		L.RaiseError("crawl takes a table: crawl { delay = 1 }")
	}
	if h.loading == nil {
		L.RaiseError("crawl{} belongs at the top level of a script: it is read before the crawl starts")
	}
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		name, ok := k.(lua.LString)
		if !ok {
			L.RaiseError("crawl{} has a value without a name (%s)", v.String())
		}
		if err := h.set(string(name), v); err != nil {
			h.raiseKey(L, string(name), err)
		}
	}
	return 0
}

// set takes one key of crawl{}.
func (h *Host) set(name string, v lua.LValue) error {
	into := &h.settings.script
	if h.loading.snippet {
		into = &h.settings.snippet
	}
	if *into == nil {
		*into = map[string]any{}
	}
	plain, err := h.plain(v, 0)
	if err != nil {
		return fmt.Errorf("setting %q: %w", name, err)
	}
	if _, known := option.Lookup(name); known && plain == nil {
		return nil
	}
	value, err := option.Check(name, plain)
	if err != nil {
		return err
	}
	fn, isFunction := v.(*lua.LFunction)
	t, isTable := v.(*lua.LTable)
	switch {
	case name == "seeds" && isFunction:
		h.settings.seeds = append(h.settings.seeds, fn)
		(*into)[name] = value
	case name == "proxy" && isFunction:
		h.settings.proxy = fn
	case name == "policy" && isTable:
		return h.setPolicy(t)
	default:
		(*into)[name] = value
	}
	return nil
}

// Seeds are the seeds of crawl{}: those of its lists, then what its iterator
// functions answer, pulled as they are needed. An error of a function ends
// them.
func (h *Host) Seeds() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		list, _ := h.settings.merged()["seeds"].([]string) // a function is none
		for _, s := range list {
			if !yield(s, nil) {
				return
			}
		}
		for _, fn := range h.settings.seeds {
			for {
				url, err := h.nextSeed(fn)
				if err == nil && url == "" {
					break
				}
				if !yield(url, err) || err != nil {
					return
				}
			}
		}
	}
}

// nextSeed calls a seed iterator once; "" is its end.
func (h *Host) nextSeed(fn *lua.LFunction) (string, error) {
	c := h.enter(nil, nil) //nolint:staticcheck // a seed has no context of its own
	defer h.leave(c)
	c.hook = "seeds"
	rets, err := h.invoke(fn, 1)
	if err != nil {
		return "", h.scriptError(err, c.hook, "")
	}
	switch v := rets[0].(type) {
	case *lua.LNilType:
		return "", nil
	case lua.LString:
		return string(v), nil
	default:
		return "", fmt.Errorf("the seeds function answered a %s, not a URL", v.Type())
	}
}

// Proxy is crawl{proxy = function}; nil where there is none. An error of the
// function is logged, and the request then goes without a proxy of its own.
func (h *Host) Proxy() func(*engine.Request) string {
	fn := h.settings.proxy
	if fn == nil {
		return nil
	}
	return func(r *engine.Request) string {
		c := h.enter(nil, nil) //nolint:staticcheck // the fetcher has none to give
		defer h.leave(c)
		c.hook = "proxy"
		rets, err := h.invoke(fn, 1, &h.newPage(r, nil).ud)
		if err != nil {
			h.report(h.scriptError(err, c.hook, r.URL))
			return ""
		}
		s, _ := rets[0].(lua.LString)
		return string(s)
	}
}
