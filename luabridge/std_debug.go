package luabridge

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

const (
	maxFramesShown = 10
	maxDate        = 32 // bytes that a character of os.date's format stands for at most
)

// openDates bounds what os.date makes.
func (s *std) openDates(L *lua.LState) {
	t := library(L, "os")
	date, ok := t.RawGetString("date").(*lua.LFunction)
	if !ok {
		return
	}
	install(L, t, map[string]lua.LGFunction{"date": func(L *lua.LState) int {
		s.fits(L, maxDate*len(optString(L, 1, "")))
		return date.GFunction(L)
	}})
}

// openDebug leaves debug.traceback alone of the debug library.
func (s *std) openDebug(L *lua.LState) {
	t := library(L, "debug")
	keep(t)
	install(L, t, map[string]lua.LGFunction{"traceback": s.traceback})
}

// traceback is debug.traceback([thread,] [message [, level]]), at most ten
// frames.
func (s *std) traceback(L *lua.LState) int {
	of, arg := L, 1
	if th, ok := L.Get(1).(*lua.LState); ok {
		of, arg = th, 2
	}
	message := L.Get(arg)
	if message != lua.LNil && message.Type() != lua.LTString && message.Type() != lua.LTNumber {
		return pushAll(L, message)
	}
	level := 0
	if of == L {
		level = 1
	}
	level = optInt(L, arg+1, level)
	var b strings.Builder
	if message != lua.LNil {
		b.WriteString(lua.LVAsString(message) + "\n")
	}
	b.WriteString("stack traceback:")
	for _, f := range s.frames(of, level, maxFramesShown+1) {
		b.WriteString("\n\t" + f)
	}
	return pushAll(L, lua.LString(b.String()))
}

// frames describes the calls of a thread, and of those that wait for it, from
// the given level on.
func (s *std) frames(L *lua.LState, level, most int) []string {
	var list []string
	for L != nil {
		for {
			dbg, ok := L.GetStack(level)
			if !ok || level < 0 {
				break
			}
			level++
			if len(list) == most-1 {
				return append(list, "...")
			}
			list = append(list, frame(L, dbg))
		}
		level = 0
		t := s.threads[L]
		if t == nil || t.owner == nil {
			break
		}
		L = t.owner
	}
	return list
}

func frame(L *lua.LState, dbg *lua.Debug) string {
	v, err := L.GetInfo("Slnf", dbg, lua.LNil)
	f, ok := v.(*lua.LFunction)
	switch {
	case err != nil || !ok:
		return "?"
	case f.IsG:
		return fmt.Sprintf("[library]: in function '%s'", dbg.Name)
	case dbg.LineDefined == 0:
		return fmt.Sprintf("%s:%d: in main chunk", dbg.Source, dbg.CurrentLine)
	case dbg.Name == "" || dbg.Name == "?" || strings.HasPrefix(dbg.Name, "<"):
		return fmt.Sprintf("%s:%d: in function <%s:%d>", dbg.Source, dbg.CurrentLine, dbg.Source, dbg.LineDefined)
	}
	return fmt.Sprintf("%s:%d: in function '%s'", dbg.Source, dbg.CurrentLine, dbg.Name)
}
