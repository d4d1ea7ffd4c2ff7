package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"downpour/engine"
)

// tls is the configuration of every TLS connection.
func (f *Fetcher) tls() *tls.Config {
	return &tls.Config{MinVersion: f.cfg.MinTLS, RootCAs: f.cfg.RootCAs, Certificates: f.cfg.Certificates}
}

// parseInsecure checks Config.InsecureHosts.
func parseInsecure(hosts []string) (map[string]bool, error) {
	m := make(map[string]bool, len(hosts))
	for _, h := range hosts {
		if h == "" || strings.ContainsAny(h, "/* ") {
			return nil, fmt.Errorf("insecure_hosts: %q is neither a host nor host:port", h)
		}
		m[strings.ToLower(h)] = true
	}
	return m, nil
}

// trusts reports whether a host, of which hostPort says the port too, is
// exempt from verification.
func (f *Fetcher) trusts(host, hostPort string) bool {
	return len(f.insecure) > 0 && (f.insecure[strings.ToLower(host)] || f.insecure[strings.ToLower(hostPort)])
}

// errHandshake is a handshake's own timeout.
var errHandshake = errors.New("tls: no end to the handshake in time")

// handshake makes a TLS connection to addr over raw.
func (f *Fetcher) handshake(ctx context.Context, raw net.Conn, cfg *tls.Config, addr string) (*tls.Conn, error) {
	cfg = cfg.Clone()
	cfg.ServerName, _, _ = net.SplitHostPort(addr)
	cfg.InsecureSkipVerify = f.trusts(cfg.ServerName, addr)
	ctx, cancel := context.WithTimeoutCause(ctx, f.cfg.ConnectTimeout, errHandshake)
	defer cancel()
	t, _ := ctx.Value(traceKey{}).(*trace)
	if t != nil {
		t.startTLS()
	}
	c := tls.Client(raw, cfg)
	if err := c.HandshakeContext(ctx); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, &handshakeError{err}
	}
	if t != nil {
		t.doneTLS(tls.ConnectionState{}, nil)
	}
	return c, nil
}

// toTLSProxy connects to an https proxy, which is verified whatever the site
// behind it.
func (f *Fetcher) toTLSProxy() dialFunc {
	dial := f.toProxy()
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		raw, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		cfg := f.tls()
		cfg.ServerName, _, _ = net.SplitHostPort(addr)
		ctx, cancel := context.WithTimeoutCause(ctx, f.cfg.ConnectTimeout, errHandshake)
		defer cancel()
		c := tls.Client(raw, cfg)
		if err := c.HandshakeContext(ctx); err != nil {
			raw.Close()
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			var p *proxyError
			if errors.As(err, &p) {
				return nil, p
			}
			return nil, &proxyError{what: "the proxy " + addr, err: err}
		}
		return &proxyConn{Conn: c, addr: addr}, nil
	}
}

// tlsFacts says what is known of the connection, nil where it is not by https.
// state is net/http's, which does not see through a lenientConn.
func (t *trace) tlsFacts(state *tls.ConnectionState) *engine.TLS {
	t.mu.Lock()
	conn := t.got
	t.mu.Unlock()
	if l, ok := conn.(*lenientConn); ok {
		if c, ok := l.Conn.(*tls.Conn); ok {
			s := c.ConnectionState()
			state = &s
		}
	}
	if state == nil || len(state.PeerCertificates) == 0 {
		return nil
	}
	leaf := state.PeerCertificates[0]
	return &engine.TLS{
		Version: tls.VersionName(state.Version),
		Subject: oneLine(leaf.Subject.String()), Issuer: oneLine(leaf.Issuer.String()), NotAfter: leaf.NotAfter,
	}
}

// A handshakeError is whatever goes wrong in a TLS handshake.
type handshakeError struct{ err error }

func (e *handshakeError) Error() string { return e.err.Error() }
func (e *handshakeError) Unwrap() error { return e.err }

// tlsMessage says what is wrong with a TLS handshake, beginning with a word for
// it, "" where err is not about one.
func tlsMessage(err error, host string) string {
	if message := certificateMessage(err, host); message != "" {
		return message
	}
	var alert tls.AlertError
	var record tls.RecordHeaderError
	var shake *handshakeError
	text := err.Error()
	switch {
	case strings.Contains(text, "protocol version"):
		return "old_version: " + host + " speaks no version of TLS that is new enough; --min-tls allows older ones"
	case errors.As(err, &alert) && strings.Contains(text, "certificate required"), strings.Contains(text, "certificate required"):
		return "certificate_required: " + host + " asks for a certificate of yours; give one with --client-cert"
	case errors.As(err, &alert):
		return fmt.Sprintf("alert: %s ended the handshake: %v", host, alert)
	case errors.As(err, &record):
		return "not_tls: " + host + " does not speak TLS on this port"
	case strings.Contains(text, "server gave HTTP response to HTTPS client"):
		return "not_tls: " + host + " speaks plain HTTP on this port, not TLS"
	case errors.Is(err, errHandshake), strings.Contains(text, "TLS handshake timeout"):
		return "timeout: " + host + " did not finish the TLS handshake in time"
	case strings.HasPrefix(text, "tls: ") || strings.Contains(text, ": tls: "):
		return "handshake: " + text[strings.Index(text, "tls: ")+len("tls: "):]
	case errors.As(err, &shake):
		return "handshake: " + host + " broke off the TLS handshake: " + text
	}
	return ""
}

// certificateMessage says what is wrong with a certificate, "" where err is not
// about one.
func certificateMessage(err error, host string) string {
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var authority x509.UnknownAuthorityError
	var verify *tls.CertificateVerificationError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		word := "expired"
		if time.Now().Before(invalid.Cert.NotBefore) {
			word = "not_yet_valid"
		}
		return fmt.Sprintf("%s: the certificate of %s is valid from %s to %s only", word, host,
			invalid.Cert.NotBefore.Format("2006-01-02 15:04 MST"), invalid.Cert.NotAfter.Format("2006-01-02 15:04 MST"))
	case errors.As(err, &name):
		return fmt.Sprintf("wrong_host: the certificate is not for %s: %v", host, name)
	case errors.As(err, &authority):
		if c := authority.Cert; c != nil && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil {
			return fmt.Sprintf("self_signed: the certificate of %s is signed by itself, an authority that is not trusted", host)
		}
		return fmt.Sprintf("unknown_authority: the certificate of %s is signed by an authority that is not trusted", host)
	case errors.As(err, &verify):
		return fmt.Sprintf("invalid: the certificate of %s: %v", host, verify.Err)
	}
	return ""
}
