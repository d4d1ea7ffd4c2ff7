package engine

import (
	"context"
	"time"

	"downpour/policies"

	"github.com/cespare/xxhash/v2"
)

// configured is the policy made of a Config's own fields: one queue a host, one
// delay for all, retries with backoff. Both "polite" and "base" are it, with
// other numbers.
type configured struct {
	politeness policies.Politeness
	retries    int
}

var _ Policy = (*configured)(nil)

// NewPolicy is the policy that cfg's fields describe, for those who lay their
// own over it.
func NewPolicy(cfg Config) Policy {
	fillIn(&cfg)
	return &configured{
		politeness: policies.Politeness{Delay: cfg.Delay, Factor: cfg.DelayFactor, Max: cfg.MaxDelay},
		retries:    cfg.Retries,
	}
}

// Key is the URL's host with its port.
func (p *configured) Key(_ context.Context, r *Request) (queue string, buckets []string) {
	u, err := r.parsed()
	if err != nil {
		return r.URL, nil
	}
	return u.Host(), nil
}

// Allow allows everything: scope and robots have been asked already.
func (p *configured) Allow(context.Context, *Request) (bool, string) { return true, "" }

// Delay is the configured one, or the factor times the last response's
// duration if that is more.
func (p *configured) Delay(_ context.Context, _ string, _ *Request, resp *Response) time.Duration {
	var last time.Duration
	if resp != nil && !resp.Unasked() {
		last = resp.Timing.Total
	}
	rest, _ := p.politeness.Rest(0, last)
	return rest
}

// Retry tries safe methods again for failures that may pass.
func (p *configured) Retry(_ context.Context, r *Request, f *Failure, resp *Response) (time.Duration, bool) {
	if r.Attempt >= p.retries || !policies.SafeMethod(r.MethodOrGet()) || !passing(f) {
		return 0, false
	}
	return spread(policies.Backoff(r.Attempt), r), true
}

// spread is d with a jitter that is r's own: what failed together, say by one
// proxy, does not return together, and a crawl run again does the same.
func spread(d time.Duration, r *Request) time.Duration {
	const steps = 1 << 16
	return policies.Jitter(d, float64(xxhash.Sum64String(r.URL)%steps)/steps)
}

// passing reports whether a failure may be gone in a while.
func passing(f *Failure) bool {
	switch f.Kind {
	case FailTimeout, FailReset, FailConnect, FailDNS, FailProxy:
		return true
	case FailStatus:
		return policies.RetryStatus(f.Status)
	default:
		return false
	}
}
