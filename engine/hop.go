package engine

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"downpour/policies"

	"github.com/cespare/xxhash/v2"
)

// redirect points the request at its next hop. stays reports that the hop may
// be fetched in this turn: same queue, robots.txt known and in favour.
func (e *Engine) redirect(ctx context.Context, v *Visit, status int, location string) (stays bool, failure *Failure) {
	r := v.Request
	bad := func(kind FailureKind, format string, args ...any) (bool, *Failure) {
		return false, &Failure{Kind: kind, Status: status, Message: oneLine(fmt.Sprintf(format, args...))}
	}
	from, err := r.parsed()
	if err != nil {
		return bad(FailRedirect, "%v", err)
	}
	next, err := policies.Redirect(status, r.MethodOrGet(), from, location)
	if err != nil {
		return bad(FailRedirect, "%v", err)
	}
	if err := next.Check(r.Body); err != nil {
		return bad(FailRedirect, "%v: %s", err, next.URL)
	}
	to := next.URL.String()
	if len(r.Hops) >= e.cfg.MaxRedirects {
		return bad(FailRedirect, "more than %d redirects, the last to %s", e.cfg.MaxRedirects, to)
	}
	if circles(r, to) {
		return bad(FailRedirect, "redirect loop: %s again", to)
	}
	if len(to) > e.cfg.MaxURL {
		return bad(FailRedirect, "redirect to a URL of %d bytes", len(to))
	}
	scopeFrom := from
	if r.Depth == 0 {
		scopeFrom = policies.URL{} // where a seed leads is where its crawl is
	}
	if ok, rule := e.cfg.Scope.Check(scopeFrom, next.URL); !ok {
		return bad(SkipScope, "redirected out of scope (%s): %s", rule, to)
	}
	e.tally.redirects.Add(1)
	before := origin(r)
	moveTo(r, status, to, next)
	queue, buckets := e.policy.Key(ctx, r)
	r.Buckets = buckets
	if e.cfg.Robots && origin(r) != before {
		return false, nil
	}
	if f := e.forbidden(v); f != nil {
		return false, f
	}
	return queue == r.Queue && len(buckets) == 0, nil
}

// circles reports whether a redirect leads where the request has been twice: a
// page may set a cookie and redirect to itself once.
func circles(r *Request, to string) bool {
	n := 0
	for _, h := range r.Hops {
		if h.URL == to {
			n++
		}
	}
	return n >= 2
}

// refresh makes a request that a page's refresh asks for one more hop of the
// page's own, within the limits of redirects: a refresh is one by other means.
func (e *Engine) refresh(v *Visit, r *Request) *Skip {
	if !r.Refresh || v.Request == nil || v.Response == nil {
		return nil
	}
	page := v.Request
	if len(page.Hops) >= e.cfg.MaxRedirects {
		return &Skip{Request: r, Reason: SkipRedirect, Detail: fmt.Sprintf("more than %d redirects", max(e.cfg.MaxRedirects, 0))}
	}
	r.Hops = append(slices.Clip(page.Hops), Hop{URL: page.URL, Status: v.Response.Status})
	if circles(r, r.URL) {
		return &Skip{Request: r, Reason: SkipRedirect, Detail: "redirect loop"}
	}
	return nil
}

// moveTo makes r the request for its next hop. Credentials and headers the
// script set stay with the origin they were given for.
func moveTo(r *Request, status int, to string, next policies.Next) {
	if r.Original == "" {
		r.Original = r.URL
	}
	r.Hops = append(slices.Clip(r.Hops), Hop{URL: r.URL, Status: status})
	r.URL, r.Method = to, next.Method
	if !next.KeepBody {
		r.Body = nil
		if r.Header != nil {
			r.Header = r.Header.Clone()
			r.Header.Del("Content-Type")
			r.Header.Del("Content-Length")
		}
	}
	if !next.SameOrigin {
		r.Header = nil
	}
}

// redirected hands the hop to the frontier: back into its own queue, or pushed
// into another, where that host's robots.txt and rest hold.
func (e *Engine) redirected(ctx context.Context, j *job) {
	v, r := j.visit, j.visit.Request
	queue, buckets := e.policy.Key(ctx, r)
	r.Buckets = buckets
	if queue == r.Queue {
		j.fate = fateBack
		return
	}
	moved := *r
	moved.Queue = queue
	moved.Attempt = 0
	// Its own identity: pushed again after a crash it is dropped, and a link to
	// the same URL is another request.
	moved.Print = xxhash.Sum64String("hop\x00" + r.OriginalURL() + "\x00" + strconv.Itoa(len(r.Hops)) + "\x00" + r.URL)
	v.children = append(v.children, &moved)
	e.skipped(ctx, v)
	e.file(ctx, v)
}
