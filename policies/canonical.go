package policies

import (
	"cmp"
	"slices"
	"strings"
)

// Canonical says how a URL is made an identity: two URLs of the same key are
// the same page. What is fetched is always the URL as it was found.
//
// The canonical form has no fragment and no empty query. In the path, escapes
// of characters that need none are undone, but for "/", "?" and "%"; all
// others are escaped, in upper case. The query is read as a form: its
// parameters are decoded, sorted by name and value and encoded again, a space
// as "+", each with its "=". Scheme, host and port are as every URL's.
//
// The zero value does just that.
type Canonical struct {
	DropParams []string // names of parameters left out; "utm_*" stands for all that start so
	KeepOrder  bool     // leave the parameters in the order found
}

// Key is u's canonical form. That of a URL which is neither http nor https is
// the URL without its fragment.
func (c Canonical) Key(u URL) string {
	if !u.IsHTTP() || isCanonicalPath(u.Path()) && c.isCanonicalQuery(u) {
		return u.String()
	}
	b := make([]byte, 0, len(u.href)+16)
	b = append(b, u.href[:u.path]...)
	b = appendCanonicalPath(b, u.Path())
	return string(c.appendQuery(b, u.Query()))
}

// What the canonical form leaves as it is in a path and in a query.
const (
	unreserved    = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	canonicalPath = unreserved + ":/[]@!$&'()*+,;="
)

var (
	inCanonicalPath  = charset(canonicalPath)
	inCanonicalQuery = charset(unreserved)
)

func charset(s string) (t [256]bool) {
	for i := range len(s) {
		t[s[i]] = true
	}
	return t
}

// isCanonicalPath reports whether path is in canonical form without a look at
// its escapes.
func isCanonicalPath(path string) bool {
	for i := range len(path) {
		if !inCanonicalPath[path[i]] {
			return false
		}
	}
	return true
}

// isCanonicalQuery reports whether the query is in canonical form, as the
// usual query is.
func (c Canonical) isCanonicalQuery(u URL) bool {
	if u.query == u.frag {
		return true
	}
	q := u.Query()
	if len(c.DropParams) > 0 || q == "" {
		return false
	}
	name, value := "", ""
	for more := true; more; {
		var pair string
		pair, q, more = strings.Cut(q, "&")
		n, v, ok := strings.Cut(pair, "=")
		if !ok || !isUnreserved(n) || !isUnreserved(v) {
			return false
		}
		if !c.KeepOrder && (n < name || n == name && v < value) {
			return false
		}
		name, value = n, v
	}
	return true
}

func isUnreserved(s string) bool {
	for i := range len(s) {
		if !inCanonicalQuery[s[i]] {
			return false
		}
	}
	return true
}

// appendCanonicalPath writes path in canonical form.
func appendCanonicalPath(b []byte, path string) []byte {
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c != '%' {
			b = appendEscaped(b, c, &inCanonicalPath)
			continue
		}
		if i+2 >= len(path) || !isHex(path[i+1]) || !isHex(path[i+2]) {
			b = append(b, '%') // no escape: it stays what it is
			continue
		}
		c = unhex(path[i+1])<<4 | unhex(path[i+2])
		i += 2
		if c == '/' || c == '%' || c == '?' {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
			continue
		}
		b = appendEscaped(b, c, &inCanonicalPath)
	}
	return b
}

func appendEscaped(b []byte, c byte, plain *[256]bool) []byte {
	if plain[c] {
		return append(b, c)
	}
	return append(b, '%', upperHex[c>>4], upperHex[c&15])
}

// A Param is one parameter of a query.
type Param struct{ Name, Value string }

// ParseQuery reads a query, without its question mark, as a form: its
// parameters in order, decoded, octets as they come. A parameter without "="
// has the value "".
func ParseQuery(query string) []Param {
	params := make([]Param, 0, strings.Count(query, "&")+1)
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		params = append(params, Param{decodeForm(name), decodeForm(value)})
	}
	return params
}

// appendQuery writes the query in canonical form.
func (c Canonical) appendQuery(b []byte, query string) []byte {
	params := ParseQuery(query)
	if len(c.DropParams) > 0 {
		params = slices.DeleteFunc(params, func(p Param) bool { return c.drops(p.Name) })
	}
	if !c.KeepOrder {
		slices.SortStableFunc(params, func(a, b Param) int {
			return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Value, b.Value))
		})
	}
	separator := byte('?')
	for _, p := range params {
		b = append(b, separator)
		b = appendForm(b, p.Name)
		b = append(b, '=')
		b = appendForm(b, p.Value)
		separator = '&'
	}
	return b
}

func (c Canonical) drops(name string) bool {
	for _, d := range c.DropParams {
		if prefix, ok := strings.CutSuffix(d, "*"); ok && strings.HasPrefix(name, prefix) || d == name {
			return true
		}
	}
	return false
}

// decodeForm undoes the escapes of a form's text.
func decodeForm(s string) string {
	if strings.IndexByte(s, '+') >= 0 {
		s = strings.ReplaceAll(s, "+", " ")
	}
	if strings.IndexByte(s, '%') >= 0 {
		s = percentDecode(s)
	}
	return s
}

func appendForm(b []byte, s string) []byte {
	for i := range len(s) {
		if s[i] == ' ' {
			b = append(b, '+')
			continue
		}
		b = appendEscaped(b, s[i], &inCanonicalQuery)
	}
	return b
}
