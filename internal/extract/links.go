package extract

import (
	"strings"

	"golang.org/x/net/html"
)

const (
	// maxLinkText is how much of an element's text, in bytes as written, its link has.
	maxLinkText = 64 << 10
	// maxOpenLinks is in how many links at once a text may lie.
	maxOpenLinks = 64
)

// Link is one link of a page.
type Link struct {
	Ref      string // the attribute's value: character references decoded, whitespace as URL parsing removes it; not resolved
	Text     string // text content of the element, squeezed, at most 64 KiB
	Rel      string // the rel attribute, "" if none
	Tag      string // name of the element
	Attr     string // name of the attribute
	NoFollow bool   // rel has the word nofollow
}

// Links returns the links that sel selects, in document order, and the href of
// the page's first base element, "" if there is none. A nil sel means
// [DefaultLinks].
//
// A selected element's link is in the attribute that the selector asks for
// ("img[data-src]") or, if it asks for none, in the one usual for its tag. An
// element without it has no link. srcset and ping give a link for each URL in
// them, and content is a link in the meta element of a refresh alone.
//
// A simple selector is found without a tree: in comments, scripts, styles and
// other raw text there are no elements, in noscript and template there are.
// A tree may repeat a link whose element markup errors have split in two.
func Links(page string, sel *Selector) (links []Link, base string, err error) {
	if !sel.Simple() {
		return Parse(page).Links(sel)
	}
	c := collector{rules: sel.linkRules()}
	c.z = scanner{page: page, text: c.addText}
	for c.z.next() {
		c.tag()
	}
	c.closeFrom(0)
	return c.links, c.base.ref, nil
}

// Refs calls yield with each link that sel selects until it returns false. It
// is [Links] without the text, and faster. base is known when it returns, as
// also the last element of a page may name it; "" if none does or yield ended it.
// refresh says that the link is where a meta refresh leads.
func Refs(page string, sel *Selector, yield func(ref string, nofollow, refresh bool) bool) (base string, err error) {
	if !sel.Simple() {
		links, base, err := Links(page, sel)
		if err != nil {
			return "", err
		}
		for _, l := range links {
			if !yield(l.Ref, l.NoFollow, l.Tag == "meta") {
				return "", nil
			}
		}
		return base, nil
	}
	rules := sel.linkRules()
	z := scanner{page: page}
	var b baseRef
	goOn := true
	emit := func(_ *rule, _, ref string) {
		goOn = goOn && yield(ref, z.noFollow(), z.key == keyMeta)
	}
	for goOn && z.next() {
		if z.end {
			continue
		}
		b.see(&z)
		if len(z.attrs) > 0 && !z.ignored() {
			z.apply(rules, emit)
		}
	}
	return b.ref, nil
}

// linkRules are the rules of a simple selector.
func (s *Selector) linkRules() []rule {
	if s == nil {
		return defaultRules
	}
	return s.rules
}

// baseRef is the href of the first base element outside noscript.
type baseRef struct {
	ref  string
	seen bool
}

var (
	keyBase = tagKey("base")
	keyMeta = tagKey("meta")
	keyA    = tagKey("a")
)

func (b *baseRef) see(z *scanner) {
	if z.key != keyBase || b.seen || z.foreign || z.noscript > 0 {
		return
	}
	if v, ok := z.get("href"); ok {
		b.ref, b.seen = trimRef(unescapeAttr(v)), true
	}
}

// scanBase is the href of a page's first base element outside noscript.
func scanBase(page string) string {
	z := scanner{page: page}
	var b baseRef
	for !b.seen && z.next() {
		if !z.end {
			b.see(&z)
		}
	}
	return b.ref
}

// apply calls emit with each link of the start tag at hand.
func (z *scanner) apply(rules []rule, emit func(r *rule, attr, ref string)) {
	for i := range rules {
		r := &rules[i]
		if r.key != z.key && r.tag != "" {
			continue
		}
		attr := r.attr
		if attr == "" {
			attr = linkAttrs[strings.ToLower(z.name)]
		}
		if attr == "" || i > 0 && z.applied(rules[:i], attr) {
			continue
		}
		v, ok := z.get(attr)
		switch {
		case !ok:
		case isList(attr):
			refs(attr, unescapeAttr(v), z.isRefresh(), func(ref string) { emit(r, attr, ref) })
		default:
			emit(r, attr, trimRef(unescapeAttr(v)))
		}
	}
}

// applied says whether one of the rules has given the tag's attribute before.
func (z *scanner) applied(rules []rule, attr string) bool {
	for _, r := range rules {
		if (r.tag == "" || r.key == z.key) && (r.attr == attr || r.attr == "" && linkAttrs[strings.ToLower(z.name)] == attr) {
			return true
		}
	}
	return false
}

