package cli

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A world is sites by name on any of four ports, one of them with TLS.
type world struct {
	flags []string // of a command that is to live in it
	mu    sync.Mutex
	asked []string // "METHOD URL", then the secrets and the body that came with it
}

// newWorld makes a world whose sites are answered for by h, which may look at
// the URL asked for, scheme and host included.
func newWorld(t *testing.T, h func(w http.ResponseWriter, r *http.Request, url string)) *world {
	t.Helper()
	wd := &world{flags: []string{"--allow-private"}}
	for _, port := range []string{"80", "81", "82", "443"} {
		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			scheme := "http://"
			if r.TLS != nil {
				scheme = "https://"
			}
			url := scheme + r.Host + r.RequestURI
			wd.note(r, url)
			h(w, r, url)
		}))
		if port == "443" {
			cert, file := authority(t, "a.test", "b.test")
			srv.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
			srv.StartTLS()
			wd.flags = append(wd.flags, "--ca-file", file)
		} else {
			srv.Start()
		}
		t.Cleanup(srv.Close)
		wd.flags = append(wd.flags, "--resolve", "*:"+port+":"+srv.Listener.Addr().String())
	}
	return wd
}

// note writes down a request with the secrets it carries.
func (wd *world) note(r *http.Request, url string) {
	line := r.Method + " " + url
	for _, name := range []string{"Authorization", "Cookie", "X-Api-Key"} {
		if v := r.Header.Get(name); v != "" {
			line += " " + name
		}
	}
	if body, _ := io.ReadAll(r.Body); len(body) > 0 {
		line += " body"
	}
	wd.mu.Lock()
	defer wd.mu.Unlock()
	wd.asked = append(wd.asked, line)
}

// authority makes a certificate for names that vouches for itself, and its file.
func authority(t *testing.T, names ...string) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: names, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file := t.TempDir() + "/ca.pem"
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// secretive sends secrets with its one request, and tells how it ended.
const secretive = `
crawl{policy = "base"}
function on_start()
	enqueue(args.from, {method = args.method, body = args.body, headers = args.method and {["X-Api-Key"] = "s"} or {Authorization = "Bearer s", Cookie = "s", ["X-Api-Key"] = "s"}})
end
function on_success(req) emit{url = req.url} end
function on_error(req, failure) emit{url = req.url, kind = failure.kind, message = failure.message} end
`

// TestHostileCredentials: what was set for one origin is not sent to another
// that a redirect leads to.
func TestHostileCredentials(t *testing.T) {
	const secrets = " Authorization Cookie X-Api-Key"
	for _, id := range []string{"creds-01", "creds-02", "creds-03", "creds-04"} {
		c := hostileCase(t, id)
		hop, _, _ := strings.Cut(c.Input, " with ")
		from, to, ok := strings.Cut(hop, " -302-> ")
		if !ok {
			t.Fatalf("%s: %q names no redirect", id, c.Input)
		}
		ways := map[string]struct {
			script string
			args   []string
		}{
			"of the request":   {secretive, []string{"-a", "from=" + from}},
			"of the crawl":     {`crawl{policy = "base"}`, []string{from, "--headers", "Authorization: Bearer s", "--headers", "Cookie: s", "--headers", "X-Api-Key: s"}},
			"of the way there": {secretive, []string{"-a", "from=" + from + "own"}},
		}
		for name, way := range ways {
			t.Run(id+"/"+name, func(t *testing.T) {
				wd := newWorld(t, func(w http.ResponseWriter, r *http.Request, url string) {
					switch url {
					case from + "own":
						http.Redirect(w, r, "/", http.StatusFound)
					case from:
						http.Redirect(w, r, to+"page", http.StatusFound)
					case to + "page":
						http.Redirect(w, r, from+"end", http.StatusFound)
					}
				})
				inFolder(t, way.script)
				res := command(t, append(append([]string{"run", "crawl.lua"}, way.args...), wd.flags...)...)
				want := []string{"GET " + from + secrets, "GET " + to + "page", "GET " + from + "end"}
				if strings.HasSuffix(name, "there") {
					want = append([]string{"GET " + from + "own" + secrets}, want...)
				}
				if d := cmp.Diff(want, wd.asked); d != "" {
					t.Errorf("requests (-want +got):\n%s%s", d, res.stderr)
				}
			})
		}
	}
}

