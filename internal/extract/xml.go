package extract

import (
	"bufio"
	"errors"
	"strings"

	"golang.org/x/net/html"
)

// maxDepth is how deep a tree may be; what is deeper becomes siblings.
const maxDepth = 512

// xmlDoc marks the document node of an XML tree.
const xmlDoc = "xml"

func isXMLDoc(doc *html.Node) bool { return doc.Type == html.DocumentNode && doc.Data == xmlDoc }

// ParseXML builds the tree of an XML document. Names keep their case and prefix;
// comments are left out; an entity that neither XML nor HTML names is nothing.
// End tags that are missing or too many are borne; the error says that there is
// no element at all.
func ParseXML(text string) (*Node, error) {
	text = strings.TrimPrefix(text, "\uFEFF")
	x := &xmlStream{r: bufio.NewReader(strings.NewReader(text))}
	b := newBuilder(&html.Node{Type: html.DocumentNode, Data: xmlDoc})
	for x.next() {
		switch x.kind {
		case xmlText:
			if len(b.stack) > 1 {
				b.text(x.text)
			}
		case xmlEnd:
			b.end(x.local(), x.prefix())
		case xmlStart:
			n := &html.Node{Type: html.ElementNode, Data: x.local(), Namespace: x.prefix()}
			for _, a := range x.attrs {
				n.Attr = append(n.Attr, html.Attribute{Key: a.name, Val: a.value})
			}
			b.start(n, x.empty)
		}
	}
	if rootElement(b.stack[0]) == nil {
		return nil, errors.New("no element in it")
	}
	return &Node{b.stack[0]}, nil
}

// builder makes a tree of tags as they come.
type builder struct{ stack []*html.Node }

func newBuilder(doc *html.Node) *builder { return &builder{[]*html.Node{doc}} }

func (b *builder) top() *html.Node { return b.stack[len(b.stack)-1] }

func (b *builder) text(s string) {
	if s == "" {
		return
	}
	if last := b.top().LastChild; last != nil && last.Type == html.TextNode {
		last.Data += s
		return
	}
	b.top().AppendChild(&html.Node{Type: html.TextNode, Data: s})
}

func (b *builder) start(n *html.Node, empty bool) {
	b.top().AppendChild(n)
	if !empty && len(b.stack) < maxDepth {
		b.stack = append(b.stack, n)
	}
}

// end closes the innermost open element of that name, if there is one.
func (b *builder) end(name, prefix string) {
	for i := len(b.stack) - 1; i > 0; i-- {
		if b.stack[i].Data == name && b.stack[i].Namespace == prefix {
			b.stack = b.stack[:i]
			return
		}
	}
}

// parseFlat makes the tree of a page that is nested too deep for the parser of
// browsers: each tag where it stands, without that parser's corrections.
func parseFlat(page string) *html.Node {
	b := newBuilder(&html.Node{Type: html.DocumentNode})
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return b.stack[0]
		case html.TextToken:
			b.text(string(z.Text()))
		case html.EndTagToken:
			name, _ := z.TagName()
			b.end(string(name), "")
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			if t.Data == "noscript" {
				z.NextIsNotRawText()
			}
			b.start(&html.Node{Type: html.ElementNode, Data: t.Data, DataAtom: t.DataAtom, Attr: t.Attr}, voidTags[tagKey(t.Data)])
		}
	}
}

// writeXML writes a node of an XML tree.
func writeXML(b *strings.Builder, n *html.Node) {
	switch n.Type {
	case html.TextNode:
		b.WriteString(escapeXML.Replace(n.Data))
		return
	case html.ElementNode:
		name := xmlName(n)
		b.WriteString("<" + name)
		for _, a := range n.Attr {
			b.WriteString(" " + a.Key + `="` + escapeXML.Replace(a.Val) + `"`)
		}
		if n.FirstChild == nil {
			b.WriteString("/>")
			return
		}
		b.WriteString(">")
		defer b.WriteString("</" + name + ">")
	}
	for c := range n.ChildNodes() {
		writeXML(b, c)
	}
}

var escapeXML = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

// xmlName is an element's name with its prefix.
func xmlName(n *html.Node) string {
	if n.Namespace == "" {
		return n.Data
	}
	return n.Namespace + ":" + n.Data
}
