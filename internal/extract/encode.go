package extract

import (
	"strconv"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/width"
)

// EncodeQuery returns ref, a reference in a page, with its query as browsers
// send it: in the page's own encoding, percent-encoded, where the encoding is a
// legacy one, a character that it lacks as a number such as "&#1076;" (WHATWG
// URL §1.3, percent-encode after encoding). A query in ASCII stays as it is.
// label is any of the standard's; for what is none, ref is returned.
func EncodeQuery(ref, label string) string {
	rest, _, _ := strings.Cut(ref, "#")
	from := strings.IndexByte(rest, '?') + 1
	query := rest[from:]
	if from == 0 || label == "utf-8" || label != "iso-2022-jp" && isASCII([]byte(query)) {
		return ref
	}
	e, err := htmlindex.Get(label)
	if err != nil {
		return ref
	}
	name, err := htmlindex.Name(e)
	if err != nil || name == "replacement" || strings.HasPrefix(name, "utf-") {
		return ref
	}
	b := append(make([]byte, 0, len(ref)*3), ref[:from]...)
	if name == "iso-2022-jp" {
		b = appendISO2022JP(b, query)
	} else {
		w := queryEncoder{name: name, encoder: e.NewEncoder()}
		w.charmap, _ = e.(*charmap.Charmap)
		for _, r := range query {
			b = w.append(b, r)
		}
	}
	return string(append(b, ref[len(rest):]...))
}

// queryEncoder writes the characters of a query in an encoding without states.
type queryEncoder struct {
	name    string
	encoder *encoding.Encoder
	charmap *charmap.Charmap // of an encoding of single octets
}

func (w *queryEncoder) append(b []byte, r rune) []byte {
	if r < 0x80 {
		return append(b, byte(r)) // what needs an escape gets it when the URL is parsed
	}
	if octets, ok := w.encode(r); ok {
		return appendOctets(b, octets)
	}
	return appendNumber(b, r)
}

// encode returns the octets of r as the standard's encoders have them, which
// write less than package encoding does.
func (w *queryEncoder) encode(r rune) (octets []byte, ok bool) {
	japanese := w.name == "shift_jis" || w.name == "euc-jp"
	switch {
	case japanese && r == '\u00a5':
		return []byte{0x5C}, true
	case japanese && r == '\u203e':
		return []byte{0x7E}, true
	case japanese && r == '\u2212':
		r = '\uff0d'
	case w.charmap != nil && isControl(r) && w.charmap.DecodeByte(byte(r)) == '\ufffd':
		return []byte{byte(r)}, true
	}
	if w.name == "gb18030" || w.name == "gbk" {
		if octets, ok = userDefinedGB(r); ok || r >= 0xE000 && r < 0xE865 {
			return octets, ok
		}
	}
	octets, err := w.encoder.Bytes([]byte(string(r)))
	switch {
	case err != nil:
		return nil, false
	case w.name == "big5" && octets[0] < 0xA1, // of the Hong Kong supplement
		w.name == "euc-jp" && octets[0] == 0x8F: // JIS X 0212
		return nil, false
	}
	return octets, true
}

// userDefinedGB returns the two octets of a character of GB 18030's user-defined
// areas, which package encoding takes for others. U+E5E5 has none.
func userDefinedGB(r rune) (octets []byte, ok bool) {
	i := int(r) - 0xE000
	switch {
	case r == '\ue5e5' || i < 0 || r > 0xE765:
		return nil, false
	case r < 0xE234: // six rows of 94
		return []byte{byte(0xAA + i/94), byte(0xA1 + i%94)}, true
	case r < 0xE4C6: // seven
		i = int(r) - 0xE234
		return []byte{byte(0xF8 + i/94), byte(0xA1 + i%94)}, true
	}
	i = int(r) - 0xE4C6 // seven rows of 96, without 0x7F
	trail := 0x40 + i%96
	if trail >= 0x7F {
		trail++
	}
	return []byte{byte(0xA1 + i/96), byte(trail)}, true
}

// appendISO2022JP writes a query in ISO-2022-JP, whose escape sequences change
// what octets stand for.
func appendISO2022JP(b []byte, query string) []byte {
	const ascii, roman, kanji = "\x1b(B", "\x1b(J", "\x1b$B"
	state := ascii
	to := func(next string) {
		if state != next {
			b = appendOctets(b, []byte(next))
			state = next
		}
	}
	jis := japanese.EUCJP.NewEncoder() // the same characters, with the top bits set
	for _, r := range query {
		switch r {
		case '\u00a5', '\u203e':
			to(roman)
			b = append(b, map[rune]byte{'\u00a5': 0x5C, '\u203e': 0x7E}[r])
			continue
		case '\u2212':
			r = '\uff0d'
		case 0x0E, 0x0F, 0x1B:
			to(ascii)
			b = appendNumber(b, '\ufffd')
			continue
		}
		if r < 0x80 {
			if state != roman || r == '\\' || r == '~' {
				to(ascii)
			}
			b = append(b, byte(r))
			continue
		}
		octets, err := jis.Bytes([]byte(wide(r)))
		if err != nil || len(octets) != 2 || octets[0] == 0x8E {
			if state == kanji {
				to(ascii)
			}
			b = appendNumber(b, r)
			continue
		}
		to(kanji)
		b = appendOctets(b, []byte{octets[0] &^ 0x80, octets[1] &^ 0x80})
	}
	to(ascii)
	return b
}

// wide is r, a half-width katakana in its usual width.
func wide(r rune) string {
	switch {
	case r == '\uff9e':
		return "\u309b"
	case r == '\uff9f':
		return "\u309c"
	case r >= '\uff61' && r < '\uff9e':
		return width.Widen.String(string(r))
	}
	return string(r)
}

// appendOctets writes octets of a query, percent-encoded where an http URL's
// query needs it.
func appendOctets(b, octets []byte) []byte {
	const hex = "0123456789ABCDEF"
	for _, c := range octets {
		if c > ' ' && c < 0x7F && strings.IndexByte("\"#<>'", c) < 0 {
			b = append(b, c)
			continue
		}
		b = append(b, '%', hex[c>>4], hex[c&15])
	}
	return b
}

// appendNumber writes a character that an encoding lacks.
func appendNumber(b []byte, r rune) []byte {
	b = append(b, "%26%23"...)
	b = strconv.AppendInt(b, int64(r), 10)
	return append(b, "%3B"...)
}
