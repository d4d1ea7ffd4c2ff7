package engine

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"downpour/policies"
)

// How long what is known of a robots.txt holds.
const (
	robotsFailed  = 10 * time.Minute // a host that could not be asked is asked again after this
	robotsMemory  = 64 << 20         // bytes of rules kept; then the oldest go
	robotsPerRule = 200              // bytes an entry costs besides its rules
)

// A gate is what is known of an origin's robots.txt. It is immutable.
type gate struct {
	origin  string
	rules   *policies.Rules // the last good copy, nil if there is none
	read    time.Time       // when the copy was read
	failure *Failure        // why the last try failed; nil if it did not
	tries   int             // failed tries in a row that were to be followed by another
	expires time.Time       // when it is asked for again
}

// verdict says whether a request may be fetched, and which line says so.
func (g *gate) verdict(u policies.URL) (ok bool, detail string) {
	if g.rules == nil {
		return false, "robots.txt: " + g.failure.Message
	}
	ok, line := g.rules.Allowed(u.PathQuery())
	if ok || line == 0 {
		return ok, ""
	}
	return false, fmt.Sprintf("robots.txt line %d (%s)", line, oneLine(g.rules.Line(line)))
}

// closed reports that nothing may be fetched because the file cannot be had,
// and why.
func (g *gate) closed() *Failure {
	if g.rules != nil {
		return nil
	}
	return g.failure
}

// crawlDelay is the host's own, 0 if it names none.
func (g *gate) crawlDelay() time.Duration {
	if g == nil || g.rules == nil {
		return 0
	}
	d, _ := g.rules.CrawlDelay()
	return d
}

func (g *gate) size() int { return robotsPerRule + len(g.origin) + g.rules.Size() }

// robotsCache keeps the gates of the origins met lately.
type robotsCache struct {
	mu    sync.Mutex // guards what follows
	gates map[string]*gate
	order []string // origins, oldest first
	size  int
}

func newRobotsCache() *robotsCache { return &robotsCache{gates: map[string]*gate{}} }

// get answers the gate of an origin, nil if robots.txt has to be asked for.
func (c *robotsCache) get(origin string) *gate {
	g := c.last(origin)
	if g == nil || time.Now().After(g.expires) {
		return nil
	}
	return g
}

