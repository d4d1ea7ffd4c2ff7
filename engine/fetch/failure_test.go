package fetch

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"downpour/engine"
)

// TestBrokenAnswers: what is not an answer fails, with a kind that says why.
func TestBrokenAnswers(t *testing.T) {
	for _, row := range []struct {
		name, reply string
		kind        engine.FailureKind
		message     string // part of it
		status      int
	}{
		{"nothing", "", engine.FailReset, "closed the connection before the answer was complete", 0},
		{"half a head", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", engine.FailReset, "before the answer was complete", 0},
		{"short body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", engine.FailReset, "after 3 octets of 9", 200},
		{"cut chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", engine.FailReset, "after 3 octets", 200},
		{"no last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", engine.FailReset, "after 3 octets", 200},
		{"bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", engine.FailProtocol, "chunk", 200},
		{"not HTTP", "SSH-2.0-OpenSSH_9.2\r\n", engine.FailProtocol, "malformed HTTP response", 0},
		{"status in words", "HTTP/1.1 OK\r\n\r\n", engine.FailProtocol, "malformed HTTP status code", 0},
		{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", engine.FailProtocol, "multiple Content-Length", 0},
		{"TLS on an http port", "\x15\x03\x01\x00\x02\x02\x28", engine.FailProtocol, "malformed HTTP response", 0},
		{"escapes in what came", "\x1b]0;pwn\x07\r\n", engine.FailProtocol, `"\x1b]0;pwn\a"`, 0},
		{"another protocol", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", engine.FailProtocol, "unasked", 101},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := get(t, newFetcher(t, Config{}), rawServer(t, say(row.reply)))
			var f *engine.Failure
			if !errors.As(err, &f) || f.Kind != row.kind || !strings.Contains(f.Message, row.message) || f.Status != row.status {
				t.Fatalf("%#v, want %s (%d): %s", err, row.kind, row.status, row.message)
			}
			if strings.ContainsFunc(f.Message, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Errorf("a control character in %q", f.Message)
			}
		})
	}
}

// TestAccepted: what a browser takes, oddities and all.
func TestAccepted(t *testing.T) {
	for _, row := range []struct {
		name, reply string
		status      int
		body        string
		header      string // name: value
	}{
		{"HTTP/1.0, to the end", "HTTP/1.0 200 OK\r\n\r\nhello", 200, "hello", ""},
		{"no reason phrase", "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", ""},
		{"line feeds alone", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", 200, "hello", ""},
		{"no headers", "HTTP/1.1 200 OK\r\n\r\nhello", 200, "hello", ""},
		{"folded header", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n", 200, "", "X: a b"},
		{"the same length twice", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", ""},
		{"both chunked and a length", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200, "hello", ""},
		{"trailers and extensions", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n", 200, "hello", ""},
		{"1xx first", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", ""},
		{"more than was announced", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello and more", 200, "hello", ""},
		{"204 with a length", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\nConnection: close\r\n\r\n", 204, "", ""},
		{"304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, "", ""},
		{"unusual status", "HTTP/1.1 999 Denied\r\nContent-Length: 0\r\n\r\n", 999, "", ""},
		{"octets above 127", "HTTP/1.1 200 OK\r\nX: caf\xe9\r\nContent-Length: 0\r\n\r\n", 200, "", "X: caf\xe9"},
		{"18 KB of header", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("a", 18<<10) + "\r\nContent-Length: 0\r\n\r\n", 200, "", "X: " + strings.Repeat("a", 18<<10)},
	} {
		t.Run(row.name, func(t *testing.T) {
			resp, err := get(t, newFetcher(t, Config{}), rawServer(t, say(row.reply)))
			if err != nil {
				t.Fatal(err)
			}
			if resp.Status != row.status || string(resp.Body) != row.body {
				t.Errorf("%d %q, want %d %q", resp.Status, resp.Body, row.status, row.body)
			}
			if name, value, ok := strings.Cut(row.header, ": "); ok && resp.Header.Get(name) != value {
				t.Errorf("headers %v, want %s", resp.Header, row.header)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	deaf := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	for _, row := range []struct {
		name, url string
		cfg       Config
		kind      engine.FailureKind
		message   string
	}{
		{"refused", "http://" + closed.Addr().String(), Config{}, engine.FailConnect, "connection refused at " + closed.Addr().String()},
		{"no such name", "http://nowhere.invalid/", Config{Resolver: nameless(t)}, engine.FailDNS, "no such host: nowhere.invalid"},
		{"deaf name server", "http://a.test/", Config{Resolver: deaf, ConnectTimeout: 50 * time.Millisecond}, engine.FailDNS, "a.test"},
		{"no URL", "http://[::1", Config{}, engine.FailInvalid, "is not a URL"},
		{"another scheme", "gopher://127.0.0.1:6379/_FLUSHALL", Config{}, engine.FailInvalid, "neither an http nor an https URL"},
		{"a file", "file:///etc/passwd", Config{}, engine.FailInvalid, "neither"},
	} {
		t.Run(row.name, func(t *testing.T) {
			resp, err := get(t, newFetcher(t, row.cfg), row.url)
			if kindOf(err) != row.kind || !strings.Contains(err.Error(), row.message) || resp != nil {
				t.Errorf("error %v, want %s: %s", err, row.kind, row.message)
			}
		})
	}
	if _, err := newFetcher(t, Config{}).Fetch(t.Context(), &engine.Request{URL: "http://a.test/", Method: "GE T"}, nil); kindOf(err) != engine.FailInvalid {
		t.Errorf("method with a space: %v", err)
	}
}

// authority makes certificates that its pool trusts.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{pool: x509.NewCertPool()}
	a.cert, a.key = a.issue(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	})
	a.pool.AddCert(a.cert)
	return a
}

func (a *authority) issue(t *testing.T, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(1)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func TestTLS(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	now := time.Now()
	for _, row := range []struct {
		name     string
		by       *authority
		from, to time.Time
		dns      string
		max      uint16
		kind     engine.FailureKind
		message  string
	}{
		{"good", ca, now.Add(-time.Hour), now.Add(time.Hour), "a.test", 0, "", ""},
		{"expired", ca, now.Add(-2 * time.Hour), now.Add(-time.Hour), "a.test", 0, engine.FailTLS, "the certificate of a.test is valid from"},
		{"not yet valid", ca, now.Add(time.Hour), now.Add(2 * time.Hour), "a.test", 0, engine.FailTLS, "the certificate of a.test is valid from"},
		{"wrong host", ca, now.Add(-time.Hour), now.Add(time.Hour), "b.test", 0, engine.FailTLS, "the certificate is not for a.test"},
		{"unknown authority", stranger, now.Add(-time.Hour), now.Add(time.Hour), "a.test", 0, engine.FailTLS, "an authority that is not trusted"},
		{"self-signed", &authority{}, now.Add(-time.Hour), now.Add(time.Hour), "a.test", 0, engine.FailTLS, "an authority that is not trusted"},
		{"TLS 1.1", ca, now.Add(-time.Hour), now.Add(time.Hour), "a.test", tls.VersionTLS11, engine.FailTLS, "old_version"},
	} {
		t.Run(row.name, func(t *testing.T) {
			cert, key := row.by.issue(t, &x509.Certificate{DNSNames: []string{row.dns}, NotBefore: row.from, NotAfter: row.to})
			hits := 0
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits++ }))
			srv.Config.ErrorLog = log.New(io.Discard, "", 0)
			srv.TLS = &tls.Config{
				Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}},
				MinVersion:   tls.VersionTLS10, MaxVersion: row.max,
			}
			srv.StartTLS()
			defer srv.Close()
			f := newFetcher(t, Config{RootCAs: ca.pool, Resolve: map[string]string{"a.test:443": srv.Listener.Addr().String()}})
			_, err := get(t, f, "https://a.test/")
			if kindOf(err) != row.kind || err != nil && (!strings.Contains(err.Error(), row.message) || hits != 0) {
				t.Errorf("error %v, want %s: %s; %d requests", err, row.kind, row.message, hits)
			}
		})
	}

	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	if _, err := get(t, newFetcher(t, Config{}), "https://"+hostOf(plain.URL)); kindOf(err) != engine.FailTLS {
		t.Errorf("https on an http port: %v", err)
	}
	mute := muteServer(t)
	if _, err := get(t, newFetcher(t, Config{ConnectTimeout: 50 * time.Millisecond}), mute); kindOf(err) != engine.FailTLS && kindOf(err) != engine.FailTimeout {
		t.Errorf("a handshake without an answer: %v", err)
	}
}

// TestOneLine: what a server sent breaks neither a line nor a terminal.
func TestOneLine(t *testing.T) {
	for in, want := range map[string]string{
		"ok é 世": "ok é 世", "a\r\nb": "a??b", "\x1b]0;x\x07": "?]0;x?", "\u009b2J": "?2J", "a\u202eb\u2066": "a?b?",
	} {
		if got := oneLine(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
