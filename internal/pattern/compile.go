package pattern

import "strings"

type op uint8

const (
	opEnd   op = iota // the match ends here
	opEOS             // $ at the pattern's end
	opError           // text: Lua's message
	opChar            // c
	opText            // text: two or more plain characters
	opSet             // set
	opOpen            // ( of capture n
	opPlace           // () of capture n
	opClose           // ) of capture n
	opBack            // %n
	opBal             // %bxy: c, d
	opFront           // %f[set]
	opStar            // set, as often as possible
	opPlus            // the same, at least once
	opMinus           // set, as seldom as possible
	opOpt             // set, or nothing
)

// An inst is one item of a pattern.
type inst struct {
	op   op
	c, d byte
	n    int
	text string
	set  *set

	// For the repeating items: what may follow.
	next  *set // bytes that must follow, nil when that is not known
	exact bool // only the longest run can be followed by a match
	until int  // the one byte not in set (a run ends there), -1 if not one
	all   bool // set holds every byte
	goal  int  // the one byte of next, -1 if not one
}

// A compiler reads a pattern from left to right.
type compiler struct {
	src    string
	i      int
	prog   []inst
	closed [MaxCaptures]bool
	level  int
	reps   int
}

func compile(source string, anchor bool) *Pattern {
	src := source
	if i := strings.IndexByte(src, 0); i >= 0 {
		src = src[:i]
	}
	p := &Pattern{source: source, anchor: anchor, open: -1}
	p.plain = !strings.ContainsAny(src, "^$*+?.([%-")
	c := compiler{src: src}
	if anchor {
		c.i = 1
	}
	for c.i < len(src) && c.item() {
	}
	if n := len(c.prog); n == 0 || c.prog[n-1].op != opError && c.prog[n-1].op != opEOS {
		c.emit(inst{op: opEnd})
	}
	p.prog = c.prog
	p.ncap = c.level
	for l := range c.level {
		if !c.closed[l] {
			p.open = l
			break
		}
	}
	if last := c.prog[len(c.prog)-1]; last.op == opError {
		p.bad = last.text
	}
	p.plan()
	return p
}

func (c *compiler) emit(in inst) bool {
	c.prog = append(c.prog, in)
	return true
}

// fault ends the program: what follows can never be reached.
func (c *compiler) fault(message string) bool {
	c.prog = append(c.prog, inst{op: opError, text: message})
	return false
}

// item compiles the next item; false ends the program.
func (c *compiler) item() bool {
	switch c.src[c.i] {
	case '(':
		return c.openCapture()
	case ')':
		return c.closeCapture()
	case '$':
		if c.i+1 == len(c.src) {
			c.i++
			c.emit(inst{op: opEOS})
			return false
		}
	case '%':
		if c.i+1 < len(c.src) {
			switch k := c.src[c.i+1]; {
			case k == 'b':
				return c.balance()
			case k == 'f':
				return c.frontier()
			case isDigit(k):
				return c.backReference(int(k) - '1')
			}
		}
	}
	return c.single()
}

func (c *compiler) openCapture() bool {
	if c.level >= MaxCaptures {
		return c.fault("too many captures")
	}
	in := inst{op: opOpen, n: c.level}
	c.level++
	c.i++
	if c.i < len(c.src) && c.src[c.i] == ')' {
		c.i++
		in.op = opPlace
		c.closed[in.n] = true
	}
	return c.emit(in)
}

func (c *compiler) closeCapture() bool {
	c.i++
	for l := c.level - 1; l >= 0; l-- {
		if !c.closed[l] {
			c.closed[l] = true
			return c.emit(inst{op: opClose, n: l})
		}
	}
	return c.fault("invalid pattern capture")
}

func (c *compiler) balance() bool {
	if c.i+3 >= len(c.src) {
		return c.fault("unbalanced pattern")
	}
	in := inst{op: opBal, c: c.src[c.i+2], d: c.src[c.i+3]}
	c.i += 4
	return c.emit(in)
}

func (c *compiler) frontier() bool {
	c.i += 2
	if c.i >= len(c.src) || c.src[c.i] != '[' {
		return c.fault("missing '[' after '%f' in pattern")
	}
	s, ok := c.class()
	if !ok {
		return false
	}
	return c.emit(inst{op: opFront, set: s})
}

