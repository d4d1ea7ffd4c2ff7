package policies

import (
	"testing"
	"time"
)

var noon = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

func TestRetryAfter(t *testing.T) {
	tests := []struct {
		name  string
		value string
		want  time.Duration
		ok    bool
	}{
		{"seconds", "120", 2 * time.Minute, true},
		{"zero", "0", 0, true},
		{"spaces", "\t 60 ", time.Minute, true},
		{"two headers", "120, 240", 2 * time.Minute, true},
		{"beyond every clock", "99999999999999999999999999", maxWait, true},
		{"date", "Sun, 01 Mar 2026 12:01:30 GMT", 90 * time.Second, true},
		{"RFC 850 date", "Sunday, 01-Mar-26 12:00:01 GMT", time.Second, true},
		{"asctime date", "Sun Mar  1 12:00:02 2026", 2 * time.Second, true},
		{"past", "Fri, 31 Dec 1999 23:59:59 GMT", 0, true},
		{"far date", "Sun, 01 Mar 2099 12:01:30 GMT", maxWait, true},
		{"empty", "", 0, false},
		{"negative", "-1", 0, false},
		{"fraction", "1.5", 0, false},
		{"hexadecimal", "0x10", 0, false},
		{"parameter", "120;x=1", 0, false},
		{"no such day", "Mon, 30 Feb 2026 12:00:00 GMT", 0, false},
		{"no such hour", "Sun, 01 Mar 2026 24:00:00 GMT", 0, false},
		{"word", "soon", 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := RetryAfter(tt.value, noon)
			if got != tt.want || ok != tt.ok {
				t.Errorf("got %v, %t, want %v, %t", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestRetryAfterSuite(t *testing.T) {
	// What the suite's prose comes to; -1 stands for ignored.
	want := map[string]time.Duration{
		"120": 2 * time.Minute, "0": 0, "-1": -1, "1.5": -1, " 60 ": time.Minute,
		"999999999999":                    maxWait,
		"Fri, 31 Dec 1999 23:59:59 GMT":   0,
		"Fri, 31 Dec 1999 23:59:59 +0000": 0,
		"":                                -1, "120, 240": 2 * time.Minute, "0x10": -1, "１２０": -1, "120;x=1": -1,
	}
	type row struct {
		Value  string `json:"retry_after"`
		Expect string `json:"expect"`
	}
	for _, c := range cases[row](t, "http-retry_after.json") {
		w, known := want[c.Value]
		if !known {
			t.Errorf("%q: what is %s?", c.Value, c.Expect)
		}
		got, ok := RetryAfter(c.Value, noon)
		if !ok {
			got = -1
		}
		if got != w {
			t.Errorf("%q: got %v, want %v (%s)", c.Value, got, w, c.Expect)
		}
	}
}

func TestParseDateSuite(t *testing.T) {
	type row struct {
		Test     string  `json:"test"`
		Expected *string `json:"expected"`
	}
	for _, c := range cases[row](t, "http-http_state_dates.json") {
		got, ok := ParseDate(c.Test)
		switch {
		case !ok && c.Expected != nil:
			t.Errorf("%q is no date, want %s", c.Test, *c.Expected)
		case ok && c.Expected == nil:
			t.Errorf("%q: got %v, want none", c.Test, got)
		case ok && got.Format("Mon, 02 Jan 2006 15:04:05 GMT") != *c.Expected:
			t.Errorf("%q: got %v, want %s", c.Test, got, *c.Expected)
		}
	}
}

// FuzzDate: a date that is read, written as HTTP does, reads the same, and
// Retry-After is never negative.
func FuzzDate(f *testing.F) {
	for _, s := range []string{"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "120", "1, 2", "Thu, 31 Dec 23:55:55 2037 GMT"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, ok := RetryAfter(s, noon); d < 0 || !ok && d != 0 {
			t.Fatalf("%q: %v, %t", s, d, ok)
		}
		d, ok := ParseDate(s)
		if !ok {
			return
		}
		if again, ok := ParseDate(d.Format("Mon, 02 Jan 2006 15:04:05 GMT")); !ok || !again.Equal(d) {
			t.Fatalf("%q: %v reads again as %v, %t", s, d, again, ok)
		}
	})
}
