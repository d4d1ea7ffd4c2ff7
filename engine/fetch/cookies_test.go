package fetch

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"downpour/engine"
	"downpour/policies"
)

func parse(t *testing.T, s string) policies.URL {
	t.Helper()
	u, err := policies.ParseURL(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestCookieVectors runs the vectors of the working group's test server. The
// exceptions are vectors that the server itself has switched off.
func TestCookieVectors(t *testing.T) {
	exceptions := map[string]string{
		"DISABLED_CHROMIUM0022": "a cookie with a NUL is refused, not cut (RFC 6265bis §5.6)",
		"DISABLED_PATH0029":     "paths are compared octet by octet, %6F is no o (RFC 6265bis §5.1.4)",
	}
	var rows []struct {
		Test     string
		Received []string
		SentTo   string `json:"sent-to"`
		Sent     []struct{ Name, Value string }
	}
	loadSuite(t, "http-http_state_cookies.json", &rows)
	now := time.Date(2011, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, row := range rows {
		t.Run(row.Test, func(t *testing.T) {
			j := newJar()
			from := parse(t, "http://home.example.org:8888/cookie-parser?"+strings.ToLower(row.Test))
			to, err := from.Join("/cookie-parser-result?" + strings.ToLower(row.Test))
			if row.SentTo != "" {
				to, err = from.Join(row.SentTo)
			}
			if err != nil {
				t.Fatal(err)
			}
			j.store(from, row.Received, now)
			var want []string
			for _, c := range row.Sent {
				if c.Name == "" {
					want = append(want, c.Value)
				} else {
					want = append(want, c.Name+"="+c.Value)
				}
			}
			got, line := j.header(to, now), strings.Join(want, "; ")
			if why := exceptions[row.Test]; why != "" {
				if got == line {
					t.Errorf("no exception any more: %s", why)
				}
				return
			}
			if got != line {
				t.Errorf("received %q\n sent %q\n want %q", row.Received, got, line)
			}
		})
	}
}

func TestCookieDates(t *testing.T) {
	var rows []struct {
		Test     string
		Expected *string
	}
	loadSuite(t, "http-http_state_dates.json", &rows)
	for _, row := range rows {
		got, ok := cookieDate(row.Test)
		if ok != (row.Expected != nil) || ok && got.Format(http.TimeFormat) != *row.Expected {
			t.Errorf("%q: %v %v, want %v", row.Test, got, ok, row.Expected)
		}
	}
}

func TestJar(t *testing.T) {
	now := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		name, from, set, to, want string
	}{
		{"public suffix", "https://u.github.io/", "a=b; Domain=github.io", "https://v.github.io/", ""},
		{"top level", "https://a.com/", "a=b; Domain=com", "https://b.com/", ""},
		{"a public suffix for itself", "https://github.io/", "a=b; Domain=github.io", "https://github.io/", "a=b"},
		{"below only", "http://a.test/", "a=b; Path=/x", "http://a.test/xy", ""},
		{"below", "http://a.test/", "a=b; Path=/x", "http://a.test/x/y", "a=b"},
		{"NUL", "http://a.test/", "a=b\x00c", "http://a.test/", ""},
		{"line break", "http://a.test/", "a=b\rc", "http://a.test/", ""},
		{"secure over http", "http://a.test/", "a=b; Secure", "https://a.test/", ""},
		{"secure", "https://a.test/", "a=b; Secure", "https://a.test/", "a=b"},
		{"secure stays home", "https://a.test/", "a=b; Secure", "http://a.test/", ""},
		{"host only", "http://a.test/", "a=b", "http://x.a.test/", ""},
		{"other port", "http://a.test:1/", "a=b", "http://a.test:2/", "a=b"},
		{"expired", "http://a.test/", "a=b; Max-Age=0", "http://a.test/", ""},
		{"__Host- without Path", "https://a.test/x/y", "__Host-a=b; Secure", "https://a.test/x/y", ""},
		{"__Host-", "https://a.test/x", "__Host-a=b; Secure; Path=/", "https://a.test/", "__Host-a=b"},
		{"__Secure- over http", "http://a.test/", "__Secure-a=b; Secure", "https://a.test/", ""},
		{"an address", "http://127.0.0.1/", "a=b; Domain=127.0.0.1", "http://127.0.0.1/", "a=b"},
		{"the tail of an address", "http://127.0.0.1/", "a=b; Domain=0.0.1", "http://127.0.0.1/", ""},
		{"too long", "http://a.test/", "a=" + strings.Repeat("b", maxCookie), "http://a.test/", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			j := newJar()
			j.store(parse(t, row.from), []string{row.set}, now)
			if got := j.header(parse(t, row.to), now); got != row.want {
				t.Errorf("sent %q, want %q", got, row.want)
			}
		})
	}
}

func TestJarIsBounded(t *testing.T) {
	j, u := newJar(), parse(t, "http://a.test/")
	now := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 10_000 {
		j.store(u, []string{fmt.Sprintf("c%d=%s", i, strings.Repeat("x", 100))}, now)
	}
	if n := len(j.sites["a.test"]); n != maxPerDomain {
		t.Errorf("%d cookies, want %d", n, maxPerDomain)
	}
	line := j.header(u, now)
	if len(line) > maxCookieLine+4 || !strings.Contains(line, "c9999=") && !strings.Contains(line, "c9820=") {
		t.Errorf("a line of %d octets", len(line))
	}
	for i := range maxDomains + 10 {
		j.store(parse(t, fmt.Sprintf("http://h%d.test/", i)), []string{"a=b"}, now)
	}
	if n := len(j.sites); n > maxDomains {
		t.Errorf("%d sites", n)
	}
}

func TestCookiesAreSentBack(t *testing.T) {
	var got []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Cookie"))
		http.SetCookie(w, &http.Cookie{Name: "s", Value: "1"})
	}))
	defer srv.Close()
	for _, on := range []bool{true, false} {
		got = nil
		f := newFetcher(t, Config{Cookies: on})
		for _, own := range []http.Header{nil, nil, {"Cookie": {"mine=2"}}} {
			if _, err := f.Fetch(t.Context(), &engine.Request{URL: srv.URL, Header: own}, nil); err != nil {
				t.Fatal(err)
			}
		}
		want := "|s=1|mine=2; s=1"
		if !on {
			want = "||mine=2"
		}
		if line := strings.Join(got, "|"); line != want {
			t.Errorf("cookies %v: sent %q, want %q", on, line, want)
		}
	}
}
