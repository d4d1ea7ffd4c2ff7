package luabridge

import (
	"maps"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

func setModule() module {
	return module{
		name: "set", text: "A big set of strings, outside Lua's tables; memory of what is removed is freed.",
		docs: []doc{
			{call: "new(list?) -> set", text: "An empty set, or one of a list's strings."},
			{call: "set:add(s) -> boolean", text: "Adds s; true if it was not there."},
			{call: "set:has(s) -> boolean", text: "Whether s is there."},
			{call: "set:remove(s) -> boolean", text: "Removes s; true if it was there."},
			{call: "#set", text: "How many strings there are."},
		},
		open: func(h *Host, L *lua.LState) lua.LValue {
			meta := h.objectType("set", map[string]lua.LGFunction{
				"add":    func(L *lua.LState) int { return pushAll(L, lua.LBool(thisSet(L).add(argString(L, 2)))) },
				"has":    func(L *lua.LState) int { return pushAll(L, lua.LBool(thisSet(L).has(argString(L, 2)))) },
				"remove": func(L *lua.LState) int { return pushAll(L, lua.LBool(thisSet(L).remove(argString(L, 2)))) },
			}, nil)
			meta.RawSetString("__len", L.NewFunction(func(L *lua.LState) int {
				return pushAll(L, lua.LNumber(len(thisSet(L).members)))
			}))
			return newModule(L, map[string]lua.LGFunction{"new": func(L *lua.LState) int {
				s := &stringSet{members: map[string]struct{}{}}
				if L.Get(1) != lua.LNil {
					t := argTable(L, 1)
					for i := 1; i <= t.Len(); i++ {
						if !lua.LVCanConvToString(t.RawGetInt(i)) {
							argError(L, 1, "a list of strings expected")
						}
						s.add(lua.LVAsString(t.RawGetInt(i)))
					}
				}
				return pushAll(L, h.object(L, s, meta))
			}})
		},
	}
}

func thisSet(L *lua.LState) *stringSet { return self[*stringSet](L, "set") }

// A stringSet shrinks: a Go map alone keeps the room it once had.
type stringSet struct {
	members map[string]struct{}
	peak    int
}

func (s *stringSet) has(v string) bool {
	_, ok := s.members[v]
	return ok
}

func (s *stringSet) add(v string) bool {
	if s.has(v) {
		return false
	}
	s.members[strings.Clone(v)] = struct{}{} // v may be a piece of a whole page
	s.peak = max(s.peak, len(s.members))
	return true
}

func (s *stringSet) remove(v string) bool {
	if !s.has(v) {
		return false
	}
	delete(s.members, v)
	if s.peak > 1024 && len(s.members) < s.peak/4 {
		kept := make(map[string]struct{}, len(s.members))
		maps.Copy(kept, s.members)
		s.members, s.peak = kept, len(kept)
	}
	return true
}
