package extract

import (
	"strings"

	"golang.org/x/net/html"
)

// headerAttr is what a link of a Link header has for its attribute.
const headerAttr = "header"

// HeaderLinks returns the links that sel selects among those of Link headers
// (RFC 8288 §3). Each is read as a link element, alone in the head of a page:
// Tag is "link", Attr "header" and Text the title. A nil sel selects all.
// Values that are broken end at the break.
func HeaderLinks(sel *Selector, values ...string) []Link {
	var links []Link
	for _, v := range values {
		for {
			v = strings.TrimLeft(v, " \t,")
			if !strings.HasPrefix(v, "<") {
				break
			}
			ref, rest, ok := strings.Cut(v[1:], ">")
			if !ok {
				break
			}
			h := headerLink{"href": ref}
			v = h.params(rest)
			if sel == nil || selects(sel, "link", h) {
				rel := h["rel"]
				links = append(links, Link{
					Ref: trimRef(ref), Text: Squeeze(h["title"]), Rel: rel, Tag: "link", Attr: headerAttr, NoFollow: noFollow(rel),
				})
			}
		}
	}
	return links
}

// HeaderRefresh returns where a Refresh header leads, if sel selects its meta
// element: browsers take the one for the other (WHATWG HTML §7.4.6.3). Tag is
// "meta" and Attr "header". A nil sel selects it.
func HeaderRefresh(sel *Selector, value string) []Link {
	_, ref, ok := parseRefresh(value)
	if !ok || sel != nil && !selects(sel, "meta", map[string]string{"http-equiv": "refresh", "content": value}) {
		return nil
	}
	return []Link{{Ref: ref, Tag: "meta", Attr: headerAttr}}
}

// A headerLink is one link of a header: the attributes of its element.
type headerLink map[string]string

// selects reports whether sel selects the link of an element, alone in a page.
func selects(sel *Selector, tag string, attrs map[string]string) bool {
	var page strings.Builder
	page.WriteString("<" + tag)
	for name, value := range attrs {
		page.WriteString(" " + name + `="` + html.EscapeString(value) + `"`)
	}
	page.WriteString(">")
	found := false
	_, _ = Refs(page.String(), sel, func(string, bool, bool) bool {
		found = true
		return false
	})
	return found
}

// params reads the parameters and returns what follows them. The first of a
// name counts.
func (h headerLink) params(s string) (rest string) {
	for {
		s = strings.TrimLeft(s, " \t")
		if !strings.HasPrefix(s, ";") {
			return s
		}
		s = strings.TrimLeft(s[1:], " \t;")
		end := strings.IndexAny(s, "=;,")
		if end < 0 {
			return ""
		}
		name := strings.ToLower(trimSpace(s[:end]))
		if s[end] != '=' {
			s = s[end:]
			continue
		}
		var value string
		value, s = headerValue(strings.TrimLeft(s[end+1:], " \t"))
		switch name {
		case "rel", "title", "type", "media", "hreflang", "as":
			if _, known := h[name]; !known {
				h[name] = value
			}
		}
	}
}

// headerValue reads a token or a quoted string.
func headerValue(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, ";,")
		if end < 0 {
			end = len(s)
		}
		return trimSpace(s[:end]), s[end:]
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), ""
}
