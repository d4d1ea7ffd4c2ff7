// Package policies holds the rules of a crawl without state or I/O.
package policies

// A Matcher is a pattern of the script's on URLs.
type Matcher interface {
	Match(s string) bool
	String() string
}

// Scope says which URLs belong to the crawl.
type Scope struct {
	SameHost, SameDomain bool
	Domains              []string
	Allow, Deny          []Matcher
}

// Canonical says how a URL is made an identity.
type Canonical struct {
	DropParams []string
	KeepOrder  bool
}
