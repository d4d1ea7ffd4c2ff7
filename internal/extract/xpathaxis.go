package extract

import (
	"errors"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

func (e xpathExpr) eval(x *xpathRun, c xcontext) (any, error) {
	set := []xnode{c.node}
	switch {
	case e.root:
		set = []xnode{{x.doc, -1}}
	case e.from != nil:
		v, err := e.from.eval(x, c)
		if err != nil || len(e.preds)+len(e.steps) == 0 {
			return v, err
		}
		from, ok := v.([]xnode)
		if !ok {
			return nil, errors.New("a path or predicate goes on from a node set alone")
		}
		if set, err = x.filter(from, e.preds); err != nil {
			return nil, err
		}
	}
	for i := range e.steps {
		var err error
		if set, err = x.step(set, &e.steps[i]); err != nil {
			return nil, err
		}
	}
	return set, nil
}

// step takes a step from each node of a set. The result is in document order.
func (x *xpathRun) step(set []xnode, s *xstep) ([]xnode, error) {
	var all []xnode
	for _, from := range set {
		var found []xnode
		err := x.axis(from, s.axis, func(n xnode) {
			if x.matches(n, s) {
				found = append(found, n)
			}
		})
		if err != nil {
			return nil, err
		}
		if found, err = x.filter(found, s.preds); err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	if len(set) == 1 {
		switch s.axis {
		case "child", "descendant", "descendant-or-self", "attribute", "self", "following-sibling", "following":
			return all, nil
		}
	}
	return x.sorted(all), nil
}

// filter keeps the nodes for which all predicates hold; positions count in the
// order of the set.
func (x *xpathRun) filter(set []xnode, preds []xexpr) ([]xnode, error) {
	for _, p := range preds {
		var kept []xnode
		for i, n := range set {
			v, err := p.eval(x, xcontext{node: n, pos: i + 1, size: len(set)})
			if err != nil {
				return nil, err
			}
			keep := xbool(v)
			if number, ok := v.(float64); ok {
				keep = number == float64(i+1)
			}
			if keep {
				kept = append(kept, n)
			}
		}
		set = kept
	}
	return set, nil
}

// matches is the node test of a step.
func (x *xpathRun) matches(n xnode, s *xstep) bool {
	switch s.test.kind {
	case "node":
		return true
	case "text":
		return n.attr < 0 && n.n.Type == html.TextNode
	case "comment":
		return n.attr < 0 && n.n.Type == html.CommentNode
	case "processing-instruction":
		return false // no tree here has any
	}
	if s.axis == "attribute" != (n.attr >= 0) || n.attr < 0 && !isElement(n.n) {
		return false
	}
	prefix, name := n.name()
	if s.test.prefix != "" && !strings.EqualFold(s.test.prefix, prefix) {
		return false
	}
	switch {
	case s.test.name == "*":
		return true
	case s.test.prefix == "" && prefix != "" && (!x.html || n.attr >= 0):
		return false
	case x.html:
		return strings.EqualFold(s.test.name, name)
	}
	return s.test.name == name
}

// axis calls yield with the nodes of an axis in its order (XPath 1.0 §2.2).
func (x *xpathRun) axis(from xnode, axis string, yield func(xnode)) error {
	count := func(n *html.Node) {
		x.steps++
		yield(xnode{n, -1})
	}
	x.steps++
	n := from.n
	switch axis {
	case "self":
		yield(from)
	case "parent", "ancestor", "ancestor-or-self":
		upwards(from, axis, yield, count)
	case "attribute":
		if from.attr < 0 && isElement(n) {
			for i := range n.Attr {
				yield(xnode{n, i})
			}
		}
	case "child":
		if from.attr < 0 {
			for c := range n.ChildNodes() {
				count(c)
			}
		}
	case "descendant", "descendant-or-self":
		if axis == "descendant-or-self" {
			yield(from)
		}
		if from.attr < 0 {
			below(n, count)
		}
	case "following-sibling", "preceding-sibling":
		if from.attr < 0 {
			beside(n, axis == "preceding-sibling", count)
		}
	case "following":
		if from.attr >= 0 {
			below(n, count)
		}
		for ; n != nil; n = n.Parent {
			beside(n, false, func(s *html.Node) {
				count(s)
				below(s, count)
			})
		}
	case "preceding":
		for ; n != nil; n = n.Parent {
			beside(n, true, func(s *html.Node) {
				in := []*html.Node{s}
				below(s, func(d *html.Node) { in = append(in, d) })
				for _, d := range slices.Backward(in) {
					count(d)
				}
			})
		}
	}
	if x.steps > maxSteps {
		return errSteps
	}
	return nil
}

func upwards(from xnode, axis string, yield func(xnode), count func(*html.Node)) {
	if axis == "ancestor-or-self" {
		yield(from)
	}
	p := from.n
	if from.attr < 0 {
		p = p.Parent
	}
	for ; p != nil; p = p.Parent {
		count(p)
		if axis == "parent" {
			return
		}
	}
}

func below(n *html.Node, yield func(*html.Node)) {
	for d := range n.Descendants() {
		yield(d)
	}
}

func beside(n *html.Node, before bool, yield func(*html.Node)) {
	if before {
		for s := n.PrevSibling; s != nil; s = s.PrevSibling {
			yield(s)
		}
		return
	}
	for s := n.NextSibling; s != nil; s = s.NextSibling {
		yield(s)
	}
}
