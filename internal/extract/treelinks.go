package extract

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// treeLinks finds in a tree what [Links] finds in the bytes.
func treeLinks(n *Node, sel *Selector) (links []Link, base string, err error) {
	if n == nil {
		return nil, "", nil
	}
	c := newCSSContext(n.scope())
	for d := range n.raw.Descendants() {
		if d.Type != html.ElementNode {
			continue
		}
		from := len(links)
		links = appendLinks(links, d, c, sel)
		if len(links) > from && links[from].Text == "" {
			text := nodeText(d, maxLinkText)
			for i := from; i < len(links); i++ {
				links[i].Text = text
			}
		}
	}
	return links, treeBase(n.raw), c.err()
}

// treeBase is the href of the first base element of n's document.
func treeBase(n *html.Node) string {
	for n.Parent != nil {
		n = n.Parent
	}
	if n.Type != html.DocumentNode || len(n.Attr) == 0 {
		return ""
	}
	return n.Attr[0].Val
}

// appendLinks appends the links that the element d has by sel.
func appendLinks(links []Link, d *html.Node, c *cssContext, sel *Selector) []Link {
	emit := func(attr string) {
		v, ok := nodeAttr(d, attr)
		if !ok {
			return
		}
		rel, _ := nodeAttr(d, "rel")
		equiv, _ := nodeAttr(d, "http-equiv")
		isRefresh := d.Data == "meta" && strings.EqualFold(equiv, "refresh")
		refs(attr, v, isRefresh, func(ref string) {
			links = append(links, Link{Ref: ref, Rel: rel, Tag: d.Data, Attr: attr, NoFollow: noFollow(rel)})
		})
	}
	if !sel.Simple() {
		for i := range sel.list {
			if s := &sel.list[i]; s.match(d, c) {
				emit(firstOf(s.attr, sel.attrOf(d)))
				break
			}
		}
		return links
	}
	var done []string
	for _, r := range sel.linkRules() {
		if r.tag != "" && r.tag != d.Data {
			continue
		}
		attr := r.attr
		if attr == "" {
			attr = linkAttrs[d.Data]
		}
		if !slices.Contains(done, attr) {
			done = append(done, attr)
			emit(attr)
		}
	}
	return links
}

// attrOf says in which attribute the element that a selector which is not simple
// has selected has its link.
func (s *Selector) attrOf(d *html.Node) string {
	for _, a := range s.attrs {
		if _, ok := nodeAttr(d, a); ok {
			return a
		}
	}
	return linkAttrs[d.Data]
}

func nodeAttr(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// nodeText is the squeezed text content of n, of which at most limit bytes count.
func nodeText(n *html.Node, limit int) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type != html.TextNode {
			continue
		}
		b.WriteString(d.Data)
		if b.Len() > limit {
			break
		}
	}
	return squeezeText(b.String()[:min(b.Len(), limit)])
}
