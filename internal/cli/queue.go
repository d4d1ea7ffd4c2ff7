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
	Host     string          `json:"host"`
	State    string          `json:"state"` // waiting, leased, delayed, failed
	Due      time.Time       `json:"due,omitzero"`
	At       time.Time       `json:"at,omitzero"`      // of the failure, as what follows
	Error    string          `json:"error,omitempty"`  // its kind
	Status   int             `json:"status,omitempty"` // 0 for none
	Message  string          `json:"message,omitempty"`
	Attempts int             `json:"attempts,omitempty"` // fetches made
	Request  json.RawMessage `json:"request"`
}

// errEnough ends a listing at its limit.
var errEnough = errors.New("enough")

func (d *desk) list(ctx context.Context, a asking, row func(any) error) error {
	left := a.Limit
	limited := func(r waitingRow) error {
		if err := row(r); err != nil {
			return err
		}
		if left--; left == 0 {
			return errEnough
		}
		return nil
	}
	list := d.listWaiting
	if a.Failed {
		list = d.listFailed
	}
	if err := list(ctx, a.filter, limited); !errors.Is(err, errEnough) {
		return err
	}
	return nil
}

func (d *desk) listWaiting(ctx context.Context, f filter, row func(waitingRow) error) error {
	return d.each(ctx, f, func(host string, p *picker) error {
		found, err := d.store.Peek(ctx, host, 0)
		if err != nil {
			return err
		}
		for _, w := range found {
			w.Request.Queue = host
			if !p.waiting(w.Request) {
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
		}
		return nil
	})
}

func (d *desk) listFailed(ctx context.Context, f filter, row func(waitingRow) error) error {
	p, err := f.picker()
	if err != nil {
		return err
	}
	for failed, err := range d.store.Failures(ctx) {
		if err != nil {
			return err
		}
		if !p.failed(failed) {
			continue
		}
		err := row(waitingRow{
			Host: failed.Request.Queue, State: "failed", At: failed.At, Error: string(failed.Kind), Status: failed.Status,
			Message: failed.Message, Attempts: failed.Attempts, Request: failed.Request.AppendJSON(nil),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// each calls do for the hosts that are asked for, with what picks of them.
func (d *desk) each(ctx context.Context, f filter, do func(host string, p *picker) error) error {
	p, err := f.picker()
	if err != nil {
		return err
	}
	var hosts []string
	for q, err := range d.store.Queues(ctx) {
		if err != nil {
			return err
		}
		if f.Host == "" || f.Host == q.Name {
			hosts = append(hosts, q.Name)
		}
	}
	slices.Sort(hosts)
	for _, h := range hosts {
		if err := do(h, p); err != nil {
			return err
		}
	}
	return nil
}

func (d *desk) drop(ctx context.Context, a asking, row func(any) error) error {
	dropped := 0
	err := d.each(ctx, a.filter, func(host string, p *picker) error {
		n, err := d.store.Drop(ctx, host, p.waiting)
		dropped += n
		return err
	})
	if err != nil {
		return err
	}
	return row(map[string]int{"dropped": dropped})
}

// A requeueRow is what became of queue requeue.
type requeueRow struct {
	Requeued int  `json:"requeued"`
	Running  bool `json:"running"` // else the next run goes on with them
}

func (d *desk) requeue(ctx context.Context, a asking, row func(any) error) error {
	p, err := a.picker()
	if err != nil {
		return err
	}
	n, err := d.store.Requeue(ctx, p.failed)
	if err == nil && n > 0 && !d.running {
		err = d.store.Revive(ctx)
	}
	if err != nil {
		return err
	}
	return row(requeueRow{n, d.running || d.workers > 0})
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
