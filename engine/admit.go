package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"downpour/policies"
)

// admit checks a request that a hook pushes and keeps it in the visit.
func (e *Engine) admit(v *Visit, r *Request) (bool, *Skip) {
	if v.Request != nil {
		r.Referrer = v.pageURL()
	}
	switch {
	case r.Depth < 0:
		r.Depth = 0
	case r.Depth == 0 && v.Request != nil:
		r.Depth = v.Request.Depth + 1
	}
	canonical, skip := e.check(v, r)
	if skip != nil {
		v.skips = append(v.skips, *skip)
		return false, skip
	}
	if skip := e.refresh(v, r); skip != nil {
		v.skips = append(v.skips, *skip)
		return false, skip
	}
	r.Print = Fingerprint(r, canonical)
	if _, known := v.local[r.Print]; known && !r.Again {
		return false, &Skip{Request: r, Reason: SkipDuplicate}
	}
	if v.local == nil {
		v.local = make(map[uint64]struct{}, 32)
		v.children = slices.Grow(v.children, 32)
	}
	v.local[r.Print] = struct{}{}
	v.children = append(v.children, r)
	return true, nil
}

// check applies the rules that need no store: scheme, length, repeats, depth, scope. It
// makes the URL absolute and without fragment, and answers its canonical form.
func (e *Engine) check(v *Visit, r *Request) (canonical string, skip *Skip) {
	no := func(reason, detail string) (string, *Skip) {
		return "", &Skip{Request: r, Reason: reason, Detail: detail}
	}
	if len(r.URL) > e.cfg.MaxURL {
		return no(SkipLength, fmt.Sprintf("%d bytes, the limit is %d", len(r.URL), e.cfg.MaxURL))
	}
	u, err := r.parsed()
	if err != nil {
		return no(SkipInvalid, err.Error())
	}
	if !u.IsHTTP() {
		return no(SkipScheme, u.Scheme())
	}
	r.SetURL(u)
	if why := e.repeats(u); why != "" {
		return no(SkipTrap, why)
	}
	if e.cfg.MaxDepth != 0 && r.Depth > max(e.cfg.MaxDepth, 0) {
		return no(SkipDepth, fmt.Sprintf("depth %d", r.Depth))
	}
	var from policies.URL
	if v.Request != nil {
		from, _ = v.Request.parsed()
	}
	if ok, rule := e.cfg.Scope.Check(from, u); !ok {
		return no(SkipScope, rule)
	}
	return e.cfg.Canonical.Key(u), nil
}

// pageURL is the URL of the page at hand, after redirects.
func (v *Visit) pageURL() string { return v.Request.URL }

// file asks the policy about what a visit collected and names the queues. It
// is called outside the hooks, since a policy may be a script's. What has been
// pushed before is left out.
func (e *Engine) file(ctx context.Context, v *Visit) {
	home := ""
	if v.Request != nil {
		home = origin(v.Request)
	}
	kept := v.children[:0]
	for _, r := range v.children {
		e.identify(ctx, r)
		if !r.Again && e.pushed.has(r.Print) {
			e.duplicate(v, r)
			continue
		}
		if ok, why := e.policy.Allow(ctx, r); !ok {
			v.skips = append(v.skips, Skip{Request: r, Reason: SkipPolicy, Detail: why})
			continue
		}
		if why := e.traps.check(v, home, r); why != "" {
			v.skips = append(v.skips, Skip{Request: r, Reason: SkipTrap, Detail: why})
			continue
		}
		r.Queue, r.Buckets = e.policy.Key(ctx, r)
		kept = append(kept, r)
	}
	clear(v.children[len(kept):])
	v.children = kept
}

// identify lets the script say what r is compared by. A hop has an identity of
// its own, and so has a request with a key.
func (e *Engine) identify(ctx context.Context, r *Request) {
	if e.cfg.Identity == nil || r.Key != "" || len(r.Hops) > 0 {
		return
	}
	if name := e.cfg.Identity(ctx, r); name != "" {
		r.Print = Fingerprint(r, name)
	}
}

// origin is what robots.txt and credentials belong to: scheme, host and port.
func origin(r *Request) string {
	u, err := r.parsed()
	if err != nil {
		return ""
	}
	return u.Origin()
}

// oneLine makes text safe for a line of a log or a message.
func oneLine(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, s)
}
