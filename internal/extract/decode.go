package extract

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf8"
	"unsafe"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode/utf32"
)

// Kind says where a document may name its own encoding.
type Kind int

// The kinds of documents.
const (
	HTML Kind = iota // <meta charset>, else an XML declaration
	XML              // the XML declaration
	Text             // nowhere
)

// prescanBytes is how far into a page a meta element is looked for. The standard
// asks for 1,024 bytes at least; pages put scripts before it.
const prescanBytes = 8 << 10

// Decode turns a body into UTF-8 text and names the encoding it was in, a WHATWG
// name in lower case. The first of these decides: a byte order mark, the charset
// of the Content-Type header, what the document declares, and else the body: it
// is utf-8 if it can be, else windows-1252. Labels that name no encoding are
// passed over; bytes that the encoding does not have become U+FFFD.
//
// A body that is UTF-8 already is not copied: text then shares its memory, and
// the caller must not change it.
func Decode(body []byte, contentType string, kind Kind) (text, encoding string) {
	if name, n := byteOrderMark(body); n > 0 {
		return transcode(body[n:], name), name
	}
	name := resolve(headerCharset(contentType), body)
	if name == "" {
		name = declared(body, kind)
	}
	if name == "" {
		if utf8.Valid(body) {
			return share(body), "utf-8"
		}
		name = "windows-1252"
	}
	return transcode(body, name), name
}

// byteOrderMark returns the encoding that a mark at the start of body names and
// how long the mark is.
func byteOrderMark(body []byte) (name string, n int) {
	for _, m := range []struct{ mark, name string }{
		{"\xEF\xBB\xBF", "utf-8"},
		{"\x00\x00\xFE\xFF", "utf-32be"},
		{"\xFF\xFE\x00\x00", "utf-32le"},
		{"\xFE\xFF", "utf-16be"},
		{"\xFF\xFE", "utf-16le"},
	} {
		if len(body) >= len(m.mark) && string(body[:len(m.mark)]) == m.mark {
			return m.name, len(m.mark)
		}
	}
	return "", 0
}

// headerCharset returns the charset parameter of a Content-Type header, "" if
// there is none or its quotes are broken.
func headerCharset(contentType string) string {
	rest := contentType
	for {
		i := strings.IndexByte(rest, ';')
		if i < 0 {
			return ""
		}
		rest = trimSpace(rest[i+1:])
		name, value, ok := strings.Cut(rest, "=")
		if !ok {
			return ""
		}
		if strings.Contains(name, ";") {
			continue
		}
		value, rest = parameter(value)
		if equalLower(trimSpace(name), "charset") {
			return value
		}
	}
}

// parameter reads a parameter's value, quoted or not; "" stands for a broken one.
func parameter(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, ";, \t\r\n")
		if end < 0 {
			end = len(s)
		}
		return s[:end], s[end:]
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			value, rest = s[1:i], trimSpace(s[i+1:])
			if rest != "" && rest[0] != ';' && rest[0] != ',' {
				value = ""
			}
			return value, rest
		}
	}
	return "", ""
}

// aliases are labels beyond the standard's that servers send.
var aliases = map[string]string{
	"latin-1": "windows-1252", "utf_8": "utf-8", "gb18030_2000": "gb18030", "gb18030-2000": "gb18030",
	"utf-32be": "utf-32be", "utf-32le": "utf-32le", "utf-32": "utf-32le",
}

// resolve returns the name of the encoding that label stands for, "" if none.
func resolve(label string, body []byte) string {
	label = strings.ToLower(trimSpace(label))
	if label == "" || label == "utf-8" { // by far the most frequent: no look into the table
		return label
	}
	_, name := charset.Lookup(label)
	if name == "" {
		name = aliases[label]
	}
	// Without a mark the byte order is the standard's, unless the text shows
	// that it is the other.
	if label == "utf-16" && bigEndian(body, 2) {
		return "utf-16be"
	}
	if label == "utf-32" && bigEndian(body, 4) {
		return "utf-32be"
	}
	return name
}

// bigEndian says whether ASCII text in units of that many bytes, of which body's
// first hundred or so are looked at, has its zeros first.
func bigEndian(body []byte, unit int) bool {
	first, last := 0, 0
	for i := 0; i+unit <= min(len(body), 256); i += unit {
		if body[i] == 0 {
			first++
		}
		if body[i+unit-1] == 0 {
			last++
		}
	}
	return first > last
}

