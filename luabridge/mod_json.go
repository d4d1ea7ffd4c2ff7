package luabridge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
)

func jsonModule() module {
	return module{
		name: "json", text: "JSON text to Lua values and back; the order of keys is kept.",
		docs: []doc{
			{call: "decode(s) -> value | nil, message", text: "Reads JSON. Objects keep the order of their members, null is json.null, lists stay lists even when empty."},
			{call: "encode(value, {indent=}?) -> string | nil, message", text: "Writes JSON. A table with the keys 1 to n is a list; indent is a number of spaces."},
			{call: "null", text: "JSON's null, for tables, where nil would leave no key."},
			{call: "array(t?) -> t", text: "Marks a table as a list, so that it is [] when empty."},
		},
		open: func(h *Host, L *lua.LState) lua.LValue {
			t := newModule(L, map[string]lua.LGFunction{
				"decode": h.jsonDecode,
				"encode": h.jsonEncode,
				"array": func(L *lua.LState) int {
					if L.GetTop() == 0 {
						L.Push(L.NewTable())
					}
					t := argTable(L, 1)
					t.Metatable = h.types.array
					return pushAll(L, t)
				},
			})
			t.RawSetString("null", h.types.null)
			return t
		},
	}
}

func (h *Host) jsonDecode(L *lua.LState) int {
	d := jsonReader{h: h, text: argString(L, 1)}
	v, err := d.document()
	h.std().halt(L)
	if err != nil {
		return failed(L, err)
	}
	return pushAll(L, v)
}

func (h *Host) jsonEncode(L *lua.LState) int {
	v := argAny(L, 1)
	opts := h.fields(L, 2, "indent")
	b, err := h.appendJSON(nil, v, 0)
	h.std().halt(L)
	if err != nil {
		return failed(L, err)
	}
	if opts != nil {
		indent := ""
		switch n := opts.RawGetString("indent").(type) {
		case lua.LNumber:
			indent = strings.Repeat(" ", min(max(int(n), 0), 16))
		case lua.LString:
			indent = string(n)
		case lua.LBool:
			if n {
				indent = "  "
			}
		}
		if strings.Trim(indent, " \t") != "" {
			argError(L, 2, "indent is a number of spaces, or spaces and tabs")
		}
		if indent != "" {
			var out bytes.Buffer
			if err := json.Indent(&out, b, "", indent); err != nil {
				return failed(L, err)
			}
			b = out.Bytes()
		}
	}
	return pushAll(L, lua.LString(b))
}

// A jsonReader makes Lua values of JSON text (RFC 8259). Strings without
// escapes share the text's memory.
type jsonReader struct {
	h    *Host
	text string
	i    int
}

var errJSONEnd = errors.New("the text ends too early")

func (d *jsonReader) fail(what string) error {
	line := 1 + strings.Count(d.text[:min(d.i, len(d.text))], "\n")
	return fmt.Errorf("line %d, byte %d: %s", line, d.i+1, what)
}

// document reads the one value of the text.
func (d *jsonReader) document() (lua.LValue, error) {
	d.text = strings.TrimPrefix(d.text, "\ufeff")
	v, err := d.value(0)
	if err != nil {
		return lua.LNil, err
	}
	if d.space(); d.i < len(d.text) {
		return lua.LNil, d.fail("more text after the value")
	}
	return v, nil
}

func (d *jsonReader) space() {
	for d.i < len(d.text) {
		switch d.text[d.i] {
		case ' ', '\t', '\n', '\r':
			d.i++
		default:
			return
		}
	}
}

func (d *jsonReader) value(depth int) (lua.LValue, error) {
	d.space()
	if d.i >= len(d.text) {
		return nil, d.fail(errJSONEnd.Error())
	}
	if depth > 10*maxNesting {
		return nil, d.fail("nested too deeply")
	}
	switch c := d.text[d.i]; {
	case c == '{' || c == '[':
		return d.table(depth)
	case c == '"':
		s, err := d.str()
		return lua.LString(s), err
	case c == '-' || c >= '0' && c <= '9':
		return d.number()
	}
	for _, word := range []struct {
		text string
		v    lua.LValue
	}{{"true", lua.LTrue}, {"false", lua.LFalse}, {"null", d.h.types.null}} {
		if strings.HasPrefix(d.text[d.i:], word.text) {
			d.i += len(word.text)
			return word.v, nil
		}
	}
	return nil, d.fail(fmt.Sprintf("unexpected %q", d.text[d.i:d.i+1]))
}

// next skips white space and then a byte that has to be want, or to be end
// where that ends a list.
func (d *jsonReader) next(want, end byte) (ended bool, err error) {
	d.space()
	if d.i >= len(d.text) {
		return false, d.fail(errJSONEnd.Error())
	}
	switch d.text[d.i] {
	case end:
		d.i++
		return true, nil
	case want:
		d.i++
		return false, nil
	}
	return false, d.fail(fmt.Sprintf("%q where %q belongs", d.text[d.i:d.i+1], string(rune(want))))
}

