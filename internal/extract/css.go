package extract

import (
	"strings"

	"golang.org/x/net/html"
)

// complexSelector is compounds joined by combinators: combs[i] stands between
// compounds i and i+1.
type complexSelector struct {
	compounds []compound
	combs     []byte // ' ', '>', '+' or '~'
	pseudo    string // "text" or "attr" for ::text and ::attr(name)
	attr      string
}

// compound is tests that all must hold of one element.
type compound []cssTest

type cssTest func(n *html.Node, c *cssContext) bool

// cssContext is what a match depends on beside the element.
type cssContext struct {
	scope  *html.Node         // :scope
	anchor *html.Node         // of :has
	places map[*html.Node]int // which child of its parent an element is, where asked before
}

// place says which of its parent's elements n is, from 1. Elements are asked in
// document order, so that a long list is not counted through for each.
func (c *cssContext) place(n *html.Node) int {
	i := 1
	if p := prevElement(n); p != nil && c.places[p] > 0 {
		i += c.places[p]
	} else {
		for ; p != nil; p = prevElement(p) {
			i++
		}
	}
	if c.places == nil {
		c.places = map[*html.Node]int{}
	}
	c.places[n] = i
	return i
}

func (s *complexSelector) match(n *html.Node, c *cssContext) bool {
	return s.matchAt(len(s.compounds)-1, n, c)
}

// matchAt matches the i-th compound against n and those before it against the
// elements around n.
func (s *complexSelector) matchAt(i int, n *html.Node, c *cssContext) bool {
	for _, test := range s.compounds[i] {
		if !test(n, c) {
			return false
		}
	}
	if i == 0 {
		return true
	}
	switch s.combs[i-1] {
	case '>':
		p := parentElement(n)
		return p != nil && s.matchAt(i-1, p, c)
	case '+':
		p := prevElement(n)
		return p != nil && s.matchAt(i-1, p, c)
	case '~':
		for p := prevElement(n); p != nil; p = prevElement(p) {
			if s.matchAt(i-1, p, c) {
				return true
			}
		}
	default:
		for p := parentElement(n); p != nil; p = parentElement(p) {
			if s.matchAt(i-1, p, c) {
				return true
			}
		}
	}
	return false
}

func matchAny(list []complexSelector, n *html.Node, c *cssContext) bool {
	for i := range list {
		if list[i].match(n, c) {
			return true
		}
	}
	return false
}

func isElement(n *html.Node) bool { return n.Type == html.ElementNode }

func parentElement(n *html.Node) *html.Node {
	if p := n.Parent; p != nil && isElement(p) {
		return p
	}
	return nil
}

func prevElement(n *html.Node) *html.Node {
	for s := n.PrevSibling; s != nil; s = s.PrevSibling {
		if isElement(s) {
			return s
		}
	}
	return nil
}

func nextElement(n *html.Node) *html.Node {
	for s := n.NextSibling; s != nil; s = s.NextSibling {
		if isElement(s) {
			return s
		}
	}
	return nil
}

// rootElement is the element that a tree of nodes hangs from.
func rootElement(n *html.Node) *html.Node {
	for n.Parent != nil {
		n = n.Parent
	}
	if isElement(n) {
		return n
	}
	for c := range n.ChildNodes() {
		if isElement(c) {
			return c
		}
	}
	return nil
}

func tagTest(name string) cssTest {
	if prefix, local, ok := strings.Cut(name, ":"); ok { // of XML
		return func(n *html.Node, _ *cssContext) bool {
			return n.Data == name || n.Data == local && n.Namespace == prefix
		}
	}
	return func(n *html.Node, _ *cssContext) bool { return n.Data == name || strings.EqualFold(n.Data, name) }
}

// attrTest tests an attribute's value; op 0 asks for the attribute alone.
func attrTest(name string, op byte, want string, fold bool) cssTest {
	if fold {
		want = strings.ToLower(want)
	}
	return func(n *html.Node, _ *cssContext) bool {
		got, ok := cssAttr(n, name)
		if !ok || op == 0 {
			return ok || op == '!'
		}
		if fold {
			got = strings.ToLower(got)
		}
		return compareAttr(op, got, want)
	}
}

func compareAttr(op byte, got, want string) bool {
	switch op {
	case '=':
		return got == want
	case '!':
		return got != want
	case '~':
		return hasWord(got, want)
	case '|':
		return got == want || strings.HasPrefix(got, want) && got[len(want)] == '-'
	case '^':
		return want != "" && strings.HasPrefix(got, want)
	case '$':
		return want != "" && strings.HasSuffix(got, want)
	default:
		return want != "" && strings.Contains(got, want)
	}
}

// cssAttr finds an attribute by its name, or by prefix and name where it has a
// namespace.
func cssAttr(n *html.Node, name string) (string, bool) {
	for i := range n.Attr {
		a := &n.Attr[i]
		if a.Key == name || strings.EqualFold(a.Key, name) {
			return a.Val, true
		}
		if a.Namespace != "" && strings.EqualFold(a.Namespace+":"+a.Key, name) {
			return a.Val, true
		}
	}
	return "", false
}

// hasWord says whether word is among the words of list.
func hasWord(list, word string) bool {
	if word == "" || strings.ContainsAny(word, " \t\n\f\r") {
		return false
	}
	for rest := list; ; {
		i := strings.Index(rest, word)
		if i < 0 {
			return false
		}
		end := i + len(word)
		if (i == 0 || class[rest[i-1]]&isSpace != 0) && (end == len(rest) || class[rest[end]]&isSpace != 0) {
			return true
		}
		rest = rest[end:]
	}
}

