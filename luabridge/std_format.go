package luabridge

import (
	"fmt"
	"math"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// A spec is one conversion of string.format, such as %-8.3f.
type spec struct {
	flags     string
	width     string
	precision string // with its point; "" for none
	verb      byte
}

// format is string.format: C's conversions, which Go's own would read
// otherwise, and widths of at most two digits.
func (s *std) format(L *lua.LState) int {
	f := argString(L, 1)
	var b strings.Builder
	arg := 1
	for {
		i := strings.IndexByte(f, '%')
		if i < 0 {
			break
		}
		b.WriteString(f[:i])
		f = f[i+1:]
		if strings.HasPrefix(f, "%") {
			b.WriteByte('%')
			f = f[1:]
			continue
		}
		sp, rest := readSpec(L, f)
		f = rest
		arg++
		if arg > L.GetTop() {
			argError(L, arg, "no value")
		}
		b.WriteString(sp.text(L, arg))
		s.fits(L, b.Len())
	}
	s.fits(L, b.Len()+len(f))
	b.WriteString(f)
	return pushAll(L, lua.LString(b.String()))
}

// readSpec reads a conversion after its %.
func readSpec(L *lua.LState, f string) (spec, string) {
	var sp spec
	n := len(f) - len(strings.TrimLeft(f, "-+ #0"))
	if n > 5 {
		L.RaiseError("invalid format (repeated flags)")
	}
	sp.flags, f = f[:n], f[n:]
	sp.width, f = digits(f)
	if strings.HasPrefix(f, ".") {
		var d string
		d, f = digits(f[1:])
		sp.precision = "." + d
	}
	if f != "" && f[0] >= '0' && f[0] <= '9' {
		L.RaiseError("invalid format (width or precision too long)")
	}
	if f == "" {
		L.RaiseError("invalid option '%%' to 'format'")
	}
	sp.verb = f[0]
	if !strings.ContainsRune("cdiouxXeEfgGqs", rune(sp.verb)) {
		L.RaiseError("invalid option '%%%c' to 'format'", sp.verb)
	}
	return sp, f[1:]
}

// digits splits off at most two digits.
func digits(f string) (string, string) {
	n := 0
	for n < len(f) && n < 2 && f[n] >= '0' && f[n] <= '9' {
		n++
	}
	return f[:n], f[n:]
}

// text converts argument n.
func (sp spec) text(L *lua.LState, n int) string {
	switch sp.verb {
	case 'c':
		return sp.pad(string([]byte{byte(argInt(L, n))}))
	case 'd', 'i':
		return sp.integer(int64(toInt(argNumber(L, n))))
	case 'o', 'u', 'x', 'X':
		return sp.unsigned(uint64(toInt(argNumber(L, n))))
	case 'q':
		return quote(argString(L, n))
	case 's':
		text := toString(L, L.Get(n))
		if f, ok := L.Get(n).(lua.LNumber); ok {
			text = numberText(float64(f))
		}
		if sp.precision != "" {
			text = text[:min(len(text), atoi(sp.precision[1:]))]
		}
		return sp.pad(text)
	}
	return sp.float(argNumber(L, n))
}

func (sp spec) has(flag string) bool { return strings.Contains(sp.flags, flag) }

// pad fills text up to the width with spaces.
func (sp spec) pad(text string) string {
	gap := atoi(sp.width) - len(text)
	switch {
	case gap <= 0:
		return text
	case sp.has("-"):
		return text + strings.Repeat(" ", gap)
	}
	return strings.Repeat(" ", gap) + text
}

func (sp spec) integer(i int64) string {
	flags := strings.ReplaceAll(sp.flags, "#", "")
	if sp.precision != "" {
		flags = strings.ReplaceAll(flags, "0", "")
		if i == 0 && atoi(sp.precision[1:]) == 0 {
			return sp.pad(sign(sp))
		}
	}
	return fmt.Sprintf("%"+flags+sp.width+sp.precision+"d", i)
}

func sign(sp spec) string {
	switch {
	case sp.has("+"):
		return "+"
	case sp.has(" "):
		return " "
	}
	return ""
}

func (sp spec) unsigned(u uint64) string {
	flags, verb := sp.flags, sp.verb
	for _, f := range []string{"+", " "} {
		flags = strings.ReplaceAll(flags, f, "")
	}
	if verb == 'u' {
		verb, flags = 'd', strings.ReplaceAll(flags, "#", "")
	}
	if u == 0 && verb != 'o' {
		flags = strings.ReplaceAll(flags, "#", "") // C writes no 0x before 0
	}
	if sp.precision != "" {
		flags = strings.ReplaceAll(flags, "0", "")
		if u == 0 && atoi(sp.precision[1:]) == 0 {
			return sp.pad("")
		}
	}
	return fmt.Sprintf("%"+flags+sp.width+sp.precision+string(verb), u)
}

func (sp spec) float(f float64) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		text := "nan"
		if !math.IsNaN(f) {
			text = "inf"
			if f < 0 {
				text = "-inf"
			} else {
				text = sign(sp) + text
			}
		}
		if sp.verb == 'E' || sp.verb == 'G' {
			text = strings.ToUpper(text)
		}
		return sp.pad(text)
	}
	precision := sp.precision
	switch precision {
	case "":
		precision = ".6" // Go's own default for %g is the shortest form
	case ".":
		precision = ".0"
	}
	return fmt.Sprintf("%"+sp.flags+sp.width+precision+string(sp.verb), f)
}

// atoi reads at most two digits, none as 0.
func atoi(s string) int {
	n := 0
	for _, c := range []byte(s) {
		n = n*10 + int(c-'0')
	}
	return n
}

// quote is %q: a string that Lua reads back.
func quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(text) {
		switch c {
		case '"', '\\', '\n':
			b.WriteByte('\\')
			b.WriteByte(c)
		case '\r':
			b.WriteString(`\r`)
		case 0:
			b.WriteString(`\000`)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
