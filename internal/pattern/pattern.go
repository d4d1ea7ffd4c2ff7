// Package pattern matches Lua 5.1 patterns on strings in pure Go.
//
// A pattern is compiled once into a short linear program. As Lua patterns have
// neither alternatives nor repeated groups, everything about captures (how many
// are open at an item, whether a back-reference is valid) is known when
// compiling; an item that Lua rejects becomes an instruction that fails with
// Lua's own message when, and only when, the match gets that far, as in Lua.
//
// Results, positions, captures and messages are those of Lua 5.1.5 in the C
// locale, checked against it by a differential test. A pattern ends at its
// first NUL byte, as there; write %z for the byte itself.
package pattern

import (
	"errors"
	"strings"
)

// MaxCaptures is how many captures a pattern may have (LUA_MAXCAPTURES).
const MaxCaptures = 32

// maxRepeats bounds the repeated items of one pattern, and so the depth of the
// matcher's recursion.
const maxRepeats = 100_000

// scopeSteps bounds the work of Pattern.Match, which has no caller to ask.
const scopeSteps = 5_000_000

// A Pattern is a compiled Lua pattern. It is immutable and safe for concurrent
// use.
type Pattern struct {
	source string
	anchor bool     // begins with ^: matches only where the search starts
	prog   []inst   // ends in opEnd, opEOS or opError
	plain  bool     // has no special character: string.find searches source itself
	ncap   int      // captures opened by the whole program
	open   int      // index of the first capture never closed, or -1
	prefix string   // literal bytes every match begins with, "" for none
	first  *set     // bytes a match may begin with, nil for any or none
	bad    string   // message of the instruction that fails, "" for none
	iter   *Pattern // the same with ^ as a plain character, for gmatch; itself when there is none
}

// Compile checks the whole pattern and compiles it. The error is what Lua would
// say about a subject that reaches the faulty item.
func Compile(source string) (*Pattern, error) {
	p := Lazy(source)
	switch {
	case p.bad != "":
		return nil, errors.New(p.bad)
	case p.open >= 0:
		return nil, errors.New("unfinished capture")
	}
	return p, nil
}

// Lazy compiles a pattern and leaves its faults to the match that meets them,
// as Lua's string functions do.
func Lazy(source string) *Pattern {
	p := compile(source, strings.HasPrefix(source, "^"))
	p.iter = p
	if p.anchor {
		p.iter = compile(source, false)
		p.iter.iter = p.iter
	}
	return p
}

// String is the pattern as it was written.
func (p *Pattern) String() string { return p.source }

// Plain reports whether the pattern has no special character, so that
// string.find looks for the text itself.
func (p *Pattern) Plain() bool { return p.plain }

// Iter is the pattern as string.gmatch reads it: a leading ^ is a plain
// character there.
func (p *Pattern) Iter() *Pattern { return p.iter }

// Match reports whether the pattern matches somewhere in s. A faulty pattern
// matches nothing, nor does one that takes millions of steps on s.
func (p *Pattern) Match(s string) bool {
	m := Machine{Fuel: scopeSteps}
	ok, err := m.Find(p, s, 0)
	return ok && err == nil
}
