package policies

import (
	"net/netip"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// Domain is the registrable domain of host by the public suffix list: the one
// label below the suffix and the suffix, such as "example.co.uk". A host that
// has none, such as an address, "localhost" or a public suffix itself, is
// answered as it is.
func Domain(host string) string {
	if d, ok := Registrable(host); ok {
		return d
	}
	return host
}

// Registrable is the registrable domain of host, and whether it has one.
func Registrable(host string) (string, bool) {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "" || host[0] == '.' || host[0] == '[' {
		return "", false
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return "", false
	}
	d, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil {
		return "", false
	}
	return d, true
}
