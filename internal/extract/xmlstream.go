package extract

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
)

const (
	// maxXMLTag is how long a tag may be, in bytes; what is longer is cut.
	maxXMLTag = 64 << 10
	// maxXMLText is how long a piece of text may be.
	maxXMLText = 1 << 20
	// sniffBytes is how much of a file tells what it is.
	sniffBytes = 4 << 10
)

// xmlStream reads XML as it comes, in bounded memory, and makes the best of what
// is not well formed: end tags need not match, an '&' may stand alone. It knows
// no entity but those of XML and HTML, declares and fetches none.
type xmlStream struct {
	r *bufio.Reader

	kind  xmlKind
	name  string // with its prefix
	attrs []xmlAttr
	empty bool // <x/>
	text  string
	buf   []byte
}

type xmlKind uint8

const (
	xmlStart xmlKind = iota
	xmlEnd
	xmlText
)

type xmlAttr struct{ name, value string }

// openText unpacks r, reads at most limit bytes of it and decodes them to UTF-8.
func openText(r io.Reader, contentType string, limit int64) (text *bufio.Reader, all *io.LimitedReader) {
	in := bufio.NewReaderSize(r, sniffBytes)
	for range 2 { // some servers pack what is packed
		head, _ := in.Peek(2)
		if string(head) != "\x1f\x8b" {
			break
		}
		zr, err := gzip.NewReader(in)
		if err != nil {
			break
		}
		in = bufio.NewReaderSize(zr, sniffBytes)
	}
	all = &io.LimitedReader{R: in, N: limit}
	head, _ := in.Peek(sniffBytes)
	name, n := byteOrderMark(head)
	if n == 0 {
		name = resolve(headerCharset(contentType), head)
	}
	if name == "" {
		name = declared(head, XML)
	}
	_, _ = in.Discard(n)
	if name == "" || name == "utf-8" {
		return bufio.NewReaderSize(all, sniffBytes), all
	}
	return bufio.NewReaderSize(decoding(name).NewDecoder().Reader(all), sniffBytes), all
}

// next moves to the next tag or text; it says no at the end, which a read error
// is too.
func (x *xmlStream) next() bool {
	for {
		c, err := x.r.ReadByte()
		if err != nil {
			return false
		}
		if c != '<' {
			_ = x.r.UnreadByte()
			x.readText()
			return true
		}
		head, _ := x.r.Peek(8)
		switch {
		case len(head) == 0:
			return false
		case bytes.HasPrefix(head, []byte("!--")):
			x.skipPast("-->")
		case bytes.HasPrefix(head, []byte("![CDATA[")):
			x.readCDATA()
			return true
		case head[0] == '!':
			x.skipDeclaration()
		case head[0] == '?':
			x.skipPast(">")
		case head[0] == '/':
			_, _ = x.r.Discard(1)
			x.readTag()
			x.kind = xmlEnd
			return true
		case class[head[0]]&isLetter != 0 || head[0] == '_' || head[0] >= 0x80:
			x.readTag()
			x.kind = xmlStart
			return true
		default:
			x.kind, x.text = xmlText, "<"
			return true
		}
	}
}

// local is the name without its prefix.
func (x *xmlStream) local() string {
	return x.name[strings.IndexByte(x.name, ':')+1:]
}

// prefix is what stands before the colon.
func (x *xmlStream) prefix() string {
	return x.name[:max(0, strings.IndexByte(x.name, ':'))]
}

func (x *xmlStream) attr(name string) string {
	for _, a := range x.attrs {
		if a.name == name {
			return a.value
		}
	}
	return ""
}

func (x *xmlStream) readText() {
	x.buf = x.buf[:0]
	for {
		part, err := x.r.ReadSlice('<')
		x.keep(part, maxXMLText)
		if err == nil {
			_ = x.r.UnreadByte()
			x.buf = bytes.TrimSuffix(x.buf, []byte("<"))
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			break
		}
	}
	x.kind, x.text = xmlText, unescapeXML(strings.ToValidUTF8(string(x.buf), "\uFFFD"))
}

