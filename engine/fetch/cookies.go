package fetch

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"downpour/policies"

	"golang.org/x/net/publicsuffix"
)

// Bounds of a jar, after RFC 6265bis §5.6 and §6.1.
const (
	maxCookie     = 4096   // octets of name and value together
	maxAttribute  = 1024   // octets of an attribute's value
	maxPerDomain  = 180    // cookies of one registrable domain
	maxDomains    = 10_000 // registrable domains with cookies
	maxCookieLine = 16 << 10
	maxAge        = 400 * 24 * time.Hour
)

// A jar keeps cookies as RFC 6265bis says. It is safe for concurrent use.
type jar struct {
	mu     sync.Mutex // guards what follows
	serial uint64     // cookies ever made, for their order
	sites  map[string][]*cookie
}

type cookie struct {
	name, value  string
	domain, path string
	hostOnly     bool
	secure       bool
	expires      time.Time // zero: when the crawl is over
	serial       uint64    // order of creation
}

func newJar() *jar { return &jar{sites: make(map[string][]*cookie)} }

// site is the registrable domain under which cookies of host are filed.
func site(host string) string {
	if s, err := publicsuffix.EffectiveTLDPlusOne(strings.Trim(host, ".")); err == nil {
		return s
	}
	return host
}

// store takes the Set-Cookie lines of an answer from u.
func (j *jar) store(u policies.URL, lines []string, now time.Time) {
	if len(lines) == 0 {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, line := range lines {
		if c := parseCookie(line, u, now); c != nil {
			j.keepLocked(c, u, now)
		}
	}
}

// keepLocked files c, or removes what it says has expired (RFC 6265bis §5.7).
func (j *jar) keepLocked(c *cookie, u policies.URL, now time.Time) {
	key := site(u.Hostname())
	list := j.sites[key]
	overlaid := func(old *cookie) bool { // leave secure cookies alone
		return old.secure && !c.secure && u.Scheme() != "https" && old.name == c.name &&
			(domainMatch(old.domain, c.domain) || domainMatch(c.domain, old.domain)) && pathMatch(c.path, old.path)
	}
	if slices.ContainsFunc(list, overlaid) {
		return
	}
	j.fileLocked(c, key, now)
}

// fileLocked puts c in the place of the cookie that it replaces.
func (j *jar) fileLocked(c *cookie, key string, now time.Time) {
	list := j.sites[key]
	i := slices.IndexFunc(list, func(old *cookie) bool {
		return old.name == c.name && old.domain == c.domain && old.hostOnly == c.hostOnly && old.path == c.path
	})
	gone := !c.expires.IsZero() && !c.expires.After(now)
	j.serial++
	c.serial = j.serial
	switch {
	case i >= 0 && gone:
		list = slices.Delete(list, i, i+1)
	case i >= 0:
		c.serial = list[i].serial
		list[i] = c
	case gone:
		return
	default:
		if list == nil && len(j.sites) >= maxDomains {
			return
		}
		list = append(evict(list, now), c)
	}
	if j.sites[key] = list; len(list) == 0 {
		delete(j.sites, key)
	}
}

// evict makes room for one more: the expired go first, then the oldest.
func evict(list []*cookie, now time.Time) []*cookie {
	if len(list) < maxPerDomain {
		return list
	}
	list = slices.DeleteFunc(list, func(c *cookie) bool { return !c.expires.IsZero() && !c.expires.After(now) })
	for len(list) >= maxPerDomain {
		oldest := 0
		for i, c := range list {
			if c.serial < list[oldest].serial {
				oldest = i
			}
		}
		list = slices.Delete(list, oldest, oldest+1)
	}
	return list
}

// header is the Cookie line for a request to u, "" for none.
func (j *jar) header(u policies.URL, now time.Time) string {
	host, path := u.Hostname(), u.Path()
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.sites) == 0 {
		return ""
	}
	var list []*cookie
	for _, c := range j.sites[site(host)] {
		if c.matches(host, path, u.Scheme() == "https") && (c.expires.IsZero() || c.expires.After(now)) {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b *cookie) int {
		return cmp.Or(cmp.Compare(len(b.path), len(a.path)), cmp.Compare(a.serial, b.serial))
	})
	var b strings.Builder
	for _, c := range list {
		if b.Len()+len(c.name)+len(c.value) > maxCookieLine {
			break
		}
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		b.WriteString(c.name + "=" + c.value)
	}
	return b.String()
}

func (c *cookie) matches(host, path string, secure bool) bool {
	if c.secure && !secure || c.hostOnly && host != c.domain {
		return false
	}
	return domainMatch(host, c.domain) && pathMatch(path, c.path)
}

// domainMatch is RFC 6265bis §5.1.3.
func domainMatch(host, domain string) bool {
	if host == domain {
		return true
	}
	if !strings.HasSuffix(host, domain) || host[len(host)-len(domain)-1] != '.' {
		return false
	}
	_, err := netip.ParseAddr(host)
	return err != nil
}

// pathMatch is RFC 6265bis §5.1.4.
func pathMatch(path, prefix string) bool {
	return strings.HasPrefix(path, prefix) &&
		(len(path) == len(prefix) || strings.HasSuffix(prefix, "/") || path[len(prefix)] == '/')
}

// defaultPath is the directory of a URL's path.
func defaultPath(path string) string {
	i := strings.LastIndexByte(path, '/')
	if i <= 0 {
		return "/"
	}
	return path[:i]
}
