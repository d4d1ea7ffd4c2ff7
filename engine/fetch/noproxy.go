package fetch

import (
	"net/netip"
	"strings"
)

// bypass reports whether host, without port or brackets, is one that no_proxy
// exempts, by curl's rules: "*" is every host; names match themselves and
// whatever is below them; addresses match by prefix; a blank between two names
// that no comma follows ends the list.
func bypass(noProxy, host string) bool {
	if noProxy == "*" {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	literal := err == nil
	host = strings.TrimSuffix(host, ".")
	for rest := noProxy; ; {
		rest = strings.TrimLeft(rest, " \t,")
		end := strings.IndexAny(rest, " \t,")
		if end < 0 {
			end = len(rest)
		}
		token := rest[:end]
		if literal && matchAddr(token, addr) || !literal && matchName(token, host) {
			return true
		}
		rest = strings.TrimLeft(rest[end:], " \t")
		if !strings.HasPrefix(rest, ",") {
			return false
		}
	}
}

func matchName(token, host string) bool {
	token = strings.TrimPrefix(strings.TrimSuffix(token, "."), ".")
	if token == "" || len(host) < len(token) {
		return false
	}
	cut := len(host) - len(token)
	return strings.EqualFold(host[cut:], token) && (cut == 0 || host[cut-1] == '.')
}

func matchAddr(token string, addr netip.Addr) bool {
	if p, err := netip.ParsePrefix(token); err == nil {
		return p.Contains(addr.WithZone(""))
	}
	a, err := netip.ParseAddr(strings.Trim(token, "[]"))
	return err == nil && a == addr
}
