package policies

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func mustParse(t testing.TB, s string) URL {
	t.Helper()
	u, err := ParseURL(s)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return u
}

func TestRedirect(t *testing.T) {
	type result struct {
		Href, Method         string
		KeepBody, SameOrigin bool
	}
	tests := []struct {
		name     string
		status   int
		method   string
		from     string
		location string
		want     result
	}{
		{"default method", 302, "", "http://a.test/x", "/y", result{"http://a.test/y", "GET", true, true}},
		{"POST becomes GET", 302, "POST", "http://a.test/x", "/y", result{"http://a.test/y", "GET", false, true}},
		{"POST stays POST", 307, "POST", "http://a.test/x", "/y", result{"http://a.test/y", "POST", true, true}},
		{"HEAD stays HEAD", 303, "HEAD", "http://a.test/x", "/y", result{"http://a.test/y", "HEAD", true, true}},
		{"PUT becomes GET", 303, "PUT", "http://a.test/x", "/y", result{"http://a.test/y", "GET", false, true}},
		{"another host", 301, "GET", "http://a.test/x", "//b.test/", result{"http://b.test/", "GET", true, false}},
		{"another port", 301, "GET", "http://a.test/x", "http://a.test:81/", result{"http://a.test:81/", "GET", true, false}},
		{"another scheme", 301, "GET", "http://a.test/x", "https://a.test/x", result{"https://a.test/x", "GET", true, false}},
		{"the scheme's own port", 301, "GET", "http://a.test/x", "http://a.test:80/", result{"http://a.test/", "GET", true, true}},
		{"fragment of the first", 301, "GET", "http://a.test/x#f", "/y", result{"http://a.test/y#f", "GET", true, true}},
		{"fragment of its own", 301, "GET", "http://a.test/x#f", "/y#g", result{"http://a.test/y#g", "GET", true, true}},
		{"empty fragment of its own", 301, "GET", "http://a.test/x#f", "/y#", result{"http://a.test/y#", "GET", true, true}},
		{"octets that are no UTF-8", 301, "GET", "http://a.test/x", "/\xe9\xc3\xa9", result{"http://a.test/%E9%C3%A9", "GET", true, true}},
		{"UTF-8", 301, "GET", "http://a.test/x", "/é", result{"http://a.test/%C3%A9", "GET", true, true}},
		{"credentials for another", 301, "GET", "http://a.test/x", "http://u:p@b.test/", result{"http://b.test/", "GET", true, false}},
		{"credentials for itself", 301, "GET", "http://a.test/x", "http://u:p@a.test/y", result{"http://a.test/y", "GET", true, true}},
		{"own credentials stay", 301, "GET", "http://u:p@a.test/x", "/y", result{"http://u:p@a.test/y", "GET", true, true}},
		{"own credentials end", 301, "GET", "http://u:p@a.test/x", "//b.test/", result{"http://b.test/", "GET", true, false}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, err := Redirect(tt.status, tt.method, mustParse(t, tt.from), tt.location)
			if err != nil {
				t.Fatal(err)
			}
			got := result{n.URL.Href(), n.Method, n.KeepBody, n.SameOrigin}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if v := locate(n.URL.Href()); v != n.URL {
				t.Errorf("parts %+v, want %+v", n.URL, v)
			}
		})
	}
}

func TestRedirectErrors(t *testing.T) {
	tests := []struct {
		name     string
		status   int
		location string
		want     error
	}{
		{"no redirect", 200, "/y", ErrNotRedirect},
		{"not modified", 304, "/y", ErrNotRedirect},
		{"multiple choices", 300, "/y", ErrNotRedirect},
		{"use proxy", 305, "http://proxy.test/", ErrNotRedirect},
		{"no location", 301, "", ErrNoLocation},
		{"file", 301, "file:///etc/passwd", ErrRedirectScheme},
		{"script", 301, "javascript:alert(1)", ErrRedirectScheme},
		{"no host", 301, "http://", ErrBadHost},
		{"bad port", 301, "http://a.test:99999/", ErrBadPort},
		{"bad host", 301, "http://a b/" + strings.Repeat("x", 1000), ErrBadHost},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Redirect(tt.status, "GET", mustParse(t, "http://a.test/x"), tt.location)
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if err != nil && len(err.Error()) > 200 {
				t.Errorf("error of %d bytes", len(err.Error()))
			}
		})
	}
}

func TestRedirectMethodsSuite(t *testing.T) {
	type row struct {
		Status     int    `json:"status"`
		Method     string `json:"method"`
		NextMethod string `json:"next_method"`
		BodyKept   bool   `json:"body_kept"`
	}
	for _, c := range cases[row](t, "http-redirect_methods.json") {
		n, err := Redirect(c.Status, c.Method, mustParse(t, "http://a.test/"), "/x")
		if err != nil {
			t.Errorf("%d %s: %v", c.Status, c.Method, err)
			continue
		}
		hasBody := c.Method == http.MethodPost || c.Method == http.MethodPut || c.Method == http.MethodPatch // the others have none to keep
		if n.Method != c.NextMethod || (n.KeepBody && hasBody) != c.BodyKept {
			t.Errorf("%d %s: got %s, body %t; want %s, %t", c.Status, c.Method, n.Method, n.KeepBody, c.NextMethod, c.BodyKept)
		}
	}
}

// locationProse says what the answers of the suite that are written in prose
// come to: a URL, or an error's text.
var locationProse = map[string]string{
	"":                          ErrNoLocation.Error(), // would be the same URL again
	"http://u:p@b.test/":        "http://b.test/#frag",
	"https://a.test/":           "https://a.test/#frag",
	"ftp://a.test/":             ErrRedirectScheme.Error(),
	"file:///etc/passwd":        ErrRedirectScheme.Error(),
	"javascript:alert(1)":       ErrRedirectScheme.Error(),
	"data:text/html,x":          ErrRedirectScheme.Error(),
	"gopher://127.0.0.1:6379/_": ErrRedirectScheme.Error(),
	"http://":                   ErrBadHost.Error(),
	"http://a.test:99999/":      ErrBadPort.Error(),
	"/x\r\nSet-Cookie: a=b":     "http://a.test/xSet-Cookie:%20a=b#frag",
}

// locationElsewhere are the rows that are no Location values.
var locationElsewhere = map[string]string{
	"two Location headers": "the fetcher sees headers",
	"no Location":          "the caller takes the answer as it is",
	"304":                  "TestRedirectErrors has the statuses",
}

func TestRedirectLocationsSuite(t *testing.T) {
	type row struct {
		Base     string `json:"base"`
		Location string `json:"location"`
		Expect   string `json:"expect"`
	}
	for _, c := range cases[row](t, "http-redirect_locations.json") {
		if locationElsewhere[c.Location] != "" {
			continue
		}
		want, prose := locationProse[c.Location]
		if !prose {
			want, _, _ = strings.Cut(c.Expect, " ")
		}
		n, err := Redirect(301, "GET", mustParse(t, c.Base), c.Location)
		got := n.URL.Href()
		if err != nil {
			got = err.Error()
		}
		switch {
		case strings.HasPrefix(c.Expect, "fragment"):
			want = "http://a.test/x#frag"
		case strings.HasPrefix(c.Location, "xxx"): // long: the length limit is the caller's
			want = "http://a.test/dir/" + c.Location + "#frag"
		case !prose:
			want += "#frag"
		}
		if got != want && (err == nil || !strings.Contains(got, want)) {
			t.Errorf("%q: got %s, want %s (%s)", shorten(c.Location), shorten(got), shorten(want), shorten(c.Expect))
		}
	}
}
