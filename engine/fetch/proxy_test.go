package fetch

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"downpour/engine"

	"github.com/google/go-cmp/cmp"
)

func TestNoProxy(t *testing.T) {
	var rows []struct {
		Host    string
		NoProxy string `json:"no_proxy"`
		Bypass  bool
	}
	loadSuite(t, "http-curl_noproxy.json", &rows)
	for _, row := range rows {
		if got := bypass(row.NoProxy, row.Host); got != row.Bypass {
			t.Errorf("host %q, no_proxy %q: %v, want %v", row.Host, row.NoProxy, got, row.Bypass)
		}
	}
	for _, row := range []struct {
		host, noProxy string
		want          bool
	}{
		{"example.com", "*", true},
		{"example.com", "", false},
		{"example.com", ",", false},
		{"::1", "[::1]", true},
		{"example.com", " example.com", true},
	} {
		if got := bypass(row.noProxy, row.host); got != row.want {
			t.Errorf("host %q, no_proxy %q: %v, want %v", row.host, row.noProxy, got, row.want)
		}
	}
}

// A testProxy speaks HTTP (forwarding and CONNECT) and reaches every host at
// one backend.
type testProxy struct {
	*httptest.Server
	mu   sync.Mutex
	seen []string // request lines with the proxy's credentials
}

func newTestProxy(t *testing.T, backend, user string) *testProxy {
	p := &testProxy{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		login := r.Header.Get("Proxy-Authorization")
		p.mu.Lock()
		p.seen = append(p.seen, r.Method+" "+r.RequestURI+" "+login)
		p.mu.Unlock()
		if user != "" && login != "Basic "+base64.StdEncoding.EncodeToString([]byte(user)) {
			w.Header().Set("Proxy-Authenticate", `Basic realm="p"`)
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		if r.Method != http.MethodConnect {
			fmt.Fprintf(w, "proxied %s to %s, credentials %q", r.URL.Path, r.Host, r.Header.Get("Authorization"))
			return
		}
		to, err := net.Dial("tcp", backend)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
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
	t.Cleanup(p.Close)
	return p
}

func (p *testProxy) lines() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen
}

func TestHTTPProxy(t *testing.T) {
	backend := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "secret %s, proxy credentials %q", r.Host, r.Header.Get("Proxy-Authorization"))
	}))
	defer backend.Close()
	p := newTestProxy(t, backend.Listener.Addr().String(), "bob:s3cret")
	with := strings.Replace(p.URL, "http://", "http://bob:s3cret@", 1)
	login := " Basic " + base64.StdEncoding.EncodeToString([]byte("bob:s3cret"))
	for _, row := range []struct {
		name, url string
		cfg       Config
		own       string
		body      string
		line      string
		kind      engine.FailureKind
	}{
		{"http", "http://public.example/a?b", Config{Proxies: []string{with}}, "", `proxied /a to public.example, credentials ""`, "GET http://public.example/a?b" + login, ""},
		{"https", "https://example.com/", Config{Proxies: []string{with}}, "", `secret example.com, proxy credentials ""`, "CONNECT example.com:443" + login, ""},
		{"the request's own", "http://public.example/", Config{}, with, `proxied / to public.example, credentials ""`, "GET http://public.example/" + login, ""},
		{"environment", "http://public.example/", Config{Env: ProxyEnv{HTTP: with}}, "", `proxied / to public.example, credentials ""`, "GET http://public.example/" + login, ""},
		{"environment, https", "https://example.com/", Config{Env: ProxyEnv{HTTPS: with}}, "", `secret example.com, proxy credentials ""`, "CONNECT example.com:443" + login, ""},
		{"no password, http", "http://public.example/", Config{Proxies: []string{p.URL}}, "", "", "GET http://public.example/ ", engine.FailProxy},
		{"no password, https", "https://example.com/", Config{Proxies: []string{p.URL}}, "", "", "CONNECT example.com:443 ", engine.FailProxy},
		{"private host behind a proxy", "http://127.0.0.1/", Config{Proxies: []string{with}}, "", "", "", engine.FailBlocked},
		{"localhost behind a proxy", "http://localhost/", Config{Proxies: []string{with}}, "", "", "", engine.FailBlocked},
		{"no proxy there", "http://public.example/", Config{Proxies: []string{"http://127.0.0.1:1"}}, "", "", "", engine.FailProxy},
		{"not a proxy", "http://public.example/", Config{}, "ftp://x", "", "", engine.FailInvalid},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.cfg.RootCAs = roots(backend)
			f := guardedFetcher(t, row.cfg)
			before := len(p.lines())
			resp, err := f.Fetch(t.Context(), &engine.Request{URL: row.url, Proxy: row.own}, nil)
			if kindOf(err) != row.kind {
				t.Fatalf("error %v, want kind %q", err, row.kind)
			}
			if err == nil && (string(resp.Body) != row.body || resp.Proxy != p.URL) {
				t.Errorf("body %q, want %q; proxy %q", resp.Body, row.body, resp.Proxy)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the message holds the password: %v", err)
			}
			if line := strings.Join(p.lines()[before:], "; "); line != row.line {
				t.Errorf("the proxy saw %q, want %q", line, row.line)
			}
		})
	}
}

func TestEnvironmentSkips(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "straight") }))
	defer srv.Close()
	f := newFetcher(t, Config{Env: ProxyEnv{HTTP: "127.0.0.1:1", No: "127.0.0.0/8"}})
	if resp, err := get(t, f, srv.URL); err != nil || string(resp.Body) != "straight" {
		t.Errorf("%v, error %v", resp, err)
	}
}

