package policies

import "time"

// Robots is a robots.txt file, all groups of it.
type Robots struct {
	Sitemaps []string // URLs of its Sitemap lines, as written, in order
}

// ParseRobots reads a robots.txt file (RFC 9309). No input is an error: what
// cannot be read is skipped, and what is beyond 500 KiB.
func ParseRobots(b []byte) *Robots { return &Robots{} }

// Allowed reports whether agent may fetch url (absolute, or path and query),
// and the number of the line that decided, from 1; 0 where none did. agent
// may be a whole User-Agent; its product token counts.
func (r *Robots) Allowed(agent, url string) (bool, int) { return true, 0 }

// CrawlDelay is the Crawl-delay for agent, and whether there is one.
func (r *Robots) CrawlDelay(agent string) (time.Duration, bool) { return 0, false }

// For is the group of rules that applies to agent.
func (r *Robots) For(agent string) *Rules { return &Rules{} }

// Rules are what one robots.txt file says to one agent. A nil *Rules allows
// everything.
type Rules struct{}

// AllowAll and DisallowAll are the rules of a site whose robots.txt is
// unavailable and unreachable (RFC 9309 §2.3.1).
var (
	AllowAll    = &Rules{}
	DisallowAll = &Rules{}
)

// Allowed reports whether a path with its query may be fetched, and the number
// of the line that decided, from 1; 0 where none did.
func (r *Rules) Allowed(pathQuery string) (bool, int) { return r != DisallowAll, 0 }

// CrawlDelay is the group's Crawl-delay, and whether there is one.
func (r *Rules) CrawlDelay() (time.Duration, bool) { return 0, false }

// Size is roughly how many bytes the rules keep, for the bounds of caches.
func (r *Rules) Size() int { return 64 }

// ProductToken is the part of a User-Agent that robots.txt files name: the
// letters, "_" and "-" it starts with (RFC 9309 §2.2.1).
func ProductToken(userAgent string) string { return userAgent }

// RobotsURL is where the robots.txt of u's site is.
func RobotsURL(u URL) string {
	if u.user == u.host {
		return u.href[:u.path] + "/robots.txt"
	}
	return u.href[:u.user] + u.href[u.host:u.path] + "/robots.txt"
}

// A RobotsVerdict is what the answer to a request for robots.txt means.
type RobotsVerdict int

// The verdicts.
const (
	RobotsParse       RobotsVerdict = iota // the body holds the rules
	RobotsAllowAll                         // unavailable: nothing is forbidden
	RobotsDisallowAll                      // unreachable: everything is, until a later try
)

// RobotsStatus says what a status in answer to a request for robots.txt means
// (RFC 9309 §2.3.1). 0 stands for no answer at all. A redirect is to be
// followed at most RobotsRedirects times first.
func RobotsStatus(status int) RobotsVerdict {
	switch {
	case status >= 200 && status <= 299:
		return RobotsParse
	case status == 429:
		return RobotsDisallowAll
	case status >= 300 && status <= 499:
		return RobotsAllowAll
	}
	return RobotsDisallowAll
}

// Limits of RFC 9309 on a robots.txt file.
const (
	RobotsMaxSize   = 500 << 10           // bytes read; what follows is ignored (§2.5)
	RobotsMaxAge    = 24 * time.Hour      // a copy is used that long (§2.4)
	RobotsMaxStale  = 30 * 24 * time.Hour // and while the file is unreachable that long (§2.3.1.4)
	RobotsRedirects = 5                   // redirects followed (§2.3.1.2)
)
