package pattern

import (
	"errors"
	"strings"
)

// fuelStep is how much work is done between two calls of Machine.Refuel.
const fuelStep = 1 << 16

// ErrSteps is the error of a Machine that used up its Fuel with no Refuel to
// ask for more.
var ErrSteps = errors.New("pattern takes too many steps")

// A Machine holds one match: where it lies and what it captured. The zero
// value has no fuel and stops at once: set Refuel, Fuel or both. A Machine is not safe for concurrent use.
type Machine struct {
	// Refuel is called before a match costs much more: about every 65,000
	// bytes looked at. Its error ends the match and is returned.
	Refuel func() error
	// Fuel is how much work is left before Refuel is called.
	Fuel int

	Start, End int // of the last match, byte offsets in the subject

	p    *Pattern
	prog []inst
	src  string
	err  error
	caps [MaxCaptures]span
}

// A span is what a capture holds; end is position for ().
type span struct{ start, end int }

const position = -2

// Reset makes the machine forget the subject, so that it may be kept.
func (m *Machine) Reset() { m.p, m.prog, m.src, m.err = nil, nil, "", nil }

// Find looks for the first match in s that starts at byte offset from
// (0 ≤ from ≤ len(s)) or later; only there for a pattern anchored with ^.
func (m *Machine) Find(p *Pattern, s string, from int) (bool, error) {
	m.p, m.prog, m.src, m.err = p, p.prog, s, nil
	if p.anchor {
		return m.at(from)
	}
	for ; from <= len(s); from++ {
		if p.first != nil {
			if from = m.skip(from); from < 0 {
				return false, m.err
			}
		}
		if ok, err := m.at(from); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// skip is the first offset at or after from where a match may begin, or -1.
func (m *Machine) skip(from int) int {
	s, first := m.src, m.p.first
	n := -1
	if m.p.prefix != "" {
		n = strings.Index(s[from:], m.p.prefix)
	} else {
		for i := from; i < len(s); i++ {
			if first[s[i]] {
				n = i - from
				break
			}
		}
	}
	if n < 0 {
		_ = m.burn(len(s) - from) // m.err keeps it
		return -1
	}
	if m.burn(n) != nil {
		return -1
	}
	return from + n
}

// at tries a match that starts at offset i.
func (m *Machine) at(i int) (bool, error) {
	end := m.match(i, 0)
	if end < 0 {
		return false, m.err
	}
	m.Start, m.End = i, end
	return true, nil
}

// burn accounts for n more bytes looked at.
func (m *Machine) burn(n int) error {
	if m.Fuel -= n + 1; m.Fuel >= 0 || m.err != nil {
		return m.err
	}
	if m.Refuel == nil {
		m.err = ErrSteps
		return m.err
	}
	m.err = m.Refuel()
	m.Fuel = fuelStep
	return m.err
}

// match is the offset at which the program from pc on, applied at offset s,
// ends, or -1. With m.err set every result is -1.
func (m *Machine) match(s, pc int) int {
	for {
		if m.Fuel--; m.Fuel < 0 && m.burn(0) != nil {
			return -1
		}
		in := &m.prog[pc]
		switch in.op {
		case opEnd:
			return s
		case opEOS:
			if s == len(m.src) {
				return s
			}
			return -1
		case opChar:
			if s >= len(m.src) || m.src[s] != in.c {
				return -1
			}
			s++
		case opText:
			if !strings.HasPrefix(m.src[s:], in.text) {
				return -1
			}
			s += len(in.text)
		case opSet:
			if s >= len(m.src) || !in.set[m.src[s]] {
				return -1
			}
			s++
		case opStar, opPlus, opMinus, opOpt:
			end, done := m.repeat(in, s, pc)
			if done {
				return end
			}
			s = end
		default:
			if s = m.rare(in, s); s < 0 {
				return -1
			}
		}
		pc++
	}
}

// rare does the items that are not single characters.
func (m *Machine) rare(in *inst, s int) int {
	switch in.op {
	case opOpen:
		m.caps[in.n].start = s
	case opPlace:
		m.caps[in.n] = span{s, position}
	case opClose:
		m.caps[in.n].end = s
	case opBack:
		c := m.caps[in.n]
		if c.end == position {
			return -1
		}
		text := m.src[c.start:c.end]
		if m.burn(len(text)) != nil || !strings.HasPrefix(m.src[s:], text) {
			return -1
		}
		return s + len(text)
	case opBal:
		return m.balanced(in, s)
	case opFront:
		var before, after byte
		if s > 0 {
			before = m.src[s-1]
		}
		if s < len(m.src) {
			after = m.src[s]
		}
		if in.set[before] || !in.set[after] {
			return -1
		}
	case opError:
		m.err = errors.New(in.text)
		return -1
	}
	return s
}

// balanced is %bxy.
func (m *Machine) balanced(in *inst, s int) int {
	if s >= len(m.src) || m.src[s] != in.c {
		return -1
	}
	depth := 1
	for i := s + 1; i < len(m.src); i++ {
		switch m.src[i] {
		case in.d:
			if depth--; depth == 0 {
				if m.burn(i-s) != nil {
					return -1
				}
				return i + 1
			}
		case in.c:
			depth++
		}
	}
	_ = m.burn(len(m.src) - s) // m.err keeps it
	return -1
}

// repeat does a repeating item at offset s. When done, end is the whole
// match's end or -1; else the program goes on after the item at end.
func (m *Machine) repeat(in *inst, s, pc int) (end int, done bool) {
	switch in.op {
	case opMinus:
		return m.lazy(in, s, pc)
	case opOpt:
		if s >= len(m.src) || !in.set[m.src[s]] {
			return s, false
		}
		if in.exact {
			return s + 1, false
		}
		if m.follows(in, s+1) {
			if e := m.match(s+1, pc+1); e >= 0 || m.err != nil {
				return e, true
			}
		}
		return s, false
	}
	stop := m.run(in, s)
	if m.burn(stop-s) != nil {
		return -1, true
	}
	least := s
	if in.op == opPlus {
		least++
	}
	if stop < least {
		return -1, true
	}
	if in.exact {
		return stop, false
	}
	for i := stop; i > least; i-- {
		if m.follows(in, i) {
			if e := m.match(i, pc+1); e >= 0 || m.err != nil {
				return e, true
			}
		}
	}
	return least, false
}

// run is the offset at which a run of in.set from s ends.
func (m *Machine) run(in *inst, s int) int {
	switch {
	case in.all:
		return len(m.src)
	case in.until >= 0:
		if n := strings.IndexByte(m.src[s:], byte(in.until)); n >= 0 {
			return s + n
		}
		return len(m.src)
	}
	set, src := in.set, m.src
	for s < len(src) && set[src[s]] {
		s++
	}
	return s
}

// follows reports whether what comes after in can begin at offset i.
func (m *Machine) follows(in *inst, i int) bool {
	return in.next == nil || i < len(m.src) && in.next[m.src[i]]
}

// lazy is the - suffix: the shortest run after which the rest matches.
func (m *Machine) lazy(in *inst, s, pc int) (end int, done bool) {
	for {
		if in.all && in.goal >= 0 {
			n := strings.IndexByte(m.src[s:], byte(in.goal))
			if n < 0 {
				_ = m.burn(len(m.src) - s) // m.err keeps it
				return -1, true
			}
			if m.burn(n) != nil {
				return -1, true
			}
			s += n
		}
		more := s < len(m.src) && in.set[m.src[s]]
		if m.follows(in, s) {
			if !more {
				return s, false
			}
			if e := m.match(s, pc+1); e >= 0 || m.err != nil {
				return e, true
			}
		} else if m.Fuel--; m.Fuel < 0 && m.burn(0) != nil {
			return -1, true
		}
		if !more {
			return -1, true
		}
		s++
	}
}
