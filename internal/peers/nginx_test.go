package peers

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"downpour/engine"
	"downpour/engine/fetch"

	"github.com/google/go-cmp/cmp"
)

// A web is an nginx with one site on four ports.
type web struct {
	*program
	plain, http2, http1 string // base URLs; the last two by TLS
	expired             string // by TLS with a certificate that has ended
	roots               *x509.CertPool
	authority           string // path of its certificate
}

const (
	text  = "The quick brown fox jumps over the lazy dog.\n"
	lines = 4000 // of text in big.txt
)

// startWeb starts nginx. /conn names the connection, how many requests it has
// had, and the protocol.
func startWeb(t *testing.T) *web {
	t.Helper()
	path := find(t, "nginx", "nginx-light")
	dir := folder(t)
	ca := newAuthority(t, dir)
	good := ca.issue("good", "127.0.0.1", time.Now().Add(time.Hour))
	old := ca.issue("old", "127.0.0.1", time.Now().Add(-time.Hour))
	write(t, dir, "www/index.html", `<title>Home</title><a href="a.html">a</a> <a href="/old">old</a>`)
	write(t, dir, "www/a.html", `<title>A</title><a href="index.html">home</a>`)
	write(t, dir, "www/big.txt", strings.Repeat(text, lines))
	write(t, dir, "www/small.txt", text)
	w := &web{roots: ca.pool, authority: ca.file}
	w.program = start(t, path, 4, func(ports []string) []string {
		w.plain, w.http2, w.http1 = at("http", ports[0], ""), at("https", ports[1], ""), at("https", ports[2], "")
		w.expired = at("https", ports[3], "")
		conf := fmt.Sprintf(nginxConf, dir, ports[0], ports[1], ports[2], ports[3], good, old)
		return []string{"-p", dir, "-e", "stderr", "-c", write(t, dir, "nginx.conf", conf)}
	})
	return w
}

const nginxConf = `
daemon off;
master_process off;
pid %[1]s/nginx.pid;
error_log stderr;
events { worker_connections 512; }
http {
	types { text/html html; text/plain txt; }
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	gzip on;
	gzip_types text/plain;
	gzip_min_length 1;
	gzip_proxied any;
	keepalive_requests 20;
	server {
		listen 127.0.0.1:%[2]s;
		listen 127.0.0.1:%[3]s ssl http2;
		listen 127.0.0.1:%[4]s ssl;
		ssl_certificate %[6]s.pem;
		ssl_certificate_key %[6]s.key;
		root %[1]s/www;
		default_type text/plain;
		location = /conn { return 200 "$connection $connection_requests $server_protocol"; }
		location = /old { return 301 /a.html; }
		location = /hangup { return 444; }
		location = /header { add_header X-Empty ""; add_header X-Long $arg_v; return 200 ok; }
		location = /slow { limit_rate 2000; alias %[1]s/www/big.txt; gzip off; }
		location = /closing { keepalive_timeout 0; return 200 "$connection"; }
		location = /post { client_max_body_size 10; proxy_pass http://127.0.0.1:%[2]s/conn; }
	}
	server {
		listen 127.0.0.1:%[5]s ssl;
		ssl_certificate %[7]s.pem;
		ssl_certificate_key %[7]s.key;
	}
}
`

// connection is what /conn says: the connection, its requests, the protocol.
func connection(t *testing.T, resp *engine.Response) (id string, requests int, proto string) {
	t.Helper()
	if _, err := fmt.Sscanf(string(resp.Body), "%s %d %s", &id, &requests, &proto); err != nil {
		t.Fatalf("body %q: %v", resp.Body, err)
	}
	return id, requests, proto
}

// TestProtocols: each protocol is spoken, and one after another all requests go
// over one connection until the server has had its twenty.
func TestProtocols(t *testing.T) {
	w := startWeb(t)
	for _, row := range []struct{ name, base, server, proto string }{
		{"plain", w.plain, "HTTP/1.1", "HTTP/1.1"},
		{"http/1.1 over tls", w.http1, "HTTP/1.1", "HTTP/1.1"},
		{"http/2 over tls", w.http2, "HTTP/2.0", "HTTP/2"},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := open(t, trusting(w.roots))
			used := map[string]int{}
			for range 50 {
				resp := must(t, f, row.base+"/conn")
				id, _, proto := connection(t, resp)
				used[id]++
				if proto != row.server || resp.Proto != row.proto || resp.IP != "127.0.0.1" {
					t.Fatalf("the server saw %s, the response has %s from %q", proto, resp.Proto, resp.IP)
				}
			}
			if len(used) != 3 {
				t.Errorf("requests by connection: %v, want three connections", used)
			}
		})
	}
}

