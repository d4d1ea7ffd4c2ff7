package luabridge

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
)

// maxNesting is how deep tables may lie in one another to become JSON.
const maxNesting = 100

// appendJSON writes v as JSON. Tables keep the order of their keys; one with
// the keys 1 to n and no other is a list, an empty one an object unless it is
// marked as a list. The lock is held.
func (h *Host) appendJSON(b []byte, v lua.LValue, depth int) ([]byte, error) {
	switch v := v.(type) {
	case *lua.LNilType, nil:
		return append(b, "null"...), nil
	case lua.LBool:
		return strconv.AppendBool(b, bool(v)), nil
	case lua.LNumber:
		return appendNumber(b, float64(v))
	case lua.LString:
		return appendString(b, string(v)), nil
	case *lua.LUserData:
		if v == h.types.null {
			return append(b, "null"...), nil
		}
	case *lua.LTable:
		if err := h.writable(len(b), depth); err != nil {
			return nil, err
		}
		h.fill(v)
		if n := v.Len(); n > 0 && isList(v, n) || v.Metatable == h.types.array {
			return h.appendList(b, v, depth)
		}
		return h.appendObject(b, v, depth)
	}
	return nil, fmt.Errorf("a %s is no JSON value", v.Type())
}

// errNesting is the error of a table that has no end.
var errNesting = fmt.Errorf("tables nested deeper than %d, or one inside itself", maxNesting)

// writable is an error where a table may not be written after n bytes of JSON:
// few tables that refer to each other can stand for very much of it.
func (h *Host) writable(n, depth int) error {
	if depth > maxNesting {
		return errNesting
	}
	return h.std().mayGrow(n)
}

// mayGrow is an error where what is n bytes long already may not become longer.
func (s *std) mayGrow(n int) error {
	if n > s.maxString {
		return s.tooLarge()
	}
	return s.stopped()
}

func (h *Host) appendList(b []byte, t *lua.LTable, depth int) ([]byte, error) {
	s, b := h.std(), append(b, '[')
	for i := range t.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		err := s.mayGrow(len(b))
		if err != nil {
			return nil, err
		}
		if b, err = h.appendJSON(b, t.RawGetInt(i+1), depth+1); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

func (h *Host) appendObject(b []byte, t *lua.LTable, depth int) ([]byte, error) {
	s, b := h.std(), append(b, '{')
	first := true
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		name, err := keyText(k)
		if err != nil {
			return nil, err
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(appendString(b, name), ':')
		if err := s.mayGrow(len(b)); err != nil {
			return nil, err
		}
		if b, err = h.appendJSON(b, v, depth+1); errors.Is(err, errNesting) {
			return nil, err // its way there would be as long
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return append(b, '}'), nil
}

// keyText is a table's key as the name of a JSON member.
func keyText(k lua.LValue) (string, error) {
	switch k := k.(type) {
	case lua.LString:
		return string(k), nil
	case lua.LNumber:
		b, err := appendNumber(nil, float64(k))
		return string(b), err
	}
	return "", fmt.Errorf("a %s cannot be a key", k.Type())
}

// isList reports whether the keys 1 to n are all that t has.
func isList(t *lua.LTable, n int) bool {
	count := 0
	for k, _ := t.Next(lua.LNil); k != lua.LNil; k, _ = t.Next(k) {
		if _, ok := k.(lua.LNumber); !ok {
			return false
		}
		count++
	}
	return count == n
}

func appendNumber(b []byte, f float64) ([]byte, error) {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return nil, errors.New("NaN and infinity are no JSON values")
	case f == math.Trunc(f) && math.Abs(f) < 1<<63:
		return strconv.AppendInt(b, int64(f), 10), nil
	}
	return strconv.AppendFloat(b, f, 'g', -1, 64), nil
}

const hexDigits = "0123456789abcdef"

// appendString writes s as a JSON string; bytes that are no UTF-8 become
// U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf && c >= ' ' && c != '"' && c != '\\' && c != 0x7f {
			i++
			continue
		}
		size := 1
		if c >= utf8.RuneSelf {
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			if (r != utf8.RuneError || size > 1) && r != '\u2028' && r != '\u2029' {
				i += size
				continue
			}
		}
		b = append(b, s[from:i]...)
		b = appendEscape(b, s[i:i+size])
		i += size
		from = i
	}
	return append(append(b, s[from:]...), '"')
}

func appendEscape(b []byte, s string) []byte {
	switch s {
	case `"`, `\`:
		return append(b, '\\', s[0])
	case "\n":
		return append(b, `\n`...)
	case "\r":
		return append(b, `\r`...)
	case "\t":
		return append(b, `\t`...)
	case "\u2028":
		return append(b, `\u2028`...)
	case "\u2029":
		return append(b, `\u2029`...)
	}
	if s[0] < utf8.RuneSelf {
		return append(b, '\\', 'u', '0', '0', hexDigits[s[0]>>4], hexDigits[s[0]&15])
	}
	return append(b, "\ufffd"...)
}

// parseJSON makes a Lua value of JSON text. Objects keep the order of their
// members, null is the null value, empty lists stay lists. Strings share the
// text's memory, which must not change.
func (h *Host) parseJSON(data []byte) (lua.LValue, error) {
	d := jsonReader{h: h, text: bytesText(data)}
	return d.document()
}

// plain makes a Go value of settings: nil, bool, float64, string, []any,
// map[string]any, or a *lua.LFunction as it is.
func (h *Host) plain(v lua.LValue, depth int) (any, error) {
	switch v := v.(type) {
	case *lua.LNilType:
		return nil, nil
	case lua.LBool:
		return bool(v), nil
	case lua.LNumber:
		return float64(v), nil
	case lua.LString:
		return string(v), nil
	case *lua.LFunction:
		return func() {}, nil
	case *lua.LTable:
		if depth > maxNesting {
			return nil, errors.New("tables nested too deeply")
		}
		if n := v.Len(); n > 0 && isList(v, n) {
			return h.plainList(v, n, depth)
		}
		return h.plainMap(v, depth)
	}
	return nil, fmt.Errorf("a %s is no value for a setting", v.Type())
}

func (h *Host) plainList(t *lua.LTable, n, depth int) (any, error) {
	list := make([]any, n)
	for i := range list {
		var err error
		if list[i], err = h.plain(t.RawGetInt(i+1), depth+1); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (h *Host) plainMap(t *lua.LTable, depth int) (any, error) {
	m := map[string]any{}
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		name, err := keyText(k)
		if err != nil {
			return nil, err
		}
		if m[name], err = h.plain(v, depth+1); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return m, nil
}