// nth is the an+b of :nth-child and its like.
type nth struct{ a, b int }

func (p nth) matches(i int) bool {
	d := i - p.b
	if p.a == 0 {
		return d == 0
	}
	return d%p.a == 0 && d/p.a >= 0
}

// nthTest counts the siblings before n, or after it, that are like it.
func nthTest(p nth, last, sameType bool, of []complexSelector) cssTest {
	return func(n *html.Node, c *cssContext) bool {
		if n.Parent == nil || of != nil && !matchAny(of, n, c) {
			return false
		}
		if !last && !sameType && of == nil {
			return p.matches(c.place(n))
		}
		step := prevElement
		if last {
			step = nextElement
		}
		i := 1
		for s := step(n); s != nil; s = step(s) {
			if (!sameType || s.Data == n.Data) && (of == nil || matchAny(of, s, c)) {
				i++
			}
		}
		return p.matches(i)
	}
}

// hasTest is :has: something below n, or beside it, matches relative to n.
func hasTest(list []complexSelector) cssTest {
	return func(n *html.Node, c *cssContext) bool {
		inner := &cssContext{scope: c.scope, anchor: n}
		for i := range list {
			s := &list[i]
			if comb := s.combs[0]; comb == '+' || comb == '~' {
				for b := nextElement(n); b != nil; b = nextElement(b) {
					if s.match(b, inner) || matchBelow(s, b, inner) {
						return true
					}
				}
			} else if matchBelow(s, n, inner) {
				return true
			}
		}
		return false
	}
}

func matchBelow(s *complexSelector, n *html.Node, c *cssContext) bool {
	for d := range n.Descendants() {
		if isElement(d) && s.match(d, c) {
			return true
		}
	}
	return false
}

func isAnchor(n *html.Node, c *cssContext) bool { return n == c.anchor }

func notTest(list []complexSelector) cssTest {
	return func(n *html.Node, c *cssContext) bool { return !matchAny(list, n, c) }
}

func isTest(list []complexSelector) cssTest {
	return func(n *html.Node, c *cssContext) bool { return matchAny(list, n, c) }
}

// langTest is :lang: the nearest lang attribute is that language or a kind of it.
func langTest(langs []string) cssTest {
	return func(n *html.Node, _ *cssContext) bool {
		for ; n != nil; n = n.Parent {
			got, ok := cssAttr(n, "lang")
			if !ok {
				continue
			}
			for _, l := range langs {
				if l != "" && compareAttr('|', strings.ToLower(got), strings.ToLower(l)) {
					return true
				}
			}
			return false
		}
		return false
	}
}

func containsTest(text string) cssTest {
	return func(n *html.Node, _ *cssContext) bool { return strings.Contains(textContent(n), text) }
}

// pseudoClasses are those without arguments.
var pseudoClasses = map[string]cssTest{
	"root":        func(n *html.Node, _ *cssContext) bool { return n == rootElement(n) },
	"scope":       func(n *html.Node, c *cssContext) bool { return n == c.scope },
	"empty":       isEmpty,
	"first-child": func(n *html.Node, _ *cssContext) bool { return n.Parent != nil && prevElement(n) == nil },
	"last-child":  func(n *html.Node, _ *cssContext) bool { return n.Parent != nil && nextElement(n) == nil },
	"only-child": func(n *html.Node, _ *cssContext) bool {
		return n.Parent != nil && prevElement(n) == nil && nextElement(n) == nil
	},
	"first-of-type": nthTest(nth{b: 1}, false, true, nil),
	"last-of-type":  nthTest(nth{b: 1}, true, true, nil),
	"only-of-type": func(n *html.Node, c *cssContext) bool {
		return nthTest(nth{b: 1}, false, true, nil)(n, c) && nthTest(nth{b: 1}, true, true, nil)(n, c)
	},
	"link":     isLink,
	"any-link": isLink,
	"checked": func(n *html.Node, _ *cssContext) bool {
		_, checked := cssAttr(n, "checked")
		_, selected := cssAttr(n, "selected")
		return n.Data == "input" && checked || n.Data == "option" && selected
	},
	"disabled": isDisabled,
	"enabled": func(n *html.Node, c *cssContext) bool {
		return formTags[n.Data] && !isDisabled(n, c)
	},
	"required": func(n *html.Node, _ *cssContext) bool { _, ok := cssAttr(n, "required"); return ok },
	"visited":  never, "hover": never, "active": never, "focus": never, "target": never,
}

var formTags = map[string]bool{
	"button": true, "input": true, "select": true, "textarea": true, "optgroup": true, "option": true, "fieldset": true,
}

func never(*html.Node, *cssContext) bool { return false }

func isEmpty(n *html.Node, _ *cssContext) bool {
	for c := range n.ChildNodes() {
		if isElement(c) || c.Type == html.TextNode && c.Data != "" {
			return false
		}
	}
	return true
}

func isLink(n *html.Node, _ *cssContext) bool {
	_, ok := cssAttr(n, "href")
	return ok && (n.Data == "a" || n.Data == "area" || n.Data == "link")
}

// isDisabled is :disabled: by an attribute of its own or a fieldset's around it,
// unless it is in that fieldset's legend.
func isDisabled(n *html.Node, _ *cssContext) bool {
	if !formTags[n.Data] {
		return false
	}
	if _, ok := cssAttr(n, "disabled"); ok {
		return true
	}
	for child, p := n, n.Parent; p != nil; child, p = p, p.Parent {
		if _, off := cssAttr(p, "disabled"); !off {
			continue
		}
		if p.Data == "fieldset" && child.Data != "legend" || p.Data == "optgroup" && n.Data == "option" {
			return true
		}
	}
	return false
}
