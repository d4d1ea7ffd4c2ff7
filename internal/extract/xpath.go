package extract

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"
)

// XPath evaluates an XPath 1.0 expression with n as context node. The result is
// []*Node in document order, string, float64 or bool; attributes come as text
// nodes of their own. Names match in any case on an HTML page, and an unprefixed
// name matches elements of any namespace that have no prefix. Beside the
// functions of the standard there are ends-with, lower-case and upper-case.
func (n *Node) XPath(expr string) (any, error) {
	e, err := compileXPath(expr)
	if err != nil {
		return nil, fmt.Errorf("xpath %.200q: %w", expr, err)
	}
	if n == nil {
		return []*Node(nil), nil
	}
	doc := n.raw
	for doc.Parent != nil {
		doc = doc.Parent
	}
	x := &xpathRun{doc: doc, html: !isXMLDoc(doc)}
	v, err := e.eval(x, xcontext{node: xnode{n.raw, -1}, pos: 1, size: 1})
	if err != nil {
		return nil, fmt.Errorf("xpath %.200q: %w", expr, err)
	}
	set, ok := v.([]xnode)
	if !ok {
		return v, nil
	}
	var nodes []*Node
	for _, f := range x.sorted(set) {
		if f.attr < 0 {
			nodes = append(nodes, wrap(f.n))
		} else {
			nodes = append(nodes, wrap(&html.Node{Type: html.TextNode, Data: f.value(), Parent: f.n}))
		}
	}
	return nodes, nil
}

// xnode is a node, or the attribute of that index.
type xnode struct {
	n    *html.Node
	attr int
}

func (x xnode) value() string {
	if x.attr >= 0 {
		return x.n.Attr[x.attr].Val
	}
	return textContent(x.n)
}

// name is the prefix and the local name.
func (x xnode) name() (prefix, name string) {
	full := ""
	switch {
	case x.attr >= 0:
		a := x.n.Attr[x.attr]
		if a.Namespace != "" {
			return a.Namespace, a.Key
		}
		full = a.Key
	case isElement(x.n):
		if x.n.Namespace != "" {
			return x.n.Namespace, x.n.Data
		}
		full = x.n.Data
	}
	if i := strings.IndexByte(full, ':'); i >= 0 {
		return full[:i], full[i+1:]
	}
	return "", full
}

// xpathRun is one evaluation.
type xpathRun struct {
	doc   *html.Node
	html  bool
	order map[*html.Node]int // in document order, counted when first needed
	steps int
}

type xcontext struct {
	node      xnode
	pos, size int
}

// sorted puts a set in document order, each node once.
func (x *xpathRun) sorted(set []xnode) []xnode {
	if len(set) < 2 {
		return set
	}
	if x.order == nil {
		x.order = map[*html.Node]int{x.doc: 0}
		for d := range x.doc.Descendants() {
			x.order[d] = len(x.order)
		}
	}
	slices.SortFunc(set, func(a, b xnode) int {
		if a.n != b.n {
			return x.order[a.n] - x.order[b.n]
		}
		return a.attr - b.attr
	})
	return slices.Compact(set)
}

// xexpr is a compiled expression.
type xexpr interface {
	eval(x *xpathRun, c xcontext) (any, error)
}

type (
	xliteral struct{ v any }
	xbinary  struct {
		op   string
		a, b xexpr
	}
	xnegate struct{ a xexpr }
	xcall   struct {
		name string
		args []xexpr
	}
	// xpathExpr is a location path, or steps from what another expression gives.
	xpathExpr struct {
		from  xexpr // nil: the context node, or the root
		root  bool
		preds []xexpr // of from
		steps []xstep
	}
	xstep struct {
		axis  string
		test  xtest
		preds []xexpr
	}
	xtest struct {
		kind         string // "name", "node", "text", "comment", "processing-instruction"
		prefix, name string // "*" for any
	}
)

func (e xliteral) eval(*xpathRun, xcontext) (any, error) { return e.v, nil }

func (e xnegate) eval(x *xpathRun, c xcontext) (any, error) {
	v, err := e.a.eval(x, c)
	return -xnumber(v), err
}

