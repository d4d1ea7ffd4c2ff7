package frontier

import "math/bits"

// printSet is a set of fingerprints: open addressing in many small tables,
// so that growing one moves little and costs little room. It holds some 12
// bytes a member.
type printSet struct {
	tables [256]printTable
	zero   bool // 0 marks a free place, so the member 0 is kept here
	n      int
}

type printTable struct {
	places []uint64
	n      int
}

// spread mixes a print well enough that its high bits tell tables and places
// apart, whatever the prints are.
func spread(p uint64) uint64 {
	p ^= p >> 32
	p *= 0x9e3779b97f4a7c15
	p ^= p >> 29
	p *= 0xbf58476d1ce4e5b9
	return p ^ p>>32
}

// add puts p in the set and reports whether it was new.
func (s *printSet) add(p uint64) bool {
	if p == 0 {
		fresh := !s.zero
		s.zero = true
		if fresh {
			s.n++
		}
		return fresh
	}
	h := spread(p)
	t := &s.tables[h>>56]
	if t.n*5 >= len(t.places)*4 {
		t.grow()
	}
	if !t.put(h<<8, p) {
		return false
	}
	t.n++
	s.n++
	return true
}

// has reports whether p is in the set.
func (s *printSet) has(p uint64) bool {
	if p == 0 {
		return s.zero
	}
	h := spread(p)
	t := &s.tables[h>>56]
	if len(t.places) == 0 {
		return false
	}
	i, _ := bits.Mul64(h<<8, uint64(len(t.places)))
	for t.places[i] != 0 && t.places[i] != p {
		if i++; i == uint64(len(t.places)) {
			i = 0
		}
	}
	return t.places[i] == p
}

// put files p at or after the place of its hash and reports whether it was new.
func (t *printTable) put(h, p uint64) bool {
	i, _ := bits.Mul64(h, uint64(len(t.places)))
	for {
		switch t.places[i] {
		case 0:
			t.places[i] = p
			return true
		case p:
			return false
		}
		if i++; i == uint64(len(t.places)) {
			i = 0
		}
	}
}

func (t *printTable) grow() {
	old := t.places
	t.places = make([]uint64, len(old)+len(old)/2+8)
	for _, p := range old {
		if p != 0 {
			t.put(spread(p)<<8, p)
		}
	}
}
