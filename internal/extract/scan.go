package extract

import "strings"

// maxAttrs is how many attributes of one tag are looked at.
const maxAttrs = 1024

// scanner walks the tags of a page without building a tree. It reads tags,
// comments and raw text as the tokenizer of the HTML standard does (WHATWG HTML
// §13.2.5) with scripting off, and knows as much of the tree as the tokenizer
// depends on: foreign content and framesets.
type scanner struct {
	page string
	pos  int // where the scan goes on

	// The tag at hand.
	start   int    // its '<'
	name    string // as written
	key     uint64 // see tagKey
	attrs   []attr // in order, doubles included
	end     bool   // </x>
	selfEnd bool   // <x/>
	inner   string // the text of a raw text element; with its start tag alone
	foreign bool   // an element of SVG or MathML

	stack    []frame // open elements of foreign content
	noscript int
	frames   frameset

	cut  bool         // report also a tag that the end of the page cuts off
	text func(string) // if not nil, gets the text between tags
}

// attr is where an attribute's name and value lie in the page.
type attr struct{ name, nameEnd, value, valueEnd int32 }

// Byte classes of the tokenizer's states.
const (
	isSpace uint8 = 1 << iota
	endsName
	endsAttr
	endsValue
	isLetter
)

var class, lower = func() (t [256]uint8, low [256]byte) {
	for i := range t {
		low[i] = byte(i)
	}
	low[0] = 0xFF // a name with NUL in it is no other's key
	for c := byte('A'); c <= 'Z'; c++ {
		low[c] = c + 'a' - 'A'
		t[c], t[low[c]] = isLetter, isLetter
	}
	for _, c := range " \t\n\f\r" {
		t[c] = isSpace | endsName | endsAttr | endsValue
	}
	t['/'] = endsName | endsAttr
	t['>'] = endsName | endsAttr | endsValue
	t['='] = endsAttr
	return t, low
}()

// tagKey packs a name of up to eight bytes, lower-cased, into a number; a
// longer one gives a hash with the top bit set, which no short ASCII name has.
func tagKey(name string) uint64 {
	var k uint64
	if len(name) <= 8 {
		for i := 0; i < len(name); i++ {
			k |= uint64(lower[name[i]]) << (8 * i)
		}
		return k
	}
	k = 14695981039346656037
	for i := 0; i < len(name); i++ {
		k = (k ^ uint64(lower[name[i]])) * 1099511628211
	}
	return k | 1<<63
}

// next moves to the next tag and says whether there is one.
func (z *scanner) next() bool {
	page := z.page
	from := z.pos
	for p := from; ; {
		i := strings.IndexByte(page[p:], '<')
		if i < 0 || p+i+1 == len(page) {
			z.start = len(page)
			z.gap(from)
			z.pos = len(page)
			return false
		}
		z.start = p + i
		p = z.start + 1
		c := page[p]
		switch {
		case class[c]&isLetter != 0:
			z.gap(from)
			z.end = false
			if !z.tag(p) {
				return false
			}
			z.open()
			return true
		case c == '/' && p+1 < len(page) && class[page[p+1]]&isLetter != 0:
			z.gap(from)
			z.end = true
			if !z.tag(p + 1) {
				return false
			}
			z.close()
			return true
		case c == '/' && p+1 < len(page), c == '!', c == '?':
			z.gap(from)
			p = z.declaration(p)
			from = p
		}
	}
}

// gap hands over the text between from and the tag or comment at hand.
func (z *scanner) gap(from int) {
	if z.text != nil && from < z.start {
		z.text(z.page[from:z.start])
	}
}

// tag reads the tag whose name begins at p and says whether it ends.
func (z *scanner) tag(p int) bool {
	page, from := z.page, p
	var k uint64
	for shift := 0; p < len(page) && class[page[p]]&endsName == 0; p++ {
		k |= uint64(lower[page[p]]) << shift
		shift += 8
	}
	z.name = page[from:p]
	if len(z.name) > 8 {
		k = tagKey(z.name)
	}
	z.key, z.inner, z.selfEnd = k, "", false
	z.attrs = z.attrs[:0]
	for p < len(page) {
		switch c := page[p]; {
		case c == '>':
			z.pos = p + 1
			return true
		case c == '/':
			p++
			if p < len(page) && page[p] == '>' {
				z.selfEnd, z.pos = true, p+1
				return true
			}
		case class[c]&isSpace != 0:
			p++
		default:
			p = z.attribute(p)
		}
	}
	z.pos = len(page)
	return z.cut && len(z.attrs) > 0
}

