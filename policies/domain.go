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

// Registrable is the registrable domain of host, in lower case, and whether it
// has one. A host in Unicode is answered in Unicode.
func Registrable(host string) (string, bool) {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "" || host[0] == '.' || host[0] == '[' {
		return "", false
	}
	if last := host[len(host)-1]; last >= '0' && last <= '9' || strings.IndexByte(host, ':') >= 0 {
		if _, err := netip.ParseAddr(host); err == nil {
			return "", false
		}
	}
	ascii, err := domainToASCII(host)
	if err != nil {
		return "", false
	}
	domain, err := publicsuffix.EffectiveTLDPlusOne(ascii)
	if err != nil {
		return "", false
	}
	if ascii == host {
		return domain, true
	}
	return lastLabels(host, strings.Count(domain, ".")+1), true
}

// lastLabels is the end of host that has n labels.
func lastLabels(host string, n int) string {
	i := len(host)
	for ; n > 0 && i >= 0; n-- {
		i = strings.LastIndexByte(host[:i], '.')
	}
	return host[i+1:]
}