func (e xbinary) eval(x *xpathRun, c xcontext) (any, error) {
	a, err := e.a.eval(x, c)
	if err != nil {
		return nil, err
	}
	switch e.op {
	case "or":
		if xbool(a) {
			return true, nil
		}
	case "and":
		if !xbool(a) {
			return false, nil
		}
	}
	b, err := e.b.eval(x, c)
	if err != nil {
		return nil, err
	}
	switch e.op {
	case "or", "and":
		return xbool(b), nil
	case "|":
		l, ok1 := a.([]xnode)
		r, ok2 := b.([]xnode)
		if !ok1 || !ok2 {
			return nil, errors.New("| joins node sets alone")
		}
		return x.sorted(append(slices.Clone(l), r...)), nil
	case "+":
		return xnumber(a) + xnumber(b), nil
	case "-":
		return xnumber(a) - xnumber(b), nil
	case "*":
		return xnumber(a) * xnumber(b), nil
	case "div":
		return xnumber(a) / xnumber(b), nil
	case "mod":
		return math.Mod(xnumber(a), xnumber(b)), nil
	}
	return xcompare(e.op, a, b), nil
}

// xcompare compares two values (XPath 1.0 §3.4).
func xcompare(op string, a, b any) bool {
	setA, isA := a.([]xnode)
	setB, isB := b.([]xnode)
	_, boolA := a.(bool)
	_, boolB := b.(bool)
	switch {
	case isA && boolB || isB && boolA:
		return xcompareAtoms(op, xbool(a), xbool(b))
	case isA && isB:
		return xcompareSets(op, setA, setB)
	case isA:
		return slices.ContainsFunc(setA, func(n xnode) bool { return xcompareAtoms(op, n.value(), b) })
	case isB:
		return slices.ContainsFunc(setB, func(n xnode) bool { return xcompareAtoms(op, a, n.value()) })
	}
	return xcompareAtoms(op, a, b)
}

func xcompareSets(op string, a, b []xnode) bool {
	if op == "=" { // the usual case, without comparing each with each
		values := map[string]bool{}
		for _, n := range b {
			values[n.value()] = true
		}
		return slices.ContainsFunc(a, func(n xnode) bool { return values[n.value()] })
	}
	for _, n := range a {
		v := n.value()
		if slices.ContainsFunc(b, func(m xnode) bool { return xcompareAtoms(op, v, m.value()) }) {
			return true
		}
	}
	return false
}

func xcompareAtoms(op string, a, b any) bool {
	if op == "=" || op == "!=" {
		return xequal(a, b) == (op == "=")
	}
	l, r := xnumber(a), xnumber(b)
	switch op {
	case "<":
		return l < r
	case "<=":
		return l <= r
	case ">":
		return l > r
	default:
		return l >= r
	}
}

func xequal(a, b any) bool {
	_, boolA := a.(bool)
	_, boolB := b.(bool)
	_, numA := a.(float64)
	_, numB := b.(float64)
	switch {
	case boolA || boolB:
		return xbool(a) == xbool(b)
	case numA || numB:
		return xnumber(a) == xnumber(b)
	}
	return xstring(a) == xstring(b)
}

func xbool(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case float64:
		return v != 0 && !math.IsNaN(v)
	case string:
		return v != ""
	case []xnode:
		return len(v) > 0
	}
	return false
}

func xnumber(v any) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case bool:
		if v {
			return 1
		}
		return 0
	}
	s := trimSpace(xstring(v))
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || digits == "." || strings.Trim(digits, "0123456789.") != "" {
		return math.NaN()
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return math.NaN()
	}
	return f
}

// xstring is the string of a value; of a set, which is in document order, that
// of its first node.
func xstring(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		switch {
		case math.IsNaN(v):
			return "NaN"
		case math.IsInf(v, 1):
			return "Infinity"
		case math.IsInf(v, -1):
			return "-Infinity"
		case v == 0:
			return "0"
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []xnode:
		if len(v) > 0 {
			return v[0].value()
		}
	}
	return ""
}
