package policies

import "strings"

// A URL is an absolute URL, parsed as the WHATWG URL Standard says: what a
// browser would make of the same text. It is immutable, comparable and cheap
// to copy. The zero value is no URL; its parts are empty.
//
// A URL may share memory with the string it was parsed from.
type URL struct {
	href   string // the whole serialization, fragment included
	scheme uint32 // where the scheme ends, before ':'
	user   uint32 // where the authority starts, after "//"; equal to scheme+1 without one
	host   uint32 // where the host starts, after '@'
	hend   uint32 // where the host ends, before ':port'
	path   uint32 // where the path starts
	query  uint32 // where the path ends: at '?', at '#' or at the end
	frag   uint32 // where the query ends: at '#' or at the end
}

// IsZero reports whether u is the zero value, no URL at all.
func (u URL) IsZero() bool { return u.href == "" }

// Href is the whole URL with its fragment.
func (u URL) Href() string { return u.href }

// String is the URL without its fragment: what is fetched.
func (u URL) String() string { return u.href[:u.frag] }

// Scheme is the scheme in lower case, without the colon.
func (u URL) Scheme() string { return u.href[:u.scheme] }

// IsHTTP reports whether the scheme is http or https.
func (u URL) IsHTTP() bool {
	s := u.Scheme()
	return s == "http" || s == "https"
}

// Host is the host, with ":port" where the port is not the scheme's own. It is
// lower case and ASCII; an IPv6 address has its brackets.
func (u URL) Host() string {
	if u.host == u.hend { // "/." may stand between the scheme and a path that starts with "//"
		return ""
	}
	return u.href[u.host:u.path]
}

// Hostname is the host without the port; an IPv6 address has no brackets.
func (u URL) Hostname() string {
	h := u.href[u.host:u.hend]
	if len(h) > 1 && h[0] == '[' {
		return h[1 : len(h)-1]
	}
	return h
}

// Port is the port, "" where it is the scheme's own.
func (u URL) Port() string {
	if u.hend+1 >= u.path || u.href[u.hend] != ':' {
		return ""
	}
	return u.href[u.hend+1 : u.path]
}

// Path is the path, percent-encoded as it is sent; "/" at least where the
// scheme is http or https.
func (u URL) Path() string { return u.href[u.path:u.query] }

// Query is the query without its question mark.
func (u URL) Query() string {
	if u.query == u.frag {
		return ""
	}
	return u.href[u.query+1 : u.frag]
}

// PathQuery is path and query together: what a request line and robots.txt
// speak of.
func (u URL) PathQuery() string { return u.href[u.path:u.frag] }

// Fragment is the fragment without its number sign, percent-encoded.
func (u URL) Fragment() string {
	if int(u.frag) == len(u.href) {
		return ""
	}
	return u.href[u.frag+1:]
}

// HasFragment reports whether u has a fragment, be it an empty one.
func (u URL) HasFragment() bool { return int(u.frag) < len(u.href) }

// withFragmentOf is u, which has no fragment, with that of v.
func (u URL) withFragmentOf(v URL) URL {
	u.href += v.href[v.frag:]
	return u
}

// Username is the user name, percent-encoded, "" where there is none.
func (u URL) Username() string {
	name, _, _ := strings.Cut(u.userinfo(), ":")
	return name
}

// Password is the password, percent-encoded, "" where there is none.
func (u URL) Password() string {
	_, password, _ := strings.Cut(u.userinfo(), ":")
	return password
}

func (u URL) userinfo() string {
	if u.user == u.host {
		return ""
	}
	return u.href[u.user : u.host-1]
}

// Origin is scheme, host and port, such as "https://example.org:8443". Only
// schemes whose URLs have a tuple origin have one, a blob has that of the http
// URL in it; that of all others is "null".
func (u URL) Origin() string {
	switch u.Scheme() {
	case "http", "https", "ws", "wss", "ftp":
	case "blob":
		if in, err := ParseURL(u.Path()); err == nil && in.IsHTTP() {
			return in.Origin()
		}
		return "null"
	default:
		return "null"
	}
	if u.user == u.host {
		return u.href[:u.path]
	}
	return u.href[:u.user] + u.href[u.host:u.path]
}

// SameOrigin reports whether u and v have the same scheme, host and port.
func (u URL) SameOrigin(v URL) bool {
	return u.IsHTTP() && u.Scheme() == v.Scheme() && u.Host() == v.Host()
}

// WithoutFragment is u without its fragment.
func (u URL) WithoutFragment() URL {
	u.href = u.href[:u.frag]
	return u
}

// WithoutUserinfo is u without user name and password.
func (u URL) WithoutUserinfo() URL {
	if u.user == u.host {
		return u
	}
	return locate(u.href[:u.user] + u.href[u.host:])
}

// isOpaque reports whether u's path is not made of segments, as that of
// mailto:a@example.org, so that nothing is relative to it.
func (u URL) isOpaque() bool {
	return u.user == u.scheme+1 && (u.path == u.query || u.href[u.path] != '/')
}

// locate finds the parts of a serialized URL.
func locate(href string) URL {
	u := URL{href: href}
	i := strings.IndexByte(href, ':')
	u.scheme = uint32(i)
	at := i + 1
	u.user, u.host, u.hend = uint32(at), uint32(at), uint32(at)
	if strings.HasPrefix(href[at:], "//") {
		at = u.locateAuthority(at + 2)
	} else if strings.HasPrefix(href[at:], "/.//") {
		at += 2
	}
	u.path = uint32(at)
	u.locateTail(at)
	return u
}

// locateAuthority finds user, host and port in the authority at start and
// returns where it ends.
func (u *URL) locateAuthority(start int) int {
	end := start
	host := start
	for ; end < len(u.href); end++ {
		c := u.href[end]
		if c == '/' || c == '?' || c == '#' {
			break
		}
		if c == '@' {
			host = end + 1
		}
	}
	hend := host
	for hend < end && u.href[hend] != ':' {
		if u.href[hend] == '[' {
			hend = host + strings.IndexByte(u.href[host:end], ']')
		}
		hend++
	}
	u.user, u.host, u.hend = uint32(start), uint32(host), uint32(hend)
	return end
}

// locateTail finds query and fragment from the path's start on.
func (u *URL) locateTail(at int) {
	u.frag = uint32(len(u.href))
	if i := strings.IndexByte(u.href[at:], '#'); i >= 0 {
		u.frag = uint32(at + i)
	}
	u.query = u.frag
	if i := strings.IndexByte(u.href[at:u.frag], '?'); i >= 0 {
		u.query = uint32(at + i)
	}
}
