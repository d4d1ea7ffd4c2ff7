package extract

import "strings"

// prescan returns the encoding that a meta element in head names, "" if none
// does (WHATWG HTML §13.2.3.2, "prescan a byte stream to determine its encoding").
func prescan(head string) string {
	z := scanner{page: head}
	for p := 0; ; {
		i := strings.IndexByte(head[p:], '<')
		if i < 0 || p+i+2 > len(head) {
			return ""
		}
		p += i + 1
		switch rest := head[p:]; {
		case strings.HasPrefix(rest, "!--"):
			p = after(head, p+1, "-->") // the dashes that begin it may end it
		case isStart(rest):
			if !z.tag(p) {
				return ""
			}
			p = z.pos
			if z.key == keyMeta {
				if name := z.metaCharset(); name != "" {
					return name
				}
			}
		case rest[0] == '/' && isStart(rest[1:]):
			if !z.tag(p + 1) {
				return ""
			}
			p = z.pos
		case strings.IndexByte("!/?", rest[0]) >= 0:
			p = after(head, p, ">")
		}
	}
}

func isStart(s string) bool { return s != "" && class[s[0]]&isLetter != 0 }

// metaCharset returns the encoding that the meta element at hand names.
func (z *scanner) metaCharset() string {
	label, ok := z.get("charset")
	if !ok {
		equiv, _ := z.get("http-equiv")
		if !equalLower(equiv, "content-type") {
			return ""
		}
		content, _ := z.get("content")
		label = contentCharset(content)
	}
	switch name := resolve(label, nil); {
	case strings.HasPrefix(name, "utf-16"), strings.HasPrefix(name, "utf-32"):
		return "utf-8"
	case name == "x-user-defined":
		return "windows-1252"
	default:
		return name
	}
}

// contentCharset extracts the label from a meta element's content (WHATWG HTML
// §2.5.1, "extracting a character encoding from a meta element").
func contentCharset(content string) string {
	for {
		i := 0
		for i+7 <= len(content) && !equalLower(content[i:i+7], "charset") {
			i++
		}
		if i+7 > len(content) {
			return ""
		}
		content = strings.TrimLeft(content[i+7:], " \t\n\f\r")
		if strings.HasPrefix(content, "=") {
			break
		}
	}
	value := strings.TrimLeft(content[1:], " \t\n\f\r")
	if value == "" {
		return ""
	}
	if quote := value[0]; quote == '"' || quote == '\'' {
		label, _, ok := strings.Cut(value[1:], value[:1])
		if !ok {
			return ""
		}
		return label
	}
	if end := strings.IndexAny(value, " \t\n\f\r;"); end >= 0 {
		value = value[:end]
	}
	return value
}
