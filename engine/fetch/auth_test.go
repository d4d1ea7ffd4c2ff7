package fetch

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"downpour/engine"

	"github.com/google/go-cmp/cmp"
)

func TestAuthVectors(t *testing.T) {
	var rows []struct {
		Source, Algorithm, Username, Password, Realm, Method, URI       string
		Nonce, NC, CNonce, QOP, Opaque, Response, Scheme, Authorization string
	}
	loadSuite(t, "http-auth_vectors.json", &rows)
	for _, row := range rows {
		t.Run(row.Source, func(t *testing.T) {
			account := Auth{User: row.Username, Password: row.Password}
			if row.Scheme == "Basic" {
				if got := basic(account); got != row.Authorization {
					t.Errorf("%q, want %q", got, row.Authorization)
				}
				return
			}
			d := newDigest(&challenge{"digest", map[string]string{
				"realm": row.Realm, "nonce": row.Nonce, "qop": row.QOP, "opaque": row.Opaque, "algorithm": row.Algorithm,
			}})
			if got := d.response(account, row.Method, row.URI, row.NC, row.CNonce); got != row.Response {
				t.Errorf("response %s, want %s", got, row.Response)
			}
		})
	}
}

// TestDigestSHA256 is the example of RFC 7616 §3.9.1.
func TestDigestSHA256(t *testing.T) {
	d := newDigest(&challenge{"digest", map[string]string{
		"realm": "http-auth@example.org", "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
		"qop": "auth, auth-int", "opaque": "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS", "algorithm": "SHA-256",
	}})
	d.random = func() string { return "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ" }
	want := `Digest username="Mufasa", realm="http-auth@example.org", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", ` +
		`uri="/dir/index.html", response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1", algorithm=SHA-256, ` +
		`opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS", qop=auth, nc=00000001, cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"`
	if diff := cmp.Diff(want, d.header(Auth{User: "Mufasa", Password: "Circle of Life"}, "GET", "/dir/index.html")); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
}

func TestChallenges(t *testing.T) {
	var rows []struct{ Header, Expect string }
	loadSuite(t, "http-auth_challenges.json", &rows)
	for _, row := range rows {
		t.Run(row.Header, func(t *testing.T) {
			lines := strings.Split(row.Header, "\r\nWWW-Authenticate: ")
			got := ""
			if c := strongest(challenges(lines)); c != nil {
				got = c.scheme
			}
			want := ""
			switch e := row.Expect; {
			case strings.HasPrefix(row.Header, "Proxy:"):
				return // a 407's: TestHTTPProxy
			case strings.HasPrefix(e, "choose Digest"), strings.HasPrefix(e, "retry once"), strings.HasPrefix(e, "two header lines"):
				want = "digest"
			case e == "Basic", strings.HasPrefix(e, "accepted"), strings.HasPrefix(e, "scheme and names"):
				want = "basic"
			}
			if got != want {
				t.Errorf("chose %q, want %q (%s)", got, want, row.Expect)
			}
		})
	}
}

func TestChallengeSyntax(t *testing.T) {
	for _, row := range []struct {
		name  string
		lines []string
		want  []challenge
	}{
		{"nothing", nil, nil},
		{"commas in quotes", []string{`Digest realm="a, b=\"c\"", nonce = n , qop="auth,auth-int"`}, []challenge{
			{"digest", map[string]string{"realm": `a, b="c"`, "nonce": "n", "qop": "auth,auth-int"}},
		}},
		{"empty items", []string{`, ,Basic realm="x",,`}, []challenge{{"basic", map[string]string{"realm": "x"}}}},
		{"open quote", []string{`Basic realm="x`}, []challenge{{"basic", map[string]string{"realm": "x"}}}},
		{"a sign of equality first", []string{`="x" Basic`}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			if diff := cmp.Diff(row.want, challenges(row.lines), cmp.AllowUnexported(challenge{})); diff != "" {
				t.Errorf("challenges (-want +got):\n%s", diff)
			}
		})
	}
}

