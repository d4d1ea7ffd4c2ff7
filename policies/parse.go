package policies

import (
	"errors"
	"strconv"
	"strings"
	"unsafe"
)

// Why a text is no URL, for errors.Is.
var (
	ErrNoScheme = errors.New("relative url without a base")
	ErrBadHost  = errors.New("invalid host")
	ErrBadPort  = errors.New("invalid port")
)

// ParseURL parses an absolute URL as the WHATWG URL Standard says. Octets that
// are not UTF-8 are percent-encoded as they are. The error is ErrNoScheme,
// ErrBadHost or ErrBadPort.
func ParseURL(s string) (URL, error) {
	if u, ok := parsePlain(s); ok {
		return u, nil
	}
	return parse(s, URL{})
}

// Join resolves ref against u as the WHATWG URL Standard says. A ref without
// a fragment gives a URL without one. The errors are those of ParseURL.
func (u URL) Join(ref string) (URL, error) {
	if len(ref) > len("http://") && ref[0] == 'h' {
		if v, ok := parsePlain(ref); ok {
			return v, nil
		}
	}
	if v, ok := u.joinPlain(ref); ok {
		return v, nil
	}
	return parse(ref, u)
}

// A parser builds the serialization of one URL, part by part.
type parser struct {
	URL
	buf     []byte // the href so far
	base    URL    // zero for none
	special bool   // the scheme is one of the standard's special ones
	file    bool   // the scheme is file
	rest    string // the input that has not been read yet
}

// parse is the standard's basic URL parser; base is the zero URL for none.
func parse(s string, base URL) (URL, error) {
	p := parser{base: base, rest: clean(s)}
	p.buf = make([]byte, 0, len(p.rest)+int(base.frag)+1) // what most need
	if err := p.run(); err != nil {
		return URL{}, err
	}
	p.tail()
	p.href = unsafe.String(unsafe.SliceData(p.buf), len(p.buf)) // nobody else has buf
	return p.URL, nil
}

// clean removes what the standard does not look at: controls and spaces
// around, tabs and line ends anywhere.
func clean(s string) string {
	for s != "" && s[0] <= ' ' {
		s = s[1:]
	}
	for s != "" && s[len(s)-1] <= ' ' {
		s = s[:len(s)-1]
	}
	for i := range len(s) {
		if c := s[i]; c == '\t' || c == '\n' || c == '\r' {
			return strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(s)
		}
	}
	return s
}

