package extract

import (
	"strings"

	"golang.org/x/net/html"
)

// Node is an element of a parsed page, or the page itself. The methods of a nil
// Node answer as those of an element that has nothing.
type Node struct{ raw *html.Node }

func wrap(n *html.Node) *Node {
	if n == nil {
		return nil
	}
	return &Node{n}
}

// Parse builds the page's tree as browsers with scripting off do. It never
// returns nil: a page with more than 512 elements open at once gets a tree as
// its tags stand, in which what lies deeper than that is beside each other.
func Parse(page string) *Node {
	doc, err := html.ParseWithOptions(strings.NewReader(page), html.ParseOptionEnableScripting(false))
	if err != nil {
		doc = parseFlat(page)
	}
	// Trees move a base element out of a noscript that it may not be in; so the
	// document remembers what the bytes say.
	if base := scanBase(page); base != "" {
		doc.Attr = []html.Attribute{{Key: "base", Val: base}}
	}
	return &Node{doc}
}

// Find returns the first of what [Node.All] returns, or nil.
func (n *Node) Find(sel *Selector) (*Node, error) {
	var found *Node
	err := n.each(sel, func(d *html.Node) bool {
		found = wrap(d)
		return false
	})
	return found, err
}

// All returns the elements below n that sel selects, in document order. In it
// :scope is n itself, or the root element of a whole page. ::text gives the
// text nodes that are an element's children and ::attr(name) its attribute as
// text nodes of their own. A selector that has to look at more than 50 million
// elements is an error.
func (n *Node) All(sel *Selector) ([]*Node, error) {
	var found []*Node
	err := n.each(sel, func(d *html.Node) bool {
		found = append(found, wrap(d))
		return true
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// each calls yield with what sel selects until it returns false.
func (n *Node) each(sel *Selector, yield func(*html.Node) bool) error {
	if n == nil {
		return nil
	}
	c := newCSSContext(n.scope())
	for d := range n.raw.Descendants() {
		if !isElement(d) {
			continue
		}
		for i := range sel.list {
			if s := &sel.list[i]; s.match(d, c) {
				if !s.yield(d, yield) {
					return nil
				}
				if s.pseudo == "" {
					break
				}
			}
		}
		if c.err() != nil {
			break
		}
	}
	return c.err()
}

// yield hands over the element, or what its pseudo-element is.
func (s *complexSelector) yield(d *html.Node, yield func(*html.Node) bool) bool {
	switch s.pseudo {
	case "text":
		for t := range d.ChildNodes() {
			if t.Type == html.TextNode && !yield(t) {
				return false
			}
		}
		return true
	case "attr":
		v, ok := cssAttr(d, s.attr)
		return !ok || yield(&html.Node{Type: html.TextNode, Data: v, Parent: d})
	}
	return yield(d)
}

// scope is what :scope means below n.
func (n *Node) scope() *html.Node {
	if isElement(n.raw) {
		return n.raw
	}
	return rootElement(n.raw)
}

// Links is [Links] for the elements below n.
func (n *Node) Links(sel *Selector) (links []Link, base string, err error) {
	return treeLinks(n, sel)
}

// Text is the text content as in the DOM's textContent: nothing trimmed, with
// the text of script and style. [Squeeze] makes it fit for reading.
func (n *Node) Text() string {
	if n == nil {
		return ""
	}
	return textContent(n.raw)
}

func textContent(n *html.Node) string {
	switch n.Type {
	case html.TextNode, html.CommentNode:
		return n.Data
	}
	if c := n.FirstChild; c != nil && c.NextSibling == nil && c.Type == html.TextNode {
		return c.Data
	}
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// Attr returns the value of an attribute and whether there is one.
func (n *Node) Attr(name string) (string, bool) {
	if n == nil {
		return "", false
	}
	return cssAttr(n.raw, name)
}

// HTML is the node's own markup and all that is in it.
func (n *Node) HTML() string {
	if n == nil {
		return ""
	}
	var b strings.Builder
	if n.inXML() {
		writeXML(&b, n.raw)
	} else {
		_ = html.Render(&b, n.raw) // a strings.Builder takes all
	}
	return b.String()
}

// Tag is the element's name, of an HTML element in lower case, of an XML one
// with its prefix; "" for the document and for text.
func (n *Node) Tag() string {
	if n == nil || !isElement(n.raw) {
		return ""
	}
	if n.inXML() {
		return xmlName(n.raw)
	}
	return n.raw.Data
}

func (n *Node) inXML() bool {
	doc := n.raw
	for doc.Parent != nil {
		doc = doc.Parent
	}
	return isXMLDoc(doc)
}

// Parent returns the element that n is in, or nil.
func (n *Node) Parent() *Node {
	if n == nil || n.raw.Parent == nil || n.raw.Parent.Type != html.ElementNode {
		return nil
	}
	return wrap(n.raw.Parent)
}

// Next returns the next element with the same parent, or nil.
func (n *Node) Next() *Node {
	if n == nil {
		return nil
	}
	for s := n.raw.NextSibling; s != nil; s = s.NextSibling {
		if s.Type == html.ElementNode {
			return wrap(s)
		}
	}
	return nil
}

// Prev returns the previous element with the same parent, or nil.
func (n *Node) Prev() *Node {
	if n == nil {
		return nil
	}
	for s := n.raw.PrevSibling; s != nil; s = s.PrevSibling {
		if s.Type == html.ElementNode {
			return wrap(s)
		}
	}
	return nil
}

// Children returns the elements that are n's children.
func (n *Node) Children() []*Node {
	if n == nil {
		return nil
	}
	var c []*Node
	for s := range n.raw.ChildNodes() {
		if s.Type == html.ElementNode {
			c = append(c, wrap(s))
		}
	}
	return c
}
