package fetch

import (
	"strconv"
	"strings"
	"time"

	"downpour/policies"

	"golang.org/x/net/publicsuffix"
)

// parseCookie reads one Set-Cookie line from u (RFC 6265bis §5.6 and §5.7), nil
// where it is to be ignored. Cookies without a name are: RFC 6265 §5.2 has it
// so, and servers mean nothing by them.
func parseCookie(line string, u policies.URL, now time.Time) *cookie {
	if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return nil
	}
	pair, attributes, _ := strings.Cut(line, ";")
	name, value, found := strings.Cut(pair, "=")
	c := &cookie{name: trim(name), value: trim(value), hostOnly: true, domain: u.Hostname(), path: defaultPath(u.Path())}
	if !found || c.name == "" || len(c.name)+len(c.value) > maxCookie {
		return nil
	}
	if domain := c.attributes(attributes, u, now); !c.accept(domain, u) {
		return nil
	}
	if last := now.Add(maxAge); c.expires.After(last) {
		c.expires = last
	}
	return c
}

// attributes reads what follows name and value, and returns the domain asked
// for: of several of a kind the last counts.
func (c *cookie) attributes(list string, u policies.URL, now time.Time) (domain string) {
	aged := false
	for list != "" {
		var attribute string
		attribute, list, _ = strings.Cut(list, ";")
		key, v, _ := strings.Cut(attribute, "=")
		v = trim(v)
		if len(v) > maxAttribute {
			continue
		}
		switch strings.ToLower(trim(key)) {
		case "expires":
			if t, ok := cookieDate(v); ok && !aged {
				c.expires = t
			}
		case "max-age":
			if t, ok := ageOut(v, now); ok {
				c.expires, aged = t, true
			}
		case "domain":
			if v != "" {
				domain = strings.ToLower(strings.TrimPrefix(v, "."))
			}
		case "path":
			if c.path = v; !strings.HasPrefix(v, "/") {
				c.path = defaultPath(u.Path())
			}
		case "secure":
			c.secure = true
		}
	}
	return domain
}

// accept applies the Domain attribute and refuses what u may not set.
func (c *cookie) accept(domain string, u policies.URL) bool {
	host, secure := u.Hostname(), u.Scheme() == "https"
	explicit := domain != ""
	if explicit {
		if suffix, _ := publicsuffix.PublicSuffix(domain); suffix == domain {
			if domain != host {
				return false
			}
			explicit = false // a public suffix may set cookies for itself
		}
	}
	if explicit {
		if !domainMatch(host, domain) {
			return false
		}
		c.domain, c.hostOnly = domain, false
	}
	if c.secure && !secure {
		return false
	}
	switch name := strings.ToLower(c.name); {
	case strings.HasPrefix(name, "__secure-"):
		return c.secure
	case strings.HasPrefix(name, "__host-"):
		return c.secure && c.hostOnly && c.path == "/"
	}
	return true
}

func trim(s string) string { return strings.Trim(s, " \t") }

// ageOut is when a Max-Age ends; zero and negative ones have ended.
func ageOut(v string, now time.Time) (time.Time, bool) {
	digits := strings.TrimPrefix(v, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return time.Time{}, false
	}
	n, err := strconv.ParseInt(v, 10, 64)
	switch {
	case strings.HasPrefix(v, "-") || err == nil && n == 0:
		return time.Unix(1, 0), true
	case err != nil || n > int64(maxAge/time.Second):
		return now.Add(maxAge), true
	}
	return now.Add(time.Duration(n) * time.Second), true
}

// cookieDate is the algorithm of RFC 6265bis §5.1.1, which reads any order.
func cookieDate(s string) (time.Time, bool) {
	var hour, minute, second, day, month, year int
	var clock, hasDay, hasMonth, hasYear bool
	for token := range strings.FieldsFuncSeq(s, dateDelimiter) {
		if !clock {
			if hour, minute, second, clock = clockOf(token); clock {
				continue
			}
		}
		n, digits := leading(token)
		switch {
		case !hasDay && (digits == 1 || digits == 2):
			day, hasDay = n, true
		case !hasMonth && monthOf(token) > 0:
			month, hasMonth = monthOf(token), true
		case !hasYear && digits >= 2 && digits <= 4:
			year, hasYear = n, true
		}
	}
	switch {
	case year >= 70 && year <= 99:
		year += 1900
	case year >= 0 && year <= 69:
		year += 2000
	}
	if !clock || !hasDay || !hasMonth || !hasYear || day < 1 || year < 1601 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	return t, t.Day() == day // else there is no such day in the month
}

func dateDelimiter(r rune) bool {
	return r == '\t' || r >= 0x20 && r <= 0x2f || r >= 0x3b && r <= 0x40 || r >= 0x5b && r <= 0x60 || r >= 0x7b && r <= 0x7e
}

// leading reads the digits at the front of token; digits is 0 where a fifth
// follows or there are none.
func leading(token string) (n, digits int) {
	for digits < len(token) && token[digits] >= '0' && token[digits] <= '9' {
		if digits == 4 {
			return 0, 0
		}
		n = n*10 + int(token[digits]-'0')
		digits++
	}
	return n, digits
}

func clockOf(token string) (hour, minute, second int, ok bool) {
	var part [3]int
	rest := token
	for i := range part {
		n, digits := leading(rest)
		if digits < 1 || digits > 2 {
			return 0, 0, 0, false
		}
		part[i], rest = n, rest[digits:]
		if i < 2 {
			if !strings.HasPrefix(rest, ":") {
				return 0, 0, 0, false
			}
			rest = rest[1:]
		}
	}
	return part[0], part[1], part[2], true
}

func monthOf(token string) int {
	if len(token) < 3 {
		return 0
	}
	const months = "janfebmaraprmayjunjulaugsepoctnovdec"
	if i := strings.Index(months, strings.ToLower(token[:3])); i >= 0 && i%3 == 0 {
		return i/3 + 1
	}
	return 0
}
