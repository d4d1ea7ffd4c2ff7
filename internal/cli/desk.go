package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"downpour/engine"
	"downpour/engine/frontier"
	"downpour/internal/control"
)

// lookable is a store that commands look into.
type lookable interface {
	frontier.Store
	frontier.Inspector
	frontier.Steerer
	frontier.Mover
}

// A desk is where commands are carried out: in the process that runs the crawl,
// which is asked through its socket, or in the command's own.
type desk struct {
	name     string
	store    lookable
	engine   *engine.Engine // knows the crawl's rules
	running  bool           // the engine is at work
	workers  int            // at work through Redis
	steering steering       // nil: there is nothing to steer
}

// An asking is the arguments of a command.
type asking struct {
	filter
	Failed bool    `json:"failed,omitempty"` // those that failed, not those that wait
	Limit  int     `json:"limit,omitempty"`
	Delay  float64 `json:"delay,omitempty"` // s
}

// handlers are what can be asked of a desk.
func (d *desk) handlers() map[string]control.Handler {
	all := map[string]control.Handler{}
	for name, do := range map[string]func(context.Context, asking, func(any) error) error{
		"status": d.status, "hosts": d.hosts, "why": d.why,
		"ls": d.list, "add": d.add, "drop": d.drop, "requeue": d.requeue,
		"pause": d.pause, "resume": d.resume, "stop": d.stop, "set": d.set, "verify": d.verify,
	} {
		all[name] = func(ctx context.Context, args json.RawMessage, row func(any) error) error {
			var a asking
			if err := json.Unmarshal(args, &a); err != nil {
				return err
			}
			return do(ctx, a, row)
		}
	}
	return all
}

// A hostRow is a queue as it is shown.
type hostRow struct {
	Host   string    `json:"host"`
	Queued int64     `json:"queued"`
	Leased int64     `json:"leased"`
	Due    time.Time `json:"due,omitzero"`
	Cause  string    `json:"cause"`       // what it waits for
	ETA    float64   `json:"eta_seconds"` // until its last request starts, at the rest it had last
}

func newHostRow(q frontier.Queue, now time.Time) hostRow {
	why, rest := engine.Resting(q.State)
	row := hostRow{Host: q.Name, Queued: q.Queued, Leased: q.Leased, Due: q.Due, Cause: cause(q, why, now)}
	eta := time.Duration(q.Queued-1) * rest
	if q.Leased == 0 {
		eta += max(q.Due.Sub(now), 0)
	}
	row.ETA = eta.Seconds()
	return row
}

// cause says in words what a queue waits for.
func cause(q frontier.Queue, why string, now time.Time) string {
	until := q.Due.Local().Format("15:04:05")
	switch {
	case q.Leased > 0:
		return "under way"
	case q.Held:
		return "its page budget is used up"
	case !q.Due.After(now):
		return "due"
	case why == "":
		return "resting until " + until
	case strings.HasPrefix(why, "robots Crawl-delay"):
		return why
	case strings.HasPrefix(why, "down"):
		return why + ", next try " + until
	}
	return why + " until " + until
}

// A statusRow is how a crawl stands.
type statusRow struct {
	Name    string        `json:"name"`
	State   string        `json:"state"` // running, paused, interrupted, over
	Counts  engine.Counts `json:"counts"`
	Workers int           `json:"workers"`
	ETA     float64       `json:"eta_seconds"` // the least that is left
	Waiting []hostRow     `json:"waiting"`     // the hosts that the end waits for longest
}

// statusHosts is how many hosts the status names.
const statusHosts = 10

func (d *desk) status(ctx context.Context, _ asking, row func(any) error) error {
	s := statusRow{Name: d.name, Workers: d.workers, State: "interrupted", Waiting: []hostRow{}}
	if d.running {
		s.Workers = 1
	}
	over, err := d.store.Over(ctx)
	if err != nil {
		return err
	}
	paused, err := d.paused(ctx)
	switch {
	case err != nil:
		return err
	case s.Workers > 0 && paused:
		s.State = "paused"
	case s.Workers > 0:
		s.State = "running"
	case over:
		s.State = "over"
	}
	if s.Counts, err = d.store.Counts(ctx); err != nil {
		return err
	}
	now := time.Now()
	for q, err := range d.store.Queues(ctx) {
		if err != nil {
			return err
		}
		h := newHostRow(q, now)
		s.ETA = max(s.ETA, h.ETA)
		s.Waiting = append(s.Waiting, h)
		if len(s.Waiting) >= 2*statusHosts {
			s.Waiting = longest(s.Waiting)
		}
	}
	s.Waiting = longest(s.Waiting)
	return row(s)
}

// longest keeps the hosts that take longest.
func longest(rows []hostRow) []hostRow {
	slices.SortFunc(rows, func(a, b hostRow) int { return cmp.Or(cmp.Compare(b.ETA, a.ETA), cmp.Compare(a.Host, b.Host)) })
	return rows[:min(len(rows), statusHosts)]
}

func (d *desk) paused(ctx context.Context) (bool, error) {
	if r, ok := d.store.(*frontier.Redis); ok {
		o, err := r.Orders(ctx)
		return o.Paused, err
	}
	return d.running && d.engine.Paused(), nil
}

func (d *desk) hosts(ctx context.Context, a asking, row func(any) error) error {
	now := time.Now()
	for q, err := range d.store.Queues(ctx) {
		if err != nil {
			return err
		}
		if a.Host != "" && a.Host != q.Name {
			continue
		}
		if err := row(newHostRow(q, now)); err != nil {
			return err
		}
	}
	return nil
}

