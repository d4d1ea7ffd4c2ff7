package extract

import (
	"strings"

	"golang.org/x/net/html"
)

// unescapeAttr decodes the character references of an attribute's value. A named
// one without its semicolon stays if '=' or a letter or digit follows (WHATWG
// HTML §13.2.5.73), so that "?a&copy=1" is what it looks like.
func unescapeAttr(s string) string {
	i := strings.IndexByte(s, '&')
	if i < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i >= 0 {
		b.WriteString(s[:i])
		n := referenceLen(s[i:])
		b.WriteString(reference(s[i:i+n], s[i+n:]))
		s = s[i+n:]
		i = strings.IndexByte(s, '&')
	}
	b.WriteString(s)
	return b.String()
}

// referenceLen returns how long what may be a reference at the start of s is.
func referenceLen(s string) int {
	n := 1
	if n < len(s) && s[n] == '#' {
		n++
	}
	for n < len(s) && isAlnum(s[n]) {
		n++
	}
	if n < len(s) && s[n] == ';' {
		n++
	}
	return n
}

func isAlnum(c byte) bool { return class[c]&isLetter != 0 || '0' <= c && c <= '9' }

// reference decodes ref, which rest follows.
func reference(ref, rest string) string {
	if len(ref) < 3 {
		return ref
	}
	if ref[1] == '#' {
		return html.UnescapeString(ref)
	}
	closed := ref[len(ref)-1] == ';'
	if !closed && strings.HasPrefix(rest, "=") {
		return ref
	}
	// The decoder takes the longest name that ref begins with, as in text; here
	// only the whole name counts, and then nothing of ref is left over.
	got := html.UnescapeString(ref)
	last := got[len(got)-1]
	if closed && last == ';' && ref != "&semi;" || !closed && isAlnum(last) {
		return ref
	}
	return got
}

// trimRef removes from an attribute's value what URL parsing removes: C0
// controls and spaces around it, tabs and newlines anywhere (WHATWG URL §4.4).
func trimRef(s string) string {
	for len(s) > 0 && s[0] <= ' ' {
		s = s[1:]
	}
	for len(s) > 0 && s[len(s)-1] <= ' ' {
		s = s[:len(s)-1]
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c == '\t' || c == '\n' || c == '\r' {
			return dropNewlines(s)
		}
	}
	return s
}

func dropNewlines(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if c := s[i]; c != '\t' && c != '\n' && c != '\r' {
			b = append(b, c)
		}
	}
	return string(b)
}
