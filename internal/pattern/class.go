package pattern

// A set holds the bytes a single-character item matches.
type set [256]bool

// classes are the sets of %a, %c … by lower-case letter, in the C locale.
var classes = map[byte]*set{
	'a': setOf(isAlpha),
	'c': setOf(func(c byte) bool { return c < 32 || c == 127 }),
	'd': setOf(isDigit),
	'l': setOf(func(c byte) bool { return c >= 'a' && c <= 'z' }),
	'p': setOf(func(c byte) bool { return c > 32 && c < 127 && !isAlpha(c) && !isDigit(c) }),
	's': setOf(func(c byte) bool { return c == ' ' || c >= 9 && c <= 13 }),
	'u': setOf(func(c byte) bool { return c >= 'A' && c <= 'Z' }),
	'w': setOf(func(c byte) bool { return isAlpha(c) || isDigit(c) }),
	'x': setOf(func(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }),
	'z': setOf(func(c byte) bool { return c == 0 }),
}

var anyByte = setOf(func(byte) bool { return true })

func isAlpha(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func setOf(in func(byte) bool) *set {
	s := new(set)
	for c := range s {
		s[c] = in(byte(c))
	}
	return s
}

func oneByte(c byte) *set {
	s := new(set)
	s[c] = true
	return s
}

// escaped is the set of %c.
func escaped(c byte) *set {
	if s, ok := classes[c|0x20]; ok && isAlpha(c) {
		if c&0x20 != 0 {
			return s
		}
		return s.complement()
	}
	return oneByte(c)
}

// bracket is the set of the class whose text between the brackets is body,
// read as Lua reads it: a range needs a byte on both sides and its end is taken
// as it stands, even a %.
func bracket(body string) *set {
	s := new(set)
	negated := body != "" && body[0] == '^'
	if negated {
		body = body[1:]
	}
	for i := 0; i < len(body); i++ {
		switch {
		case body[i] == '%':
			i++
			if i < len(body) {
				s.add(escaped(body[i]))
			} else {
				s[']'] = true // the end of a range was a %: Lua escapes the closing bracket
			}
		case i+2 < len(body) && body[i+1] == '-':
			for c := int(body[i]); c <= int(body[i+2]); c++ {
				s[c] = true
			}
			i += 2
		default:
			s[body[i]] = true
		}
	}
	if negated {
		return s.complement()
	}
	return s
}

func (s *set) complement() *set {
	r := new(set)
	for c, in := range s {
		r[c] = !in
	}
	return r
}

func (s *set) add(t *set) {
	for c, in := range t {
		s[c] = s[c] || in
	}
}

func (s *set) disjoint(t *set) bool {
	for c, in := range s {
		if in && t[c] {
			return false
		}
	}
	return true
}

// single is the only byte of the set, if it has exactly one.
func (s *set) single() (byte, bool) {
	found := -1
	for c, in := range s {
		if !in {
			continue
		}
		if found >= 0 {
			return 0, false
		}
		found = c
	}
	return byte(max(found, 0)), found >= 0
}
