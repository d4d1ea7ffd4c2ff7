package extract

import (
	"strconv"
	"strings"

	"golang.org/x/net/html"
)

// Title is the text of the page's first title element, squeezed, or "".
func Title(page string) string {
	z := scanner{page: page}
	for z.next() {
		if z.key == keyTitle && !z.end && !z.foreign && !z.ignored() {
			return Squeeze(html.UnescapeString(z.inner))
		}
	}
	return ""
}

// MetaRefresh finds the page's first refresh that names a URL: after how many
// seconds and to where. Like [Link.Ref], ref is not resolved. Refreshes inside
// noscript do not count: they are for browsers without scripts. A refresh whose
// tag the end of the page cuts off does.
func MetaRefresh(page string) (seconds float64, ref string, ok bool) {
	z := scanner{page: page, cut: true}
	for z.next() {
		if z.end || z.key != keyMeta || z.noscript > 0 || z.foreign || !z.isRefresh() {
			continue
		}
		content, _ := z.get("content")
		if seconds, ref, ok = parseRefresh(unescapeAttr(content)); ok {
			return seconds, ref, true
		}
	}
	return 0, "", false
}

// parseRefresh reads the content of a refresh (WHATWG HTML §4.2.5.3, "shared
// declarative refresh steps"); a fraction of a second counts.
func parseRefresh(s string) (seconds float64, ref string, ok bool) {
	s = trimSpace(s)
	n := 0
	for n < len(s) && ('0' <= s[n] && s[n] <= '9' || s[n] == '.') {
		n++
	}
	if n == 0 {
		return 0, "", false
	}
	number := s[:n]
	if i := strings.IndexByte(number, '.'); i >= 0 {
		if j := strings.IndexByte(number[i+1:], '.'); j >= 0 {
			number = number[:i+1+j]
		}
	}
	seconds, _ = strconv.ParseFloat("0"+number, 64)
	s = s[n:]
	if s == "" || s[0] != ';' && s[0] != ',' && class[s[0]]&isSpace == 0 {
		return 0, "", false
	}
	if s = trimSpace(s); s != "" && (s[0] == ';' || s[0] == ',') {
		s = trimSpace(s[1:])
	}
	if s == "" {
		return 0, "", false
	}
	return seconds, trimRef(refreshURL(s)), true
}

// refreshURL takes an optional "url=" and quotes away.
func refreshURL(s string) string {
	if len(s) >= 3 && equalLower(s[:3], "url") {
		rest := trimSpace(s[3:])
		if !strings.HasPrefix(rest, "=") {
			return s
		}
		s = trimSpace(rest[1:])
	}
	if s != "" && (s[0] == '"' || s[0] == '\'') {
		quote := s[:1]
		s, _, _ = strings.Cut(s[1:], quote)
	}
	return s
}

func trimSpace(s string) string {
	for s != "" && class[s[0]]&isSpace != 0 {
		s = s[1:]
	}
	for s != "" && class[s[len(s)-1]]&isSpace != 0 {
		s = s[:len(s)-1]
	}
	return s
}

// srcset returns the URLs of a srcset attribute (WHATWG HTML §4.8.4.3.10).
func srcset(s string) []string {
	var urls []string
	for {
		s = strings.TrimLeft(s, " \t\n\f\r,")
		if s == "" {
			return urls
		}
		end := strings.IndexAny(s, " \t\n\f\r")
		if end < 0 {
			end = len(s)
		}
		url := s[:end]
		s = s[end:]
		if bare := strings.TrimRight(url, ","); bare != url {
			url = bare
		} else {
			s = skipDescriptors(s)
		}
		urls = append(urls, trimRef(url))
	}
}

// skipDescriptors skips to the comma after a candidate's descriptors; a comma
// in parentheses is part of one.
func skipDescriptors(s string) string {
	depth := false
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '(':
			depth = true
		case ')':
			depth = false
		case ',':
			if !depth {
				return s[i+1:]
			}
		}
	}
	return ""
}
