package cli

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"downpour/engine"
	"downpour/engine/frontier"
)

// A waitingRow is a request as queue ls shows it.
type waitingRow struct {
	Host    string          `json:"host"`
	State   string          `json:"state"` // waiting, leased, delayed
	Due     time.Time       `json:"due,omitzero"`
	Request json.RawMessage `json:"request"`
}

// errEnough ends a listing at its limit.
var errEnough = errors.New("enough")

func (d *desk) list(ctx context.Context, a asking, row func(any) error) error {
	left := a.Limit
	err := d.each(ctx, a, func(host string, match func(*engine.Request) bool) error {
		found, err := d.store.Peek(ctx, host, 0)
		if err != nil {
			return err
		}
		for _, w := range found {
			if !match(w.Request) {
				continue
			}
			r := waitingRow{Host: host, State: "waiting", Due: w.Due, Request: w.Request.AppendJSON(nil)}
			switch {
			case w.Leased:
				r.State = "leased"
			case !w.Due.IsZero():
				r.State = "delayed"
			}
			if err := row(r); err != nil {
				return err
			}
			if left--; left == 0 {
				return errEnough
			}
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// each calls do for the hosts that are asked for, with what of them is.
func (d *desk) each(ctx context.Context, a asking, do func(host string, match func(*engine.Request) bool) error) error {
	patterns, err := patterns(nonEmpty(a.Match))
	if err != nil {
		return err
	}
	match := func(r *engine.Request) bool {
		return (a.Kind == "" || r.Kind == a.Kind) &&
			(len(patterns) == 0 || patterns[0].Match(r.URL)) &&
			(len(a.URLs) == 0 || slices.Contains(a.URLs, r.URL))
	}
	var hosts []string
	for q, err := range d.store.Queues(ctx) {
		if err != nil {
			return err
		}
		if a.Host == "" || a.Host == q.Name {
			hosts = append(hosts, q.Name)
		}
	}
	slices.Sort(hosts)
	for _, h := range hosts {
		if err := do(h, match); err != nil {
			return err
		}
	}
	return nil
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func (d *desk) drop(ctx context.Context, a asking, row func(any) error) error {
	dropped := 0
	err := d.each(ctx, a, func(host string, match func(*engine.Request) bool) error {
		n, err := d.store.Drop(ctx, host, match)
		dropped += n
		return err
	})
	if err != nil {
		return err
	}
	return row(map[string]int{"dropped": dropped})
}

// An addRow is what became of what queue add was given.
type addRow struct {
	Added   int      `json:"added"`
	Posted  int      `json:"posted"` // left for the workers to take in
	Skipped []string `json:"skipped"`
}

func (d *desk) add(ctx context.Context, a asking, row func(any) error) error {
	if r, ok := d.store.(*frontier.Redis); ok && d.workers > 0 {
		if err := r.Post(ctx, a.URLs...); err != nil {
			return err
		}
		return row(addRow{Posted: len(a.URLs), Skipped: []string{}})
	}
	var reqs []*engine.Request
	for _, u := range a.URLs {
		reqs = append(reqs, &engine.Request{URL: u, Depth: -1})
	}
	fresh, skips, err := d.engine.Add(ctx, reqs...)
	if err == nil && fresh > 0 && !d.running {
		err = d.store.Revive(ctx)
	}
	if err != nil {
		return err
	}
	done := addRow{Added: fresh, Skipped: []string{}}
	for _, s := range skips {
		done.Skipped = append(done.Skipped, strings.TrimSpace(s.Request.URL+": "+s.Reason+" "+s.Detail))
	}
	return row(done)
}
