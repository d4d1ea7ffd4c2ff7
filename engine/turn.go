package engine

import (
	"encoding/json"
	"time"
)

// A turn is a leased queue at work in this process. Only the dispatcher
// touches it.
type turn struct {
	lease   *Lease
	todo    []*Request // leased, not begun
	active  int        // jobs with the workers
	started int        // jobs begun in this turn
	asking  bool       // robots.txt is being fetched: nothing else starts
	next    time.Time  // no start before
	rest    time.Duration
	expires time.Time // of the lease, as of the last answer of the store
	state   queueState
	kept    queueState // what the store has

	queued     bool // among the ready
	committing bool // an outcome is with the committer
	released   bool // given back
	lost       bool // another worker has it
}

// queueState is the rule state that outlives a lease.
type queueState struct {
	Backoff    int     `json:"b,omitempty"` // times in a row the site asked for less
	CrawlDelay float64 `json:"d,omitempty"` // s, the rest last owed
}

func newTurn(e *Engine, l *Lease) *turn {
	t := &turn{lease: l, todo: l.Requests, expires: l.Expires}
	if len(l.State) > 0 {
		_ = json.Unmarshal(l.State, &t.state) // foreign state is no state
	}
	t.kept = t.state
	t.rest = max(e.cfg.Delay, time.Duration(t.state.CrawlDelay*float64(time.Second)))
	for _, r := range l.Requests {
		r.Queue = l.Queue
	}
	if l.Cold {
		t.next = time.Now().Add(t.rest) // the last start may have been just before the crash
	}
	return t
}

func (t *turn) queue() string { return t.lease.Queue }

// pace is the pause after a start while the answer is not there yet.
func (t *turn) pace(e *Engine) time.Duration {
	if e.cfg.PerHost == 1 {
		return 0
	}
	return t.rest
}

// runnable reports whether the turn could start a request but for its pause.
func (t *turn) runnable(perHost int) bool {
	return !t.lost && !t.released && !t.asking && len(t.todo) > 0 && t.active < perHost
}

// ended takes a job's results: what the site is owed, and for how long.
func (t *turn) ended(j *job) {
	t.active--
	if j.ask {
		t.asking = false
	}
	if j.seen.IsZero() {
		return
	}
	t.rest = j.rest
	t.after(j.seen.Add(j.rest))
	switch {
	case j.pushed:
		t.state.Backoff++
	case t.state.Backoff > 0 && j.fate == fateFinished && !j.ask:
		t.state.Backoff--
	}
	if j.hold > 0 {
		t.after(time.Now().Add(j.hold))
	}
	t.state.CrawlDelay = t.rest.Seconds()
}

func (t *turn) after(at time.Time) {
	if at.After(t.next) {
		t.next = at
	}
}

// newState is the state to store, nil if the store has it.
func (t *turn) newState() []byte {
	if t.state == t.kept {
		return nil
	}
	t.kept = t.state
	b, err := json.Marshal(t.state)
	if err != nil {
		return nil // two numbers; cannot happen
	}
	return b
}

// report adds a job's fate to the outcome of its turn.
func (t *turn) report(outs map[*turn]*Outcome, j *job) {
	o := outs[t]
	if o == nil {
		o = &Outcome{Lease: t.lease}
		outs[t] = o
	}
	switch j.fate {
	case fateFinished:
		o.Finished = append(o.Finished, j.req)
		o.Charged += j.charged
	case fateBack:
		o.Back = append(o.Back, j.req)
	case fateUntouched:
	}
}
