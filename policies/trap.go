package policies

import "strings"

// Repeats is how often the segment that occurs most in u's path occurs there.
// Sites whose relative links go wrong grow paths like /a/b/a/b/a/b without
// end. A URL without segments has 0.
func (u URL) Repeats() int {
	most := 0
	segments := strings.Split(u.Path(), "/")
	if len(segments) > maxSegments {
		return len(segments)
	}
	for i, s := range segments {
		if s == "" {
			continue
		}
		n := 1
		for _, t := range segments[i+1:] {
			if s == t {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// maxSegments is how many segments are compared with each other; a longer path
// is a trap whatever they are.
const maxSegments = 256

// Template is u's host, path and query with every run of digits as "{n}", and
// how many of those there are: pages of one calendar, or of one list, have one
// template.
func (u URL) Template() (template string, numbers int) {
	path := u.PathQuery()
	var b strings.Builder
	b.Grow(len(u.Host()) + len(path) + 16)
	b.WriteString(u.Host())
	for i := 0; i < len(path); {
		switch c := path[i]; {
		case c == '%' && i+2 < len(path): // an escape is no number
			b.WriteString(path[i : i+3])
			i += 3
		case isDigit(c):
			b.WriteString("{n}")
			numbers++
			for i < len(path) && isDigit(path[i]) {
				i++
			}
		default:
			b.WriteByte(c)
			i++
		}
	}
	return b.String(), numbers
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
