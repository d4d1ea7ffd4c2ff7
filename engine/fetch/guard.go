package fetch

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"downpour/engine"
	"downpour/policies"
)

// maxPermits bounds the private addresses that seeds may open.
const maxPermits = 1 << 16

// A guard decides which addresses may be connected to. A page must not make
// the crawler talk to the network it happens to stand in.
type guard struct {
	open bool // everything may

	mu      sync.RWMutex // guards permits
	permits map[netip.AddrPort]struct{}
}

// special are the blocks that are not the public internet's: IANA's special
// purpose registries, and translations through which an IPv4 address is reached.
var special = []struct {
	prefix netip.Prefix
	what   string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "an address of this host"},
	{netip.MustParsePrefix("10.0.0.0/8"), "a private address"},
	{netip.MustParsePrefix("100.64.0.0/10"), "a carrier's private address"},
	{netip.MustParsePrefix("127.0.0.0/8"), "a loopback address"},
	{netip.MustParsePrefix("169.254.0.0/16"), "a link-local address, where clouds keep their metadata"},
	{netip.MustParsePrefix("172.16.0.0/12"), "a private address"},
	{netip.MustParsePrefix("192.0.0.0/24"), "a special address"},
	{netip.MustParsePrefix("192.0.2.0/24"), "a documentation address"},
	{netip.MustParsePrefix("192.88.99.0/24"), "a relay address"},
	{netip.MustParsePrefix("192.168.0.0/16"), "a private address"},
	{netip.MustParsePrefix("198.18.0.0/15"), "a benchmark address"},
	{netip.MustParsePrefix("198.51.100.0/24"), "a documentation address"},
	{netip.MustParsePrefix("203.0.113.0/24"), "a documentation address"},
	{netip.MustParsePrefix("224.0.0.0/4"), "a multicast address"},
	{netip.MustParsePrefix("240.0.0.0/4"), "a reserved address"},
	{netip.MustParsePrefix("::/96"), "an address of this host"},
	{netip.MustParsePrefix("::ffff:0:0:0/96"), "a translated address"},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "a locally translated address"},
	{netip.MustParsePrefix("100::/64"), "a discard address"},
	{netip.MustParsePrefix("2001::/23"), "a special address"},
	{netip.MustParsePrefix("2001:db8::/32"), "a documentation address"},
	{netip.MustParsePrefix("3fff::/20"), "a documentation address"},
	{netip.MustParsePrefix("5f00::/16"), "a segment routing address"},
	{netip.MustParsePrefix("fc00::/7"), "a private address"},
	{netip.MustParsePrefix("fe80::/10"), "a link-local address"},
	{netip.MustParsePrefix("fec0::/10"), "a site-local address"},
	{netip.MustParsePrefix("ff00::/8"), "a multicast address"},
}

var (
	nat64   = netip.MustParsePrefix("64:ff9b::/96")
	sixFour = netip.MustParsePrefix("2002::/16")
)

// private says what kind of special address a is, "" for a public one. An IPv6
// address that stands for an IPv4 one is judged as that.
func private(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	b := a.As16()
	switch {
	case nat64.Contains(a): // RFC 6052 §2.1
		a = netip.AddrFrom4([4]byte(b[12:16]))
	case sixFour.Contains(a): // RFC 3056 §2
		a = netip.AddrFrom4([4]byte(b[2:6]))
	}
	for i := range special {
		if special[i].prefix.Contains(a) {
			return special[i].what
		}
	}
	return ""
}

// check fails with a *Failure of kind blocked where a connection to a is not
// allowed.
func (g *guard) check(a netip.AddrPort) error {
	if g.open {
		return nil
	}
	what := private(a.Addr())
	if what == "" {
		return nil
	}
	g.mu.RLock()
	_, ok := g.permits[netip.AddrPortFrom(a.Addr().Unmap(), a.Port())]
	g.mu.RUnlock()
	if ok {
		return nil
	}
	return blocked(a.Addr().String(), what)
}

func blocked(who, what string) error {
	return &engine.Failure{
		Kind:    engine.FailBlocked,
		Message: fmt.Sprintf("%s is %s; --allow-private lets the crawl connect to such", who, what),
	}
}

// control is a net.Dialer's ControlContext: it sees the address that is being
// dialled, after every lookup and fallback.
func (g *guard) control(address string) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return blocked(strconv.Quote(address), "no address that can be judged")
	}
	return g.check(a)
}

// permit is Fetcher.Permit.
func (g *guard) permit(seed string) {
	u, err := policies.ParseURL(seed)
	if err != nil || !u.IsHTTP() {
		return
	}
	port := portOf(u)
	var addrs []netip.Addr
	if localhost(u.Hostname()) {
		addrs = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	} else if a, err := netip.ParseAddr(u.Hostname()); err == nil && private(a) != "" {
		addrs = []netip.Addr{a.Unmap()}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, a := range addrs {
		if len(g.permits) >= maxPermits {
			return
		}
		if g.permits == nil {
			g.permits = make(map[netip.AddrPort]struct{})
		}
		g.permits[netip.AddrPortFrom(a, port)] = struct{}{}
	}
}

// checkHost refuses what can be refused by the URL alone: a host that is
// literally private. It is all there is where a proxy does the connecting.
func (f *Fetcher) checkHost(u policies.URL) error {
	if f.guard.open {
		return nil
	}
	host := u.Hostname()
	if c := host[len(host)-1]; !localhost(host) && (c < '0' || c > '9') && !strings.Contains(host, ":") {
		return nil // a name
	}
	key := hostPort(u)
	if f.local[key] != "" || f.resolve[key] != nil {
		return nil // the dialler's business
	}
	if localhost(host) {
		if err := f.guard.check(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), portOf(u))); err != nil {
			return blocked(host, "this host")
		}
		return nil
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return f.guard.check(netip.AddrPortFrom(a, portOf(u)))
	}
	return nil
}

// localhost reports whether a host in lower case is this machine by its name
// (RFC 6761 §6.3).
func localhost(host string) bool {
	host = strings.TrimSuffix(host, ".")
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

func portOf(u policies.URL) uint16 {
	if p := u.Port(); p != "" {
		n, _ := strconv.ParseUint(p, 10, 16)
		return uint16(n)
	}
	if u.Scheme() == "https" {
		return 443
	}
	return 80
}

// hostPort is host and port as the dialler is asked for them.
func hostPort(u policies.URL) string {
	host := u.Host()
	if u.Port() != "" {
		return host
	}
	if u.Scheme() == "https" {
		return host + ":443"
	}
	return host + ":80"
}
