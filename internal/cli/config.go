package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"downpour/engine"
	"downpour/internal/option"
	"downpour/internal/pattern"
	"downpour/policies"
)

// config is what the settings say of the crawl itself.
func (r *runner) config() (engine.Config, error) {
	s := r.set
	cfg := engine.Config{
		Concurrency: int(s.number("concurrency")),
		PerHost:     int(s.number("per-host")),
		Delay:       s.duration("delay"),
		DelayFactor: s.float("delay-factor"),
		MaxDelay:    max(1, s.duration("max-delay")), // 0 would be the default
		Robots:      s.bool("robots"),
		UserAgent:   userAgent(s),

		MaxURL:       int(s.number("max-url")),
		MaxRepeats:   orNever(s.number("max-repeats")),
		MaxSimilar:   orNever(s.number("max-similar")),
		MaxHosts:     orNever(s.number("max-hosts")),
		MaxLinks:     orNever(s.number("max-links")),
		MaxItems:     s.limit("max-items"),
		MaxTime:      s.duration("max-time"),
		MaxDepth:     depth(s.number("max-depth")),
		MaxRedirects: orNever(s.number("max-redirects")),
		Retries:      int(s.number("retries")),
		HostRetries:  orNever(s.number("host-retries")),
		Timeout:      s.duration("timeout"),

		Canonical: policies.Canonical{DropParams: s.list("drop-params")},
		Strict:    s.bool("strict"),
		KeepAlive: s.bool("keep-alive"),
	}
	if s.text("policy") == "base" {
		base(s, &cfg)
	}
	if s.bool("offline") { // nothing is asked of the sites
		cfg.Delay, cfg.DelayFactor, cfg.MaxDelay = 0, 0, 1
	}
	var err error
	cfg.Scope, err = scope(s)
	return cfg, err
}

// base is the policy without rules, but for those that were asked for.
func base(s settings, cfg *engine.Config) {
	if !s.has("delay") {
		cfg.Delay = 0
	}
	if !s.has("robots") {
		cfg.Robots = false
	}
	if !s.has("per-host") {
		cfg.PerHost = -1
	}
}

// depth is max_depth as the engine has it: 0 for none, negative for seeds alone.
func depth(n int64) int {
	switch n {
	case option.None:
		return 0
	case 0:
		return -1
	}
	return int(min(n, 1<<30))
}

// orNever is a number of which the engine takes 0 for the default.
func orNever(n int64) int {
	if n == 0 {
		return -1
	}
	return int(min(n, 1<<30))
}

func userAgent(s settings) string {
	agent, contact := s.text("user-agent"), s.text("contact")
	if agent == "" {
		agent = "downpour/" + Version
	}
	if contact != "" && !strings.Contains(agent, contact) {
		agent += " (+" + contact + ")"
	}
	return agent
}

func scope(s settings) (policies.Scope, error) {
	sc := policies.Scope{SameHost: s.bool("same-host"), SameDomain: s.bool("same-domain"), Domains: s.list("domains")}
	var err error
	if sc.Allow, err = patterns(s.list("allow-url")); err != nil {
		return sc, usagef("allow (--allow-url): %v", err)
	}
	if sc.Deny, err = patterns(s.list("deny")); err != nil {
		return sc, usagef("deny (--deny): %v", err)
	}
	return sc, nil
}

func patterns(sources []string) ([]policies.Matcher, error) {
	var ms []policies.Matcher
	for _, src := range sources {
		p, err := pattern.Compile(src)
		if err != nil {
			return nil, fmt.Errorf("pattern %q: %w", src, err)
		}
		ms = append(ms, p)
	}
	return ms, nil
}

// restless is a policy under which a folder of this process needs no rest.
type restless struct{ engine.Policy }

// Delay implements engine.Policy.
func (p restless) Delay(ctx context.Context, queue string, r *engine.Request, resp *engine.Response) time.Duration {
	if queue == siteHost {
		return 0
	}
	return p.Policy.Delay(ctx, queue, r, resp)
}

// proxied asks the script for the proxy of each request.
type proxied struct {
	engine.Fetcher
	choose func(*engine.Request) string
}

// Fetch implements engine.Fetcher.
func (p proxied) Fetch(ctx context.Context, req *engine.Request, notify func(engine.Event, *engine.Response) error) (*engine.Response, error) {
	if req.Proxy == "" {
		if proxy := p.choose(req); proxy != "" {
			c := *req
			c.Proxy = proxy
			req = &c
		}
	}
	return p.Fetcher.Fetch(ctx, req, notify)
}
