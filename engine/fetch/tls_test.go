package fetch

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"downpour/engine"
)

// pair is a certificate of the authority's for a.test, with its key.
func (a *authority) pair(t *testing.T, template x509.Certificate) tls.Certificate {
	t.Helper()
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	cert, key := a.issue(t, &template)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

// tlsSite serves a.test:443 with cfg; it answers with its client's name.
func tlsSite(t *testing.T, cfg *tls.Config, http2 bool) (resolve map[string]string) {
	t.Helper()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c := r.TLS.PeerCertificates; len(c) > 0 {
			io.WriteString(w, c[0].Subject.CommonName)
		}
	}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.TLS, srv.EnableHTTP2 = cfg, http2
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return map[string]string{"*:443": srv.Listener.Addr().String()}
}

// TestTLSFailures: each has its own word.
func TestTLSFailures(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	names := []string{"a.test"}
	good := ca.pair(t, x509.Certificate{DNSNames: names})
	hour := func(n int) time.Time { return time.Now().Add(time.Duration(n) * time.Hour) }
	for _, row := range []struct {
		name string
		site *tls.Config
		cfg  Config
		want string // how the message begins; "" for no failure
	}{
		{"good", &tls.Config{Certificates: []tls.Certificate{good}}, Config{}, ""},
		{"expired", &tls.Config{Certificates: []tls.Certificate{ca.pair(t, x509.Certificate{DNSNames: names, NotBefore: hour(-2), NotAfter: hour(-1)})}}, Config{}, "expired: "},
		{"not yet valid", &tls.Config{Certificates: []tls.Certificate{ca.pair(t, x509.Certificate{DNSNames: names, NotBefore: hour(1), NotAfter: hour(2)})}}, Config{}, "not_yet_valid: "},
		{"wrong host", &tls.Config{Certificates: []tls.Certificate{ca.pair(t, x509.Certificate{DNSNames: []string{"b.test"}})}}, Config{}, "wrong_host: "},
		{"self-signed", &tls.Config{Certificates: []tls.Certificate{(&authority{}).pair(t, x509.Certificate{DNSNames: names})}}, Config{}, "self_signed: "},
		{"unknown authority", &tls.Config{Certificates: []tls.Certificate{stranger.pair(t, x509.Certificate{DNSNames: names})}}, Config{}, "unknown_authority: "},
		{"too old", &tls.Config{Certificates: []tls.Certificate{good}, MaxVersion: tls.VersionTLS12}, Config{MinTLS: tls.VersionTLS13}, "old_version: "},
		{"old and allowed", &tls.Config{Certificates: []tls.Certificate{good}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, Config{MinTLS: tls.VersionTLS10}, ""},
		{"no certificate of ours", &tls.Config{Certificates: []tls.Certificate{good}, ClientAuth: tls.RequireAnyClientCert}, Config{}, "certificate_required: "},
		{"an exception", &tls.Config{Certificates: []tls.Certificate{stranger.pair(t, x509.Certificate{DNSNames: names})}}, Config{InsecureHosts: []string{"A.test"}}, ""},
		{"an exception for a port", &tls.Config{Certificates: []tls.Certificate{stranger.pair(t, x509.Certificate{DNSNames: names})}}, Config{InsecureHosts: []string{"a.test:443"}}, ""},
		{"another host's exception", &tls.Config{Certificates: []tls.Certificate{stranger.pair(t, x509.Certificate{DNSNames: names})}}, Config{InsecureHosts: []string{"b.test", "a.test:8443"}}, "unknown_authority: "},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.cfg.RootCAs, row.cfg.Resolve = ca.pool, tlsSite(t, row.site, false)
			_, err := get(t, newFetcher(t, row.cfg), "https://a.test/")
			if row.want == "" && err != nil || row.want != "" && (kindOf(err) != engine.FailTLS || !strings.HasPrefix(err.Error(), "tls: "+row.want)) {
				t.Errorf("error %v, want %q", err, row.want)
			}
		})
	}
	if _, err := New(Config{InsecureHosts: []string{"https://a.test/"}}); err == nil {
		t.Error("no error for a URL among the insecure hosts")
	}
}

