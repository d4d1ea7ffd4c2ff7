package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync/atomic"
	"time"

	"downpour/engine"
	"downpour/engine/frontier"
	"downpour/internal/option"
)

// rules are the settings that say which URLs a crawl fetches and when, as they
// are kept with it.
func rules(s settings) map[string]any {
	kept := map[string]any{}
	for _, o := range option.Table {
		if o.Group != option.GroupScope && o.Group != option.GroupPoliteness {
			continue
		}
		switch v := s[o.Flag].(type) {
		case int64:
			kept[o.Flag] = v
			if o.Limit && v == option.None {
				kept[o.Flag] = "none" // None itself is no value that Check takes
			}
		case bool, string, float64, []string:
			kept[o.Flag] = v
		case time.Duration:
			kept[o.Flag] = v.Seconds()
		}
	}
	return kept
}

// ruled is an engine that goes by the rules kept with a crawl, for explaining
// and filing URLs. What its scripts' policy says it does not know.
func ruled(store frontier.Store) (*engine.Engine, error) {
	var n note
	if err := json.Unmarshal(store.Note(), &n); err != nil {
		return nil, fmt.Errorf("the crawl's description is damaged: %w", err)
	}
	set, err := n.settings()
	if err != nil {
		return nil, err
	}
	r := &runner{set: set}
	cfg, err := r.config()
	if err != nil {
		return nil, err
	}
	return engine.New(cfg, engine.Deps{Frontier: store, Fetcher: fetchless{}, Log: slog.New(slog.DiscardHandler)})
}

// settings are the rules of a note as options.
func (n note) settings() (settings, error) {
	set := settings{}
	for flag, v := range n.Rules {
		o, ok := option.ByFlag(flag)
		if !ok {
			continue
		}
		value, err := o.Check(v)
		if err != nil {
			return nil, fmt.Errorf("the crawl's description: %s %w", flag, err)
		}
		set[flag] = value
	}
	return set, nil
}

// fetchless fetches nothing.
type fetchless struct{}

// Fetch implements engine.Fetcher.
func (fetchless) Fetch(context.Context, *engine.Request, func(engine.Event, *engine.Response) error) (*engine.Response, error) {
	return nil, errors.New("nothing is fetched here")
}

// Close implements engine.Fetcher.
func (fetchless) Close() error { return nil }

// delays are what was set for queues while the crawl runs; "" is for all.
type delays struct {
	set atomic.Pointer[map[string]time.Duration]
}

// replace takes all delays anew.
func (d *delays) replace(m map[string]time.Duration) { d.set.Store(&m) }

// put changes one.
func (d *delays) put(queue string, delay time.Duration) {
	m := map[string]time.Duration{}
	if old := d.set.Load(); old != nil {
		m = maps.Clone(*old)
	}
	m[queue] = delay
	d.replace(m)
}

func (d *delays) of(queue string) (time.Duration, bool) {
	m := d.set.Load()
	if m == nil {
		return 0, false
	}
	if v, ok := (*m)[queue]; ok {
		return v, true
	}
	v, ok := (*m)[""]
	return v, ok
}

// delayed is a policy whose delay can be set while the crawl runs.
type delayed struct {
	engine.Policy
	delays *delays
}

// Delay implements engine.Policy.
func (p delayed) Delay(ctx context.Context, queue string, r *engine.Request, resp *engine.Response) time.Duration {
	if d, ok := p.delays.of(queue); ok {
		return d
	}
	return p.Policy.Delay(ctx, queue, r, resp)
}
