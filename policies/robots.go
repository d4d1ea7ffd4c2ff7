package policies

import (
	"strings"
	"time"
)

// Robots is a robots.txt file, all groups of it. It is immutable and safe for
// concurrent use.
type Robots struct {
	Sitemaps []string // URLs of its Sitemap lines, as written, in order

	groups []group
}

// A group is a run of User-agent lines and what follows up to the next run.
type group struct {
	agents []string // product tokens in lower case, "*" for all
	delays []delay
	rules  []directive
	held   int // how many of the agents an earlier Crawl-delay line of the group was meant for
}

// A delay is a Crawl-delay line and the agents of its group it is meant for.
type delay struct {
	from, to int
	value    time.Duration
}

// A directive is an Allow or Disallow line as written.
type directive struct {
	allow bool
	line  int // from 1
	value string
}

// names reports whether one of the group's agents is token.
func (g *group) names(token string) bool {
	for _, a := range g.agents {
		if a == token {
			return true
		}
	}
	return false
}

// delayFor is the longest Crawl-delay meant for token.
func (g *group) delayFor(token string) (longest time.Duration, ok bool) {
	for _, d := range g.delays {
		for _, a := range g.agents[d.from:d.to] {
			if a == token {
				longest, ok = max(longest, d.value), true
			}
		}
	}
	return longest, ok
}

// For is what the file says to agent, which may be a whole User-Agent. All the
// groups that name its product token are one; where none does, those for "*"
// apply (RFC 9309 §2.2.1).
func (r *Robots) For(agent string) *Rules {
	token := strings.ToLower(ProductToken(agent))
	if token != "" {
		if rules := r.merge(token); rules != nil {
			return rules
		}
	}
	if rules := r.merge("*"); rules != nil {
		return rules
	}
	return AllowAll
}

// merge makes one of all groups that name token; nil where none does.
func (r *Robots) merge(token string) *Rules {
	var text []byte
	var delay time.Duration
	named, delayed := false, false
	for i := range r.groups {
		g := &r.groups[i]
		if !g.names(token) {
			continue
		}
		named = true
		if d, ok := g.delayFor(token); ok {
			delay, delayed = max(delay, d), true
		}
		for _, d := range g.rules {
			text = d.append(text)
		}
	}
	switch {
	case !named:
		return nil
	case delayed:
		text = appendDelay(text, delay)
	}
	return ParseRules(string(text))
}

// Allowed reports whether agent may fetch url, which is absolute or a path,
// and the number of the line that decided, from 1; 0 where none did. It builds
// agent's rules anew: for many URLs use For.
func (r *Robots) Allowed(agent, url string) (ok bool, line int) {
	return r.For(agent).Allowed(pathOf(url))
}

// CrawlDelay is the Crawl-delay for agent, and whether there is one.
func (r *Robots) CrawlDelay(agent string) (time.Duration, bool) {
	return r.For(agent).CrawlDelay()
}

// pathOf is the path and query of url, which may lack its scheme.
func pathOf(url string) string {
	url, _, _ = strings.Cut(url, "#")
	switch i := strings.Index(url, "://"); {
	case strings.HasPrefix(url, "//"):
		url = url[2:]
	case i >= 0 && !strings.ContainsAny(url[:i], "/?;"):
		url = url[i+3:]
	}
	i := strings.IndexAny(url, "/?;")
	if i < 0 {
		return "/"
	}
	if url[i] != '/' {
		return "/" + url[i:]
	}
	return url[i:]
}

// ProductToken is the part of a User-Agent by which robots.txt files name a
// crawler: the letters, "_" and "-" it starts with (RFC 9309 §2.2.1). Digits
// and octets beyond ASCII belong to it too, so that "crawler2" is another than
// "crawler". It is "" where there are none.
func ProductToken(userAgent string) string {
	i := 0
	for i < len(userAgent) && isTokenByte(userAgent[i]) {
		i++
	}
	return userAgent[:i]
}

func isTokenByte(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '-' || c >= '0' && c <= '9' || c >= 0x80
}

// RobotsURL is where the robots.txt of u's site is.
func RobotsURL(u URL) string {
	u = u.WithoutUserinfo()
	return u.href[:u.path] + "/robots.txt"
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
// (RFC 9309 §2.3.1). 0 stands for no answer at all. Redirects are to be
// followed first, RobotsRedirects of them; what is left of them counts as
// unavailable. 429 asks a crawler to come back later, so it counts as
// unreachable though it is a 4xx.
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
	RobotsMaxAge    = 24 * time.Hour      // how long a copy is used (§2.4)
	RobotsMaxStale  = 30 * 24 * time.Hour // and while the file is unreachable (§2.3.1.4)
	RobotsRedirects = 5                   // redirects followed (§2.3.1.2)
)