// TestManyAtOnce: nginx ends an HTTP/2 connection, and an HTTP/1.1 one, after
// twenty requests whatever is under way; no request is lost to that.
func TestManyAtOnce(t *testing.T) {
	w := startWeb(t)
	for _, row := range []struct{ name, base string }{{"plain", w.plain}, {"http/1.1", w.http1}, {"http/2", w.http2}} {
		t.Run(row.name, func(t *testing.T) {
			f := open(t, trusting(w.roots))
			var wg sync.WaitGroup
			for range 16 {
				wg.Go(func() {
					for range 20 {
						resp, err := get(t, f, row.base+"/big.txt")
						if err != nil || len(resp.Body) != lines*len(text) {
							t.Errorf("%v", err)
							return
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

func TestGzip(t *testing.T) {
	w := startWeb(t)
	for _, row := range []struct{ name, url string }{
		{"http/1.1, chunked", w.plain + "/big.txt"},
		{"http/2", w.http2 + "/big.txt"},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := open(t, trusting(w.roots))
			resp := must(t, f, row.url)
			if string(resp.Body) != strings.Repeat(text, lines) {
				t.Errorf("%d octets, want %d of the text", len(resp.Body), lines*len(text))
			}
			if resp.Wire == 0 || resp.Wire > int64(len(resp.Body)/20) {
				t.Errorf("%d octets over the wire of %d", resp.Wire, len(resp.Body))
			}
		})
	}
	f := open(t, fetch.Config{MaxBody: 100_000})
	if _, err := get(t, f, w.plain+"/big.txt"); kindOf(err) != engine.FailTooLarge {
		t.Errorf("above the limit after decoding: %v, want kind too_large", err)
	}
	if resp := must(t, f, w.plain+"/small.txt"); string(resp.Body) != text {
		t.Errorf("after that: body %q", resp.Body)
	}
}

// TestAnswers: what nginx answers to odd requests arrives as it is.
func TestAnswers(t *testing.T) {
	w := startWeb(t)
	f := open(t, trusting(w.roots))
	for _, row := range []struct {
		name   string
		req    engine.Request
		status int
		header string // one to be there, "Name: value"
		kind   engine.FailureKind
	}{
		{"redirect is handed over", engine.Request{URL: w.plain + "/old"}, 301, "Location: " + w.plain + "/a.html", ""},
		{"redirect, http/2", engine.Request{URL: w.http2 + "/old"}, 301, "Location: " + w.http2 + "/a.html", ""},
		{"none", engine.Request{URL: w.plain + "/none"}, 404, "Content-Type: text/html", ""},
		{"head", engine.Request{URL: w.plain + "/small.txt", Method: "HEAD"}, 200, "Content-Type: text/plain", ""},
		{"range", engine.Request{URL: w.plain + "/small.txt", Header: http.Header{"Range": {"bytes=4-8"}}}, 206, "Content-Range: bytes 4-8/45", ""},
		{"modified never since", engine.Request{URL: w.plain + "/small.txt", Header: http.Header{"If-Modified-Since": {time.Now().UTC().Format(http.TimeFormat)}}}, 304, "Content-Type: ", ""},
		{"method not known", engine.Request{URL: w.plain + "/small.txt", Method: "BREW"}, 405, "Content-Type: text/html", ""},
		{"URL too long", engine.Request{URL: w.plain + "/" + strings.Repeat("x", 20_000)}, 414, "Content-Type: text/html", ""},
		{"header too long", engine.Request{URL: w.plain + "/", Header: http.Header{"X": {strings.Repeat("x", 60_000)}}}, 400, "Content-Type: text/html", ""},
		{"body too large", engine.Request{URL: w.plain + "/post", Method: "POST", Body: []byte(strings.Repeat("x", 1<<20))}, 413, "Content-Type: text/html", ""},
		{"body too large, http/2", engine.Request{URL: w.http2 + "/post", Method: "POST", Body: []byte(strings.Repeat("x", 1<<20))}, 413, "Content-Type: text/html", ""},
		{"http to a port of tls", engine.Request{URL: strings.Replace(w.http1, "https", "http", 1)}, 400, "Content-Type: text/html", ""},
		{"hung up", engine.Request{URL: w.plain + "/hangup"}, 0, "", engine.FailReset},
		{"hung up, http/2", engine.Request{URL: w.http2 + "/hangup"}, 0, "", engine.FailProtocol},
		{"tls to a port of http", engine.Request{URL: strings.Replace(w.plain, "http", "https", 1)}, 0, "", engine.FailTLS},
		{"slow body", engine.Request{URL: w.plain + "/slow", Timeout: 300 * time.Millisecond}, 200, "", engine.FailTimeout},
		{"slow body, http/2", engine.Request{URL: w.http2 + "/slow", Timeout: 300 * time.Millisecond}, 200, "", engine.FailTimeout},
	} {
		t.Run(row.name, func(t *testing.T) {
			begun := time.Now()
			resp, err := f.Fetch(t.Context(), &row.req, nil)
			within(t, 3*time.Second, begun)
			if kindOf(err) != row.kind {
				t.Fatalf("error %v, want kind %q", err, row.kind)
			}
			if resp == nil {
				resp = &engine.Response{}
			}
			name, value, _ := strings.Cut(row.header, ": ")
			if resp.Status != row.status || resp.Header.Get(name) != value {
				t.Errorf("status %d, %s %q; want %d, %q", resp.Status, name, resp.Header.Get(name), row.status, value)
			}
		})
	}
}

// TestCertificates: who is not trusted gets nothing, and each fault has its
// words.
func TestCertificates(t *testing.T) {
	w := startWeb(t)
	other := strings.Replace(w.http1, "127.0.0.1", "localhost", 1)
	for _, row := range []struct {
		name, url string
		cfg       fetch.Config
		message   string
	}{
		{"authority not trusted", w.http1, fetch.Config{}, "not trusted"},
		{"authority not trusted, http/2", w.http2, fetch.Config{}, "not trusted"},
		{"expired", w.expired, trusting(w.roots), "is valid from"},
		{"another name", other, trusting(w.roots), "is not for localhost"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := get(t, open(t, row.cfg), row.url)
			if kindOf(err) != engine.FailTLS || !strings.Contains(err.Error(), row.message) {
				t.Errorf("%v, want kind tls and %q", err, row.message)
			}
		})
	}
}

// TestClosedConnections: a server that closes after each answer costs a new
// connection, not a request.
func TestClosedConnections(t *testing.T) {
	w := startWeb(t)
	f := open(t, fetch.Config{})
	seen := map[string]bool{}
	for range 20 {
		seen[string(must(t, f, w.plain+"/closing").Body)] = true
	}
	if diff := cmp.Diff(20, len(seen)); diff != "" {
		t.Errorf("connections (-want +got):\n%s", diff)
	}
}
