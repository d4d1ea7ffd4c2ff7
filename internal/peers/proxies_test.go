package peers

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"downpour/engine"
	"downpour/engine/fetch"

	"github.com/google/go-cmp/cmp"
)

// A proxyKind is an HTTP proxy of somebody else that asks bob for a password.
type proxyKind struct {
	name   string
	start  func(*testing.T) *program
	denies int // status where the password is wrong
}

var proxyKinds = []proxyKind{{"squid", startSquid, 407}, {"tinyproxy", startTinyproxy, 401}}

// startSquid starts a squid that caches nothing and knows site.test.
func startSquid(t *testing.T) *program {
	t.Helper()
	path := find(t, "squid", "squid")
	dir := folder(t)
	hosts := write(t, dir, "hosts", "127.0.0.1 site.test\n")
	// The second field is what "openssl passwd -5 -salt downpour sesame" prints.
	users := write(t, dir, "users", "bob:$5$downpour$XARjjMZdIJasNE0aLHQAPxgYCmKWh9BIzheWQbZXPzC\n")
	return start(t, path, 1, func(ports []string) []string {
		conf := write(t, dir, "squid.conf", fmt.Sprintf(squidConf, ports[0], hosts, users))
		return []string{"-N", "-f", conf}
	})
}

const squidConf = `
http_port 127.0.0.1:%[1]s
visible_hostname proxy.test
hosts_file %[2]s
pid_filename none
cache deny all
cache_mem 1 MB
netdb_filename none
access_log none
cache_log /dev/null
coredump_dir none
max_filedescriptors 1024
pinger_enable off
auth_param basic program /usr/lib/squid/basic_ncsa_auth %[3]s
auth_param basic children 1 startup=1 idle=1
auth_param basic realm proxy
acl bob proxy_auth REQUIRED
http_access allow bob
http_access deny all
`

func startTinyproxy(t *testing.T) *program {
	t.Helper()
	path := find(t, "tinyproxy", "tinyproxy")
	dir := folder(t)
	return start(t, path, 1, func(ports []string) []string {
		conf := fmt.Sprintf("Port %s\nListen 127.0.0.1\nTimeout 30\nBasicAuth bob sesame\nLogLevel Connect\n", ports[0])
		return []string{"-d", "-c", write(t, dir, "tinyproxy.conf", conf)}
	})
}

// origin is a site that says how it was asked, by http or https.
func origin(t *testing.T, tls bool) *httptest.Server {
	t.Helper()
	return serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		via, _, _ := strings.Cut(r.Header.Get("Via"), " ")
		fmt.Fprintf(w, "%s %s, login %q, via %s", r.Proto, r.URL, r.Header.Get("Proxy-Authorization"), via)
	}), tls)
}

// TestProxies: real proxies are logged in to, forward http, and tunnel https;
// what they refuse is their fault, and the site is never asked past them.
func TestProxies(t *testing.T) {
	plain, secure := origin(t, false), origin(t, true)
	tunnelled := `HTTP/2.0 /a?b, login "", via `
	closed := freePorts(t, 1)[0]
	for _, kind := range proxyKinds {
		t.Run(kind.name, func(t *testing.T) {
			p := kind.start(t)
			for _, row := range []struct {
				name, login, url string
				body             string
				status           int
				kind             engine.FailureKind
				message          string
			}{
				{"http", "bob:sesame@", plain.URL + "/a?b", `HTTP/1.1 /a?b, login "", via 1.1`, 200, "", ""},
				{"https", "bob:sesame@", secure.URL + "/a?b", tunnelled, 200, "", ""},
				{"wrong password", "bob:open@", secure.URL, "", kind.denies, engine.FailProxy, "user and password"},
				{"no password, http", "", plain.URL, "", 407, engine.FailProxy, "user and password"},
				{"no password, https", "", secure.URL, "", 407, engine.FailProxy, "user and password"},
				{"https to a closed port", "bob:sesame@", at("https", closed, "/"), "", 0, engine.FailProxy, "to CONNECT"},
				{"tls to a site of http", "bob:sesame@", strings.Replace(plain.URL, "http", "https", 1), "", 0, engine.FailTLS, ""},
			} {
				t.Run(row.name, func(t *testing.T) {
					cfg := trusting(roots(secure))
					cfg.Proxies = []string{"http://" + row.login + p.addr}
					f := open(t, cfg)
					for range 2 {
						begun := time.Now()
						resp, err := get(t, f, row.url)
						within(t, 5*time.Second, begun)
						if kindOf(err) != row.kind {
							t.Fatalf("error %v, want kind %q", err, row.kind)
						}
						checkProxied(t, resp, err, p, row.body, row.message, row.status)
					}
				})
			}
		})
	}
}

