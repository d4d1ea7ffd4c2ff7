package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"downpour/engine"

	"golang.org/x/net/proxy"
)

// dialer connects to sites under the guard, or to a proxy without it.
func (f *Fetcher) dialer(guarded bool) *net.Dialer {
	d := &net.Dialer{Timeout: f.cfg.ConnectTimeout, KeepAlive: 30 * time.Second, Resolver: f.cfg.Resolver}
	if guarded && !f.guard.open {
		d.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
			return f.guard.control(address)
		}
	}
	return d
}

// A dialFunc is http.Transport's DialContext.
type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// direct connects to sites themselves, and to this process's own servers.
func (f *Fetcher) direct() dialFunc {
	guarded, own := f.dialer(true), f.dialer(false)
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		key := strings.ToLower(addr)
		if to := f.local[key]; to != "" {
			return timed(ctx, own, network, []string{to})
		}
		return timed(ctx, guarded, network, f.addresses(key, addr))
	}
}

// addresses is what to dial for addr: itself, unless Resolve says otherwise.
func (f *Fetcher) addresses(key, addr string) []string {
	if len(f.resolve) == 0 {
		return []string{addr}
	}
	_, port, _ := net.SplitHostPort(key)
	for _, k := range [...]string{key, "*:" + port} {
		if to := f.resolve[k]; to != nil {
			return to
		}
	}
	return []string{addr}
}

// timed dials the first of addrs that answers and tells the exchange's trace
// how long that took. The error is that of the first one.
func timed(ctx context.Context, d *net.Dialer, network string, addrs []string) (net.Conn, error) {
	var first error
	for _, addr := range addrs {
		begun := time.Now()
		looked := begun
		hooks := &httptrace.ClientTrace{DNSDone: func(httptrace.DNSDoneInfo) { looked = time.Now() }}
		conn, err := d.DialContext(httptrace.WithClientTrace(ctx, hooks), network, addr)
		if err == nil {
			if t, ok := ctx.Value(traceKey{}).(*trace); ok {
				t.dialled(looked.Sub(begun), time.Since(looked))
			}
			return conn, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// toProxy connects to a proxy, and says so when it cannot.
func (f *Fetcher) toProxy() dialFunc {
	d := f.dialer(false)
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := timed(ctx, d, network, []string{addr})
		if err != nil {
			return nil, &proxyError{"no connection to the proxy " + addr, err}
		}
		return conn, nil
	}
}

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
	return &proxyError{"the proxy " + host + " refused", err}
}

// withPort is p's host with a port.
func withPort(p *url.URL, port string) string {
	if p.Port() != "" {
		port = p.Port()
	}
	return net.JoinHostPort(p.Hostname(), port)
}

// parseLocal checks Config.Local.
func parseLocal(m map[string]string) (map[string]string, error) {
	out := make(map[string]string, len(m))
	for host, addr := range m {
		if _, _, err := net.SplitHostPort(host); err != nil {
			return nil, fmt.Errorf("local host %q: want host:port", host)
		}
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return nil, fmt.Errorf("local host %q: address %q: want addr:port", host, addr)
		}
		out[strings.ToLower(host)] = addr
	}
	return out, nil
}

// parseResolve checks Config.Resolve and completes the addresses with ports.
func parseResolve(m map[string]string) (map[string][]string, error) {
	out := make(map[string][]string, len(m))
	for host, list := range m {
		_, port, err := net.SplitHostPort(host)
		if err != nil {
			return nil, fmt.Errorf("resolve %q: want host:port", host)
		}
		for addr := range strings.SplitSeq(list, ",") {
			a, err := resolved(strings.TrimSpace(addr), port)
			if err != nil {
				return nil, fmt.Errorf("resolve %q: %w", host, err)
			}
			key := strings.ToLower(host)
			out[key] = append(out[key], a)
		}
	}
	return out, nil
}

func resolved(addr, port string) (string, error) {
	if ap, err := netip.ParseAddrPort(addr); err == nil {
		return ap.String(), nil
	}
	ip, err := netip.ParseAddr(strings.Trim(addr, "[]"))
	if err != nil {
		return "", fmt.Errorf("%q is not an IP address", addr)
	}
	return net.JoinHostPort(ip.String(), port), nil
}
