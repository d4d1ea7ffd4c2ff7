package policies

import (
	"strings"
	"time"
)

// RetryAfter reads a Retry-After header (RFC 9110 §10.2.3), whole seconds or a
// date: how long from now not to come back, and whether the value means
// anything. A date that has passed is 0; nothing is longer than a year.
func RetryAfter(value string, now time.Time) (wait time.Duration, ok bool) {
	value = strings.Trim(value, " \t")
	first, _, _ := strings.Cut(value, ",") // two headers arrive as a list
	if n, ok := seconds(strings.TrimRight(first, " \t")); ok {
		return n, true
	}
	t, ok := ParseDate(value)
	if !ok {
		return 0, false
	}
	return min(max(t.Sub(now), 0), maxWait), true
}

// maxWait bounds how long a site may ask not to be visited: a year, which no
// caller waits for.
const maxWait = 365 * 24 * time.Hour

// seconds reads a decimal number of seconds, digits alone.
func seconds(s string) (time.Duration, bool) {
	if s == "" {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = min(n*10+int(s[i]-'0'), int(maxWait/time.Second))
	}
	return time.Duration(n) * time.Second, true
}

// ParseDate reads a date as HTTP headers carry it, in the three forms of RFC
// 9110 §5.6.7 and in all the others that the algorithm of RFC 6265 §5.1.1
// finds a time in. The zone is taken to be GMT, whatever it says.
func ParseDate(s string) (time.Time, bool) {
	var d httpDate
	for _, word := range strings.FieldsFunc(s, isDateDelimiter) {
		d.read(word)
	}
	return d.time()
}

// isDateDelimiter is the delimiter of RFC 6265 §5.1.1.
func isDateDelimiter(r rune) bool {
	return r == '\t' || r >= 0x20 && r <= 0x2f || r >= 0x3b && r <= 0x40 ||
		r >= 0x5b && r <= 0x60 || r >= 0x7b && r <= 0x7e
}

// httpDate collects the parts of a date.
type httpDate struct {
	hour, minute, second, day, month, year int
	timed, dayed, yeared                   bool
}

// read takes a word for the first part it fits that has not been found yet.
func (d *httpDate) read(word string) {
	switch {
	case !d.timed && d.readTime(word):
		d.timed = true
	case !d.dayed && readNumber(word, 1, 2, &d.day):
		d.dayed = true
	case d.month == 0 && monthOf(word) != 0:
		d.month = monthOf(word)
	case !d.yeared && readNumber(word, 2, 4, &d.year):
		d.yeared = true
	}
}

// readTime reads hours, minutes and seconds of one or two digits each.
func (d *httpDate) readTime(word string) bool {
	h, rest, ok := strings.Cut(word, ":")
	if !ok {
		return false
	}
	m, s, ok := strings.Cut(rest, ":")
	var hour, minute, second int
	if !ok || !isNumber(h) || !isNumber(m) ||
		!readNumber(h, 1, 2, &hour) || !readNumber(m, 1, 2, &minute) || !readNumber(s, 1, 2, &second) {
		return false
	}
	d.hour, d.minute, d.second = hour, minute, second
	return true
}

func isNumber(s string) bool { return strings.Trim(s, "0123456789") == "" }

// readNumber reads the number word starts with into n, if it has at least
// least and at most most digits.
func readNumber(word string, least, most int, n *int) bool {
	v, i := 0, 0
	for ; i < len(word) && word[i] >= '0' && word[i] <= '9'; i++ {
		if i == most {
			return false
		}
		v = v*10 + int(word[i]-'0')
	}
	if i < least {
		return false
	}
	*n = v
	return true
}

// monthOf is the month word starts with, 1 to 12, or 0.
func monthOf(word string) int {
	if len(word) < 3 {
		return 0
	}
	i := strings.Index("janfebmaraprmayjunjulaugsepoctnovdec", strings.ToLower(word[:3]))
	if i < 0 || i%3 != 0 {
		return 0
	}
	return i/3 + 1
}

func (d *httpDate) time() (time.Time, bool) {
	switch {
	case d.year >= 70 && d.year <= 99:
		d.year += 1900
	case d.year >= 0 && d.year <= 69:
		d.year += 2000
	}
	if !d.timed || !d.dayed || d.month == 0 || !d.yeared || d.year < 1601 ||
		d.hour > 23 || d.minute > 59 || d.second > 60 {
		return time.Time{}, false
	}
	t := time.Date(d.year, time.Month(d.month), d.day, d.hour, d.minute, d.second, 0, time.UTC)
	if d.day < 1 || t.Add(-time.Duration(d.second)*time.Second).Day() != d.day { // 31 February
		return time.Time{}, false
	}
	return t, true
}
