package extract

import "strings"

// Link is one link of a page.
type Link struct {
	Ref      string // the attribute's value: character references decoded, whitespace as URL parsing removes it; not resolved
	Text     string // text content of the element, squeezed
	Rel      string // the rel attribute
	Tag      string // name of the element
	Attr     string // name of the attribute
	NoFollow bool   // rel has the word nofollow
}

// Links returns the links that sel selects, in document order, and the href of
// the page's first base element, "" if there is none. A nil sel means
// [DefaultLinks].
func Links(page string, sel *Selector) (links []Link, base string) {
	return Parse(page).Links(sel)
}

// Refs calls yield with each link that sel selects until it returns false. It
// is [Links] without the text, and faster.
func Refs(page string, sel *Selector, yield func(ref string, nofollow bool) bool) (base string) {
	links, base := Links(page, sel)
	for _, l := range links {
		if !yield(l.Ref, l.NoFollow) {
			break
		}
	}
	return base
}

// Title is the text of the page's first title element, squeezed, or "".
func Title(page string) string {
	sel, _ := ParseSelector("title")
	if n := Parse(page).Find(sel); n != nil {
		return Squeeze(n.Text())
	}
	return ""
}

// MetaRefresh finds the page's first refresh that names a URL: after how many
// seconds and to where. Like [Link.Ref], ref is not resolved. Refreshes inside
// noscript do not count.
func MetaRefresh(page string) (seconds float64, ref string, ok bool) { return 0, "", false }

// Squeeze trims s and turns each run of white space in it into one space.
func Squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }
