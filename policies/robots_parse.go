package policies

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// ParseRobots reads a robots.txt file (RFC 9309). No input is an error: what
// cannot be understood is skipped, as is what lies beyond RobotsMaxSize.
func ParseRobots(b []byte) *Robots {
	cut := len(b) > RobotsMaxSize
	if cut {
		b = b[:RobotsMaxSize]
	}
	p := robotsParser{}
	rest := robotsText(b)
	for rest != "" {
		var line string
		i := strings.IndexAny(rest, "\r\n")
		switch {
		case i < 0 && cut: // half a line may say the opposite of the whole
			return &p.robots
		case i < 0:
			line, rest = rest, ""
		default:
			line, rest = rest[:i], rest[i+1+len(crlf(rest[i:])):]
		}
		p.number++
		p.line(line)
	}
	return &p.robots
}

// crlf is the line feed that belongs to the carriage return s starts with.
func crlf(s string) string {
	if strings.HasPrefix(s, "\r\n") {
		return s[1:2]
	}
	return ""
}

// robotsText is the file as UTF-8 without a byte order mark. Files in UTF-16
// with a mark are common enough to be read; RFC 9309 knows UTF-8 alone.
func robotsText(b []byte) string {
	if len(b) >= 4 {
		switch {
		case bytes.HasPrefix(b, []byte("\xff\xfe")) && b[3] == 0:
			return fromUTF16(b[2:], binary.LittleEndian)
		case bytes.HasPrefix(b, []byte("\xfe\xff")) && b[2] == 0:
			return fromUTF16(b[2:], binary.BigEndian)
		}
	}
	for _, c := range []byte("\xef\xbb\xbf") { // also a mark that lost its tail
		if len(b) == 0 || b[0] != c {
			break
		}
		b = b[1:]
	}
	return string(b)
}

func fromUTF16(b []byte, order binary.ByteOrder) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = order.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}

// robotsParser is ParseRobots under way.
type robotsParser struct {
	robots Robots
	number int  // of the line at hand, from 1
	ruled  bool // the last group has a rule: another User-agent line starts a new one
}

// robotsSpace is what surrounds keys and values; NUL bytes occur in files that
// went through C strings.
const robotsSpace = " \t\v\f\x00"

func (p *robotsParser) line(s string) {
	s, _, _ = strings.Cut(s, "#")
	key, value, ok := strings.Cut(s, ":")
	if !ok {
		key, value, ok = cutSpace(strings.Trim(s, robotsSpace))
	}
	if !ok {
		return
	}
	key, value = strings.Trim(key, robotsSpace), strings.Trim(value, robotsSpace)
	switch {
	case isKey(key, "user-agent", "useragent", "user agent"):
		p.agent(value)
	case isKey(key, "disallow", "dissallow", "dissalow", "disalow", "diasllow", "disallaw"):
		p.rule(false, value)
	case isKey(key, "allow"):
		p.rule(true, value)
	case isKey(key, "crawl-delay", "crawldelay", "crawl delay"):
		p.delay(value)
	case isKey(key, "sitemap", "site-map"):
		p.sitemap(value)
	case isKey(key, "http") && strings.HasPrefix(value, "//") && strings.Contains(value, "sitemap"):
		p.sitemap(key + ":" + value) // a sitemap's URL without the key
	}
}

// cutSpace splits a line that lacks its colon; more than two words are prose.
func cutSpace(s string) (key, value string, ok bool) {
	words := strings.Fields(s)
	if len(words) != 2 {
		return "", "", false
	}
	return words[0], words[1], true
}

// isKey reports whether key starts with one of the names, in any case: files
// say "Disallowed", "Sitemaps" and worse.
func isKey(key string, names ...string) bool {
	for _, n := range names {
		if len(key) >= len(n) && strings.EqualFold(key[:len(n)], n) {
			return true
		}
	}
	return false
}

func (p *robotsParser) agent(value string) {
	token := ""
	if value != "" && value[0] == '*' && (len(value) == 1 || strings.IndexByte(" \t<", value[1]) >= 0) {
		token = "*"
	} else {
		token = strings.ToLower(ProductToken(value))
	}
	if len(p.robots.groups) == 0 || p.ruled {
		p.robots.groups = append(p.robots.groups, group{})
		p.ruled = false
	}
	g := p.group()
	if len(g.delays) > 0 {
		g.held = g.delays[len(g.delays)-1].to
	}
	g.agents = append(g.agents, token)
}

// group is the group at hand.
func (p *robotsParser) group() *group { return &p.robots.groups[len(p.robots.groups)-1] }

func (p *robotsParser) rule(allow bool, value string) {
	if len(p.robots.groups) == 0 { // rules before the first User-agent line are nobody's
		return
	}
	p.ruled = true
	if value != "" {
		g := p.group()
		g.rules = append(g.rules, directive{allow: allow, line: p.number, value: value})
	}
}

// delay notes a Crawl-delay for the agents named since the last one. It does
// not end the run of User-agent lines: only rules do (RFC 9309 §2.2.4).
func (p *robotsParser) delay(value string) {
	d, ok := parseDelay(value)
	if !ok || len(p.robots.groups) == 0 {
		return
	}
	g := p.group()
	if n := len(g.delays); n > 0 && g.delays[n-1].to == len(g.agents) { // the same agents once more
		g.delays[n-1].value = max(g.delays[n-1].value, d)
		return
	}
	g.delays = append(g.delays, delay{from: g.held, to: len(g.agents), value: d})
}

// parseDelay reads the number value starts with, in seconds.
func parseDelay(value string) (time.Duration, bool) {
	i := 0
	for i < len(value) && (value[i] >= '0' && value[i] <= '9' || value[i] == '.') {
		i++
	}
	seconds, err := strconv.ParseFloat(value[:i], 64)
	if err != nil || math.IsNaN(seconds) {
		return 0, false
	}
	if seconds >= maxWait.Seconds() {
		return maxWait, true
	}
	return time.Duration(seconds * float64(time.Second)), true
}

// sitemap notes a Sitemap line; it belongs to no group.
func (p *robotsParser) sitemap(value string) {
	if value != "" {
		p.robots.Sitemaps = append(p.robots.Sitemaps, value)
	}
}
