package extract

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// xfunction is a function with how many arguments it takes at least and at most.
type xfunction struct {
	min, max int
	call     func(x *xpathRun, c xcontext, args []any) any
}

var xfunctions map[string]xfunction

func init() { xfunctions = makeXFunctions() }

func (e xcall) eval(x *xpathRun, c xcontext) (any, error) {
	args := make([]any, len(e.args))
	for i, a := range e.args {
		v, err := a.eval(x, c)
		if err != nil {
			return nil, err
		}
		args[i] = v
	}
	if e.name == "count" || e.name == "sum" {
		if _, ok := args[0].([]xnode); !ok {
			return nil, fmt.Errorf("%s() wants a node set", e.name)
		}
	}
	return xfunctions[e.name].call(x, c, args), nil
}

// orContext is the only argument, or the context node's value.
func orContext(c xcontext, args []any) any {
	if len(args) > 0 {
		return args[0]
	}
	return []xnode{c.node}
}

func makeXFunctions() map[string]xfunction {
	str := func(args []any, i int) string { return xstring(args[i]) }
	number := func(f func(float64) float64) xfunction {
		return xfunction{1, 1, func(_ *xpathRun, _ xcontext, a []any) any { return f(xnumber(a[0])) }}
	}
	text := func(f func(a, b string) any) xfunction {
		return xfunction{2, 2, func(_ *xpathRun, _ xcontext, a []any) any { return f(str(a, 0), str(a, 1)) }}
	}
	one := func(f func(s string) any) xfunction {
		return xfunction{0, 1, func(_ *xpathRun, c xcontext, a []any) any { return f(xstring(orContext(c, a))) }}
	}
	named := func(f func(prefix, name string) string) xfunction {
		return xfunction{0, 1, func(_ *xpathRun, c xcontext, a []any) any {
			if set, ok := orContext(c, a).([]xnode); ok && len(set) > 0 {
				return f(set[0].name())
			}
			return ""
		}}
	}
	return map[string]xfunction{
		"last":     {0, 0, func(_ *xpathRun, c xcontext, _ []any) any { return float64(c.size) }},
		"position": {0, 0, func(_ *xpathRun, c xcontext, _ []any) any { return float64(c.pos) }},
		"true":     {0, 0, func(*xpathRun, xcontext, []any) any { return true }},
		"false":    {0, 0, func(*xpathRun, xcontext, []any) any { return false }},
		"not":      {1, 1, func(_ *xpathRun, _ xcontext, a []any) any { return !xbool(a[0]) }},
		"boolean":  {1, 1, func(_ *xpathRun, _ xcontext, a []any) any { return xbool(a[0]) }},
		"string":   one(func(s string) any { return s }),
		"number":   {0, 1, func(_ *xpathRun, c xcontext, a []any) any { return xnumber(orContext(c, a)) }},
		"count":    {1, 1, func(_ *xpathRun, _ xcontext, a []any) any { return float64(len(a[0].([]xnode))) }},
		"sum": {1, 1, func(_ *xpathRun, _ xcontext, a []any) any {
			total := 0.0
			for _, n := range a[0].([]xnode) {
				total += xnumber(n.value())
			}
			return total
		}},
		"id":            {1, 1, xid},
		"lang":          {1, 1, xlang},
		"local-name":    named(func(_, name string) string { return name }),
		"namespace-uri": named(func(string, string) string { return "" }),
		"name": named(func(prefix, name string) string {
			if prefix != "" {
				return prefix + ":" + name
			}
			return name
		}),
		"concat": {2, math.MaxInt, func(_ *xpathRun, _ xcontext, a []any) any {
			var b strings.Builder
			for i := range a {
				b.WriteString(str(a, i))
			}
			return b.String()
		}},
		"starts-with":      text(func(a, b string) any { return strings.HasPrefix(a, b) }),
		"ends-with":        text(func(a, b string) any { return strings.HasSuffix(a, b) }),
		"contains":         text(func(a, b string) any { return strings.Contains(a, b) }),
		"substring-before": text(func(a, b string) any { return before(a, b) }),
		"substring-after": text(func(a, b string) any {
			_, after, _ := strings.Cut(a, b)
			return after
		}),
		"substring":       {2, 3, xsubstring},
		"string-length":   one(func(s string) any { return float64(utf8.RuneCountInString(s)) }),
		"normalize-space": one(func(s string) any { return strings.Join(strings.FieldsFunc(s, isXMLSpace), " ") }),
		"lower-case":      one(func(s string) any { return strings.ToLower(s) }),
		"upper-case":      one(func(s string) any { return strings.ToUpper(s) }),
		"translate":       {3, 3, func(_ *xpathRun, _ xcontext, a []any) any { return translate(str(a, 0), str(a, 1), str(a, 2)) }},
		"floor":           number(math.Floor),
		"ceiling":         number(math.Ceil),
		"round":           number(xround),
	}
}

func isXMLSpace(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' }

func before(s, sep string) string {
	if i := strings.Index(s, sep); i >= 0 {
		return s[:i]
	}
	return ""
}

// xround rounds to the nearest integer, halves up.
func xround(f float64) float64 {
	if f < 0 && f >= -0.5 {
		return math.Copysign(0, -1)
	}
	if f == 0 || math.Abs(f) >= 1<<52 {
		return f
	}
	return math.Floor(f + 0.5)
}

// xsubstring counts characters from 1; a character is in it if its position is
// at least round(from) and less than round(from)+round(length).
func xsubstring(_ *xpathRun, _ xcontext, args []any) any {
	from := xround(xnumber(args[1]))
	end := math.Inf(1)
	if len(args) == 3 {
		end = from + xround(xnumber(args[2]))
	}
	var b strings.Builder
	pos := 0.0
	for _, r := range xstring(args[0]) {
		if pos++; pos >= from && pos < end {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func translate(s, from, to string) string {
	table := map[rune]rune{}
	target := []rune(to)
	for i, r := range []rune(from) {
		if _, ok := table[r]; ok {
			continue
		}
		table[r] = -1
		if i < len(target) {
			table[r] = target[i]
		}
	}
	return strings.Map(func(r rune) rune {
		if t, ok := table[r]; ok {
			return t
		}
		return r
	}, s)
}

// xid finds elements by their id attribute.
func xid(x *xpathRun, _ xcontext, args []any) any {
	ids := map[string]bool{}
	add := func(s string) {
		for id := range strings.FieldsSeq(s) {
			ids[id] = true
		}
	}
	if set, ok := args[0].([]xnode); ok {
		for _, n := range set {
			add(n.value())
		}
	} else {
		add(xstring(args[0]))
	}
	var found []xnode
	for d := range x.doc.Descendants() {
		if id, ok := nodeAttr(d, "id"); ok && isElement(d) && ids[id] {
			delete(ids, id)
			found = append(found, xnode{d, -1})
		}
	}
	return found
}

func xlang(x *xpathRun, c xcontext, args []any) any {
	want := strings.ToLower(xstring(args[0]))
	for n := c.node.n; n != nil; n = n.Parent {
		got, ok := cssAttr(n, "xml:lang")
		if !ok && x.html {
			got, ok = cssAttr(n, "lang")
		}
		if ok {
			return want != "" && compareAttr('|', strings.ToLower(got), want)
		}
	}
	return false
}
