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

// Template is u's host, path and query with every run of digits as "{n}":
// pages of one calendar, or of one list, have one template.
func (u URL) Template() string {
	s := u.Host() + u.PathQuery()
	var b strings.Builder
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case i < len(u.Host()) || c < '0' || c > '9':
			b.WriteByte(c)
			i++
			if c == '%' && i+2 <= len(s) && i > len(u.Host()) { // an escape is no number
				b.WriteString(s[i : i+2])
				i += 2
			}
		default:
			b.WriteString("{n}")
			for i < len(s) && s[i] >= '0' && s[i] <= '9' {
				i++
			}
		}
	}
	return b.String()
}
