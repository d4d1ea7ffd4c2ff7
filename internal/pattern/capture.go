package pattern

import (
	"errors"
	"strconv"
	"strings"
)

// A Capture is one capture of a match.
type Capture struct {
	Text     string // the text, sharing memory with the subject
	Position int    // for (): where it stands, counted from 1; else 0
}

// Count is how many values the last match captured, without the match itself.
func (m *Machine) Count() int { return m.p.ncap }

// Whole is the text of the last match.
func (m *Machine) Whole() string { return m.src[m.Start:m.End] }

// Capture is the i-th capture, from 0; capture 0 of a match without captures is
// the whole match. The errors are Lua's: an index out of range, and a capture
// the pattern never closed.
func (m *Machine) Capture(i int) (Capture, error) {
	if i >= m.p.ncap {
		if i != 0 {
			return Capture{}, errors.New("invalid capture index")
		}
		return Capture{Text: m.Whole()}, nil
	}
	if i >= m.p.open && m.p.open >= 0 && m.unclosed(i) {
		return Capture{}, errors.New("unfinished capture")
	}
	c := m.caps[i]
	if c.end == position {
		return Capture{Position: c.start + 1}, nil
	}
	return Capture{Text: m.src[c.start:c.end]}, nil
}

// unclosed reports whether no instruction closes capture i.
func (m *Machine) unclosed(i int) bool {
	for k := range m.prog {
		if in := &m.prog[k]; in.n == i && (in.op == opClose || in.op == opPlace) {
			return false
		}
	}
	return true
}

// A Replace appends what a match is replaced with to dst.
type Replace func(dst []byte, m *Machine) ([]byte, error)

// GSub replaces up to limit matches of p in s and says how many there were. The
// result is s itself when nothing matched. replace may use other machines, not
// this one.
func (m *Machine) GSub(p *Pattern, s string, limit int, replace Replace) (string, int, error) {
	var out []byte
	count, kept, from := 0, 0, 0
	for count < limit && from <= len(s) {
		ok, err := m.Find(p, s, from)
		if err != nil {
			return "", count, err
		}
		if !ok {
			break
		}
		if out == nil {
			out = make([]byte, 0, len(s)+16)
		}
		count++
		start, end := m.Start, m.End
		out = append(out, s[kept:start]...)
		if out, err = replace(out, m); err != nil {
			return "", count, err
		}
		kept, from = end, end
		if end == start {
			from++
		}
		if p.anchor {
			break
		}
	}
	if count == 0 {
		return s, 0, nil
	}
	return string(append(out, s[kept:]...)), count, nil
}

// Template makes a Replace of a replacement string, in which %0 to %9 stand
// for the match and its captures and % before anything else for that itself.
func Template(text string) Replace {
	if strings.IndexByte(text, '%') < 0 {
		return func(dst []byte, _ *Machine) ([]byte, error) { return append(dst, text...), nil }
	}
	return func(dst []byte, m *Machine) ([]byte, error) { return expand(dst, m, text) }
}

func expand(dst []byte, m *Machine, text string) ([]byte, error) {
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			dst = append(dst, text[i])
			continue
		}
		i++
		switch {
		case i == len(text):
			dst = append(dst, 0) // Lua reads the terminator of the C string
		case text[i] == '0':
			dst = append(dst, m.Whole()...)
		case isDigit(text[i]):
			c, err := m.Capture(int(text[i] - '1'))
			if err != nil {
				return dst, err
			}
			dst = c.Append(dst)
		default:
			dst = append(dst, text[i])
		}
	}
	return dst, nil
}

// Append writes the capture as a string: a position as a decimal number.
func (c Capture) Append(dst []byte) []byte {
	if c.Position > 0 {
		return strconv.AppendInt(dst, int64(c.Position), 10)
	}
	return append(dst, c.Text...)
}
