package fetch

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"downpour/engine"

	"golang.org/x/net/proxy"
)

// DialContext and Dial make a dialFunc a forwarder for package proxy.
func (d dialFunc) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	return d(ctx, network, addr)
}

// Dial is DialContext without a context.
func (d dialFunc) Dial(network, addr string) (net.Conn, error) {
	return d(context.Background(), network, addr)
}

// socks connects to sites through a SOCKS5 proxy (RFC 1928). By scheme socks5
// the name is looked up here, and the guard sees the address; by socks5h the
// proxy looks it up.
func (f *Fetcher) socks(p *url.URL) (dialFunc, error) {
	var auth *proxy.Auth
	if p.User != nil {
		password, _ := p.User.Password()
		auth = &proxy.Auth{User: p.User.Username(), Password: password}
	}
	d, err := proxy.SOCKS5("tcp", withPort(p, "1080"), auth, f.toProxy())
	if err != nil {
		return nil, err
	}
	through := d.(proxy.ContextDialer)
	remote := p.Scheme == "socks5h"
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, 2*f.cfg.ConnectTimeout)
		defer cancel()
		addrs := []string{addr}
		if !remote {
			if addrs, err = f.lookup(ctx, addr); err != nil {
				return nil, err
			}
		}
		conn, err := through.DialContext(ctx, network, addrs[0])
		if err != nil {
			return nil, socksError(err, p.Host)
		}
		return conn, nil
	}, nil
}

// lookup resolves addr's host and keeps what the guard allows.
func (f *Fetcher) lookup(ctx context.Context, addr string) ([]string, error) {
	var allowed []string
	var first error
	for _, a := range f.addresses(strings.ToLower(addr), addr) {
		host, port, err := net.SplitHostPort(a)
		if err != nil {
			return nil, err
		}
		ips, err := f.resolver().LookupNetIP(ctx, "ip", host)
		if err != nil {
			return nil, err
		}
		number, _ := strconv.ParseUint(port, 10, 16)
		for _, ip := range ips {
			ap := netip.AddrPortFrom(ip.Unmap(), uint16(number))
			if err := f.guard.check(ap); err == nil {
				allowed = append(allowed, ap.String())
			} else if first == nil {
				first = err
			}
		}
	}
	if len(allowed) == 0 {
		return nil, first
	}
	return allowed, nil
}

func (f *Fetcher) resolver() *net.Resolver {
	if f.cfg.Resolver != nil {
		return f.cfg.Resolver
	}
	return net.DefaultResolver
}

// socksError tells a site that could not be reached from a proxy that failed.
func socksError(err error, host string) error {
	text := err.Error()
	for _, reply := range [...]string{"network unreachable", "host unreachable", "connection refused", "TTL expired"} { // RFC 1928 §6
		if strings.HasSuffix(text, "unknown error "+reply) {
			return &engine.Failure{Kind: engine.FailConnect, Message: reply + ", says the proxy " + host, Err: err}
		}
	}
	var p *proxyError
	if errors.As(err, &p) {
		return p
	}
	return &proxyError{what: "the proxy " + host + " refused", err: err}
}

// withPort is p's host with a port.
func withPort(p *url.URL, port string) string {
	if p.Port() != "" {
		port = p.Port()
	}
	return net.JoinHostPort(p.Hostname(), port)
}
