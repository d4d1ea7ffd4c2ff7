package policies

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// appendHost is the standard's host parser, writing the serialized host.
func (p *parser) appendHost(s string) error {
	switch {
	case s == "":
		return nil
	case s[0] == '[':
		return p.appendIPv6(s)
	case !p.special:
		if strings.ContainsAny(s, forbiddenHost) {
			return ErrBadHost
		}
		p.escape(s, escapeControl)
		return nil
	}
	domain, err := domainToASCII(s)
	if err != nil {
		return err
	}
	if !endsInNumber(domain) {
		p.buf = append(p.buf, domain...)
		return nil
	}
	ip, ok := parseIPv4(domain)
	if !ok {
		return ErrBadHost
	}
	p.buf = netip.AddrFrom4(ip).AppendTo(p.buf)
	return nil
}

// The standard's forbidden host code points; those of a domain are more.
const (
	forbiddenHost   = "\x00\t\n\r #/:<>?@[\\]^|"
	forbiddenDomain = forbiddenHost + "%\x7f"
)

// isForbidden reports whether c may not stand in a domain.
func isForbidden(c byte) bool { return c <= 0x1f || strings.IndexByte(forbiddenDomain, c) >= 0 }

// ASCIIHost is a host as a URL has it: lower case, Punycode for Unicode (UTS
// #46), addresses in their usual form. The error is ErrBadHost.
func ASCIIHost(host string) (string, error) {
	if host == "" || strings.ContainsAny(host, "/\\?#@\t\r\n") {
		return "", ErrBadHost
	}
	p := parser{special: true}
	if err := p.appendHost(host); err != nil {
		return "", err
	}
	return string(p.buf), nil
}

// domainToASCII is the domain of a special URL's host: percent-decoded, lower
// case, in Punycode.
func domainToASCII(s string) (string, error) {
	plain := true
	for i := range len(s) {
		plain = plain && class[s[i]]&plainHost != 0
	}
	if plain {
		return s, nil
	}
	if strings.IndexByte(s, '%') >= 0 {
		s = percentDecode(s)
	}
	ascii := true
	for i := range len(s) {
		ascii = ascii && s[i] < utf8.RuneSelf
	}
	if ascii {
		s = strings.ToLower(s)
	} else {
		var err error
		if s, err = toASCII(s); err != nil {
			return "", ErrBadHost
		}
	}
	for i := range len(s) {
		if isForbidden(s[i]) {
			return "", ErrBadHost
		}
	}
	if s == "" {
		return "", ErrBadHost
	}
	return s, nil
}

// lookup is UTS #46 processing as the standard asks for it.
var lookup = idna.New(
	idna.MapForLookup(),
	idna.Transitional(false),
	idna.StrictDomainName(false),
	idna.VerifyDNSLength(false),
	idna.CheckHyphens(false),
	idna.CheckJoiners(true),
	idna.BidiRule(),
)

// newer are the mappings that UTS #46 gained after the tables of package idna
// (Unicode 15.1 and 16): capital letters that were disallowed or, like ẞ,
// mapped otherwise, corrected ideographs, and characters now ignored.
var newer = strings.NewReplacer(newerPairs()...)

func newerPairs() []string {
	pairs := []string{
		"\u1e9e", "\u00df", "\u04c0", "\u04cf", "\u2132", "\u214e", "\u2183", "\u2184",
		"\U0002f868", "\u36fc", "\U0002f874", "\u5f53", "\U0002f91f", "\U000243ab",
		"\U0002f95f", "\u7aee", "\U0002f9bf", "\u45d7",
		"\u115f", "", "\u1160", "", "\u17b4", "", "\u17b5", "", "\u1806", "", "\u3164", "", "\uffa0", "",
	}
	for r := rune(0x206a); r <= 0x206f; r++ {
		pairs = append(pairs, string(r), "")
	}
	for r := rune(0x10a0); r <= 0x10c5; r++ { // Georgian capitals
		pairs = append(pairs, string(r), string(r-0x10a0+0x2d00))
	}
	return pairs
}

