package policies

import (
	"net/netip"
	"strings"
)

// parsePlain parses a URL that is as it would be written already, without any
// copy: the usual link. Whatever needs a second look is not plain.
func parsePlain(s string) (u URL, plain bool) {
	port := ":80"
	switch {
	case strings.HasPrefix(s, "http://"):
		u.scheme = 4
	case strings.HasPrefix(s, "https://"):
		u.scheme, port = 5, ":443"
	default:
		return URL{}, false
	}
	i := int(u.scheme) + 3
	u.user, u.host = uint32(i), uint32(i)
	for i < len(s) && class[s[i]]&plainHost != 0 {
		i++
	}
	if !isPlainHost(s[u.host:i]) {
		return URL{}, false
	}
	u.hend = uint32(i)
	for i < len(s) && s[i] != '/' && i-int(u.hend) <= len(":65535") {
		i++
	}
	if i == len(s) || s[i] != '/' || i > int(u.hend) && !isPlainPort(s[u.hend:i], port) {
		return URL{}, false
	}
	u.path = uint32(i)
	return u.plainPath(s, i+1)
}

// joinPlain resolves a reference that needs no look at its octets: the usual
// relative link.
func (u URL) joinPlain(ref string) (URL, bool) {
	if ref == "" || !u.IsHTTP() {
		return URL{}, false
	}
	path := u.Path()
	switch c := ref[0]; {
	case c == '#':
		return u.plainTail(u.href[:u.frag]+ref, int(u.query))
	case c == '?':
		return u.plainTail(u.href[:u.query]+ref, int(u.query))
	case c == '/' && len(ref) > 1 && (ref[1] == '/' || ref[1] == '\\'):
		return URL{}, false
	case c == '/':
		path = ""
	case c == '.':
		path = path[:strings.LastIndexByte(path, '/')+1]
		for strings.HasPrefix(ref, "../") {
			path = path[:max(strings.LastIndexByte(path[:len(path)-1], '/'), 0)+1]
			ref = ref[len("../"):]
		}
	case schemeLength(ref) > 0:
		return URL{}, false
	default:
		path = path[:strings.LastIndexByte(path, '/')+1]
	}
	at := int(u.path) + len(path)
	if path == "" {
		at++ // past the slash that ref brings along
	}
	return u.plainPath(u.href[:int(u.path)+len(path)]+ref, at)
}

// plainPath is s, which has u's scheme and authority, if it is plain from i
// on, where a segment of the path starts.
func (u URL) plainPath(s string, i int) (URL, bool) {
	for ; i < len(s) && class[s[i]]&plainPath != 0; i++ {
		if c := s[i]; (c == '.' || c == '%') && s[i-1] == '/' && isDots(segment(s[i:])) {
			return URL{}, false
		}
	}
	return u.plainTail(s, i)
}

// plainTail is plainPath from the end of the path at i on.
func (u URL) plainTail(s string, i int) (URL, bool) {
	u.query = uint32(i)
	if i < len(s) && s[i] == '?' {
		for i++; i < len(s) && class[s[i]]&plainQuery != 0; {
			i++
		}
	}
	u.frag = uint32(i)
	if i < len(s) && s[i] == '#' {
		for i++; i < len(s) && class[s[i]]&plainFragment != 0; {
			i++
		}
	}
	u.href = s
	return u, i == len(s)
}

// isPlainHost reports whether a host of plain octets is a name or an IPv4
// address as it would be written.
func isPlainHost(s string) bool {
	if s == "" {
		return false
	}
	last := s[strings.LastIndexByte(s, '.')+1:]
	if last != "" && last[0] > '9' {
		return true
	}
	ip, err := netip.ParseAddr(s)
	return err == nil && ip.Is4()
}

// isPlainPort reports whether s, which starts with a colon, is a port as it
// would be written; usual is the one that would not.
func isPlainPort(s, usual string) bool {
	if len(s) < 2 || s[0] != ':' || s[1] == '0' || s == usual {
		return false
	}
	n := 0
	for i := 1; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n <= 65535
}

// segment is the path segment s starts with.
func segment(s string) string {
	if i := strings.IndexAny(s, "/?#"); i >= 0 {
		return s[:i]
	}
	return s
}
