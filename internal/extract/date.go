package extract

import (
	"net/mail"
	"strings"
	"time"
)

var dateLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02", "2006-01", "2006", "20060102",
	"2006-01-02Z07:00", "Mon, 2 Jan 2006 15:04:05", "2 Jan 2006 15:04:05", "Mon, 2 Jan 2006", "2 Jan 2006", time.ANSIC, time.RFC850,
}

// ParseDate reads the dates of sitemaps and feeds: W3C date and time, as whole
// as it is, and RFC 822 as feeds write it. What names no zone is UTC.
func ParseDate(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	if t, err := mail.ParseDate(s); err == nil {
		return t.UTC(), true
	}
	return time.Time{}, false
}