// declared returns the encoding that the document itself names, "" if none.
func declared(body []byte, kind Kind) string {
	if kind == Text {
		return ""
	}
	head := share(body[:min(len(body), prescanBytes)])
	switch {
	case strings.HasPrefix(head, "<\x00") && len(head) > 3 && head[3] == 0:
		return "utf-16le"
	case strings.HasPrefix(head, "\x00<\x00"):
		return "utf-16be"
	}
	name := ""
	if kind == HTML {
		name = prescan(head)
	}
	if name == "" {
		name = resolve(xmlEncoding(head), nil)
	}
	if strings.HasPrefix(name, "utf-16") || strings.HasPrefix(name, "utf-32") {
		return "utf-8" // it was read as ASCII
	}
	return name
}

// xmlEncoding returns what the XML declaration at the start of head names.
func xmlEncoding(head string) string {
	head = trimSpace(head)
	if !strings.HasPrefix(head, "<?xml") {
		return ""
	}
	decl, _, ok := strings.Cut(head, ">")
	if !ok {
		return ""
	}
	_, value, ok := strings.Cut(decl, "encoding")
	if !ok {
		return ""
	}
	value = trimSpace(value)
	if !strings.HasPrefix(value, "=") {
		return ""
	}
	if value = trimSpace(value[1:]); value == "" || value[0] != '"' && value[0] != '\'' {
		return ""
	}
	label, _, ok := strings.Cut(value[1:], value[:1])
	if !ok {
		return ""
	}
	return label
}

// transcode decodes body from the encoding of that name.
func transcode(body []byte, name string) string {
	if name == "utf-8" {
		if utf8.Valid(body) {
			return share(body)
		}
		return replaceInvalid(body)
	}
	if hasASCII(name) && isASCII(body) {
		return share(body)
	}
	e := decoding(name)
	if c, ok := e.(*charmap.Charmap); ok {
		return decodeSingle(body, c)
	}
	text, err := e.NewDecoder().Bytes(body)
	if err != nil {
		return replaceInvalid(body)
	}
	return share(text)
}

// decoding is the encoding of that name, for decoding: that of GBK is
// GB18030's (WHATWG Encoding §10.1.1).
func decoding(name string) encoding.Encoding {
	switch name {
	case "utf-32be":
		return utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM)
	case "utf-32le":
		return utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)
	case "gbk":
		name = "gb18030"
	}
	e, err := htmlindex.Get(name)
	if err != nil {
		return encoding.Replacement // no name that [resolve] answers
	}
	return e
}

// decodeSingle decodes an encoding of single octets. Those of a control
// character that the encoding has no other use for are that character, as the
// standard has it and package charmap does not.
func decodeSingle(body []byte, c *charmap.Charmap) string {
	var table [256]rune
	for i := range table {
		table[i] = c.DecodeByte(byte(i))
		if table[i] == utf8.RuneError && isControl(rune(i)) {
			table[i] = rune(i)
		}
	}
	text := make([]byte, 0, len(body)+len(body)/2)
	for _, b := range body {
		text = utf8.AppendRune(text, table[b])
	}
	return share(text)
}

// isControl reports whether r is a control character beyond ASCII.
func isControl(r rune) bool { return r >= 0x80 && r <= 0x9F }

// hasASCII says whether ASCII bytes are ASCII text in the encoding.
func hasASCII(name string) bool {
	return !strings.HasPrefix(name, "utf-") && name != "iso-2022-jp" && name != "replacement"
}

func isASCII(body []byte) bool {
	for len(body) >= 8 {
		if binary.LittleEndian.Uint64(body)&0x8080808080808080 != 0 {
			return false
		}
		body = body[8:]
	}
	for _, c := range body {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// replaceInvalid turns each longest run that could begin a character but does
// not into one U+FFFD, as the standard's decoder does.
func replaceInvalid(body []byte) string {
	var b bytes.Buffer
	b.Grow(len(body) + len(body)/8)
	for len(body) > 0 {
		r, n := utf8.DecodeRune(body)
		if r == utf8.RuneError && n == 1 {
			n = brokenLen(body)
		}
		b.WriteRune(r)
		body = body[n:]
	}
	return b.String()
}

// brokenLen returns how many bytes of the broken character at the start of b
// belong together.
func brokenLen(b []byte) int {
	need, low, high := 0, byte(0x80), byte(0xBF)
	switch c := b[0]; {
	case c == 0xE0:
		need, low = 2, 0xA0
	case c == 0xED:
		need, high = 2, 0x9F
	case c >= 0xE1 && c <= 0xEF:
		need = 2
	case c == 0xF0:
		need, low = 3, 0x90
	case c == 0xF4:
		need, high = 3, 0x8F
	case c >= 0xF1 && c <= 0xF3:
		need = 3
	}
	n := 1
	for n < len(b) && n <= need && low <= b[n] && b[n] <= high {
		n++
		low, high = 0x80, 0xBF
	}
	return n
}

// share is the text of b without a copy.
func share(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
