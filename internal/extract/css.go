package extract

import (
	"errors"
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
	scope  *html.Node // :scope
	anchor *html.Node // of :has
	places map[*html.Node]place
	steps  *int // how many more elements may be tested; below 0 nothing matches
}

// maxSteps is how many nodes one selection may look at, for a selector as for
// an XPath expression: "* * :has(* *)" asks for more than any page is worth.
const maxSteps = 50_000_000

var errSteps = errors.New("too much work")

func newCSSContext(scope *html.Node) *cssContext {
	steps := maxSteps
	return &cssContext{scope: scope, places: map[*html.Node]place{}, steps: &steps}
}

// step counts n nodes looked at, and says whether there may be more.
func (c *cssContext) step(n int) bool {
	*c.steps -= n
	return *c.steps >= 0
}

// err is errSteps where the selection was given up.
func (c *cssContext) err() error {
	if *c.steps < 0 {
		return errSteps
	}
	return nil
}

// A matchResult says, where there is no match, which other elements cannot
// match either: trying them would make a chain of combinators exponential.
type matchResult int

const (
	matches    matchResult = iota
	notThis                // another element in its place may
	noSibling              // none of its siblings in its place, but perhaps one further up
	noAncestor             // nothing around it either
)

func (s *complexSelector) match(n *html.Node, c *cssContext) bool {
	return s.matchAt(len(s.compounds)-1, n, c) == matches
}

// matchAt matches the i-th compound against n and those before it against the
// elements around n.
func (s *complexSelector) matchAt(i int, n *html.Node, c *cssContext) matchResult {
	if !c.step(1) {
		return noAncestor
	}
	for _, test := range s.compounds[i] {
		if !test(n, c) {
			return notThis
		}
	}
	if i == 0 {
		return matches
	}
	switch s.combs[i-1] {
	case '>':
		if p := parentElement(n); p != nil {
			return s.matchAt(i-1, p, c)
		}
	case '+':
		if p := prevElement(n); p != nil {
			return s.matchAt(i-1, p, c)
		}
		return noSibling
	case '~':
		for p := prevElement(n); p != nil; p = prevElement(p) {
			if r := s.matchAt(i-1, p, c); r != notThis {
				return r
			}
		}
		return noSibling
	default:
		for p := parentElement(n); p != nil; p = parentElement(p) {
			if r := s.matchAt(i-1, p, c); r == matches || r == noAncestor {
				return r
			}
		}
	}
	return noAncestor
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

// hasTest is :has: something below n, or beside it, matches relative to n.
func hasTest(list []complexSelector) cssTest {
	return func(n *html.Node, c *cssContext) bool {
		around := *c
		inner := &around
		inner.anchor = n
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
		if !c.step(1) {
			return false
		}
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
	return func(n *html.Node, c *cssContext) bool {
		content := textContent(n)
		return c.step(len(content)/64) && strings.Contains(content, text)
	}
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
