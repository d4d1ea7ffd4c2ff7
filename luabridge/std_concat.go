package luabridge

import (
	"math"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// The interpreter's concatenation knows no bound: one instruction may join two
// hundred strings of any length, and no limit ends it midway. So every CONCAT of
// a compiled function becomes a jump behind the function's end, where bounded
// code does its work and jumps back.

// An instruction has its operation in six bits, A in eight, then C and B in
// nine each or Bx in eighteen.
const (
	opBits   = 26
	aBits    = 18
	cBits    = 9
	argMask  = 1<<cBits - 1
	bxMask   = 1<<aBits - 1
	jumpBase = bxMask >> 1 // what a signed Bx is counted from
	mostRegs = 250         // of one function
)

func opABC(op, a, b, c int) uint32 {
	return uint32(op)<<opBits | uint32(a)<<aBits | uint32(c)<<cBits | uint32(b)
}

// opJump is the jump at from that goes on at to.
func opJump(from, to int) uint32 {
	return uint32(lua.OP_JMP)<<opBits | uint32(to-from-1+jumpBase)
}

// bound bounds the concatenations of p and of the functions in it.
func (s *std) bound(p *lua.FunctionProto) {
	for _, inner := range p.FunctionPrototypes {
		s.bound(inner)
	}
	fn, temp, regs := -1, int(p.NumUsedRegisters), int(p.NumUsedRegisters)
	end := len(p.Code)
	for pc := 0; pc < end; pc++ {
		inst := p.Code[pc]
		op, a, b, c := int(inst>>opBits), int(inst>>aBits)&0xff, int(inst&argMask), int(inst>>cBits)&argMask
		if op == lua.OP_SETLIST && c == 0 {
			pc++ // the next word is a number
		}
		need := temp + 1 + c - b + 1
		if op != lua.OP_CONCAT || need > mostRegs || len(p.Constants) >= bxMask || len(p.Code) >= jumpBase-mostRegs {
			continue
		}
		if fn < 0 {
			fn = len(p.Constants)
			p.Constants = append(p.Constants, s.join)
		}
		regs = max(regs, need)
		start := len(p.Code)
		p.Code[pc] = opJump(pc, start)
		p.Code = append(p.Code, uint32(lua.OP_LOADK)<<opBits|uint32(temp)<<aBits|uint32(fn))
		for i := b; i <= c; i++ {
			p.Code = append(p.Code, opABC(lua.OP_MOVE, temp+1+i-b, i, 0))
		}
		p.Code = append(p.Code, opABC(lua.OP_CALL, temp, c-b+2, 2), opABC(lua.OP_MOVE, a, temp, 0))
		p.Code = append(p.Code, opJump(len(p.Code), pc+1))
		for range len(p.Code) - start {
			p.DbgSourcePositions = append(p.DbgSourcePositions, p.DbgSourcePositions[pc])
		}
	}
	p.NumUsedRegisters = uint8(regs)
}

// joined is what its arguments are, one after the other: Lua's a .. b .. c.
// Most are short.
func (s *std) joined(L *lua.LState) int {
	const longestNumber = 32
	var room [256]byte
	b := room[:0]
	n := L.GetTop()
	for i := 1; i <= n; i++ {
		switch v := L.Get(i).(type) {
		case lua.LString:
			if len(v) > len(room)-longestNumber-len(b) {
				return s.joinLong(L, n)
			}
			b = append(b, v...)
		case lua.LNumber:
			if len(b) > len(room)-longestNumber {
				return s.joinLong(L, n)
			}
			b = appendNumberText(b, float64(v))
		default:
			return s.joinAny(L, n)
		}
	}
	L.Push(lua.LString(b))
	return 1
}

// joinLong is joined for what is long enough to be counted.
func (s *std) joinLong(L *lua.LState, n int) int {
	total := 0
	list := make([]string, 0, 8)
	for i := 1; i <= n; i++ {
		switch v := L.Get(i).(type) {
		case lua.LString:
			list = append(list, string(v))
		case lua.LNumber:
			list = append(list, numberText(float64(v)))
		default:
			return s.joinAny(L, n)
		}
		total += len(list[i-1])
		if total < 0 {
			total = math.MaxInt
		}
	}
	s.fits(L, total)
	s.room(L, total)
	L.Push(lua.LString(strings.Join(list, "")))
	return 1
}

// joinAny joins values of which some are neither strings nor numbers, from the
// right: their metatables say how.
func (s *std) joinAny(L *lua.LState, n int) int {
	right := L.Get(n)
	for i := n - 1; i >= 1; i-- {
		left := L.Get(i)
		if lua.LVCanConvToString(left) && lua.LVCanConvToString(right) {
			a, b := plainText(left), plainText(right)
			s.fits(L, len(a)+len(b))
			s.room(L, len(a)+len(b))
			right = lua.LString(a + b)
			continue
		}
		meta := L.GetMetaField(left, "__concat")
		if meta == lua.LNil {
			meta = L.GetMetaField(right, "__concat")
		}
		if meta == lua.LNil {
			bad := right
			if !lua.LVCanConvToString(left) {
				bad = left
			}
			L.RaiseError("attempt to concatenate a %s value", bad.Type())
		}
		right = s.concatBy(L, meta, left, right)
	}
	return pushAll(L, right)
}

func (s *std) concatBy(L *lua.LState, meta, left, right lua.LValue) lua.LValue {
	defer s.nest(L)()
	pushAll(L, meta, left, right)
	L.Call(2, 1)
	v := L.Get(-1)
	L.Pop(1)
	return v
}

// plainText is a string or number as text.
func plainText(v lua.LValue) string {
	if n, ok := v.(lua.LNumber); ok {
		return numberText(float64(n))
	}
	return lua.LVAsString(v)
}
