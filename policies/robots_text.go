package policies

import (
	"strconv"
	"strings"
	"time"
)

// String is the rules as text, for storing them and for people: a line each,
// the number of the line in the file in front, such as "4 Disallow: /private".
// ParseRules makes the same rules of it. It is valid UTF-8.
func (r *Rules) String() string {
	if r == nil {
		return ""
	}
	return utf8Text(r.text)
}

// ParseRules reads what String wrote. Lines that it cannot have written are
// skipped.
func ParseRules(text string) *Rules {
	r := &Rules{text: text}
	for line := range strings.Lines(text) {
		number, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		key, value, ok := strings.Cut(rest, ": ")
		n, err := strconv.ParseInt(number, 10, 32)
		if !ok || err != nil {
			continue
		}
		switch key {
		case wordAllow, wordDisallow:
			r.add(directive{allow: key == wordAllow, line: int(n), value: value})
		case wordDelay:
			r.delay, r.delayed = parseDelay(value)
		}
	}
	r.finish()
	return r
}

// Line is the rule of line n of the file, such as "Disallow: /private"; "" if
// no rule for this agent stands there.
func (r *Rules) Line(n int) string {
	if r == nil || n <= 0 {
		return ""
	}
	prefix := strconv.Itoa(n) + " "
	for line := range strings.Lines(r.text) {
		if rule, ok := strings.CutPrefix(line, prefix); ok {
			return utf8Text(strings.TrimSuffix(rule, "\n"))
		}
	}
	return ""
}

// The words of the rules as text.
const (
	wordAllow    = "Allow"
	wordDisallow = "Disallow"
	wordDelay    = "Crawl-delay"
)

// append writes the directive as a line of the rules' text.
func (d directive) append(b []byte) []byte {
	word := wordDisallow
	if d.allow {
		word = wordAllow
	}
	b = strconv.AppendInt(b, int64(d.line), 10)
	b = append(append(b, ' '), word...)
	b = append(append(b, ": "...), d.value...)
	return append(b, '\n')
}

// appendDelay writes the Crawl-delay, which belongs to no line alone.
func appendDelay(b []byte, d time.Duration) []byte {
	b = append(append(b, "0 "...), wordDelay+": "...)
	b = strconv.AppendFloat(b, d.Seconds(), 'f', -1, 64)
	return append(b, '\n')
}