// TestHostileBody: a body is sent again to the origin it is for, and to no
// other.
func TestHostileBody(t *testing.T) {
	hostileCase(t, "creds-09")
	for _, status := range []int{307, 308} {
		for to, resent := range map[string]bool{"http://a.test/next": true, "http://b.test/next": false, "https://a.test/next": false, "http://a.test:81/next": false} {
			t.Run(fmt.Sprint("creds-09/", status, " ", to), func(t *testing.T) {
				wd := newWorld(t, func(w http.ResponseWriter, r *http.Request, url string) {
					if url == "http://a.test/" {
						http.Redirect(w, r, to, status)
					}
				})
				inFolder(t, secretive)
				res := command(t, append([]string{"run", "crawl.lua", "-a", "from=http://a.test/", "-a", "method=POST", "-a", "body=password"}, wd.flags...)...)
				want := []string{"POST http://a.test/ X-Api-Key body"}
				if resent {
					want = append(want, "POST "+to+" X-Api-Key body")
				}
				if d := cmp.Diff(want, wd.asked); d != "" {
					t.Errorf("requests (-want +got):\n%s%s", d, res.stderr)
				}
				if told := strings.Contains(res.stdout, `"kind":"redirect"`); told == resent {
					t.Errorf("rows %q", res.stdout)
				}
			})
		}
	}
}

// TestHeadersOfTheCrawl: a page of another site gets the crawl's login only
// where the crawl is bounded, or where its owner asks for that page, and whoever
// may wonder is told.
func TestHeadersOfTheCrawl(t *testing.T) {
	wd := newWorld(t, func(w http.ResponseWriter, _ *http.Request, url string) {
		w.Header().Set("Content-Type", "text/html")
		switch url {
		case "http://a.test/":
			io.WriteString(w, "<a href=/2></a><a href=//b.test/>")
		case "http://b.test/":
			io.WriteString(w, "<a href=//a.test/3></a>")
		case "http://a.test/robots.txt":
			w.Header().Set("Location", "http://b.test/rules")
			w.WriteHeader(http.StatusFound)
		}
	})
	inFolder(t, `crawl{policy = "base"} function on_success(req) req:follow() end`)
	args := append([]string{"run", "crawl.lua", "http://a.test/", "--headers", "Authorization: Bearer s", "--headers", "Cookie: s"}, wd.flags...)
	const told = "to the seeds' sites alone"
	for _, row := range []struct {
		name    string
		args    []string
		b       string // what b.test is sent
		warning bool
	}{
		{"linked", nil, "", true},
		{"linked, and its robots.txt was asked for", []string{"--robots", "--delay", "0"}, "", true},
		{"a seed", []string{"http://b.test/"}, " Authorization Cookie", false},
		{"within domains", []string{"--domains", "a.test,b.test"}, " Authorization Cookie", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			wd.asked = nil
			res := command(t, append(slices.Clone(args), append(row.args, "--concurrency", "1")...)...)
			slices.Sort(wd.asked)
			wd.asked = slices.DeleteFunc(wd.asked, func(s string) bool { return strings.Contains(s, "/robots.txt") || strings.HasSuffix(s, "/rules") })
			want := []string{
				"GET http://a.test/ Authorization Cookie", "GET http://a.test/2 Authorization Cookie",
				"GET http://a.test/3 Authorization Cookie", "GET http://b.test/" + row.b,
			}
			if d := cmp.Diff(want, wd.asked); d != "" {
				t.Errorf("requests (-want +got):\n%s%s", d, res.stderr)
			}
			if got := strings.Contains(res.stderr, told); got != row.warning {
				t.Errorf("warned: %v, in %q", got, res.stderr)
			}
		})
	}
	wd.asked = nil
	if res := command(t, append(args, "--same-host", "--robots", "--delay", "0")...); strings.Contains(res.stderr, told) {
		t.Errorf("a warning in %q", res.stderr)
	}
	want := []string{
		"GET http://a.test/robots.txt Authorization Cookie", "GET http://b.test/rules", "GET http://a.test/ Authorization Cookie", "GET http://a.test/2 Authorization Cookie",
	}
	if d := cmp.Diff(want, wd.asked); d != "" {
		t.Errorf("requests (-want +got):\n%s", d)
	}
}
