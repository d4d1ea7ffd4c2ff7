package fetch

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"downpour/engine"
)

func contextWith(t *testing.T) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}

func roots(srv *httptest.Server) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(srv.Certificate())
	return pool
}

func gzipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(s))
	w.Close()
	return b.String()
}

func BenchmarkFetch(b *testing.B) {
	page := bytes.Repeat([]byte("<p>hello, <a href=/x>world</a>\n"), 500)
	packed := []byte(gzipped(string(page)))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Date"] = nil
		if r.URL.Path == "/gzip" {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(packed)
			return
		}
		w.Header().Set("Content-Length", "15500")
		w.Write(page)
	}))
	defer srv.Close()
	for _, path := range []string{"/plain", "/gzip"} {
		b.Run(path[1:], func(b *testing.B) {
			f := newFetcher(b, Config{})
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.Fetch(b.Context(), &engine.Request{URL: srv.URL + path}, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("net_http", func(b *testing.B) {
		b.ReportAllocs()
		tr := &http.Transport{}
		buf := make([]byte, 32<<10)
		for b.Loop() {
			r, _ := http.NewRequest(http.MethodGet, srv.URL+"/plain", nil)
			resp, err := tr.RoundTrip(r)
			if err != nil {
				b.Fatal(err)
			}
			for err == nil {
				_, err = resp.Body.Read(buf)
			}
			resp.Body.Close()
		}
	})
}

// BenchmarkCacheHit is an answer from the cache, a page of 20 kB.
func BenchmarkCacheHit(b *testing.B) {
	srv := httptest.NewServer(page(200, strings.Repeat("x", 20_000), "Cache-Control", "max-age=600", "Content-Type", "text/html"))
	defer srv.Close()
	f := newFetcher(b, Config{Cache: b.TempDir()})
	if _, err := get(b, f, srv.URL); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if resp, err := get(b, f, srv.URL); err != nil || !resp.FromCache {
			b.Fatal(err)
		}
	}
}
