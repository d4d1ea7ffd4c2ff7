package policies

import "strings"

// A Matcher is a pattern on URLs.
type Matcher interface {
	Match(s string) bool
	String() string // the pattern as its author wrote it
}

// Scope says which URLs belong to the crawl. The zero value admits every one.
type Scope struct {
	SameHost   bool      // links stay on the host (and port) of the page they are on
	SameDomain bool      // links stay within the registrable domain of the page they are on
	Domains    []string  // hosts, with all below them; empty for any
	Allow      []Matcher // at least one has to match; empty for any
	Deny       []Matcher // none may match
}

// Check reports whether u belongs to the crawl and, if not, which rule says
// so, such as "same_host" or "deny ^http://x/". from is the page u was found
// on; for a seed it is the zero URL, and SameHost and SameDomain pass.
func (s *Scope) Check(from, u URL) (ok bool, rule string) {
	if s.SameHost && !from.IsZero() && from.Host() != u.Host() {
		return false, "same_host"
	}
	if s.SameDomain && !from.IsZero() && !sameDomain(from, u) {
		return false, "same_domain"
	}
	if len(s.Domains) > 0 && !withinAny(u, s.Domains) {
		return false, "domains"
	}
	if len(s.Allow) == 0 && len(s.Deny) == 0 {
		return true, ""
	}
	href := u.String()
	for _, m := range s.Deny {
		if m.Match(href) {
			return false, "deny " + m.String()
		}
	}
	if len(s.Allow) == 0 {
		return true, ""
	}
	for _, m := range s.Allow {
		if m.Match(href) {
			return true, ""
		}
	}
	return false, "allow"
}

func sameDomain(u, v URL) bool {
	a, b := u.Hostname(), v.Hostname()
	return a == b || Domain(a) == Domain(b)
}

func withinAny(u URL, domains []string) bool {
	for _, d := range domains {
		if within(u, d) {
			return true
		}
	}
	return false
}

// within reports whether u's host is domain or below it. domain may start with
// "*." or ".", have a port, and be in Unicode.
func within(u URL, domain string) bool {
	domain = strings.TrimPrefix(strings.TrimPrefix(domain, "*"), ".")
	if d, err := domainToASCII(domain); err == nil {
		domain = d
	}
	host := u.Hostname()
	if strings.Contains(domain, ":") {
		host = u.Host()
	}
	if domain == "" || len(host) < len(domain) {
		return false
	}
	cut := len(host) - len(domain)
	return strings.EqualFold(host[cut:], domain) && (cut == 0 || host[cut-1] == '.')
}
