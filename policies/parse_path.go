package policies

import (
	"bytes"
	"strings"
)

// What the octets of a URL are, as bits of class.
const (
	plainHost     = 1 << iota // stands in a host as it is
	plainPath                 // stands in a path as it is
	plainQuery                // stands in an http URL's query as it is
	plainFragment             // stands in a fragment as it is

	escapePath     // the standard's percent-encode sets
	escapeQuery    // of URLs whose scheme is not special
	escapeSpecial  // queries of those whose scheme is
	escapeFragment //
	escapeUser     // user name and password
	escapeControl  // opaque paths and hosts
)

var class = func() (t [256]uint16) {
	set := func(bits uint16, chars string) {
		for i := range len(chars) {
			t[chars[i]] |= bits
		}
	}
	for c := range t {
		if c <= 0x1f || c > 0x7e {
			t[c] = escapePath | escapeQuery | escapeSpecial | escapeFragment | escapeUser | escapeControl
		}
	}
	set(escapeFragment, " \"<>`")
	set(escapeQuery, " \"#<>")
	set(escapeSpecial, " \"#<>'")
	set(escapePath, " \"#<>?^`{}")
	set(escapeUser, " \"#<>?^`{}/:;=@[\\]|")
	for c := 0x21; c <= 0x7e; c++ {
		if t[c]&escapePath == 0 && c != '\\' {
			t[c] |= plainPath
		}
		if t[c]&escapeSpecial == 0 {
			t[c] |= plainQuery
		}
		if t[c]&escapeFragment == 0 {
			t[c] |= plainFragment
		}
	}
	set(plainHost, "abcdefghijklmnopqrstuvwxyz0123456789-_.")
	return t
}()

// escape writes s, percent-encoding the octets of set.
func (p *parser) escape(s string, set uint16) {
	from := 0
	for i := range len(s) {
		if c := s[i]; class[c]&set != 0 {
			p.buf = append(p.buf, s[from:i]...)
			p.buf = append(p.buf, '%', upperHex[c>>4], upperHex[c&15])
			from = i + 1
		}
	}
	p.buf = append(p.buf, s[from:]...)
}

// pathStart reads the path after an authority.
func (p *parser) pathStart() {
	switch {
	case p.rest != "" && p.isSlash(p.rest[0]):
		p.segments(p.rest[1:])
	case p.special || p.rest != "" && p.rest[0] != '?' && p.rest[0] != '#':
		p.segments(p.rest)
	default:
		p.query = uint32(len(p.buf))
	}
}

// segments is the standard's path state: it appends the segments s starts
// with, dots resolved, to the path so far.
func (p *parser) segments(s string) {
	for more := true; more; {
		end := 0
		for end < len(s) && s[end] != '?' && s[end] != '#' && !p.isSlash(s[end]) {
			end++
		}
		seg := s[:end]
		more = end < len(s) && p.isSlash(s[end])
		if s = s[end:]; more {
			s = s[1:]
		}
		switch {
		case !isDots(seg):
			p.append(seg)
			continue
		case len(seg) == 2 || len(seg) > 3: // "..", not "." or "%2e"
			p.shorten()
		}
		if !more {
			p.buf = append(p.buf, '/')
		}
	}
	p.rest = s
	if p.user == p.scheme+1 && bytes.HasPrefix(p.buf[p.path:], []byte("//")) {
		p.buf = append(p.buf, '/', '.') // else the path would read as an authority
		copy(p.buf[p.path+2:], p.buf[p.path:])
		copy(p.buf[p.path:], "/.")
		p.path += 2
	}
	p.query = uint32(len(p.buf))
}

// append adds a segment to the path.
func (p *parser) append(seg string) {
	if p.file && len(p.buf) == int(p.path) && isDriveLetter(seg) {
		p.buf = append(p.buf, '/', seg[0], ':')
		return
	}
	p.buf = append(p.buf, '/')
	p.escape(seg, escapePath)
}

// shorten takes the last segment off the path.
func (p *parser) shorten() {
	path := p.buf[p.path:]
	if p.file && len(path) == 3 && isDriveLetter(string(path[1:])) && path[2] == ':' {
		return
	}
	i := len(path) - 1
	for i >= 0 && path[i] != '/' {
		i--
	}
	p.buf = p.buf[:int(p.path)+max(i, 0)]
}

