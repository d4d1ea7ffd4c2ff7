package luabridge

import (
	"errors"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"downpour/internal/pattern"
)

// gopher-lua's patterns are up to a thousand times slower than Lua's, differ
// from them, match the whole subject before the first result is used, and
// cannot be stopped. These are package pattern's.

// matcher is a machine that stops when the call at hand has to.
func (s *std) matcher() *pattern.Machine {
	if n := len(s.matchers); n > 0 {
		m := s.matchers[n-1]
		s.matchers = s.matchers[:n-1]
		return m
	}
	return &pattern.Machine{Refuel: s.stopped}
}

func (s *std) release(m *pattern.Machine) {
	m.Reset()
	if len(s.matchers) < maxPool {
		s.matchers = append(s.matchers, m)
	}
}

func (s *std) find(L *lua.LState) int  { return s.search(L, true) }
func (s *std) match(L *lua.LState) int { return s.search(L, false) }

// search is find and match.
func (s *std) search(L *lua.LState, find bool) int {
	text, source := argString(L, 1), argString(L, 2)
	from := min(max(from0(optInt(L, 3, 1), len(text))-1, 0), len(text))
	p := s.patterns.Get(source)
	if find && (p.Plain() || lua.LVAsBool(L.Get(4))) {
		i := strings.Index(text[from:], source)
		if i < 0 {
			return pushAll(L, lua.LNil)
		}
		return pushAll(L, lua.LNumber(from+i+1), lua.LNumber(from+i+len(source)))
	}
	m := s.matcher()
	ok, err := m.Find(p, text, from)
	if err != nil {
		L.RaiseError("%s", err.Error())
	}
	if !ok {
		s.release(m)
		return pushAll(L, lua.LNil)
	}
	n := 0
	if find {
		n = pushAll(L, lua.LNumber(m.Start+1), lua.LNumber(m.End))
		n += pushCaptures(L, m, m.Count())
	} else {
		n = pushCaptures(L, m, max(m.Count(), 1))
	}
	s.release(m)
	return n
}

func pushCaptures(L *lua.LState, m *pattern.Machine, n int) int {
	for i := range n {
		L.Push(captureValue(L, m, i))
	}
	return n
}

func captureValue(L *lua.LState, m *pattern.Machine, i int) lua.LValue {
	c, err := m.Capture(i)
	if err != nil {
		L.RaiseError("%s", err.Error())
	}
	if c.Position > 0 {
		return lua.LNumber(c.Position)
	}
	return lua.LString(c.Text)
}

func (s *std) gmatch(L *lua.LState) int {
	text, p := argString(L, 1), s.patterns.Get(argString(L, 2)).Iter()
	from := 0
	return pushAll(L, L.NewFunction(func(L *lua.LState) int {
		if from > len(text) {
			return pushAll(L, lua.LNil)
		}
		m := s.matcher()
		ok, err := m.Find(p, text, from)
		if err != nil {
			L.RaiseError("%s", err.Error())
		}
		if !ok {
			s.release(m)
			from = len(text) + 1
			return pushAll(L, lua.LNil)
		}
		if from = m.End; m.Start == m.End {
			from++
		}
		n := pushCaptures(L, m, max(m.Count(), 1))
		s.release(m)
		return n
	}))
}

func (s *std) gsub(L *lua.LState) int {
	text, p := argString(L, 1), s.patterns.Get(argString(L, 2))
	limit := optInt(L, 4, len(text)+1)
	replace := s.replacement(L)
	m := s.matcher()
	out, n, err := m.GSub(p, text, limit, func(dst []byte, m *pattern.Machine) ([]byte, error) {
		dst, err := replace(dst, m)
		if err == nil && len(dst) > s.maxString {
			s.fits(L, len(dst))
		}
		return dst, err
	})
	if err != nil {
		L.RaiseError("%s", err.Error())
	}
	s.release(m)
	return pushAll(L, lua.LString(out), lua.LNumber(n))
}

// replacement is what gsub's third argument makes of a match.
func (s *std) replacement(L *lua.LState) pattern.Replace {
	switch v := L.Get(3).(type) {
	case lua.LString, lua.LNumber:
		return pattern.Template(argString(L, 3))
	case *lua.LTable:
		return func(dst []byte, m *pattern.Machine) ([]byte, error) {
			defer s.nest(L)()
			return appendReplaced(dst, m, L.GetTable(v, captureValue(L, m, 0)))
		}
	case *lua.LFunction:
		return func(dst []byte, m *pattern.Machine) ([]byte, error) {
			defer s.nest(L)()
			L.Push(v)
			L.Call(pushCaptures(L, m, max(m.Count(), 1)), 1)
			r := L.Get(-1)
			L.Pop(1)
			return appendReplaced(dst, m, r)
		}
	}
	argError(L, 3, "string/function/table expected")
	return nil
}

func appendReplaced(dst []byte, m *pattern.Machine, v lua.LValue) ([]byte, error) {
	switch v := v.(type) {
	case lua.LString:
		return append(dst, v...), nil
	case lua.LNumber:
		return append(dst, numberText(float64(v))...), nil
	case lua.LBool, *lua.LNilType:
		if v != lua.LTrue {
			return append(dst, m.Whole()...), nil
		}
	}
	return dst, errors.New("invalid replacement value (a " + v.Type().String() + ")")
}
