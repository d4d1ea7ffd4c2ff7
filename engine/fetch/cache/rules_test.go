package cache

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// head makes headers of lines, each a name and a value.
func head(lines ...string) http.Header {
	h := make(http.Header)
	for i := 0; i < len(lines); i += 2 {
		h.Add(lines[i], lines[i+1])
	}
	return h
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// at is noon and so many seconds, as in a header.
func at(seconds int) string {
	return noon.Add(time.Duration(seconds) * time.Second).Format(http.TimeFormat)
}

func TestFresh(t *testing.T) {
	for _, tt := range []struct {
		name    string
		header  http.Header
		request http.Header
		status  int           // 0 is 200
		until   time.Duration // how long it is fresh after noon, when it was answered; 0 is never
	}{
		{name: "nothing said", header: head("Date", at(0))},
		{name: "max-age", header: head("Date", at(0), "Cache-Control", "max-age=60"), until: time.Minute},
		{name: "max-age quoted", header: head("Cache-Control", `max-age="60"`), until: time.Minute},
		{name: "max-age among others", header: head("Cache-Control", `private="a, b", MAX-AGE=60, foo`), until: time.Minute},
		{name: "max-age on the second line", header: head("Cache-Control", "public", "Cache-Control", "max-age=60"), until: time.Minute},
		{name: "max-age before expires", header: head("Cache-Control", "max-age=60", "Expires", at(3600)), until: time.Minute},
		{name: "s-maxage is for shared caches", header: head("Cache-Control", "s-maxage=60")},
		{name: "no number", header: head("Cache-Control", "max-age=1h", "Expires", at(60))},
		{name: "negative", header: head("Cache-Control", "max-age=-60")},
		{name: "two that differ", header: head("Cache-Control", "max-age=60, max-age=90")},
		{name: "two alike", header: head("Cache-Control", "max-age=60, max-age=60"), until: time.Minute},
		{name: "more digits than an int has", header: head("Cache-Control", "max-age=99999999999999999999"), until: maxLifetime * time.Second},
		{name: "expires", header: head("Date", at(0), "Expires", at(60)), until: time.Minute},
		{name: "expires by the site's clock", header: head("Date", at(-10), "Expires", at(50)), until: 50 * time.Second},
		{name: "expires without a date", header: head("Expires", at(60)), until: time.Minute},
		{name: "expires 0", header: head("Date", at(0), "Expires", "0", "Last-Modified", at(-3600))},
		{name: "age on the way", header: head("Date", at(-40), "Age", "40", "Cache-Control", "max-age=60"), until: 20 * time.Second},
		{name: "a date in the past", header: head("Date", at(-40), "Cache-Control", "max-age=60"), until: 20 * time.Second},
		{name: "a date ahead", header: head("Date", at(40), "Cache-Control", "max-age=60"), until: time.Minute},
		{name: "no-cache", header: head("Cache-Control", "max-age=60, no-cache")},
		{name: "no-cache for a field", header: head("Cache-Control", `max-age=60, no-cache="Set-Cookie"`)},
		{name: "pragma", header: head("Pragma", "no-cache", "Expires", at(60))},
		{name: "pragma beside cache-control", header: head("Pragma", "no-cache", "Cache-Control", "max-age=60"), until: time.Minute},
		{name: "guess a tenth", header: head("Date", at(0), "Last-Modified", at(-600)), until: time.Minute},
		{name: "guess a week at most", header: head("Date", at(0), "Last-Modified", at(-365*86400)), until: 7 * 24 * time.Hour},
		{name: "no guess for a found", header: head("Date", at(0), "Last-Modified", at(-600)), status: 302},
		{name: "moved for good", header: head("Date", at(0)), status: 301, until: 7 * 24 * time.Hour},
		{name: "moved for a minute", header: head("Cache-Control", "max-age=60"), status: 301, until: time.Minute},
		{name: "modified ahead", header: head("Date", at(0), "Last-Modified", at(600))},
		{name: "asked for no-cache", header: head("Cache-Control", "max-age=60"), request: head("Cache-Control", "no-cache")},
		{name: "asked by pragma", header: head("Cache-Control", "max-age=60"), request: head("Pragma", "no-cache")},
		{name: "asked for a younger one", header: head("Cache-Control", "max-age=60"), request: head("Cache-Control", "max-age=29"), until: 30 * time.Second},
		{name: "asked for a reserve", header: head("Cache-Control", "max-age=60"), request: head("Cache-Control", "min-fresh=20"), until: 40 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.status == 0 {
				tt.status = 200
			}
			e := &Entry{Status: tt.status, Header: tt.header, Asked: noon, Answered: noon}
			fresh := func(d time.Duration) bool { return e.Fresh(tt.request, noon.Add(d)) }
			if tt.until == 0 && fresh(0) || tt.until > 0 && (!fresh(tt.until-time.Second) || fresh(tt.until)) {
				t.Errorf("fresh at once %v, one second before %v %v, then %v", fresh(0), tt.until, fresh(tt.until-time.Second), fresh(tt.until))
			}
		})
	}
}