// protected answers 401 with the challenges until it gets what ok accepts, and
// notes every Authorization.
func protected(t *testing.T, seen *[]string, challenge func(n int) []string, ok func(string) bool) *httptest.Server {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := r.Header.Get("Authorization")
		scheme, _, _ := strings.Cut(a, " ")
		*seen = append(*seen, scheme)
		if ok(a) {
			io.WriteString(w, "in")
			return
		}
		w.Header()["Www-Authenticate"] = challenge(len(*seen))
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, "out")
	}))
	t.Cleanup(srv.Close)
	return srv
}

func TestAuth(t *testing.T) {
	basicOK := func(a string) bool { return a == basic(Auth{User: "bob", Password: "pw"}) }
	nonce := func(want string) func(string) bool {
		return func(a string) bool {
			return strings.Contains(a, `nonce="`+want+`"`) && strings.HasPrefix(a, `Digest username="bob", `)
		}
	}
	same := func(lines ...string) func(int) []string { return func(int) []string { return lines } }
	for _, row := range []struct {
		name      string
		challenge func(int) []string
		ok        func(string) bool
		fetches   int
		status    int
		sent      string
	}{
		{"basic, then at once", same(`Basic realm="x"`), basicOK, 2, 200, ",Basic,Basic"},
		{"wrong password is tried once", same(`Basic realm="x"`), func(string) bool { return false }, 1, 401, ",Basic"},
		{"digest, then at once", same(`Digest realm="x", nonce="n", qop="auth"`), nonce("n"), 2, 200, ",Digest,Digest"},
		{"wrong digest password is tried once", same(`Digest realm="x", nonce="n"`), func(string) bool { return false }, 1, 401, ",Digest"},
		{"stronger first", same(`Basic realm="x"`, `Digest realm="x", nonce="n", algorithm=SHA-256`), nonce("n"), 1, 200, ",Digest"},
		{"stale nonce", func(n int) []string {
			return []string{fmt.Sprintf(`Digest realm="x", nonce="n%d", stale=%v`, n, n > 1)}
		}, nonce("n2"), 1, 200, ",Digest,Digest"},
		{"stale for ever", func(n int) []string {
			return []string{fmt.Sprintf(`Digest realm="x", nonce="n%d", stale=true`, n)}
		}, func(string) bool { return false }, 1, 401, ",Digest,Digest"},
		{"unknown scheme", same("Wacky"), basicOK, 1, 401, ""},
		{"unknown algorithm", same(`Digest realm="b", nonce="x", algorithm=UNKNOWN`), basicOK, 1, 401, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			var seen []string
			srv := protected(t, &seen, row.challenge, row.ok)
			f := newFetcher(t, Config{Auth: map[string]Auth{hostOf(srv.URL): {User: "bob", Password: "pw"}}})
			for range row.fetches {
				statuses := 0
				resp, err := f.Fetch(t.Context(), &engine.Request{URL: srv.URL + "/a?b"}, func(ev engine.Event, _ *engine.Response) error {
					statuses++
					return nil
				})
				if err != nil || resp.Status != row.status || statuses != 2 {
					t.Fatalf("response %v, error %v, %d events", resp, err, statuses)
				}
			}
			if got := strings.Join(seen, ","); got != row.sent {
				t.Errorf("sent %q, want %q", got, row.sent)
			}
		})
	}
}