// checkProxied compares an answer through p, or the failure instead of one.
func checkProxied(t *testing.T, resp *engine.Response, err error, p *program, body, message string, status int) {
	t.Helper()
	if err == nil {
		if string(resp.Body) != body || resp.Status != status || resp.Proxy != "http://"+p.addr {
			t.Errorf("status %d, body %q, proxy %s; want %d, %q", resp.Status, resp.Body, resp.Proxy, status, body)
		}
		return
	}
	text := err.Error()
	if !strings.Contains(text, message) || strings.Contains(text, "sesame") || strings.Contains(text, "open@") {
		t.Errorf("message %q, want %q in it and no password", text, message)
	}
	if got := failureOf(err).Status; status != 0 && got != status {
		t.Errorf("status %d, want %d", got, status)
	}
}

// TestProxyDenies: a wrong password is the proxy's affair where it says so.
// Tinyproxy's 401 to plain http cannot be told from a site's.
func TestProxyDenies(t *testing.T) {
	srv := origin(t, false)
	f := open(t, fetch.Config{Proxies: []string{"http://bob:open@" + startSquid(t).addr}})
	if _, err := get(t, f, srv.URL); kindOf(err) != engine.FailProxy || failureOf(err).Status != http.StatusProxyAuthRequired {
		t.Errorf("squid: error %v, want kind proxy", err)
	}
	f = open(t, fetch.Config{Proxies: []string{"http://bob:open@" + startTinyproxy(t).addr}})
	if resp, err := get(t, f, srv.URL); err != nil || resp.Status != http.StatusUnauthorized {
		t.Errorf("tinyproxy: error %v, want status 401", err)
	}
}

// TestProxyAnswers: what a proxy says of a site that cannot be reached is an
// answer with its status, as for any site.
func TestProxyAnswers(t *testing.T) {
	closed := freePorts(t, 1)[0]
	for _, kind := range proxyKinds {
		t.Run(kind.name, func(t *testing.T) {
			f := open(t, fetch.Config{Proxies: []string{"http://bob:sesame@" + kind.start(t).addr}})
			resp, err := get(t, f, at("http", closed, "/"))
			if err != nil || resp.Status < 500 || len(resp.Body) == 0 {
				t.Errorf("%+v, error %v; want the proxy's own page", resp, err)
			}
		})
	}
}

// TestProxyResolves: names are the proxy's to look up.
func TestProxyResolves(t *testing.T) {
	srv := origin(t, false)
	port := srv.URL[strings.LastIndex(srv.URL, ":"):]
	f := open(t, fetch.Config{Proxies: []string{"http://bob:sesame@" + startSquid(t).addr}})
	resp := must(t, f, "http://site.test"+port+"/x")
	if diff := cmp.Diff(`HTTP/1.1 /x, login "", via 1.1`, string(resp.Body)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestRotation: each request goes through the next proxy, also where
// connections are kept, and where one HTTP/2 connection could carry them all.
func TestRotation(t *testing.T) {
	plain, secure := origin(t, false), origin(t, true)
	first, second := startSquid(t), startTinyproxy(t)
	cfg := trusting(roots(secure))
	cfg.Proxies = []string{"http://bob:sesame@" + first.addr, "http://bob:sesame@" + second.addr}
	f := open(t, cfg)
	for _, row := range []struct{ name, url string }{{"keep-alive", plain.URL}, {"http/2", secure.URL}} {
		t.Run(row.name, func(t *testing.T) {
			used := map[string]int{}
			var order []string
			for range 10 {
				resp := must(t, f, row.url)
				used[resp.Proxy]++
				order = append(order, resp.Proxy)
			}
			if used["http://"+first.addr] != 5 || used["http://"+second.addr] != 5 || order[0] == order[1] {
				t.Errorf("used in the order %v, want by turns", order)
			}
		})
	}
}

// TestProxyDown: where the proxy is gone nothing is sent straight to the site;
// where another is there, that one is taken.
func TestProxyDown(t *testing.T) {
	asked := 0
	srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		io.WriteString(w, "ok")
	}), false)
	gone := "http://bob:sesame@127.0.0.1:" + freePorts(t, 1)[0]
	f := open(t, fetch.Config{Proxies: []string{gone}})
	for _, url := range []string{srv.URL, strings.Replace(srv.URL, "http", "https", 1)} {
		if _, err := get(t, f, url); kindOf(err) != engine.FailProxy {
			t.Errorf("%s: error %v, want kind proxy", url, err)
		}
	}
	if asked > 0 {
		t.Errorf("the site was asked %d times without the proxy", asked)
	}
	f = open(t, fetch.Config{Proxies: []string{gone, "http://bob:sesame@" + startTinyproxy(t).addr}})
	for range 4 {
		must(t, f, srv.URL)
	}
	if asked != 4 {
		t.Errorf("the site was asked %d times, want 4", asked)
	}
}