// TestFreshDelay: what an answer took on its way may be age (RFC 9111 §4.2.3).
func TestFreshDelay(t *testing.T) {
	e := &Entry{Status: 200, Header: head("Cache-Control", "max-age=60"), Asked: noon.Add(-10 * time.Second), Answered: noon}
	if e.Fresh(nil, noon.Add(50*time.Second)) || !e.Fresh(nil, noon.Add(49*time.Second)) {
		t.Error("want fresh for 50 s after the answer")
	}
}

func TestStorable(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		header http.Header
		want   bool
	}{
		{"a page", 200, head(), true},
		{"missing", 404, head(), true},
		{"moved for good", 308, head(), true},
		{"found", 302, head(), false},
		{"found for a minute", 302, head("Cache-Control", "max-age=60"), true},
		{"found until", 307, head("Expires", at(60)), true},
		{"an error", 500, head(), false},
		{"an error for a minute", 503, head("Cache-Control", "max-age=60"), true},
		{"no-store", 200, head("Cache-Control", "max-age=60, no-store"), false},
		{"no-store in capitals", 200, head("Cache-Control", "No-Store"), false},
		{"no-store but understood", 200, head("Cache-Control", "no-store, must-understand"), true},
		{"private", 200, head("Cache-Control", "private"), true},
		{"a part", 206, head("Cache-Control", "max-age=60"), false},
		{"not modified", 304, head("Cache-Control", "max-age=60"), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Storable(tt.status, tt.header); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestUsable(t *testing.T) {
	for _, tt := range []struct {
		name   string
		method string
		body   bool
		header http.Header
		want   bool
	}{
		{"get", "GET", false, head("Accept", "*/*"), true},
		{"head", "HEAD", false, nil, false},
		{"post", "POST", true, nil, false},
		{"get with a body", "GET", true, nil, false},
		{"range", "GET", false, head("Range", "bytes=0-1"), false},
		{"own conditions", "GET", false, head("If-None-Match", `"a"`), false},
		{"no-store", "GET", false, head("Cache-Control", "no-store"), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Usable(tt.method, tt.body, tt.header); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		name     string
		vary     string
		then     http.Header
		now      http.Header
		identity string
		want     bool
	}{
		{"nothing varies", "", head("Accept", "a"), head("Accept", "b"), "", true},
		{"the same", "accept, Cookie", head("Accept", "a"), head("Accept", "a"), "", true},
		{"blanks aside", "Accept", head("Accept", "a"), head("Accept", " a "), "", true},
		{"another", "Accept", head("Accept", "a"), head("Accept", "b"), "", false},
		{"a cookie more", "Cookie", head(), head("Cookie", "a=b"), "", false},
		{"anything", "*", head(), head(), "", false},
		{"another account", "", head(), head(), "bob", false},
		{"authorization is the identity's", "Authorization", head("Authorization", "Digest a"), head("Authorization", "Digest b"), "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := &Entry{Header: head("Vary", tt.vary)}
			e.Vary(tt.then)
			if got := e.Matches(tt.identity, tt.now); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestUpdate(t *testing.T) {
	for _, tt := range []struct {
		name string
		was  http.Header
		got  http.Header
		ok   bool
		want http.Header
	}{
		{"new date", head("Etag", `"a"`, "Date", at(0), "X", "1"), head("Etag", `"a"`, "Date", at(60)), true, head("Etag", `"a"`, "Date", at(60), "X", "1")},
		{"the content's own stay", head("Content-Type", "text/html", "Content-Length", "9"), head("Content-Type", "text/plain", "Content-Length", "0", "Connection", "close"), true, head("Content-Type", "text/html", "Content-Length", "9")},
		{"an age ends", head("Age", "50"), head(), true, head()},
		{"another page's", head("Etag", `"a"`), head("Etag", `"b"`), false, head("Etag", `"a"`)},
		{"strong for weak", head("Etag", `W/"a"`), head("Etag", `"a"`), true, head("Etag", `"a"`)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := &Entry{Header: tt.was}
			if ok := e.Update(tt.got, noon, noon); ok != tt.ok {
				t.Errorf("update %v", ok)
			}
			if d := cmp.Diff(tt.want, e.Header); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestConditions(t *testing.T) {
	for _, tt := range []struct {
		name           string
		header         http.Header
		etag, modified string
	}{
		{"none", head(), "", ""},
		{"both", head("Etag", `W/"a"`, "Last-Modified", at(-1), "Date", at(0)), `W/"a"`, at(-1)},
		{"modified in the same second", head("Last-Modified", at(0), "Date", at(0)), "", ""},
		{"no clock", head("Last-Modified", at(0)), "", at(0)},
		{"a date of the site's own", head("Last-Modified", "yesterday", "Date", at(0)), "", "yesterday"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			etag, modified := (&Entry{Header: tt.header}).Conditions()
			if etag != tt.etag || modified != tt.modified {
				t.Errorf("%q, %q", etag, modified)
			}
		})
	}
}