// TestTLSFacts: the connection's are told on HTTP/1 and HTTP/2, first used and
// used again.
func TestTLSFacts(t *testing.T) {
	ca := newAuthority(t)
	site := ca.pair(t, x509.Certificate{DNSNames: []string{"a.test"}, Subject: pkix.Name{CommonName: "a.test\x1b[2J"}})
	own := ca.pair(t, x509.Certificate{Subject: pkix.Name{CommonName: "crawler"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	for _, http2 := range []bool{false, true} {
		cfg := &tls.Config{Certificates: []tls.Certificate{site}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.pool}
		f := newFetcher(t, Config{RootCAs: ca.pool, Certificates: []tls.Certificate{own}, Resolve: tlsSite(t, cfg, http2)})
		for range 2 {
			resp, err := get(t, f, "https://a.test/")
			if err != nil {
				t.Fatal(err)
			}
			facts := resp.TLS
			if string(resp.Body) != "crawler" || facts == nil || facts.Version != "TLS 1.3" || facts.Issuer != "CN=test authority" ||
				!strings.HasPrefix(facts.Subject, "CN=a.test") || strings.Contains(facts.Subject, "\x1b") || time.Until(facts.NotAfter) > time.Hour {
				t.Errorf("HTTP/2 %v: body %q, %+v", http2, resp.Body, facts)
			}
		}
	}
}

// TestInsecureHostBehindProxy: the exception holds for its host alone, the site's
// certificate is not the proxy's.
func TestInsecureHostBehindProxy(t *testing.T) {
	ca := newAuthority(t)
	cfg := &tls.Config{Certificates: []tls.Certificate{ca.pair(t, x509.Certificate{DNSNames: []string{"x.test"}})}}
	backend := tlsSite(t, cfg, false)["*:443"]
	p := newTestProxy(t, backend, "")
	f := newFetcher(t, Config{Proxies: []string{p.URL}, InsecureHosts: []string{"a.test"}})
	if _, err := get(t, f, "https://a.test/"); err != nil {
		t.Errorf("the exception: %v", err)
	}
	if _, err := get(t, f, "https://b.test/"); kindOf(err) != engine.FailTLS {
		t.Errorf("another host: %v", err)
	}
}

// hostileTLS are the cases of certificates: what is wrong, and its word.
func hostileTLS() map[string]func(*testing.T) {
	hour := func(n int) time.Time { return time.Now().Add(time.Duration(n) * time.Hour) }
	cases := map[string]func(*testing.T){}
	add := func(id, want string, version uint16, pair func(t *testing.T, ca *authority) tls.Certificate) {
		cases[id] = func(t *testing.T) {
			ca := newAuthority(t)
			site := &tls.Config{Certificates: []tls.Certificate{pair(t, ca)}, MinVersion: tls.VersionTLS10, MaxVersion: version}
			_, err := get(t, newFetcher(t, Config{RootCAs: ca.pool, Resolve: tlsSite(t, site, false)}), "https://a.test/")
			if kindOf(err) != engine.FailTLS || !strings.HasPrefix(err.Error(), "tls: "+want+": ") {
				t.Errorf("%v, want %s", err, want)
			}
		}
	}
	names := []string{"a.test"}
	add("tls-01", "expired", 0, func(t *testing.T, ca *authority) tls.Certificate {
		return ca.pair(t, x509.Certificate{DNSNames: names, NotBefore: hour(-2), NotAfter: hour(-1)})
	})
	add("tls-02", "not_yet_valid", 0, func(t *testing.T, ca *authority) tls.Certificate {
		return ca.pair(t, x509.Certificate{DNSNames: names, NotBefore: hour(1), NotAfter: hour(2)})
	})
	add("tls-03", "wrong_host", 0, func(t *testing.T, ca *authority) tls.Certificate {
		return ca.pair(t, x509.Certificate{DNSNames: []string{"b.test"}})
	})
	add("tls-04", "self_signed", 0, func(t *testing.T, _ *authority) tls.Certificate {
		return (&authority{}).pair(t, x509.Certificate{DNSNames: names})
	})
	add("tls-05", "unknown_authority", 0, func(t *testing.T, _ *authority) tls.Certificate {
		return newAuthority(t).pair(t, x509.Certificate{DNSNames: names})
	})
	add("tls-06", "unknown_authority", 0, func(t *testing.T, ca *authority) tls.Certificate {
		between := &authority{}
		between.cert, between.key = ca.issue(t, &x509.Certificate{
			IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotBefore: hour(-1), NotAfter: hour(1),
		})
		return between.pair(t, x509.Certificate{DNSNames: names}) // without the one between
	})
	add("tls-08", "old_version", tls.VersionTLS11, func(t *testing.T, ca *authority) tls.Certificate {
		return ca.pair(t, x509.Certificate{DNSNames: names})
	})
	return cases
}