func (x *xmlStream) readCDATA() {
	_, _ = x.r.Discard(len("![CDATA["))
	x.buf = x.buf[:0]
	for {
		part, err := x.r.ReadSlice('>')
		x.keep(part, maxXMLText)
		if err == nil && bytes.HasSuffix(x.buf, []byte("]]>")) || err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			break
		}
		if len(x.buf) >= maxXMLText {
			x.skipPast("]]>")
			break
		}
	}
	x.kind, x.text = xmlText, strings.ToValidUTF8(strings.TrimSuffix(string(x.buf), "]]>"), "\uFFFD")
}

// keep adds to buf what of part there is room for.
func (x *xmlStream) keep(part []byte, limit int) {
	x.buf = append(x.buf, part[:min(len(part), max(0, limit-len(x.buf)))]...)
}

// readTag reads from a tag's name to its '>'.
func (x *xmlStream) readTag() {
	x.buf = x.buf[:0]
	var quote byte
	for {
		c, err := x.r.ReadByte()
		if err != nil || c == '>' && quote == 0 {
			break
		}
		switch {
		case quote == c:
			quote = 0
		case quote == 0 && (c == '"' || c == '\'') && bytes.HasSuffix(bytes.TrimRight(x.buf, " \t\r\n"), []byte("=")):
			quote = c
		case quote == 0 && c == '<': // the '>' was forgotten
			_ = x.r.UnreadByte()
			x.parseTag()
			return
		}
		if len(x.buf) < maxXMLTag {
			x.buf = append(x.buf, c)
		}
	}
	x.parseTag()
}

// parseTag takes a tag's bytes apart.
func (x *xmlStream) parseTag() {
	s := strings.ToValidUTF8(string(x.buf), "\uFFFD")
	x.empty = strings.HasSuffix(s, "/")
	s = strings.TrimSuffix(s, "/")
	z := scanner{page: s + ">"}
	x.attrs = x.attrs[:0]
	if !z.tag(0) {
		x.name = strings.TrimSpace(s)
		return
	}
	x.name = z.name
	for _, a := range z.attrs {
		x.attrs = append(x.attrs, xmlAttr{z.page[a.name:a.nameEnd], unescapeXML(z.page[a.value:a.valueEnd])})
	}
}

// skipPast skips to the end of the next sep.
func (x *xmlStream) skipPast(sep string) {
	var tail []byte
	last := sep[len(sep)-1]
	for {
		part, err := x.r.ReadSlice(last)
		tail = append(tail, part...)
		if bytes.HasSuffix(tail, []byte(sep)) || err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
		tail = append(tail[:0], tail[max(0, len(tail)-len(sep)):]...)
	}
}

// skipDeclaration skips a doctype with the declarations in its brackets.
func (x *xmlStream) skipDeclaration() {
	depth := 0
	var quote byte
	for {
		c, err := x.r.ReadByte()
		if err != nil {
			return
		}
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '[':
			depth++
		case c == ']':
			depth--
		case c == '<':
			if head, _ := x.r.Peek(3); string(head) == "!--" {
				x.skipPast("-->")
			}
		case c == '>' && depth <= 0:
			return
		}
	}
}

// unescapeXML decodes character references and the names of HTML; any other
// entity is nothing.
func unescapeXML(s string) string {
	i := strings.IndexByte(s, '&')
	if i < 0 {
		return s
	}
	var b strings.Builder
	for ; i >= 0; i = strings.IndexByte(s, '&') {
		b.WriteString(s[:i])
		n := referenceLen(s[i:])
		ref := s[i : i+n]
		if got := reference(ref, "="); got != ref || !strings.HasSuffix(ref, ";") || n < 3 || strings.HasPrefix(ref, "&#") {
			b.WriteString(got)
		}
		s = s[i+n:]
	}
	b.WriteString(s)
	return b.String()
}