// TestRotation: the list is used in turn also where connections are kept, a
// proxy that fails rests, and when all fail nothing goes straight.
func TestRotation(t *testing.T) {
	a, b := newTestProxy(t, "", ""), newTestProxy(t, "", "")
	dead := "http://127.0.0.1:1"
	f := guardedFetcher(t, Config{Proxies: []string{a.URL, dead, b.URL}})
	var used []string
	for range 6 {
		resp, err := get(t, f, "http://public.example/")
		if err != nil {
			t.Fatal(err)
		}
		used = append(used, map[string]string{a.URL: "a", b.URL: "b"}[resp.Proxy])
	}
	if got := strings.Join(used, ""); strings.Count(got, "a") < 2 || strings.Count(got, "b") < 2 {
		t.Errorf("used %s", got)
	}
	if fails := f.routes.list[1].fails; fails != 1 {
		t.Errorf("the dead proxy was tried %d times while it rested", fails)
	}

	f = newFetcher(t, Config{Proxies: []string{dead, "socks5h://127.0.0.1:1"}})
	for range 2 {
		if _, err := get(t, f, a.URL); kindOf(err) != engine.FailProxy {
			t.Errorf("error %v, want kind proxy", err)
		}
	}
	if len(a.lines()) == 0 {
		t.Error("the first part never reached the proxy") // guards the test itself
	}
}

func TestProxyRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFetcher(t, Config{Proxies: []string{"http://a.test:1", "http://b.test:1"}})
		s := &f.routes
		take := func() string { return s.rotate(time.Now()).proxy.Hostname() }
		order := []string{take(), take()}
		s.list[0].failed(time.Now())
		order = append(order, take(), take(), take())
		s.list[1].failed(time.Now())
		s.list[1].failed(time.Now()) // rests 4 s, the other 2 s
		order = append(order, take())
		time.Sleep(firstRest)
		order = append(order, take(), take())
		s.list[1].worked()
		order = append(order, take(), take())
		want := "a.test b.test b.test b.test b.test a.test a.test a.test a.test b.test"
		if diff := cmp.Diff(want, strings.Join(order, " ")); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
	})
}

// socksServer is a SOCKS5 server that asks for bob's password, notes what it is
// asked to connect to, and connects to backend.
func socksServer(t *testing.T, backend string, reply byte) (addr string, asked func() []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var mu sync.Mutex
	var seen []string
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				mu.Lock() // whoever has the reply finds it in seen
				to, err := socksHandshake(c, reply)
				seen = append(seen, to)
				mu.Unlock()
				if err != nil || reply != 0 {
					return
				}
				site, err := net.Dial("tcp", backend)
				if err != nil {
					return
				}
				go io.Copy(site, c)
				io.Copy(c, site)
			}()
		}
	}()
	return l.Addr().String(), func() []string { mu.Lock(); defer mu.Unlock(); return seen }
}

func socksHandshake(c net.Conn, reply byte) (string, error) {
	r := bufio.NewReader(c)
	take := func(n int) []byte { b := make([]byte, n); io.ReadFull(r, b); return b }
	take(int(take(2)[1]))
	c.Write([]byte{5, 2})
	user := string(take(int(take(2)[1])))
	password := string(take(int(take(1)[0])))
	if user != "bob" || password != "s3cret" {
		c.Write([]byte{1, 1})
		return "wrong password", io.EOF
	}
	c.Write([]byte{1, 0})
	var host string
	switch head := take(4); head[3] {
	case 1:
		host = net.IP(take(4)).String()
	case 3:
		host = string(take(int(take(1)[0])))
	case 4:
		host = net.IP(take(16)).String()
	}
	host = fmt.Sprintf("%s:%d", host, binary.BigEndian.Uint16(take(2)))
	c.Write([]byte{5, reply, 0, 1, 0, 0, 0, 0, 0, 0})
	return host, nil
}

func TestSOCKS(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host) }))
	defer srv.Close()
	backend := srv.Listener.Addr().String()
	for _, row := range []struct {
		name, proxy, url string
		reply            byte
		asked, body      string
		kind             engine.FailureKind
	}{
		{"socks5h: the proxy resolves", "socks5h://bob:s3cret@", "http://public.example/", 0, "public.example:80", "public.example", ""},
		{"socks5: we resolve", "socks5://bob:s3cret@", "http://named.test/", 0, "8.8.8.8:80", "named.test", ""},
		{"socks5: the guard sees the address", "socks5://bob:s3cret@", "http://rebound.test/", 0, "", "", engine.FailBlocked},
		{"literal private host", "socks5h://bob:s3cret@", "http://10.0.0.1/", 0, "", "", engine.FailBlocked},
		{"wrong password", "socks5h://bob:wrong@", "http://public.example/", 0, "wrong password", "", engine.FailProxy},
		{"not allowed by ruleset", "socks5h://bob:s3cret@", "http://public.example/", 2, "public.example:80", "", engine.FailProxy},
		{"host unreachable", "socks5h://bob:s3cret@", "http://public.example/", 4, "public.example:80", "", engine.FailConnect},
	} {
		t.Run(row.name, func(t *testing.T) {
			addr, asked := socksServer(t, backend, row.reply)
			f := guardedFetcher(t, Config{
				Proxies: []string{row.proxy + addr},
				Resolve: map[string]string{"named.test:80": "8.8.8.8", "rebound.test:80": "127.0.0.1"},
			})
			resp, err := get(t, f, row.url)
			if kindOf(err) != row.kind {
				t.Fatalf("error %v, want kind %q", err, row.kind)
			}
			if err == nil && string(resp.Body) != row.body {
				t.Errorf("body %q, want %q", resp.Body, row.body)
			}
			if got := strings.Join(asked(), " "); got != row.asked {
				t.Errorf("the proxy was asked for %q, want %q", got, row.asked)
			}
		})
	}
}
