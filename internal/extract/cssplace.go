package extract

import "golang.org/x/net/html"

// A place says which of its parent's elements an element is, and which of those
// of its type, counted from 1 from either end.
type place struct{ first, last, firstOfType, lastOfType int }

func (p place) index(last, ofType bool) int {
	switch {
	case ofType && last:
		return p.lastOfType
	case ofType:
		return p.firstOfType
	case last:
		return p.last
	}
	return p.first
}

// place numbers the elements of n's parent, all at once: most selectors that
// ask for one ask for all.
func (c *cssContext) place(n *html.Node) place {
	if p, known := c.places[n]; known {
		return p
	}
	all, types := 0, map[string]int{}
	for s := range n.Parent.ChildNodes() {
		if isElement(s) {
			all++
			types[s.Data]++
			c.places[s] = place{first: all, firstOfType: types[s.Data]}
		}
	}
	c.step(all)
	for s := range n.Parent.ChildNodes() {
		if p, ok := c.places[s]; ok {
			p.last, p.lastOfType = all-p.first+1, types[s.Data]-p.firstOfType+1
			c.places[s] = p
		}
	}
	return c.places[n]
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

// nthTest is :nth-child and its like: which place an element has among its
// parent's, those that of selects where it is given.
func nthTest(p nth, last, sameType bool, of []complexSelector) cssTest {
	step := prevElement
	if last {
		step = nextElement
	}
	return func(n *html.Node, c *cssContext) bool {
		switch {
		case n.Parent == nil:
			return false
		case of == nil:
			return p.matches(c.place(n).index(last, sameType))
		case !matchAny(of, n, c):
			return false
		}
		i := 1
		for s := step(n); s != nil && c.step(1); s = step(s) {
			if matchAny(of, s, c) {
				i++
			}
		}
		return p.matches(i)
	}
}