func (z *scanner) isRefresh() bool {
	if z.key != keyMeta {
		return false
	}
	v, _ := z.get("http-equiv")
	return equalLower(v, "refresh")
}

func (z *scanner) noFollow() bool {
	rel, ok := z.get("rel")
	return ok && noFollow(unescapeAttr(rel))
}

func noFollow(rel string) bool {
	if len(rel) < len("nofollow") {
		return false
	}
	for word := range strings.FieldsSeq(rel) {
		if equalLower(word, "nofollow") {
			return true
		}
	}
	return false
}

// isList says whether an attribute's value is not just one reference.
func isList(attr string) bool {
	switch attr {
	case "srcset", "imagesrcset", "ping", "content":
		return true
	}
	return false
}

// refs calls emit with each link in the value of an attribute.
func refs(attr, value string, isRefresh bool, emit func(ref string)) {
	switch attr {
	case "srcset", "imagesrcset":
		for _, ref := range srcset(value) {
			emit(ref)
		}
	case "ping":
		for ref := range strings.FieldsSeq(value) {
			emit(ref)
		}
	case "content":
		if _, ref, ok := parseRefresh(value); ok && isRefresh {
			emit(ref)
		}
	default:
		emit(trimRef(value))
	}
}

// collector gathers the links of a page with their texts.
type collector struct {
	z     scanner
	rules []rule
	links []Link
	base  baseRef
	open  []openLink
	buf   []byte // text since the first open link began
}

// openLink is an element whose end tag is not yet seen.
type openLink struct {
	from, to int // its links
	key      uint64
	depth    int // elements of the same name open in it
	text     int // where its text begins in buf
}

func (c *collector) addText(s string) {
	if len(c.open) > 0 {
		c.buf = append(c.buf, html.UnescapeString(s)...)
	}
}

func (c *collector) tag() {
	z := &c.z
	if z.end {
		c.endTag()
		return
	}
	c.base.see(z)
	if z.key == keyA && !z.foreign {
		c.closeA()
	}
	void := voidTags[z.key] && !z.foreign || z.selfEnd && z.foreign
	if !void {
		for i := range c.open {
			if c.open[i].key == z.key {
				c.open[i].depth++
			}
		}
	}
	from := len(c.links)
	if !z.ignored() {
		z.apply(c.rules, c.emit)
	}
	if len(c.links) > from && !void {
		if len(c.open) == maxOpenLinks {
			c.closeFirst()
		}
		c.open = append(c.open, openLink{from: from, to: len(c.links), key: z.key, text: len(c.buf)})
	}
	if z.inner == "" {
		return
	}
	if z.key == keyTextarea || z.key == keyTitle {
		c.addText(z.inner)
	} else if len(c.open) > 0 {
		c.buf = append(c.buf, z.inner...)
	}
}

func (c *collector) emit(r *rule, attr, ref string) {
	l := Link{Ref: ref, Tag: r.tag, Attr: attr}
	if l.Tag == "" {
		l.Tag = strings.ToLower(c.z.name)
	}
	if rel, ok := c.z.get("rel"); ok {
		l.Rel = unescapeAttr(rel)
		l.NoFollow = noFollow(l.Rel)
	}
	c.links = append(c.links, l)
}

// endTag closes the innermost open link of that name.
func (c *collector) endTag() {
	for i := len(c.open) - 1; i >= 0; i-- {
		if c.open[i].key != c.z.key {
			continue
		}
		for j := range c.open[:i] {
			if c.open[j].key == c.z.key {
				c.open[j].depth--
			}
		}
		if c.open[i].depth--; c.open[i].depth < 0 {
			c.closeFrom(i)
		}
		return
	}
}

// closeA closes an open a element, as the start of another does.
func (c *collector) closeA() {
	for i := len(c.open) - 1; i >= 0; i-- {
		if c.open[i].key == keyA {
			c.closeFrom(i)
			return
		}
	}
}

// closeFrom gives the open links from the i-th on their text.
func (c *collector) closeFrom(i int) {
	for _, o := range c.open[i:] {
		c.setText(o)
	}
	c.open = c.open[:i]
	if i == 0 {
		c.buf = c.buf[:0]
	}
}

// closeFirst gives the outermost open link the text up to here.
func (c *collector) closeFirst() {
	c.setText(c.open[0])
	c.open = append(c.open[:0], c.open[1:]...)
}

func (c *collector) setText(o openLink) {
	text := squeezeText(share(c.buf[o.text:min(len(c.buf), o.text+maxLinkText)]))
	for i := o.from; i < o.to; i++ {
		c.links[i].Text = text
	}
}

var voidTags = keys("area base br col embed frame hr img input link meta param source track wbr")