func toASCII(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", ErrBadHost
	}
	return lookup.ToASCII(newer.Replace(s))
}

// UnicodeHost is a host as people write it: the labels in Punycode decoded
// (UTS #46, ToUnicode). It reports false for what is no host, and for labels
// that decode to nothing valid.
func UnicodeHost(host string) (string, bool) {
	ascii, err := ASCIIHost(host)
	if err != nil {
		return "", false
	}
	if !strings.Contains(ascii, "xn--") {
		return ascii, true
	}
	text, err := lookup.ToUnicode(ascii)
	if err != nil {
		return "", false
	}
	return text, true
}

// percentDecode replaces every %XX by its octet.
func percentDecode(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}

// endsInNumber reports whether a domain's last label makes it an IPv4 address,
// valid or not.
func endsInNumber(s string) bool {
	s = strings.TrimSuffix(s, ".")
	last := s[strings.LastIndexByte(s, '.')+1:]
	if last == "" || last[0] < '0' || last[0] > '9' {
		return false
	}
	if isNumber(last) {
		return true
	}
	_, ok := ipv4Number(last)
	return ok
}

// parseIPv4 is the standard's IPv4 parser: one to four parts, decimal, octal
// or hexadecimal, the last filling what the others leave.
func parseIPv4(s string) (ip [4]byte, ok bool) {
	parts := strings.Split(strings.TrimSuffix(s, "."), ".")
	if len(parts) > 4 {
		return ip, false
	}
	var sum uint64
	for i, part := range parts {
		n, ok := ipv4Number(part)
		if last := i == len(parts)-1; !ok || !last && n > 255 || last && n >= 1<<(8*(5-len(parts))) {
			return ip, false
		} else if last {
			sum += n
		} else {
			sum += n << (8 * (3 - i))
		}
	}
	binary.BigEndian.PutUint32(ip[:], uint32(sum))
	return ip, true
}

// ipv4Number reads one part of an IPv4 address; a number too large for any is
// answered as one that is.
func ipv4Number(s string) (n uint64, ok bool) {
	base := uint64(10)
	switch {
	case s == "":
		return 0, false
	case len(s) >= 2 && s[0] == '0' && s[1]|0x20 == 'x':
		s, base = s[2:], 16
	case len(s) >= 2 && s[0] == '0':
		s, base = s[1:], 8
	}
	for i := range len(s) {
		if !isHex(s[i]) || uint64(unhex(s[i])) >= base {
			return 0, false
		}
		n = min(n*base+uint64(unhex(s[i])), 1<<40)
	}
	return n, true
}

// appendIPv6 writes an address in brackets in the standard's shortest form.
func (p *parser) appendIPv6(s string) error {
	if s[len(s)-1] != ']' || strings.IndexByte(s, '%') >= 0 {
		return ErrBadHost
	}
	addr, err := netip.ParseAddr(s[1 : len(s)-1])
	if err != nil || !addr.Is6() {
		return ErrBadHost
	}
	octets := addr.As16()
	var pieces [8]uint16
	for i := range pieces {
		pieces[i] = binary.BigEndian.Uint16(octets[2*i:])
	}
	from, to := longestZeros(pieces)
	p.buf = append(p.buf, '[')
	for i := 0; i < len(pieces); i++ {
		if i == from {
			p.buf = append(p.buf, ':', ':')
			i = to - 1
			continue
		}
		if i > 0 && i != to {
			p.buf = append(p.buf, ':')
		}
		p.buf = strconv.AppendUint(p.buf, uint64(pieces[i]), 16)
	}
	p.buf = append(p.buf, ']')
	return nil
}

// longestZeros is the first longest run of two or more zeros; -1, -1 for none.
func longestZeros(pieces [8]uint16) (from, to int) {
	from, to = -1, -1
	for i := 0; i < len(pieces); i++ {
		j := i
		for j < len(pieces) && pieces[j] == 0 {
			j++
		}
		if j-i >= 2 && j-i > to-from {
			from, to = i, j
		}
		i = max(i, j-1)
	}
	return from, to
}