func (c *compiler) backReference(l int) bool {
	if l < 0 || l >= c.level || !c.closed[l] {
		return c.fault("invalid capture index")
	}
	c.i += 2
	return c.emit(inst{op: opBack, n: l})
}

// single compiles one character or class and the suffix that repeats it.
func (c *compiler) single() bool {
	s, ok := c.class()
	if !ok {
		return false
	}
	in := inst{op: opSet, set: s}
	if c.i < len(c.src) {
		switch c.src[c.i] {
		case '*':
			in.op = opStar
		case '+':
			in.op = opPlus
		case '-':
			in.op = opMinus
		case '?':
			in.op = opOpt
		}
	}
	if in.op != opSet {
		c.i++
		if c.reps++; c.reps > maxRepeats {
			return c.fault("pattern too complex")
		}
		return c.emit(in)
	}
	if b, ok := s.single(); ok {
		return c.char(b)
	}
	return c.emit(in)
}

// char emits a plain character, joined to the ones before it.
func (c *compiler) char(b byte) bool {
	if n := len(c.prog); n > 0 {
		switch last := &c.prog[n-1]; last.op {
		case opChar:
			*last = inst{op: opText, text: string([]byte{last.c, b})}
			return true
		case opText:
			last.text += string([]byte{b})
			return true
		}
	}
	return c.emit(inst{op: opChar, c: b})
}

// class reads one character, escape, dot or bracketed class.
func (c *compiler) class() (*set, bool) {
	b := c.src[c.i]
	c.i++
	switch b {
	case '.':
		return anyByte, true
	case '%':
		if c.i >= len(c.src) {
			return nil, c.fault("malformed pattern (ends with '%')")
		}
		c.i++
		return escaped(c.src[c.i-1]), true
	case '[':
		return c.brackets()
	}
	return oneByte(b), true
}

// brackets reads the rest of a class after its [; a ] that comes first is a
// member.
func (c *compiler) brackets() (*set, bool) {
	start := c.i
	if c.i < len(c.src) && c.src[c.i] == '^' {
		c.i++
	}
	for first := true; first || c.i >= len(c.src) || c.src[c.i] != ']'; first = false {
		if c.i >= len(c.src) {
			return nil, c.fault("malformed pattern (missing ']')")
		}
		c.i++
		if c.src[c.i-1] == '%' && c.i < len(c.src) {
			c.i++
		}
	}
	c.i++
	return bracket(c.src[start : c.i-1]), true
}

// plan fills in, from the last item to the first, what each repeating item can
// know of what follows it, and what the search can know of a match's start.
func (p *Pattern) plan() {
	var next *set // what the rest of the program must begin with
	sure := false // the rest matches nothing more: only closes and the end, or $
	for i := len(p.prog) - 1; i >= 0; i-- {
		in := &p.prog[i]
		switch in.op {
		case opEnd, opEOS:
			next, sure = nil, true
		case opError, opBack:
			next, sure = nil, false
		case opChar, opBal:
			next, sure = oneByte(in.c), false
		case opText:
			next, sure = oneByte(in.text[0]), false
		case opSet:
			next, sure = in.set, false
		case opFront:
			sure = false
		case opStar, opPlus, opMinus, opOpt:
			in.follow(next, sure)
			next, sure = in.leads(next), false
		}
	}
	p.first = next
	for i := range p.prog {
		switch in := &p.prog[i]; in.op {
		case opOpen, opPlace:
			continue
		case opChar:
			p.prefix = string([]byte{in.c})
		case opText:
			p.prefix = in.text
		}
		break
	}
}

func (in *inst) follow(next *set, sure bool) {
	in.next = next
	in.exact = sure || next != nil && next.disjoint(in.set)
	in.all = *in.set == *anyByte
	in.until, in.goal = -1, -1
	if b, ok := in.set.complement().single(); ok {
		in.until = int(b)
	}
	if next != nil {
		if b, ok := next.single(); ok {
			in.goal = int(b)
		}
	}
}

// leads is the set of bytes with which the item or what follows it must begin.
func (in *inst) leads(next *set) *set {
	if in.op == opPlus {
		return in.set
	}
	if next == nil {
		return nil
	}
	u := *in.set
	u.add(next)
	return &u
}
