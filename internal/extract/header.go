package extract

import "strings"

// HeaderLinks reads the values of Link headers (RFC 8288 §3). Tag is "" and Attr
// "link"; Text is the title. Values that are broken end at the break.
func HeaderLinks(values ...string) []Link {
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
			l := Link{Ref: trimRef(ref), Attr: "link"}
			v = l.params(rest)
			l.NoFollow = noFollow(l.Rel)
			links = append(links, l)
		}
	}
	return links
}

// params reads a link's parameters and returns what follows them. The first rel
// counts.
func (l *Link) params(s string) (rest string) {
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
		case "rel":
			set(&l.Rel, value)
		case "title":
			set(&l.Text, Squeeze(value))
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