// run reads everything up to the query.
func (p *parser) run() error {
	n := schemeLength(p.rest)
	if n == 0 {
		return p.relative()
	}
	p.setScheme(p.rest[:n])
	p.rest = p.rest[n+1:]
	switch {
	case p.file:
		return p.filePath()
	case p.special && p.base.Scheme() == string(p.buf[:n]) && !strings.HasPrefix(p.rest, "//"):
		return p.relativePath()
	case p.special:
		return p.authority(strings.TrimLeft(p.rest, `/\`))
	case strings.HasPrefix(p.rest, "//"):
		return p.authority(p.rest[2:])
	}
	p.noAuthority()
	if strings.HasPrefix(p.rest, "/") {
		p.segments(p.rest[1:])
		return nil
	}
	p.opaque()
	return nil
}

// schemeLength is how long the scheme is that s starts with; 0 for none.
func schemeLength(s string) int {
	for i := range len(s) {
		switch c := s[i]; {
		case c|0x20 >= 'a' && c|0x20 <= 'z':
		case c == ':':
			return i
		case i > 0 && (c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.'):
		default:
			return 0
		}
	}
	return 0
}

// setScheme starts the serialization.
func (p *parser) setScheme(scheme string) {
	for i := range len(scheme) {
		p.buf = append(p.buf, lower(scheme[i]))
	}
	p.scheme = uint32(len(p.buf))
	p.special = isSpecial(string(p.buf))
	p.file = string(p.buf) == "file"
	p.buf = append(p.buf, ':')
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c | 0x20
	}
	return c
}

func isSpecial(scheme string) bool {
	switch scheme {
	case "http", "https", "ws", "wss", "ftp", "file":
		return true
	}
	return false
}

// defaultPort is the port a special scheme has by itself; 0 for none.
func defaultPort(scheme string) int {
	switch scheme {
	case "http", "ws":
		return 80
	case "https", "wss":
		return 443
	case "ftp":
		return 21
	}
	return 0
}

// relative reads a reference without a scheme.
func (p *parser) relative() error {
	b := p.base
	if b.IsZero() {
		return ErrNoScheme
	}
	if b.isOpaque() {
		if !strings.HasPrefix(p.rest, "#") {
			return ErrNoScheme
		}
		p.copyUpTo(b.frag)
		p.URL = URL{scheme: b.scheme, user: b.user, host: b.host, hend: b.hend, path: b.path, query: b.query}
		return nil
	}
	p.setScheme(b.Scheme())
	if p.file {
		return p.filePath()
	}
	return p.relativePath()
}

// relativePath is the standard's relative state.
func (p *parser) relativePath() error {
	slashes := 0
	for slashes < len(p.rest) && slashes < 2 && p.isSlash(p.rest[slashes]) {
		slashes++
	}
	if slashes == 2 && p.special {
		return p.authority(strings.TrimLeft(p.rest, `/\`))
	}
	if slashes == 2 {
		return p.authority(p.rest[2:])
	}
	p.copyAuthority()
	if slashes == 1 {
		p.segments(p.rest[1:])
		return nil
	}
	p.mergePath()
	return nil
}

// copyAuthority takes the authority from the base.
func (p *parser) copyAuthority() {
	b := p.base
	p.copyUpTo(b.path)
	p.user, p.host, p.hend, p.path = b.user, b.host, b.hend, b.path
	if b.user == b.scheme+1 { // "/." between scheme and path comes back when needed
		p.noAuthority()
	}
}

func (p *parser) copyUpTo(end uint32) { p.buf = append(p.buf[:0], p.base.href[:end]...) }

// noAuthority notes that the path follows the scheme.
func (p *parser) noAuthority() {
	p.buf = p.buf[:p.scheme+1]
	p.user, p.host, p.hend, p.path = p.scheme+1, p.scheme+1, p.scheme+1, p.scheme+1
}

// mergePath resolves what is left against the base's path.
func (p *parser) mergePath() {
	b := p.base
	p.buf = append(p.buf, b.Path()...)
	switch {
	case p.rest == "" || p.rest[0] == '#':
		p.query = uint32(len(p.buf))
		p.buf = append(p.buf, b.href[b.query:b.frag]...)
	case p.rest[0] == '?':
		p.query = uint32(len(p.buf))
	default:
		p.shorten()
		p.segments(p.rest)
	}
}

func (p *parser) isSlash(c byte) bool { return c == '/' || c == '\\' && p.special }

// authority reads user, host and port at the start of s and the path after.
func (p *parser) authority(s string) error {
	end := 0
	for end < len(s) && s[end] != '?' && s[end] != '#' && !p.isSlash(s[end]) {
		end++
	}
	p.rest = s[end:]
	s = s[:end]
	p.buf = append(p.buf, '/', '/')
	p.user = uint32(len(p.buf))
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		p.userinfo(s[:at])
		if s = s[at+1:]; s == "" {
			return ErrBadHost
		}
	}
	p.host = uint32(len(p.buf))
	host, port, ported := splitPort(s)
	if host == "" && (p.special || ported) {
		return ErrBadHost
	}
	if err := p.appendHost(host); err != nil {
		return err
	}
	p.hend = uint32(len(p.buf))
	if err := p.appendPort(port); err != nil {
		return err
	}
	p.path = uint32(len(p.buf))
	p.pathStart()
	return nil
}

// splitPort splits at the colon that is not inside brackets.
func splitPort(s string) (host, port string, ok bool) {
	i := strings.IndexByte(s, ':')
	if strings.IndexByte(s, '[') >= 0 {
		for i = 0; i < len(s) && s[i] != ':'; i++ {
			if s[i] != '[' {
				continue
			}
			for i < len(s) && s[i] != ']' {
				i++
			}
			if i == len(s) {
				break
			}
		}
		if i == len(s) {
			i = -1
		}
	}
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// userinfo writes "user:password@"; nothing where both are empty.
func (p *parser) userinfo(s string) {
	name, password, _ := strings.Cut(s, ":")
	p.escape(name, escapeUser)
	if password != "" {
		p.buf = append(p.buf, ':')
		p.escape(password, escapeUser)
	}
	if len(p.buf) > int(p.user) {
		p.buf = append(p.buf, '@')
	}
}

func (p *parser) appendPort(s string) error {
	if s == "" {
		return nil
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return ErrBadPort
		}
		if n = n*10 + int(s[i]-'0'); n > 65535 {
			return ErrBadPort
		}
	}
	if p.special && n == defaultPort(string(p.buf[:p.scheme])) && !p.file {
		return nil
	}
	p.buf = strconv.AppendInt(append(p.buf, ':'), int64(n), 10)
	return nil
}