// TestAuthStaysHome: no other host is told, whatever it asks for.
func TestAuthStaysHome(t *testing.T) {
	for _, row := range []struct {
		name, key, url string
		sent           string
	}{
		{"the host", "a.test", "http://a.test:PORT/", ",Basic"},
		{"the host and port", "a.test:PORT", "http://a.test:PORT/", ",Basic"},
		{"the origin", "http://A.test:PORT/", "http://a.test:PORT/", ",Basic"},
		{"another host", "a.test", "http://b.test:PORT/", ""},
		{"a host below", "a.test", "http://x.a.test:PORT/", ""},
		{"another port", "a.test:1", "http://a.test:PORT/", ""},
		{"another scheme", "https://a.test:PORT", "http://a.test:PORT/", ""},
		{"in the URL", "", "http://bob:pw@b.test:PORT/", ",Basic"},
		{"in the URL, escaped", "", "http://b%6Fb:p%77@b.test:PORT/", ",Basic"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var seen []string
			srv := protected(t, &seen, func(int) []string { return []string{`Basic realm="x"`} }, func(a string) bool { return a == basic(Auth{User: "bob", Password: "pw"}) })
			_, port, _ := strings.Cut(hostOf(srv.URL), ":")
			f := newFetcher(t, Config{
				Auth:    map[string]Auth{strings.ReplaceAll(row.key, "PORT", port) + map[bool]string{true: "unused.test"}[row.key == ""]: {User: "bob", Password: "pw"}},
				Resolve: map[string]string{"*:" + port: "127.0.0.1"},
			})
			if _, err := get(t, f, strings.ReplaceAll(row.url, "PORT", port)); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(seen, ","); got != row.sent {
				t.Errorf("sent %q, want %q", got, row.sent)
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	var got http.Header
	var host string
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got, host = r.Header, r.Host }))
	defer srv.Close()
	f := newFetcher(t, Config{UserAgent: "bot/1", Header: http.Header{"x-crawl": {"1"}, "Accept-Language": {"de"}}})
	base := http.Header{
		"Accept": f.header["Accept"], "Accept-Encoding": {"gzip, deflate, br, zstd"}, "User-Agent": {"bot/1"}, "X-Crawl": {"1"}, "Accept-Language": {"de"},
	}
	with := func(name, value string) http.Header {
		h := base.Clone()
		h[name] = []string{value}
		return h
	}
	for _, row := range []struct {
		name, header, value string
		want                http.Header
		kind                engine.FailureKind
	}{
		{"none", "", "", base, ""},
		{"one more", "x-mine", "2", with("X-Mine", "2"), ""},
		{"in place of the crawl's", "Accept-Language", "fr", with("Accept-Language", "fr"), ""},
		{"user agent", "user-agent", "me/2", with("User-Agent", "me/2"), ""},
		{"authorization", "Authorization", "Bearer t", with("Authorization", "Bearer t"), ""},
		{"host", "Host", "other.test", base, ""},
		{"CRLF in the value", "X", "a\r\nB: c", nil, engine.FailInvalid},
		{"LF in the value", "X", "a\nB: c", nil, engine.FailInvalid},
		{"NUL in the value", "X", "a\x00", nil, engine.FailInvalid},
		{"CRLF in the name", "X: a\r\nB", "c", nil, engine.FailInvalid},
		{"framing", "Transfer-Encoding", "chunked", nil, engine.FailInvalid},
		{"the proxy's", "proxy-authorization", "Basic x", nil, engine.FailInvalid},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, host = nil, ""
			req := &engine.Request{URL: srv.URL}
			if row.header != "" {
				req.Header = http.Header{row.header: {row.value}}
			}
			_, err := f.Fetch(t.Context(), req, nil)
			if kindOf(err) != row.kind {
				t.Fatalf("error %v, want kind %q", err, row.kind)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
			if row.header == "Host" && host != "other.test" {
				t.Errorf("host %q", host)
			}
		})
	}
}

// TestBearer: a token goes with every request to its host, and with none to
// another; a 401 is not asked again.
func TestBearer(t *testing.T) {
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.Header.Get("Authorization") != "Bearer abc.d_e-f~/+=" {
			w.Header().Set("WWW-Authenticate", `Bearer realm="x", error="invalid_token", Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer srv.Close()
	for _, row := range []struct {
		name, key, token string
		status           int
	}{
		{"by host", "127.0.0.1", "abc.d_e-f~/+=", 200},
		{"by host and port", hostOf(srv.URL), "abc.d_e-f~/+=", 200},
		{"by origin", srv.URL, "abc.d_e-f~/+=", 200},
		{"a wrong token", "127.0.0.1", "other", 401},
		{"another host's", "a.test", "abc.d_e-f~/+=", 401},
	} {
		t.Run(row.name, func(t *testing.T) {
			asked = 0
			resp, err := get(t, newFetcher(t, Config{Auth: map[string]Auth{row.key: {Token: row.token}}}), srv.URL)
			if err != nil || resp.Status != row.status || asked != 1 {
				t.Errorf("%v, %v; asked %d times", resp, err, asked)
			}
		})
	}
	for _, bad := range []Auth{{Token: "a b"}, {Token: "a\r\nB: c"}, {Token: "a", User: "b"}} {
		if _, err := New(Config{Auth: map[string]Auth{"a.test": bad}}); err == nil {
			t.Errorf("no error for %+v", bad)
		}
	}
}
