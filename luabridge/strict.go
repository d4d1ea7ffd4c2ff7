package luabridge

import (
	"math"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"downpour/internal/extract"
)

// Browsers mend references that are no URIs: they take a backslash for a
// slash, a lone percent sign for itself. Strict reading is for those who look
// after links: what RFC 3986 refuses is told apart, not mended.

// strictly is ref with backslashes as the octets they are. It reports false for
// what is no URI reference: a percent sign in path or fragment that encodes
// nothing (RFC 3986 §2.1), a control character, or a colon in the first segment
// of a relative path, such as "(http://…" (§4.2).
func strictly(ref string) (string, bool) {
	rest, fragment, _ := strings.Cut(ref, "#")
	path, _, _ := strings.Cut(rest, "?")
	if !escaped(path) || !escaped(fragment) || strings.ContainsFunc(ref, isControl) || strayColon(path) {
		return "", false
	}
	return strings.ReplaceAll(ref, `\`, "%5C"), true
}

func isControl(c rune) bool { return c < ' ' || c == 0x7f }

// escaped reports whether every percent sign begins an escape.
func escaped(s string) bool {
	for {
		i := strings.IndexByte(s, '%')
		if i < 0 {
			return true
		}
		if len(s) < i+3 || !isHex(s[i+1]) || !isHex(s[i+2]) {
			return false
		}
		s = s[i+3:]
	}
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// strayColon reports a colon in the first segment that no scheme explains.
func strayColon(path string) bool {
	segment, _, _ := strings.Cut(path, "/")
	i := strings.IndexByte(segment, ':')
	if i < 0 {
		return false
	}
	for j, c := range []byte(segment[:i]) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (j == 0 || (c < '0' || c > '9') && strings.IndexByte("+-.", c) < 0) {
			return true
		}
	}
	return i == 0
}

// strictRefs are the URLs of the page's links read strictly, and the references
// that are none, as the page has them. It runs without the lock.
func (p *page) strictRefs(sel *extract.Selector) (urls, malformed []string, err error) {
	var refs []string
	href, err := extract.Refs(p.decode(), sel, func(ref string, _, _ bool) bool {
		refs = append(refs, ref)
		return true
	})
	base := p.rebase(href)
	for _, ref := range refs {
		strict, ok := strictly(ref)
		if !ok {
			malformed = append(malformed, ref)
		} else {
			urls = append(urls, resolve(base, strict, p.encoding))
		}
	}
	return urls, malformed, err
}

// requestURLs is req:urls(selector?, opts): it waits. With opts.strict it
// answers two lists: the URLs, and the references that are no URIs.
func (h *Host) requestURLs(L *lua.LState) int {
	p := checkPage(L, "urls")
	sel := h.linkSelector(L)
	opts, _ := L.Get(3).(*lua.LTable)
	if t, first := L.Get(2).(*lua.LTable); first && opts == nil {
		opts = t
	}
	strict := opts != nil && lua.LVAsBool(opts.RawGetString("strict"))
	var urls, malformed []string
	var err error
	if p.resp != nil && p.resp.Body != nil {
		h.Working(func() {
			if strict {
				urls, malformed, err = p.strictRefs(sel)
			} else {
				var f references
				f, err = p.refs(sel, true, math.MaxInt)
				for _, ref := range f.refs {
					urls = append(urls, resolve(f.base, ref, p.encoding))
				}
			}
		})
		selected(L, sel, err)
	}
	L.Push(stringList(h.L, urls))
	if !strict {
		return 1
	}
	L.Push(stringList(h.L, malformed))
	return 2
}
