package peers

import (
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"downpour/engine"
	"downpour/engine/fetch"
)

// open makes a Fetcher that may connect to loopback, and closes it.
func open(t *testing.T, cfg fetch.Config) *fetch.Fetcher {
	t.Helper()
	cfg.Private = true
	f, err := fetch.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// get fetches one URL.
func get(t *testing.T, f *fetch.Fetcher, url string) (*engine.Response, error) {
	t.Helper()
	return f.Fetch(t.Context(), &engine.Request{URL: url}, nil)
}

// must is get where nothing but status 200 will do.
func must(t *testing.T, f *fetch.Fetcher, url string) *engine.Response {
	t.Helper()
	resp, err := get(t, f, url)
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	if resp.Status != http.StatusOK {
		t.Fatalf("%s: status %d, want 200; body %.200q", url, resp.Status, resp.Body)
	}
	return resp
}

// failureOf is err as a failure, an empty one where it is none.
func failureOf(err error) *engine.Failure {
	var f *engine.Failure
	if errors.As(err, &f) {
		return f
	}
	return &engine.Failure{}
}

// kindOf is the failure's kind, "" where there is no error.
func kindOf(err error) engine.FailureKind {
	if f := failureOf(err); err == nil || f.Kind != "" {
		return f.Kind
	}
	return engine.FailureKind("not a failure: " + err.Error())
}

// within fails the test where something took too long.
func within(t *testing.T, limit time.Duration, begun time.Time) {
	t.Helper()
	if took := time.Since(begun); took > limit {
		t.Errorf("it took %v, want at most %v", took, limit)
	}
}

// trusting is a configuration that trusts one authority alone.
func trusting(roots *x509.CertPool) fetch.Config {
	return fetch.Config{RootCAs: roots}
}

// roots is the authority that signed a test server's certificate.
func roots(srv *httptest.Server) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(srv.Certificate())
	return pool
}

// serve starts a server of Go's own until the test ends: by http, or by HTTP/2
// over TLS.
func serve(t *testing.T, h http.Handler, tls bool) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.EnableHTTP2 = tls
	if tls {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	t.Cleanup(srv.Close)
	return srv
}