// isDots reports whether seg is a single or a double dot, be it escaped.
func isDots(seg string) bool {
	if seg == "" || len(seg) > 6 || seg[0] != '.' && seg[0] != '%' {
		return false
	}
	dots := 0
	for seg != "" {
		switch {
		case seg[0] == '.':
			seg = seg[1:]
		case len(seg) >= 3 && seg[0] == '%' && seg[1] == '2' && seg[2]|0x20 == 'e':
			seg = seg[3:]
		default:
			return false
		}
		dots++
	}
	return dots <= 2
}

// opaque reads the path of a URL such as mailto:a@example.org.
func (p *parser) opaque() {
	end := strings.IndexAny(p.rest, "?#")
	if end < 0 {
		end = len(p.rest)
	}
	s := p.rest[:end]
	p.rest = p.rest[end:]
	if strings.HasSuffix(s, " ") { // or removing query and fragment would change the path
		p.escape(s[:len(s)-1], escapeControl)
		p.buf = append(p.buf, "%20"...)
	} else {
		p.escape(s, escapeControl)
	}
	p.query = uint32(len(p.buf))
}

// tail reads query and fragment.
func (p *parser) tail() {
	if strings.HasPrefix(p.rest, "?") {
		s := p.rest[1:]
		p.rest = ""
		if i := strings.IndexByte(s, '#'); i >= 0 {
			s, p.rest = s[:i], s[i:]
		}
		set := uint16(escapeQuery)
		if p.special {
			set = escapeSpecial
		}
		p.buf = append(p.buf, '?')
		p.escape(s, set)
	}
	p.frag = uint32(len(p.buf))
	if p.rest != "" {
		p.buf = append(p.buf, '#')
		p.escape(p.rest[1:], escapeFragment)
	}
}

// filePath reads what follows "file:", or a reference in a file.
func (p *parser) filePath() error {
	b := p.base
	if b.Scheme() != "file" {
		b = URL{}
	}
	slashes := 0
	for slashes < len(p.rest) && slashes < 2 && p.isSlash(p.rest[slashes]) {
		slashes++
	}
	if slashes == 2 {
		return p.fileHost(p.rest[2:])
	}
	host := b.href[b.host:b.hend]
	p.buf = append(p.buf, '/', '/')
	p.user, p.host = uint32(len(p.buf)), uint32(len(p.buf))
	p.buf = append(p.buf, host...)
	p.hend, p.path = uint32(len(p.buf)), uint32(len(p.buf))
	if slashes == 1 {
		if drive := b.Path(); len(drive) > 2 && !startsWithDrive(p.rest[1:]) && startsWithDrive(drive[1:]) && drive[2] == ':' {
			p.buf = append(p.buf, drive[:3]...)
		}
		p.segments(p.rest[1:])
		return nil
	}
	if b.IsZero() || startsWithDrive(p.rest) {
		p.segments(p.rest)
		return nil
	}
	p.mergePath()
	return nil
}

// fileHost is the standard's file host state.
func (p *parser) fileHost(s string) error {
	end := 0
	for end < len(s) && s[end] != '?' && s[end] != '#' && !p.isSlash(s[end]) {
		end++
	}
	host := s[:end]
	p.buf = append(p.buf, '/', '/')
	p.user, p.host = uint32(len(p.buf)), uint32(len(p.buf))
	p.rest = s[end:]
	if isDriveLetter(host) {
		p.rest = s
	} else if err := p.appendHost(host); err != nil {
		return err
	}
	if string(p.buf[p.host:]) == "localhost" {
		p.buf = p.buf[:p.host]
	}
	p.hend, p.path = uint32(len(p.buf)), uint32(len(p.buf))
	p.pathStart()
	return nil
}

// isDriveLetter is the standard's Windows drive letter.
func isDriveLetter(s string) bool {
	return len(s) == 2 && (s[0]|0x20 >= 'a' && s[0]|0x20 <= 'z') && (s[1] == ':' || s[1] == '|')
}

// startsWithDrive is the standard's "starts with a Windows drive letter".
func startsWithDrive(s string) bool {
	return len(s) >= 2 && isDriveLetter(s[:2]) && (len(s) == 2 || strings.IndexByte(`/\?#`, s[2]) >= 0)
}