// A whyRow is what is known of a URL.
type whyRow struct {
	URL       string    `json:"url"`
	Canonical string    `json:"canonical,omitempty"`
	Host      string    `json:"host,omitempty"` // its queue
	Skip      string    `json:"skip,omitempty"` // why it would not be fetched
	Robots    string    `json:"robots,omitempty"`
	Seen      bool      `json:"seen"`
	State     string    `json:"state"` // skipped, new, waiting, leased, failed, fetched
	Ahead     int       `json:"ahead"` // requests of its host before it
	Attempts  int       `json:"attempts"`
	Last      string    `json:"last,omitempty"`    // how the last attempt failed: "503", "timeout"
	Message   string    `json:"message,omitempty"` // of the failure
	At        time.Time `json:"at,omitzero"`       // when it failed
	Referrer  string    `json:"referrer,omitempty"`
	Depth     int       `json:"depth,omitempty"`
	Due       time.Time `json:"due,omitzero"`
	Cause     string    `json:"cause,omitempty"`
}

func (d *desk) why(ctx context.Context, a asking, row func(any) error) error {
	for _, u := range a.URLs {
		w, err := d.whyOne(ctx, u)
		if err != nil {
			return err
		}
		if err := row(w); err != nil {
			return err
		}
	}
	return nil
}

func (d *desk) whyOne(ctx context.Context, url string) (whyRow, error) {
	var queue frontier.Queue
	var failed error
	req := &engine.Request{URL: url, Depth: -1}
	x := d.engine.Explain(ctx, req, func(name string) []byte {
		state, err := d.store.State(ctx, name)
		queue, failed = d.queue(ctx, name)
		failed = errors.Join(failed, err)
		return state
	})
	w := whyRow{URL: url, Canonical: x.Canonical, Host: x.Queue, Robots: x.Robots, State: "new"}
	if x.Skip != nil {
		w.State, w.Skip = "skipped", strings.TrimSpace(x.Skip.Reason+" "+x.Skip.Detail)
		return w, nil
	}
	seen, err := d.store.Seen(ctx, x.Print)
	if err := errors.Join(err, failed); err != nil || !seen {
		return w, err
	}
	w.Seen = true
	waiting, err := d.store.Peek(ctx, x.Queue, 0)
	for i, p := range waiting {
		if p.Request.URL != req.URL && p.Request.OriginalURL() != req.URL && (p.Request.Print == 0 || p.Request.Print != x.Print) {
			continue
		}
		w.State, w.Ahead = "waiting", i
		w.Attempts, w.Last = p.Request.Attempt, p.Request.Last
		w.Referrer, w.Depth = p.Request.Referrer, p.Request.Depth
		w.Cause, w.Due = newHostRow(queue, time.Now()).Cause, queue.Due
		if p.Leased {
			w.State, w.Cause = "leased", ""
		}
		if p.Due.After(w.Due) {
			w.Due, w.Cause = p.Due, "to be tried again at "+p.Due.Local().Format("15:04:05")
		}
		return w, nil
	}
	if err != nil {
		return w, err
	}
	return d.whyOver(ctx, req, x, w)
}

// whyOver completes the row of what has been pushed and waits no longer.
func (d *desk) whyOver(ctx context.Context, req *engine.Request, x engine.Explanation, w whyRow) (whyRow, error) {
	f, err := d.store.Failure(ctx, req.URL, x.Print)
	switch {
	case err != nil:
		return w, err
	case f != nil:
		w.State, w.Attempts, w.Last, w.Message, w.At = "failed", f.Attempts, f.Word(), f.Message, f.At
		w.Referrer, w.Depth = f.Request.Referrer, f.Request.Depth
	case x.Disallowed:
		w.State, w.Skip = "skipped", x.Robots
	default:
		w.State = "fetched"
	}
	return w, nil
}

// queue is the queue of a name; one that holds nothing has nothing to tell.
func (d *desk) queue(ctx context.Context, name string) (frontier.Queue, error) {
	for q, err := range d.store.Queues(ctx) {
		if err != nil || q.Name == name {
			return q, err
		}
	}
	return frontier.Queue{}, nil
}

// steer does something to a crawl that runs.
func (d *desk) steer(row func(any) error, done string, do func(steering) error) error {
	if d.steering == nil || !d.running && d.workers == 0 {
		return fmt.Errorf("crawl %q is not running", d.name)
	}
	if err := do(d.steering); err != nil {
		return err
	}
	return row(map[string]string{"done": done})
}

func (d *desk) pause(ctx context.Context, _ asking, row func(any) error) error {
	return d.steer(row, "paused", func(s steering) error { return s.Pause(ctx, true) })
}

func (d *desk) resume(ctx context.Context, _ asking, row func(any) error) error {
	return d.steer(row, "resumed", func(s steering) error { return s.Pause(ctx, false) })
}

func (d *desk) stop(ctx context.Context, _ asking, row func(any) error) error {
	return d.steer(row, "stopping", func(s steering) error { return s.Stop(ctx) })
}

func (d *desk) set(ctx context.Context, a asking, row func(any) error) error {
	return d.steer(row, "set", func(s steering) error {
		return s.SetDelay(ctx, a.Host, time.Duration(a.Delay*float64(time.Second)))
	})
}

func (d *desk) verify(ctx context.Context, _ asking, row func(any) error) error {
	f, err := d.store.Verify(ctx)
	if err != nil {
		return err
	}
	return row(f)
}