// last answers what was last known of an origin, nil for nothing.
func (c *robotsCache) last(origin string) *gate {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gates[origin]
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

// askedRobots is what came of asking for a robots.txt.
type askedRobots struct {
	last    *Response     // of the exchange that came last, for the host's rest
	rest    time.Duration // what the host asked for besides, or what has to pass before the file is asked for again
	alive   bool          // the host has answered
	dead    *Failure      // nobody was there
	refusal *Failure      // after as many tries: the request that waits for the file ends so
}

// askRobots fetches the robots.txt that rules r's URL and remembers it.
func (e *Engine) askRobots(ctx context.Context, r *Request) (a askedRobots) {
	e.tally.robots.Add(1)
	now := time.Now()
	g := &gate{origin: origin(r), read: now, expires: now.Add(policies.RobotsMaxAge)}
	last, failure := FetchRobots(ctx, e.deps.Fetcher, r, func(resp *Response) error {
		a.alive = true
		return pause(ctx, e.policy.Delay(ctx, r.Queue, r, resp))
	})
	a.last = last
	a.alive = a.alive || last != nil && !last.Unasked()
	if failure != nil && !a.alive && silent(failure) && hostsOwn(r.Queue, r) {
		a.dead = failure
	}
	switch {
	case ctx.Err() != nil:
		a.dead = nil
		return a
	case failure != nil:
		// It has to hold until the request that waits for it has had its turn.
		g.expires = now.Add(max(robotsFailed, 2*e.policy.Delay(ctx, r.Queue, r, last)))
		a.rest = e.unreachable(g, failure, last)
		if g.closed() != nil && !g.expires.IsZero() && a.dead != nil {
			// Whether the next request may be fetched is asked when the host is
			// probed.
			g.expires = time.Time{}
			a.refusal = g.refused()
		}
	case policies.RobotsStatus(last.Status) == policies.RobotsParse:
		g.rules = policies.ParseRobots(last.Body).For(e.agent)
	default:
		g.rules = policies.AllowAll
	}
	e.robots.put(g)
	if d := g.crawlDelay(); d > e.cfg.MaxDelay {
		e.log.Warn("crawl-delay is above max_delay", "origin", g.origin, "crawl_delay", d, "max_delay", e.cfg.MaxDelay)
	}
	return a
}

// refused is the failure of a request whose robots.txt cannot be had.
func (g *gate) refused() *Failure {
	f := *g.closed()
	f.Message, f.Attempts = "robots.txt: "+f.Message, 1
	return &f
}

// unreachable fills in what is known of a robots.txt that could not be had:
// the last good copy goes on for 30 days (RFC 9309 §2.3.1.4). Without one
// nothing may be fetched; the host is asked again a few times, then given up
// for a while.
func (e *Engine) unreachable(g *gate, failure *Failure, last *Response) (rest time.Duration) {
	asked, wished := retryAfter(last)
	g.failure = failure
	if wished {
		g.expires = g.expires.Add(asked)
	}
	old := e.robots.last(g.origin)
	if old != nil && old.rules != nil && g.read.Sub(old.read) <= policies.RobotsMaxStale {
		g.rules, g.read = old.rules, old.read
		e.log.Warn("robots.txt cannot be had; the last copy goes on", "origin", g.origin, "failure", failure.Message, "read", old.read)
		return asked
	}
	g.read = time.Time{}
	if old != nil {
		g.tries = old.tries
	}
	if g.tries >= e.cfg.Retries {
		g.tries = 0
		e.log.Warn("robots.txt cannot be had; the host is not fetched from", "origin", g.origin, "failure", failure.Message)
		return asked
	}
	rest = policies.Backoff(g.tries)
	if wished {
		rest = asked
	}
	g.tries++
	g.expires = time.Time{} // known to have failed, not yet an answer
	e.log.Debug("robots.txt will be asked for again", "origin", g.origin, "failure", failure.Message, "after", rest)
	return rest
}

// FetchRobots asks for the robots.txt that rules r's URL and follows its
// redirects, which may lead to other hosts (RFC 9309 §2.3.1.2); rest is called
// before each of those with the answer so far, and its error ends it. An
// answer has a status that means something for robots.txt: anything that makes
// the file unreachable is a failure. More redirects than RobotsRedirects, or one
// that leads nowhere, are answered as they came: the file is unavailable.
func FetchRobots(ctx context.Context, f Fetcher, r *Request, rest func(*Response) error) (*Response, *Failure) {
	u, err := r.parsed()
	if err != nil {
		return nil, &Failure{Kind: FailInvalid, Message: err.Error(), Err: err}
	}
	req := &Request{URL: policies.RobotsURL(u), Proxy: r.Proxy, Depth: r.Depth}
	for hop := 0; ; hop++ {
		resp, err := f.Fetch(ctx, req, func(Event, *Response) error { return nil })
		if failure := asFailure(err); failure != nil && (failure.Kind != FailTooLarge || resp == nil || resp.Body == nil) {
			return resp, failure // but RFC 9309 §2.5: what was read of a file too long counts
		}
		if policies.RobotsStatus(resp.Status) == policies.RobotsDisallowAll {
			return resp, statusFailure(resp)
		}
		from, _ := policies.ParseURL(req.URL)
		next, err := policies.Redirect(resp.Status, http.MethodGet, from, resp.Header.Get("Location"))
		if err != nil || hop == policies.RobotsRedirects {
			return resp, nil
		}
		if err := rest(resp); err != nil {
			return resp, asFailure(err)
		}
		req = &Request{URL: next.URL.String(), Proxy: r.Proxy, Depth: r.Depth, Hops: append(req.Hops, Hop{URL: req.URL, Status: resp.Status})}
	}
}

// statusFailure is the failure that an answer outside 2xx means.
func statusFailure(resp *Response) *Failure {
	msg := fmt.Sprintf("%d %s", resp.Status, oneLine(resp.Message))
	return &Failure{Kind: FailStatus, Status: resp.Status, Message: msg}
}

// asFailure is err as a *Failure, nil for no error.
func asFailure(err error) *Failure {
	if err == nil {
		return nil
	}
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
