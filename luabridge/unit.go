package luabridge

import (
	"downpour/engine"

	lua "github.com/yuin/gopher-lua"
)

// A unit is one script, or one use of a snippet: its globals and its hooks.
type unit struct {
	name    string // for messages
	env     *lua.LTable
	hooks   *lua.LTable            // what a snippet returned; nil for a script
	kinds   map[string]*lua.LTable // its kinds, by name
	folders []folder               // where use and require look first
	snippet bool
}

// table is the table that holds the unit's hook called name for a kind: the
// kind's own, the one a snippet returned, or the unit's globals; nil for none.
func (u *unit) table(name, kind string) *lua.LTable {
	if t := u.kinds[kind]; t != nil && kind != "" && t.RawGetString(name).Type() == lua.LTFunction {
		return t
	}
	if u.hooks != nil && u.hooks.RawGetString(name).Type() == lua.LTFunction {
		return u.hooks
	}
	if u.env.RawGetString(name).Type() == lua.LTFunction {
		return u.env
	}
	return nil
}

// A link is one function of a chain. The function is looked up at each call,
// for scripts that change their hooks while they run.
type link struct {
	unit  *unit
	table *lua.LTable
	reads bool // it looked at the text of the page when the scripts had run
}

// A chain is what is called for one hook and kind, in order.
type chain []link

// reads reports whether a function of the chain looks at the text of the page.
func (c chain) reads() bool {
	for i := range c {
		if c[i].reads {
			return true
		}
	}
	return false
}

// hook is an index into hookNames; the events come first and keep their order.
type hook = int

const hookItem hook = hook(engine.EventFinish) + 1

// wiring is every chain of the crawl, found once when all scripts have run.
type wiring struct {
	plain [hookItem + 1]chain             // for requests without a kind, and kinds nobody declared
	kinds map[string]*[hookItem + 1]chain // for the kinds declared
	loose map[string]bool                 // kinds that requests have and nobody declared
}

// wire finds the hooks of all units.
func (h *Host) wire() {
	h.wiring.kinds, h.wiring.loose = map[string]*[hookItem + 1]chain{}, map[string]bool{}
	for _, u := range h.units {
		for kind := range u.kinds {
			h.wiring.kinds[kind] = &[hookItem + 1]chain{}
		}
	}
	for i, name := range hookNames {
		h.wiring.plain[i] = h.link(name, "")
		for kind, chains := range h.wiring.kinds {
			chains[i] = h.link(name, kind)
		}
	}
}

func (h *Host) link(name, kind string) chain {
	var c chain
	for _, u := range h.units {
		if t := u.table(name, kind); t != nil {
			fn, ok := t.RawGetString(name).(*lua.LFunction)
			c = append(c, link{u, t, ok && handsText(name) && takes(fn, 2)})
		}
	}
	return c
}

// handsText reports whether a hook is handed the text of its page.
func handsText(hook string) bool {
	return hook == engine.EventSuccess.String() || hook == engine.EventDone.String()
}

// chain is what to call for a hook and kind.
func (h *Host) chain(k hook, kind string) chain {
	if kind != "" {
		if chains := h.wiring.kinds[kind]; chains != nil {
			return chains[k]
		}
	}
	return h.wiring.plain[k]
}

// Wants implements engine.Handler.
func (h *Host) Wants(ev engine.Event, kind string) bool {
	if ev == engine.EventStart && len(h.kept) > 0 {
		return true
	}
	return len(h.chain(hook(ev), kind)) > 0 || h.follows(ev)
}
