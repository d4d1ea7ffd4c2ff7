package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"downpour/policies"
)

// How long what is known of a robots.txt holds.
const (
	robotsFresh   = 24 * time.Hour   // RFC 9309 §2.4
	robotsFailed  = 10 * time.Minute // a host that could not be asked is asked again after this
	robotsHops    = 5                // RFC 9309 §2.3.1.2
	robotsMemory  = 64 << 20         // bytes of rules kept; then the oldest go
	robotsPerRule = 200              // bytes an entry costs besides its rules
)

// A gate is what an origin's robots.txt said.
type gate struct {
	origin  string
	rules   *policies.Rules // nil allows everything, unless failure is set
	failure *Failure        // it could not be had: nothing may be fetched
	tries   int             // failed tries in a row
	expires time.Time
}

// verdict says whether a request may be fetched, and which line says so.
func (g *gate) verdict(u policies.URL) (ok bool, detail string) {
	if g.failure != nil {
		return false, "robots.txt: " + g.failure.Message
	}
	if g.rules == nil {
		return true, ""
	}
	ok, line := g.rules.Allowed(u.PathQuery())
	if ok || line == 0 {
		return ok, ""
	}
	return false, fmt.Sprintf("robots.txt line %d", line)
}

// crawlDelay is the host's own, 0 if it names none.
func (g *gate) crawlDelay() time.Duration {
	if g == nil || g.rules == nil {
		return 0
	}
	d, _ := g.rules.CrawlDelay()
	return d
}

// robotsCache keeps the gates of the origins met lately.
type robotsCache struct {
	mu    sync.Mutex // guards what follows
	gates map[string]*gate
	order []string // origins, oldest first
	size  int
}

func newRobotsCache() *robotsCache { return &robotsCache{gates: map[string]*gate{}} }

// get answers the gate of an origin, nil if none is known or it has expired.
func (c *robotsCache) get(origin string) *gate {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.gates[origin]
	if g == nil || time.Now().After(g.expires) {
		return nil
	}
	return g
}

// tries is how often in a row an origin's robots.txt could not be had.
func (c *robotsCache) tries(origin string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if g := c.gates[origin]; g != nil {
		return g.tries
	}
	return 0
}

func (c *robotsCache) put(g *gate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.gates[g.origin]; old != nil {
		c.size -= old.size()
	} else {
		c.order = append(c.order, g.origin)
	}
	c.gates[g.origin] = g
	c.size += g.size()
	for c.size > robotsMemory && len(c.order) > 1 {
		c.size -= c.gates[c.order[0]].size()
		delete(c.gates, c.order[0])
		c.order = c.order[1:]
	}
}

func (g *gate) size() int {
	n := robotsPerRule + len(g.origin)
	if g.rules != nil {
		n += g.rules.Size()
	}
	return n
}

// askRobots fetches the robots.txt that rules r's URL and remembers it. last
// is the exchange that came last, for the host's rest. again reports that it
// could not be had and is worth another try after rest.
func (e *Engine) askRobots(ctx context.Context, r *Request) (last *Response, rest time.Duration, again bool) {
	e.tally.robots.Add(1)
	g := &gate{origin: origin(r), expires: time.Now().Add(robotsFresh)}
	resp, failure := e.fetchRobots(ctx, r)
	switch {
	case ctx.Err() != nil:
		return resp, 0, true
	case failure == nil && resp.Status/100 == 2:
		g.rules = policies.ParseRobots(resp.Body).For(e.agent)
	case failure == nil && policies.RobotsStatus(resp.Status) == policies.RobotsAllowAll:
	case failure != nil && failure.Kind == FailOffline: // nothing is asked of the site
	default:
		if failure == nil {
			failure = statusFailure(resp)
		}
		g.tries = e.robots.tries(g.origin) + 1
		if g.tries <= e.cfg.Retries {
			rest = policies.Backoff(g.tries - 1)
			if after, ok := retryAfter(resp); ok {
				rest = after
			}
			g.expires = time.Time{} // known to have failed, not yet an answer
			e.robots.put(g)
			e.log.Debug("robots.txt will be asked for again", "origin", g.origin, "failure", failure.Message, "after", rest)
			return resp, rest, true
		}
		g.failure, g.expires = failure, time.Now().Add(robotsFailed)
		g.tries = 0
		e.log.Warn("robots.txt cannot be had; the host is not fetched from", "origin", g.origin, "failure", failure.Message)
	}
	e.robots.put(g)
	if d := g.crawlDelay(); d > e.cfg.MaxDelay {
		e.log.Warn("crawl-delay is above max_delay", "origin", g.origin, "crawl_delay", d, "max_delay", e.cfg.MaxDelay)
	}
	return resp, 0, false
}

// fetchRobots makes the exchange and follows its redirects, which RFC 9309
// §2.3.1.2 allows to lead to other hosts.
func (e *Engine) fetchRobots(ctx context.Context, r *Request) (*Response, *Failure) {
	u, err := r.parsed()
	if err != nil {
		return nil, &Failure{Kind: FailInvalid, Message: err.Error(), Err: err}
	}
	req := &Request{URL: policies.RobotsURL(u), Proxy: r.Proxy}
	for range robotsHops + 1 {
		resp, err := e.deps.Fetcher.Fetch(ctx, req, func(Event, *Response) error { return nil })
		if err != nil {
			var f *Failure
			if errors.As(err, &f) && f.Kind == FailTooLarge && resp != nil && len(resp.Body) > 0 {
				return resp, nil // RFC 9309 §2.5: what was read of a file too long counts
			}
			return resp, asFailure(err)
		}
		if !policies.IsRedirect(resp.Status) {
			return resp, nil
		}
		from, err := req.parsed()
		if err != nil {
			return resp, asFailure(err)
		}
		next, err := policies.Redirect(resp.Status, "GET", from, resp.Header.Get("Location"))
		if err != nil {
			break
		}
		req = &Request{URL: next.URL.String(), Proxy: r.Proxy}
	}
	// More than five redirects, or one that leads nowhere: as if it were not there.
	return &Response{Status: 404}, nil
}

// statusFailure is the failure that an answer outside 2xx means.
func statusFailure(resp *Response) *Failure {
	msg := fmt.Sprintf("%d %s", resp.Status, oneLine(resp.Message))
	return &Failure{Kind: FailStatus, Status: resp.Status, Message: msg}
}

// asFailure is err as a *Failure.
func asFailure(err error) *Failure {
	var f *Failure
	if errors.As(err, &f) {
		return f
	}
	return &Failure{Kind: FailProtocol, Message: oneLine(err.Error()), Err: err}
}

// maxRetryAfter bounds how long an answer may send a host to rest.
const maxRetryAfter = 24 * time.Hour

// retryAfter is the rest that a 429 or 503 asks for.
func retryAfter(resp *Response) (time.Duration, bool) {
	if resp == nil || (resp.Status != 429 && resp.Status != 503) {
		return 0, false
	}
	d, ok := policies.RetryAfter(resp.Header.Get("Retry-After"), time.Now())
	return min(d, maxRetryAfter), ok
}
