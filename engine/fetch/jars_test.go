package fetch

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"downpour/engine"

	"github.com/google/go-cmp/cmp"
)

// cookieSite answers with the cookies it was sent, and sets those of the query.
func cookieSite(t *testing.T) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, c := range r.URL.Query()["set"] {
			w.Header().Add("Set-Cookie", c)
		}
		fmt.Fprint(w, r.Header.Get("Cookie"))
	}))
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

func cookieFetcher(t *testing.T, addr string) *Fetcher {
	t.Helper()
	return newFetcher(t, Config{Cookies: true, Resolve: map[string]string{"*:80": addr}})
}

// sent is what the site gets from a jar.
func sent(t *testing.T, f *Fetcher, jar, url string) string {
	t.Helper()
	resp, err := f.Fetch(t.Context(), &engine.Request{URL: url, Jar: jar}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(resp.Body)
}

func TestJars(t *testing.T) {
	f := cookieFetcher(t, cookieSite(t))
	for _, jar := range []string{"", "ann", "bob"} {
		sent(t, f, jar, "http://a.test/?set=who="+jar)
	}
	for jar, want := range map[string]string{"": "who=", "ann": "who=ann", "bob": "who=bob", "new": ""} {
		if got := sent(t, f, jar, "http://a.test/"); got != want {
			t.Errorf("jar %q: %q, want %q", jar, got, want)
		}
	}
	for i := range maxJars {
		f.cookies.get(fmt.Sprint(i))
	}
	if _, err := f.Fetch(t.Context(), &engine.Request{URL: "http://a.test/", Jar: "more"}, nil); kindOf(err) != engine.FailInvalid {
		t.Errorf("one jar too many: %v", err)
	}
}

// TestCookiesLast: what is written is read again as it was.
func TestCookiesLast(t *testing.T) {
	addr := cookieSite(t)
	path := filepath.Join(t.TempDir(), "cookies.txt")
	f := cookieFetcher(t, addr)
	if err := f.KeepCookies(path, true); err != nil {
		t.Fatal(err)
	}
	sent(t, f, "", "http://www.a.test/dir/page?set=session=1&set=far=2%3Bmax-age=9999%3Bdomain=a.test%3Bpath=/&set=empty=&set=brief=x%3Bmax-age=1")
	sent(t, f, "a\n\"b", "http://a.test/?set=named=3")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	again := cookieFetcher(t, addr)
	if err := again.KeepCookies(path, true); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ jar, url, want string }{
		{"", "http://www.a.test/dir/page", "session=1; empty=; far=2"},
		{"", "http://www.a.test/", "far=2"},
		{"", "http://a.test/", "far=2"},
		{"a\n\"b", "http://a.test/", "named=3"},
	} {
		got := strings.Replace(sent(t, again, row.jar, row.url), "; brief=x", "", 1) // it may have ended
		if got != row.want {
			t.Errorf("jar %q, %s: %q, want %q", row.jar, row.url, got, row.want)
		}
	}
	fresh := cookieFetcher(t, addr)
	if err := fresh.KeepCookies(path, false); err != nil {
		t.Fatal(err)
	}
	if got := sent(t, fresh, "", "http://a.test/"); got != "" {
		t.Errorf("another crawl sends %q", got)
	}
	if err := fresh.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadFile(path); string(left) != netscapeHead {
		t.Errorf("another crawl leaves %q, %v", left, err)
	}
}

func TestNetscape(t *testing.T) {
	now := time.Unix(1_000_000_000, 0)
	for _, row := range []struct{ name, in, want, err string }{
		{name: "session, one host", in: "a.test\tFALSE\t/\tFALSE\t0\tn\tv\n", want: "a.test\tFALSE\t/\tFALSE\t0\tn\tv\n"},
		{name: "below a domain", in: "a.test\tTRUE\t/x\tTRUE\t1000000060\tn\tv\n", want: ".a.test\tTRUE\t/x\tTRUE\t1000000060\tn\tv\n"},
		{name: "HttpOnly", in: "#HttpOnly_.a.test\tTRUE\t/\tFALSE\t0\tn\tv", want: ".a.test\tTRUE\t/\tFALSE\t0\tn\tv\n"},
		{name: "a tab in the value", in: "a.test\tFALSE\t/\tFALSE\t0\tn\tv\tw", want: "a.test\tFALSE\t/\tFALSE\t0\tn\tv\tw\n"},
		{name: "no value, Windows lines", in: "a.test\tFALSE\t/\tFALSE\t0\tn\r\n", want: "a.test\tFALSE\t/\tFALSE\t0\tn\t\n"},
		{name: "fractions of seconds", in: "a.test\tFALSE\t/\tFALSE\t1000000060.5\tn\tv", want: "a.test\tFALSE\t/\tFALSE\t1000000060\tn\tv\n"},
		{name: "comments and empty lines", in: "# Netscape\n\n#x\ty\n"},
		{name: "a named jar", in: "# jar \"ann\"\na.test\tFALSE\t/\tFALSE\t0\tn\tv\n", want: "# jar \"ann\"\na.test\tFALSE\t/\tFALSE\t0\tn\tv\n"},
		{name: "expired", in: "a.test\tFALSE\t/\tFALSE\t999999999\tn\tv\n"},
		{name: "five fields", in: "# x\na.test\tFALSE\t/\tFALSE\t0\n", err: "line 2: a cookie has seven fields"},
		{name: "no time", in: "a.test\tFALSE\t/\tFALSE\tsoon\tn\tv\n", err: `line 1: "soon"`},
		{name: "a control character", in: "a.test\tFALSE\t/\tFALSE\t0\tn\tv\x00\n", err: "line 1: not a cookie"},
		{name: "no path", in: "a.test\tFALSE\t\tFALSE\t0\tn\tv\n", err: "line 1: not a cookie"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newJars()
			if err := s.read(strings.NewReader(row.in), now); err != nil || row.err != "" {
				if row.err == "" || err == nil || !strings.Contains(err.Error(), row.err) {
					t.Errorf("error %v, want %q", err, row.err)
				}
				return
			}
			var b bytes.Buffer
			if err := s.write(&b, now); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(netscapeHead+row.want, b.String()); d != "" {
				t.Error(d)
			}
		})
	}
}
