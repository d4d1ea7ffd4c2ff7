package frontier

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"downpour/engine"
)

// read adds the unfinished requests of a group to a lease, until it has n.
func (j *Journal) read(q *queue, place uint32, n int, jl *journalLease) error {
	g := j.x.group(place)
	skip := j.x.holes[place] | (1<<g.done - 1)
	held := uint64(0) // in the lease already
	for _, h := range jl.held {
		if h.place == place {
			held |= 1 << h.i
		}
	}
	t := groupText{j: j, place: place, g: g, at: int(g.skip & maxSkip), ahead: n - len(jl.held)}
	fresh := true
	for i := uint8(g.skip >> 24); i < g.count && len(jl.held) < n; i++ {
		if fresh && skip&(1<<i) == 0 && t.at <= maxSkip {
			g.skip, fresh = uint32(i)<<24|uint32(t.at), false
		}
		print, text, err := t.entry()
		if err != nil {
			return fmt.Errorf("read the journal: segment %d, byte %d: %w", g.seg, g.off, err)
		}
		if (skip|held)&(1<<i) != 0 {
			continue
		}
		r, err := engine.ParseRequest(text)
		if err != nil {
			return fmt.Errorf("read the journal: segment %d, byte %d: %w", g.seg, g.off, err)
		}
		r.Queue, r.Print = q.name, print
		jl.held = append(jl.held, heldRequest{r: r, place: place, i: i})
	}
	return nil
}

// A groupText reads a group's entries one after the other, without bringing in
// much more of the group than is asked for.
type groupText struct {
	j     *Journal
	place uint32
	g     *group
	at    int    // of the next entry, in the group
	ahead int    // how many entries are wanted, about
	text  []byte // a part of the group
	from  int    // where that begins
}

// entry is the next entry, its text good until the call after.
func (t *groupText) entry() (print uint64, text []byte, err error) {
	head, err := t.bytes(t.at, entryHead)
	if err != nil {
		return 0, nil, err
	}
	print = binary.LittleEndian.Uint64(head)
	size := int64(binary.LittleEndian.Uint32(head[8:]))
	if size > int64(t.g.size) {
		return 0, nil, errMalformed
	}
	text, err = t.bytes(t.at+entryHead, int(size))
	t.at += entryHead + int(size)
	t.ahead--
	return print, text, err
}

// bytes is the n bytes of the group that begin at byte at.
func (t *groupText) bytes(at, n int) ([]byte, error) {
	end := at + n
	if end > int(t.g.size) {
		return nil, errMalformed
	}
	if at < t.from || end > t.from+len(t.text) {
		if err := t.fetch(at, n); err != nil {
			return nil, err
		}
	}
	return t.text[at-t.from : end-t.from], nil
}

// fetch brings in n bytes from byte at on, and what is likely to be asked for
// behind them.
func (t *groupText) fetch(at, n int) error {
	c, size := &t.j.cache, int(t.g.size)
	if text, from := c.get(t.place); from <= at && at+n <= from+len(text) {
		t.text, t.from = text, from
		return nil
	}
	f, err := t.j.reading(t.j.segment(t.g.seg))
	if err != nil {
		return err
	}
	guess := t.ahead * (size/int(t.g.count) + entryHead)
	n = min(max(n, min(guess, maxGroupBytes), cachedBytes), size-at)
	t.text, t.from = c.room(t.place, at, n), at
	if _, err := f.ReadAt(t.text, int64(t.g.off)+int64(at)); err != nil {
		c.drop(t.place)
		return err
	}
	return nil
}

// A groupCache holds a part of the groups that were filed or read lately: what
// has just been pushed is often leased soon, and a group read for its first
// request is asked for its second next.
type groupCache struct {
	slots [4096]struct {
		place, from uint32 // group, and where in it the text begins
		text        []byte
	}
	large []byte // what is longer than a slot; not kept
}

// cachedBytes is the most bytes of a group that are cached, and the fewest that
// are read.
const cachedBytes = 2 << 10

func (c *groupCache) slot(place uint32) int {
	return int(bits.Reverse32(place*0x9e3779b1)) & (len(c.slots) - 1)
}

// get is what there is of a group, and where in it that begins.
func (c *groupCache) get(place uint32) (text []byte, from int) {
	s := &c.slots[c.slot(place)]
	if s.place != place {
		return nil, 0
	}
	return s.text, int(s.from)
}

// room makes a place for n bytes of a group from byte from on, to be filled by
// the caller.
func (c *groupCache) room(place uint32, from, n int) []byte {
	if n > cachedBytes {
		if cap(c.large) < n {
			c.large = make([]byte, n)
		}
		text := c.large[:n]
		if cap(c.large) > 2*maxGroupBytes {
			c.large = nil
		}
		return text
	}
	s := &c.slots[c.slot(place)]
	if cap(s.text) < n {
		s.text = make([]byte, min(n+n/4, cachedBytes))
	}
	s.place, s.from, s.text = place, uint32(from), s.text[:n]
	return s.text
}

// put keeps the beginning of a group, as much as fits.
func (c *groupCache) put(place uint32, text []byte) {
	text = text[:min(len(text), cachedBytes)]
	copy(c.room(place, 0, len(text)), text)
}

func (c *groupCache) drop(place uint32) {
	if s := &c.slots[c.slot(place)]; s.place == place {
		s.place = 0
	}
}

// clear forgets everything.
func (c *groupCache) clear() {
	for i := range c.slots {
		c.slots[i].place = 0
	}
}
