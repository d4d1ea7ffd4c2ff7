package engine

import (
	"strings"

	"downpour/policies"

	"github.com/cespare/xxhash/v2"
)

// farms counts the hosts of each registrable domain that has more than itself
// and its "www.".
type farms struct {
	hosts   map[uint64]struct{} // hashes of host and port
	domains map[uint64]int      // by hash of the domain: of hosts, how many are its
}

// full reports whether u's host is new and its registrable domain has as many
// as it may have; negative is no limit. A host that is admitted is counted.
func (f *farms) full(u policies.URL, most int) bool {
	if most < 0 {
		return false
	}
	host := xxhash.Sum64String(u.Host())
	if _, known := f.hosts[host]; known {
		return false
	}
	name := u.Hostname()
	domain := policies.Domain(name)
	if name == u.Host() && (name == domain || strings.TrimPrefix(name, "www.") == domain) {
		return false
	}
	key := xxhash.Sum64String(domain)
	if f.domains[key] >= most {
		return true
	}
	if f.hosts == nil || len(f.hosts) >= knownHosts {
		f.hosts, f.domains = map[uint64]struct{}{}, map[uint64]int{}
	}
	f.hosts[host] = struct{}{}
	f.domains[key]++
	return false
}
