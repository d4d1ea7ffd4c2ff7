package luabridge

import (
	"regexp"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

const (
	inspectDepth = 20
	inspectBytes = 1 << 20
)

func inspectModule() module {
	return module{
		name: "inspect", text: "Any value as readable text.",
		docs: []doc{
			{call: "inspect(v) -> string", text: "v as Lua would write it, tables with their fields in order; require answers the function itself."},
		},
		open: func(h *Host, L *lua.LState) lua.LValue {
			return L.NewFunction(func(L *lua.LState) int { return pushAll(L, lua.LString(h.inspect(L, argAny(L, 1)))) })
		},
	}
}

func (h *Host) inspect(L *lua.LState, v lua.LValue) string {
	i := inspector{h: h, L: L, seen: map[*lua.LTable]bool{}}
	i.value(v, 0)
	return i.b.String()
}

// An inspector writes one value.
type inspector struct {
	h    *Host
	L    *lua.LState
	b    strings.Builder
	seen map[*lua.LTable]bool // tables around the one at hand
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

var keywords = map[string]bool{
	"and": true, "break": true, "do": true, "else": true, "elseif": true, "end": true, "false": true, "for": true, "function": true,
	"if": true, "in": true, "local": true, "nil": true, "not": true, "or": true, "repeat": true, "return": true, "then": true,
	"true": true, "until": true, "while": true,
}

func (i *inspector) value(v lua.LValue, depth int) {
	switch v := v.(type) {
	case lua.LString:
		i.b.WriteString(inspectString(string(v)))
	case lua.LNumber:
		i.b.WriteString(numberText(float64(v)))
	case *lua.LTable:
		i.table(v, depth)
	case lua.LBool, *lua.LNilType:
		i.b.WriteString(v.String())
	case *lua.LUserData:
		i.b.WriteString("<" + toString(i.L, v) + ">")
	default:
		i.b.WriteString("<" + v.Type().String() + ">")
	}
}

func (i *inspector) table(t *lua.LTable, depth int) {
	switch {
	case i.seen[t]:
		i.b.WriteString("<cycle>")
		return
	case depth >= inspectDepth || i.b.Len() > inspectBytes:
		i.b.WriteString("{…}")
		return
	}
	i.seen[t] = true
	defer delete(i.seen, t)
	i.h.fill(t)
	n := t.Len()
	inline, first := true, true
	i.b.WriteByte('{')
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		if !first {
			i.b.WriteByte(',')
		}
		first = false
		index, isIndex := k.(lua.LNumber)
		isIndex = isIndex && index >= 1 && int(index) <= n && lua.LNumber(int(index)) == index
		if _, nested := v.(*lua.LTable); nested || !isIndex {
			inline = false
		}
		if inline {
			i.b.WriteByte(' ')
		} else {
			i.b.WriteString("\n" + strings.Repeat("  ", depth+1))
		}
		if !isIndex {
			i.key(k, depth)
			i.b.WriteString(" = ")
		}
		i.value(v, depth+1)
	}
	switch {
	case first:
	case inline:
		i.b.WriteByte(' ')
	default:
		i.b.WriteString("\n" + strings.Repeat("  ", depth))
	}
	i.b.WriteByte('}')
}

func (i *inspector) key(k lua.LValue, depth int) {
	if s, ok := k.(lua.LString); ok && identifier.MatchString(string(s)) && !keywords[string(s)] {
		i.b.WriteString(string(s))
		return
	}
	i.b.WriteByte('[')
	i.value(k, depth+1)
	i.b.WriteByte(']')
}

// inspectString quotes s so that it is one line, reads back in Lua and sends
// nothing to a terminal but text.
func inspectString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\ufffd' && !strings.HasPrefix(s[i:], "\ufffd"):
			b.WriteString(decimalEscape(s[i]))
		case !strconv.IsPrint(r):
			for _, c := range []byte(string(r)) {
				b.WriteString(decimalEscape(c))
			}
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func decimalEscape(c byte) string {
	n := strconv.Itoa(int(c))
	return `\` + strings.Repeat("0", 3-len(n)) + n
}