// attribute reads the attribute that begins at p and returns where it ends.
func (z *scanner) attribute(p int) int {
	page := z.page
	a := attr{name: int32(p)}
	for p++; p < len(page) && class[page[p]]&endsAttr == 0; p++ { // the first byte may be '='
	}
	a.nameEnd = int32(p)
	for p < len(page) && class[page[p]]&isSpace != 0 {
		p++
	}
	if p < len(page) && page[p] == '=' {
		for p++; p < len(page) && class[page[p]]&isSpace != 0; p++ {
		}
		if p == len(page) {
			return p
		}
		switch c := page[p]; c {
		case '"', '\'':
			a.value = int32(p + 1)
			i := strings.IndexByte(page[p+1:], c)
			if i < 0 {
				return len(page)
			}
			p += 1 + i
			a.valueEnd = int32(p)
			p++
		default:
			a.value = int32(p)
			for p < len(page) && class[page[p]]&endsValue == 0 {
				p++
			}
			a.valueEnd = int32(p)
		}
	}
	if len(z.attrs) < maxAttrs {
		z.attrs = append(z.attrs, a)
	}
	return p
}

// get returns the value, as written, of the tag's first attribute of that name,
// which is in lower case. In foreign content xlink:href is href too.
func (z *scanner) get(name string) (string, bool) {
	for i := range z.attrs {
		a := &z.attrs[i]
		got := z.page[a.name:a.nameEnd]
		if len(got) == len(name) && equalLower(got, name) || z.foreign && isXLink(got, name) {
			return z.page[a.value:a.valueEnd], true
		}
	}
	return "", false
}

func isXLink(got, name string) bool {
	return len(got) > 6 && equalLower(got[:6], "xlink:") && equalLower(got[6:], name)
}

// equalLower says whether s, its ASCII letters lower-cased, is low.
func equalLower(s, low string) bool {
	if len(s) != len(low) {
		return false
	}
	for i := 0; i < len(s); i++ {
		if lower[s[i]] != low[i] {
			return false
		}
	}
	return true
}

// declaration skips what begins with '!', '?' or a '/' without a name at p: a
// comment, a doctype, a CDATA section in foreign content, or a bogus comment.
func (z *scanner) declaration(p int) int {
	page := z.page
	switch {
	case strings.HasPrefix(page[p:], "!--"):
		return commentEnd(page, p+3)
	case page[p] == '!' && len(z.stack) > 0 && strings.HasPrefix(page[p:], "![CDATA[") && !z.stack[len(z.stack)-1].html():
		from := p + len("![CDATA[")
		end := after(page, from, "]]>")
		if z.text != nil {
			z.text(strings.TrimSuffix(page[from:end], "]]>"))
		}
		return end
	}
	return after(page, p+1, ">")
}

// after returns where the first sep from p on ends, or the page's end.
func after(page string, p int, sep string) int {
	if i := strings.Index(page[p:], sep); i >= 0 {
		return p + i + len(sep)
	}
	return len(page)
}

// commentEnd returns where the comment ends whose text begins at p. "-->" and
// "--!>" end it, and "<!-->" and "<!--->" are whole comments.
func commentEnd(page string, p int) int {
	switch rest := page[p:]; {
	case strings.HasPrefix(rest, ">"):
		return p + 1
	case strings.HasPrefix(rest, "->"):
		return p + 2
	}
	for {
		i := strings.Index(page[p:], "--")
		if i < 0 {
			return len(page)
		}
		p += i + 1 // the second dash may be the first of the pair that counts
		switch rest := page[p+1:]; {
		case strings.HasPrefix(rest, ">"):
			return p + 2
		case strings.HasPrefix(rest, "!>"):
			return p + 3
		}
	}
}
