package cache

import (
	"math"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

// Bounds of the lifetime that is guessed where the site names none.
const (
	share       = 10                 // of the time since Last-Modified, a tenth: RFC 9111 §4.2.2, as browsers do
	longest     = 7 * 24 * time.Hour // of a guess
	maxLifetime = math.MaxInt32      // s, of what a site names: RFC 9111 §1.2.2
)

// control is Cache-Control: directives in lower case with their arguments.
type control map[string]string

func parseControl(h http.Header) control {
	var c control
	for _, line := range h["Cache-Control"] {
		for line != "" {
			var name, value string
			name, value, line = directive(line)
			if name == "" {
				continue
			}
			if c == nil {
				c = make(control)
			}
			if old, ok := c[name]; ok && old != value {
				value = "" // RFC 9111 §4.2.1: of several that differ none counts
			}
			c[name] = value
		}
	}
	return c
}

// directive takes one directive off the front of a line.
func directive(line string) (name, value, rest string) {
	end := strings.IndexAny(line, `,="`)
	if end < 0 {
		return strings.ToLower(textproto.TrimString(line)), "", ""
	}
	name = strings.ToLower(textproto.TrimString(line[:end]))
	if line[end] != '=' {
		return name, "", line[end+1:]
	}
	rest = strings.TrimLeft(line[end+1:], " \t")
	if quoted, ok := strings.CutPrefix(rest, `"`); ok {
		value, rest, _ = strings.Cut(quoted, `"`)
		_, rest, _ = strings.Cut(rest, ",")
		return name, value, rest
	}
	value, rest, _ = strings.Cut(rest, ",")
	return name, textproto.TrimString(value), rest
}

func (c control) has(name string) bool { _, ok := c[name]; return ok }

// seconds is a directive's argument; 0 where it is none, which makes an answer
// stale (RFC 9111 §4.2.1).
func (c control) seconds(name string) (d time.Duration, ok bool) {
	text, ok := c[name]
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil && strings.Trim(text, "0123456789") == "" && text != "" {
		n, err = maxLifetime, nil // too many digits
	}
	if err != nil {
		return 0, true
	}
	return time.Duration(min(n, maxLifetime)) * time.Second, true
}

// Usable reports whether a request may be answered from the cache, and its
// answer kept: a plain GET that asks for no part and sets no conditions of its
// own.
func Usable(method string, body bool, h http.Header) bool {
	if method != http.MethodGet || body || parseControl(h).has("no-store") {
		return false
	}
	for _, name := range [...]string{"Range", "If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since", "If-Range"} {
		if len(h[name]) > 0 {
			return false
		}
	}
	return true
}

// guessable are the statuses whose lifetime may be guessed (RFC 9110 §15.1).
func guessable(status int) bool {
	switch status {
	case 200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501:
		return true
	}
	return false
}

// Storable reports whether an answer may be kept by a private cache (RFC 9111
// §3). Parts of answers are not.
func Storable(status int, h http.Header) bool {
	c := parseControl(h)
	switch {
	case status < 200 || status == http.StatusPartialContent || status == http.StatusNotModified:
		return false
	case c.has("must-understand") && guessable(status):
		// RFC 9111 §5.2.2.3: no-store is for those who do not know the status.
	case c.has("no-store"):
		return false
	}
	return guessable(status) || c.has("public") || c.has("private") || c.has("max-age") || len(h["Expires"]) > 0
}

// Fresh reports whether the entry answers the request without asking the site
// (RFC 9111 §4). What is stale is never used.
func (e *Entry) Fresh(request http.Header, now time.Time) bool {
	own, asked := parseControl(e.Header), parseControl(request)
	if own.has("no-cache") || asked.has("no-cache") || own == nil && old(e.Header) || asked == nil && old(request) {
		return false
	}
	age, lifetime := e.age(now), e.lifetime(own)
	if limit, ok := asked.seconds("max-age"); ok && age > limit {
		return false
	}
	if reserve, ok := asked.seconds("min-fresh"); ok {
		age += reserve
	}
	return lifetime > age
}

// old is the way HTTP/1.0 said no-cache (RFC 9111 §5.4).
func old(h http.Header) bool {
	return strings.EqualFold(textproto.TrimString(h.Get("Pragma")), "no-cache")
}

// age is RFC 9111 §4.2.3.
func (e *Entry) age(now time.Time) time.Duration {
	date, err := http.ParseTime(e.Header.Get("Date"))
	if err != nil {
		date = e.Answered
	}
	apparent := max(0, e.Answered.Sub(date))
	stated := time.Duration(0)
	if n, err := strconv.ParseUint(textproto.TrimString(e.Header.Get("Age")), 10, 64); err == nil {
		stated = time.Duration(min(n, maxLifetime)) * time.Second
	}
	return max(apparent, stated+max(0, e.Answered.Sub(e.Asked))) + max(0, now.Sub(e.Answered))
}

// lifetime is RFC 9111 §4.2.1 for a private cache, or a guess.
func (e *Entry) lifetime(own control) time.Duration {
	if d, ok := own.seconds("max-age"); ok {
		return d
	}
	date, err := http.ParseTime(e.Header.Get("Date"))
	if err != nil {
		date = e.Answered
	}
	if lines := e.Header["Expires"]; len(lines) > 0 {
		until, err := http.ParseTime(lines[0])
		if err != nil {
			return 0 // RFC 9111 §5.3: "0" and other things that are no date have expired
		}
		return until.Sub(date)
	}
	switch modified, err := http.ParseTime(e.Header.Get("Last-Modified")); {
	case e.Status == 300 || e.Status == 301 || e.Status == 308 || e.Status == 410:
		return longest // meant for good
	case err == nil && guessable(e.Status):
		return min(longest, max(0, date.Sub(modified)/share))
	}
	return 0
}
