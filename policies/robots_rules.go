package policies

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unsafe"
)

// Rules are what one robots.txt file says to one agent. A nil *Rules allows
// everything. They are immutable and keep nothing else of the file they came
// from.
type Rules struct {
	text    string // as String answers it
	rules   []rule // the first that matches decides
	delay   time.Duration
	delayed bool
	size    int // bytes of text the rules hold besides
}

// AllowAll and DisallowAll are the rules of a site whose robots.txt is
// unavailable and unreachable (RFC 9309 §2.3.1).
var (
	AllowAll    = &Rules{}
	DisallowAll = &Rules{text: "0 Disallow: /\n", rules: []rule{{head: "/"}}}
)

// A rule is a compiled Allow or Disallow line: head, then for each of rest
// anything and that piece, and the end of the path if end is set.
type rule struct {
	head  string
	rest  []string
	end   bool
	query bool // rest is looked for in the query alone
	allow bool
	line  int32
	size  int32 // octets of the pattern: more are more specific
}

// Allowed reports whether a path with its query may be fetched, and the number
// of the line that decided, from 1; 0 where none did. The longest rule that
// matches wins, and Allow among equals (RFC 9309 §2.2.2). /robots.txt itself
// is always allowed.
func (r *Rules) Allowed(pathQuery string) (ok bool, line int) {
	if r == nil || len(r.rules) == 0 || pathQuery == "/robots.txt" {
		return true, 0
	}
	if pathQuery == "" || pathQuery[0] != '/' {
		pathQuery = "/" + pathQuery
	}
	path := pathQuery
	if strings.IndexByte(pathQuery, '%') >= 0 {
		path, _ = unescape(pathQuery, false)
	}
	for i := range r.rules {
		if r.rules[i].match(path) {
			return r.rules[i].allow, int(r.rules[i].line)
		}
	}
	return true, 0
}

// match takes time linear in the path: each piece is searched once, where the
// one before it ended.
func (r *rule) match(path string) bool {
	if !strings.HasPrefix(path, r.head) {
		return false
	}
	path = path[len(r.head):]
	if r.query {
		path = path[max(0, strings.IndexByte(path, '?')):]
		if path == "" || path[0] != '?' {
			return false
		}
	}
	for i, piece := range r.rest {
		if r.end && i == len(r.rest)-1 {
			return strings.HasSuffix(path, piece)
		}
		at := strings.Index(path, piece)
		if at < 0 {
			return false
		}
		path = path[at+len(piece):]
	}
	return !r.end || path == ""
}

// CrawlDelay is the group's Crawl-delay, and whether there is one.
func (r *Rules) CrawlDelay() (time.Duration, bool) {
	if r == nil {
		return 0, false
	}
	return r.delay, r.delayed
}

// Size is about how many bytes the rules occupy, for the bounds of caches.
func (r *Rules) Size() int {
	if r == nil {
		return 0
	}
	return int(unsafe.Sizeof(*r)) + len(r.rules)*int(unsafe.Sizeof(rule{})) + r.size + len(r.text)
}

// add compiles a directive.
func (r *Rules) add(d directive) {
	compiled, kept := compile(d, false)
	r.keep(compiled)
	if kept && len(compiled.rest) > 0 {
		// The pattern may be meant for the query, where other escapes are kept.
		compiled, _ = compile(d, true)
		compiled.query = true
		r.keep(compiled)
	}
	if i := strings.LastIndexByte(d.value, '/'); d.allow && i >= 0 && strings.HasPrefix(d.value[i:], "/index.htm") {
		// Who allows a folder's index allows the folder.
		d.value = d.value[:i+1] + "$"
		compiled, _ = compile(d, false)
		r.keep(compiled)
	}
}

func (r *Rules) keep(compiled rule) {
	r.rules = append(r.rules, compiled)
	r.size += compiled.bytes()
}

// bytes is how much text the rule holds.
func (r *rule) bytes() int {
	n := len(r.head) + len(r.rest)*int(unsafe.Sizeof(""))
	for _, s := range r.rest {
		n += len(s)
	}
	return n
}

// finish puts the rules in the order they are tried in.
func (r *Rules) finish() {
	slices.SortStableFunc(r.rules, func(a, b rule) int {
		switch {
		case a.size != b.size:
			return cmp.Compare(b.size, a.size)
		case a.allow == b.allow:
			return 0
		case a.allow:
			return -1
		}
		return 1
	})
}

// compile splits a pattern at its wildcards and unescapes the pieces; kept
// reports whether an escape was left in one of them.
func compile(d directive, query bool) (compiled rule, kept bool) {
	compiled = rule{allow: d.allow, line: int32(d.line)}
	pattern := d.value
	if strings.HasSuffix(pattern, "$") {
		compiled.end = true
		compiled.size++
		pattern = pattern[:len(pattern)-1]
	}
	for i, piece := range strings.Split(pattern, "*") {
		text, k := unescape(piece, query)
		kept = kept || k
		query = query || strings.IndexByte(piece, '?') >= 0
		compiled.size += octets(text)
		switch {
		case i == 0:
			compiled.head = text
			continue
		case text != "" || i == strings.Count(pattern, "*"): // "**" is "*"
			compiled.rest = append(compiled.rest, text)
		}
		compiled.size++
	}
	return compiled, kept
}

// octets is how long s is once what must be escaped in a URL is.
func octets(s string) int32 {
	n := int32(len(s))
	for i := range len(s) {
		if s[i] >= 0x80 {
			n += 2
		}
	}
	return n
}

// Octets that mean something else when they are not escaped: their escapes are
// kept, in upper case. The rest of RFC 3986's reserved characters compares
// equal to its escapes: sites and browsers mix both.
const (
	keepInPath  = "/?%#"
	keepInQuery = "&=+%#"
)

// unescape is the form in which patterns and paths are compared; query says
// that s starts within the query. kept reports whether an escape was left.
func unescape(s string, query bool) (text string, kept bool) {
	if strings.IndexByte(s, '%') < 0 {
		return s, false
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '%' || i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
			query = query || c == '?'
			b = append(b, c)
			continue
		}
		c = unhex(s[i+1])<<4 | unhex(s[i+2])
		i += 2
		if query && strings.IndexByte(keepInQuery, c) >= 0 || !query && strings.IndexByte(keepInPath, c) >= 0 {
			kept = true
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
			continue
		}
		b = append(b, c)
	}
	return string(b), kept
}

const upperHex = "0123456789ABCDEF"

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

// unhex is the value of a hex digit.
func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