// table reads a list or an object, if the call at hand may go on: of a long text
// they are many.
func (d *jsonReader) table(depth int) (lua.LValue, error) {
	select {
	case <-d.h.gate.Done():
		return nil, d.h.gate.Err()
	default:
	}
	if d.text[d.i] == '[' {
		return d.list(depth)
	}
	return d.object(depth)
}

func (d *jsonReader) list(depth int) (lua.LValue, error) {
	t := d.h.L.CreateTable(4, 0)
	t.Metatable = d.h.types.array
	d.i++
	if d.space(); strings.HasPrefix(d.text[d.i:], "]") {
		d.i++
		return t, nil
	}
	for {
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		t.Append(v)
		if ended, err := d.next(',', ']'); ended || err != nil {
			return t, err
		}
	}
}

func (d *jsonReader) object(depth int) (lua.LValue, error) {
	t := d.h.L.CreateTable(0, 8)
	d.i++
	if d.space(); strings.HasPrefix(d.text[d.i:], "}") {
		d.i++
		return t, nil
	}
	for {
		if d.space(); !strings.HasPrefix(d.text[d.i:], `"`) {
			return nil, d.fail("a member's name in double quotes belongs here")
		}
		name, err := d.str()
		if err != nil {
			return nil, err
		}
		if _, err := d.next(':', 0); err != nil {
			return nil, err
		}
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		t.RawSetString(name, v)
		if ended, err := d.next(',', '}'); ended || err != nil {
			return t, err
		}
	}
}

func (d *jsonReader) number() (lua.LValue, error) {
	start := d.i
	for d.i < len(d.text) && strings.IndexByte("+-0123456789.eE", d.text[d.i]) >= 0 {
		d.i++
	}
	word := d.text[start:d.i]
	f, err := strconv.ParseFloat(word, 64)
	digits := strings.TrimPrefix(word, "-")
	bad := errors.Is(err, strconv.ErrSyntax) || digits == "" || digits[0] < '0' || digits[0] > '9' ||
		len(digits) > 1 && digits[0] == '0' && isDigitByte(digits[1]) || strings.Contains(digits, ".e") ||
		strings.Contains(digits, ".E") || strings.HasSuffix(digits, ".")
	if bad {
		d.i = start
		return nil, d.fail(fmt.Sprintf("%q is no number", word))
	}
	return lua.LNumber(f), nil
}

func isDigitByte(c byte) bool { return c >= '0' && c <= '9' }

func (d *jsonReader) str() (string, error) {
	d.i++
	start := d.i
	for d.i < len(d.text) {
		switch c := d.text[d.i]; {
		case c == '"':
			d.i++
			return d.text[start : d.i-1], nil
		case c == '\\':
			return d.escaped(start)
		case c < ' ':
			return "", d.fail("a control character in a string")
		}
		d.i++
	}
	return "", d.fail("a string has no end")
}

// escaped reads the rest of a string that has escapes.
func (d *jsonReader) escaped(start int) (string, error) {
	b := []byte(d.text[start:d.i])
	for d.i < len(d.text) {
		c := d.text[d.i]
		d.i++
		switch {
		case c == '"':
			return string(b), nil
		case c < ' ':
			return "", d.fail("a control character in a string")
		case c != '\\':
			b = append(b, c)
			continue
		}
		if d.i >= len(d.text) {
			break
		}
		c = d.text[d.i]
		d.i++
		if c == 'u' {
			r, err := d.unicode()
			if err != nil {
				return "", err
			}
			b = utf8.AppendRune(b, r)
			continue
		}
		k := strings.IndexByte(`"\/bfnrt`, c)
		if k < 0 {
			return "", d.fail(fmt.Sprintf(`\%c is no escape`, c))
		}
		b = append(b, "\"\\/\b\f\n\r\t"[k])
	}
	return "", d.fail("a string has no end")
}

// unicode reads the digits of a \u escape, and the second of a pair.
func (d *jsonReader) unicode() (rune, error) {
	r, err := d.hex4()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	if strings.HasPrefix(d.text[d.i:], `\u`) {
		kept := d.i
		d.i += 2
		low, err := d.hex4()
		if err != nil {
			return 0, err
		}
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, nil
		}
		d.i = kept
	}
	return utf8.RuneError, nil
}

func (d *jsonReader) hex4() (rune, error) {
	if d.i+4 > len(d.text) {
		return 0, d.fail(errJSONEnd.Error())
	}
	u, err := strconv.ParseUint(d.text[d.i:d.i+4], 16, 32)
	if err != nil || strings.ContainsAny(d.text[d.i:d.i+4], "+-_") {
		return 0, d.fail(fmt.Sprintf(`\u%s is no escape`, d.text[d.i:d.i+4]))
	}
	d.i += 4
	return rune(u), nil
}
