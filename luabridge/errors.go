package luabridge

import (
	"fmt"
	"strings"
)

// A ScriptError is an error in a script, with what its author needs to find
// it. Error is one line; Detail shows the place.
type ScriptError struct {
	File    string   // as it was named, or the name of a shipped script
	Line    int      // 0 where unknown
	Message string   // without file and line
	Source  string   // the text of the line; "" where unknown
	Column  int      // of what is wrong in Source, in bytes from 1; 0 where unknown
	Hook    string   // "" for a top level
	URL     string   // of the page; "" for none
	Trace   []string // at most ten frames, innermost first; nil where one says nothing new
}

// Error is "file:line: in hook for url: message".
func (e *ScriptError) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	b.WriteString(": ")
	if e.Hook != "" {
		b.WriteString("in " + e.Hook)
		if e.URL != "" {
			b.WriteString(" for " + e.URL)
		}
		b.WriteString(": ")
	}
	b.WriteString(e.Message)
	return b.String()
}

// Detail is Error with the source line, a caret and the traceback below, for
// people. It has several lines and no newline at its end.
func (e *ScriptError) Detail() string {
	var b strings.Builder
	b.WriteString(e.Error())
	if e.Source != "" {
		margin := fmt.Sprintf("%5d | ", e.Line)
		fmt.Fprintf(&b, "\n%s%s", margin, e.Source)
		if e.Column > 0 && e.Column <= len(e.Source)+1 {
			fmt.Fprintf(&b, "\n%*s| %s^", len(margin)-2, "", blank(e.Source[:e.Column-1]))
		}
	}
	for _, f := range e.Trace {
		b.WriteString("\n        " + f)
	}
	return b.String()
}

// blank is as wide as s: tabs stay, all else is a space.
func blank(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, s)
}

// An ErrorCount is one error of a script and how often it happened.
type ErrorCount struct {
	Error *ScriptError // the first of them
	Count int
}
