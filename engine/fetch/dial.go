package fetch

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"strings"
	"syscall"
	"time"
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

// straight makes t connect to sites by dial, by TLS on top of it for https, and
// overlook on HTTP/1 what browsers do.
func (f *Fetcher) straight(t *http.Transport, dial dialFunc) {
	lenient := func(c net.Conn) net.Conn { return &lenientConn{Conn: c, limit: int(f.cfg.MaxHeader)} }
	cfg := f.tls()
	cfg.NextProtos = []string{"h2", "http/1.1"}
	cfg.ClientSessionCache = tls.NewLRUClientSessionCache(4 * f.cfg.Concurrency)
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return lenient(c), nil
	}
	t.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		raw, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		c, err := f.handshake(ctx, raw, cfg, addr)
		if err != nil {
			raw.Close()
			return nil, err
		}
		if c.ConnectionState().NegotiatedProtocol == "h2" {
			return c, nil
		}
		return lenient(c), nil
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
			return nil, &proxyError{what: "no connection to the proxy " + addr, err: err}
		}
		return &proxyConn{Conn: conn, addr: addr}, nil
	}
}

// A proxyConn is a connection to a proxy. A proxy that cannot reach a site has
// to say so (RFC 9110 §15.6.3); one that closes the connection without a word has
// failed itself.
type proxyConn struct {
	net.Conn
	addr     string
	answered bool // an octet has come; the one who reads knows
}

func (c *proxyConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.answered = c.answered || n > 0
	if err != nil && !c.answered && hungUp(err) {
		err = &proxyError{what: "the proxy " + c.addr + " closed the connection without an answer", err: err, silent: true}
	}
	return n, err
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
