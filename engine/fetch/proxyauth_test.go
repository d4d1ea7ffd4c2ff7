package fetch

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"downpour/engine"
)

// digestProxy asks for Digest alone, and serves what it proxies itself: http as
// text, the rest by handing over to backend.
func digestProxy(t *testing.T, backend, password string) (url string, logins func() []string) {
	t.Helper()
	var mu sync.Mutex
	var seen []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		login := r.Header.Get("Proxy-Authorization")
		scheme, _, _ := strings.Cut(login, " ")
		mu.Lock()
		seen = append(seen, r.Method+" "+scheme)
		mu.Unlock()
		if !digestHolds(login, r.Method, r.RequestURI, password) {
			w.Header().Set("Proxy-Authenticate", `Digest realm="p", nonce="n", qop="auth", algorithm=SHA-256`)
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		if r.Method != http.MethodConnect {
			io.WriteString(w, "proxied")
			return
		}
		to, err := net.Dial("tcp", backend)
		if err != nil {
			return
		}
		from, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { io.Copy(to, from); to.Close() }()
		go func() { io.Copy(from, to); from.Close() }()
	}))
	t.Cleanup(srv.Close)
	return srv.URL, func() []string { mu.Lock(); defer mu.Unlock(); return seen }
}

// digestHolds reckons the response anew.
func digestHolds(login, method, uri, password string) bool {
	list := challenges([]string{login})
	if len(list) != 1 || list[0].scheme != "digest" || list[0].params["uri"] != uri {
		return false
	}
	p := list[0].params
	d := newDigest(&challenge{"digest", map[string]string{"realm": "p", "nonce": "n", "qop": "auth", "algorithm": "SHA-256"}})
	return p["response"] == d.response(Auth{User: "bob", Password: password}, method, uri, p["nc"], p["cnonce"])
}

func TestProxyDigest(t *testing.T) {
	backend := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "secret"+r.Header.Get("Proxy-Authorization"))
	}))
	defer backend.Close()
	for _, row := range []struct {
		name, password string
		urls           []string
		body, asked    string
		kind           engine.FailureKind
	}{
		{"http", "pw", []string{"http://a.example/x?y", "http://b.example/"}, "proxied", "GET Basic, GET Digest, GET Digest", ""},
		{"https", "pw", []string{"https://example.com/"}, "secret", "CONNECT Basic, CONNECT Digest", ""},
		{"wrong password, http", "other", []string{"http://a.example/"}, "", "GET Basic, GET Digest", engine.FailProxy},
		{"wrong password, https", "other", []string{"https://example.com/"}, "", "CONNECT Basic, CONNECT Digest", engine.FailProxy},
	} {
		t.Run(row.name, func(t *testing.T) {
			url, logins := digestProxy(t, backend.Listener.Addr().String(), row.password)
			f := newFetcher(t, Config{RootCAs: roots(backend), Proxies: []string{strings.Replace(url, "://", "://bob:pw@", 1)}})
			for _, u := range row.urls {
				resp, err := get(t, f, u)
				if kindOf(err) != row.kind || err == nil && string(resp.Body) != row.body {
					t.Errorf("%s: %v, %v", u, resp, err)
				}
			}
			if got := strings.Join(logins(), ", "); got != row.asked {
				t.Errorf("the proxy saw %s, want %s", got, row.asked)
			}
		})
	}
}

// TestProxyCredentialsStay: what one proxy is sent, the next is not.
func TestProxyCredentialsStay(t *testing.T) {
	first := newTestProxy(t, "", "somebody:else")
	second := newTestProxy(t, "", "")
	f := newFetcher(t, Config{Proxies: []string{strings.Replace(first.URL, "://", "://bob:s3cret@", 1), second.URL}})
	for range 3 {
		if _, err := get(t, f, "http://public.example/"); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(first.lines()); n != 1 {
		t.Errorf("the proxy that refuses was asked %d times", n)
	}
	for _, line := range second.lines() {
		if line != "GET http://public.example/ " {
			t.Errorf("the other proxy saw %q", line)
		}
	}
}
