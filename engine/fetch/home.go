package fetch

import (
	"net/http"
	"strings"
	"sync"

	"downpour/engine"
	"downpour/policies"
)

// maxHomes bounds the origins that are remembered as home.
const maxHomes = 1 << 16

// A home is the origins that may see the secrets among the crawl's own headers.
// A page anywhere may name any address: without this bound a link were enough to
// be sent them.
type home struct {
	abroad http.Header // what other sites are sent; read only

	mu      sync.RWMutex // guards origins
	origins map[string]struct{}
}

// newHome is nil where h has no secrets, or where they may go everywhere.
func newHome(cfg *Config, h http.Header) *home {
	abroad := make(http.Header, len(h))
	for name, values := range h {
		if !secret(name) {
			abroad[name] = values
		}
	}
	if cfg.Roams || len(abroad) == len(h) {
		return nil
	}
	home := &home{abroad: abroad, origins: make(map[string]struct{})}
	for _, s := range cfg.Homes {
		if u, err := policies.ParseURL(s); err == nil {
			home.add(u)
		}
	}
	return home
}

// secret reports whether a header of that name is likely to hold what lets its
// sender in.
func secret(name string) bool {
	if name == "Authorization" || name == "Cookie" {
		return true
	}
	for word := range strings.SplitSeq(strings.ToLower(name), "-") {
		for _, end := range [...]string{"auth", "authorization", "token", "key", "apikey", "secret", "password", "session", "sessionid", "jwt", "credential", "credentials"} {
			if word == end {
				return true
			}
		}
	}
	return false
}

// knows reports whether u is home. One that the crawl's owner asks for becomes it.
func (h *home) knows(r *engine.Request, u policies.URL) bool {
	h.mu.RLock()
	_, ok := h.origins[u.Origin()]
	h.mu.RUnlock()
	if !ok && r.Depth <= 0 && len(r.Hops) == 0 {
		h.add(u)
		ok = true
	}
	return ok
}

// add makes an origin home, and with http the same host's https: sites move
// their pages there.
func (h *home) add(u policies.URL) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.origins) >= maxHomes {
		return
	}
	h.origins[u.Origin()] = struct{}{}
	if u.Scheme() == "http" && u.Port() == "" {
		h.origins["https://"+u.Host()] = struct{}{}
	}
}

// withheld says, once, that a site was not sent everything.
func (f *Fetcher) withheld(u policies.URL) {
	if f.cfg.Log == nil {
		return
	}
	f.homeWarned.Do(func() {
		f.cfg.Log.Warn("headers that look like a secret go to the seeds' sites alone; domains names others, and a request may have headers of its own", "not_sent_to", u.Host())
	})
}
