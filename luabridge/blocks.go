package luabridge

import (
	"bytes"
	"fmt"
	"regexp"
)

// word matches what opens or closes a block, and what may hide such words.
var word = regexp.MustCompile(`--\[(=*)\[|\[(=*)\[|--|"|'|[A-Za-z_][A-Za-z_0-9]*|[({})]`)

// leftOpen names the innermost block that a script leaves open, as a clause of
// a message; "" where there is none.
func leftOpen(text []byte) string {
	type block struct {
		word string
		line int
	}
	var open []block
	loop := false // the do of a while or for opens nothing of its own
	for at := 0; ; {
		m := word.FindIndex(text[at:])
		if m == nil {
			break
		}
		w := string(text[at+m[0] : at+m[1]])
		line := bytes.Count(text[:at+m[0]], []byte("\n")) + 1
		at += m[1]
		switch w {
		case "while", "for":
			open, loop = append(open, block{w, line}), true
		case "do":
			if !loop {
				open = append(open, block{w, line})
			}
			loop = false
		case "function", "if", "repeat", "(", "{":
			open = append(open, block{w, line})
		case "end", "until", ")", "}":
			if len(open) > 0 {
				open = open[:len(open)-1]
			}
		default:
			at = skipLiteral(text, at, w)
		}
	}
	if len(open) == 0 {
		return ""
	}
	b := open[len(open)-1]
	return fmt.Sprintf(": the '%s' of line %d is not closed", b.word, b.line)
}

// skipLiteral is where the string or comment that w begins ends; at itself for
// any other word.
func skipLiteral(text []byte, at int, w string) int {
	end := func(mark string) int {
		if i := bytes.Index(text[at:], []byte(mark)); i >= 0 {
			return at + i + len(mark)
		}
		return len(text)
	}
	switch {
	case w == "--":
		return end("\n")
	case w == `"` || w == "'":
		for at < len(text) && text[at] != w[0] && text[at] != '\n' {
			if text[at] == '\\' {
				at++
			}
			at++
		}
		return min(at+1, len(text))
	case w[len(w)-1] == '[':
		level := bytes.Count([]byte(w), []byte("="))
		return end("]" + string(bytes.Repeat([]byte("="), level)) + "]")
	}
	return at
}
