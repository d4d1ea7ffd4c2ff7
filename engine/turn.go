package engine

import (
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"
)

// A turn is a leased queue at work in this process. Only the dispatcher
// touches it.
type turn struct {
	e       *Engine
	lease   *Lease
	todo    []*Request // leased, not begun
	open    int        // jobs with the workers
	active  int        // of them, those under way with the site
	claims  []*claim   // hooks that wait to fetch something themselves
	started int        // jobs begun in this turn
	asking  bool       // robots.txt is being fetched: nothing else starts
	refusal *Failure   // robots.txt cannot be had: the next of todo ends so
	next    time.Time  // no start before
	last    *job       // the last started, while next is a guess for it
	held    time.Time  // next without the guess
	rest    time.Duration
	expires time.Time // of the lease, as of the last answer of the store
	began   time.Time
	lasts   atomic.Int64 // expires for the workers: nanoseconds after began
	paceMu  sync.Mutex   // guards paced
	paced   time.Time    // the last fetch that several under way have begun
	state   queueState
	kept    queueState // what the store has

	dry time.Time // the queue had nothing more: not asked again before

	queued     bool // among the ready
	short      bool // the lease has to be longer before anything starts
	committing bool // an outcome is with the committer
	released   bool // given back
	lost       bool // another worker has it
}

// queueState is the rule state that outlives a lease.
type queueState struct {
	Backoff int     `json:"b,omitempty"` // times in a row the site asked for less
	Rest    float64 `json:"d,omitempty"` // s, the rest last owed
	Latency float64 `json:"l,omitempty"` // s, the least the site has taken to answer
	Answers int     `json:"n,omitempty"` // that were timed for it, up to sampled
	Why     string  `json:"w,omitempty"` // what the rest is owed to: "429", "robots Crawl-delay 10"; "" for the policy's delay

	Down   downState     `json:"o,omitzero"`  // whether the host answers
	Robots *robotsCopies `json:"r,omitempty"` // what is known of its origins' robots.txt
}

func newTurn(e *Engine, l *Lease) *turn {
	t := &turn{e: e, lease: l, todo: l.Requests, began: time.Now()}
	t.leased(l.Expires)
	if len(l.State) > 0 {
		_ = json.Unmarshal(l.State, &t.state) // foreign state is no state
	}
	t.kept = t.state
	e.robots.restore(t.state.Robots, time.Now())
	t.rest = max(e.cfg.Delay, seconds(t.state.Rest))
	for _, r := range l.Requests {
		r.Queue = l.Queue
	}
	if l.Cold {
		t.next = time.Now().Add(t.rest) // the last start may have been just before the crash
	}
	return t
}

func (t *turn) queue() string { return t.lease.Queue }

// quick is what the queue's site certainly takes to answer: the least it has
// taken, less what a request may spend on its way. 0 until enough is known, and
// for a site that answers at once.
func (t *turn) quick() time.Duration {
	if t.state.Answers < sampled {
		return 0
	}
	return max(seconds(t.state.Latency)-onItsWay, 0)
}

const (
	sampled  = 8                     // answers timed before the least is believed
	onItsWay = 20 * time.Millisecond // what a request may be held up between us and the site
)

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// spare is added to every rest: clocks and wires are not exact.
const spare = time.Millisecond

// begun holds the queue after a start. The next one waits until it is known
// when the site saw this one; an answer that does not come is not waited for
// longer than the rest again.
func (t *turn) begun(j *job, now time.Time) {
	t.active++
	t.started++
	if t.rest > 0 {
		t.last, t.held = j, t.next
		t.after(now.Add(2 * (t.rest + seconds(t.state.Latency))))
	}
}

// answered is told by when the site saw a request.
func (t *turn) answered(j *job, seen time.Time) {
	if t.last == j {
		t.last, t.next = nil, t.held // the guess was for want of this
	}
	t.after(seen.Add(t.rest + spare))
}

// runnable reports whether the turn could start a request but for its pause.
func (t *turn) runnable(perHost int) bool {
	if t.lost || t.released || t.short || len(t.todo)+len(t.claims) == 0 {
		return false
	}
	if t.state.Down.down() {
		perHost = 1 // a probe, or nothing
	}
	return t.doomed() || !t.asking && t.active < perHost
}

// hungry reports whether the turn could start a request if it had one: hooks
// of its last are running still.
func (t *turn) hungry(perHost int) bool {
	return !t.lost && !t.released && !t.asking && !t.committing && t.open > 0 && len(t.todo) == 0 &&
		t.active < perHost && t.started < turnMost*perHost
}

// hungryAt is when a hungry turn should ask for more.
func (t *turn) hungryAt() time.Time {
	if from := t.from(); from.After(t.dry) {
		return from
	}
	return t.dry
}

// ended takes a job's results: what the site is owed, and for how long. The
// hooks of the job may be running still.
func (t *turn) ended(j *job) {
	if j.verdict != nil {
		return
	}
	t.active--
	if j.ask {
		t.asking = false
		t.state.Robots, t.refusal = j.copies, j.refusal
	}
	if t.last == j {
		t.last, t.next = nil, t.held // the guess was for want of this
	}
	if j.seen.IsZero() { // nothing was asked of the site
		if j.hold > 0 {
			t.after(time.Now().Add(j.hold))
			t.state.Why = j.why
		}
		return
	}
	t.rest = j.rest
	if t.rest > 0 {
		t.after(j.seen.Add(t.rest + spare))
		t.learn(j.latency)
	}
	switch {
	case j.pushed:
		t.state.Backoff++
	case t.state.Backoff > 0 && !j.ask && (j.told || j.fate == fateFinished):
		t.state.Backoff--
	}
	if j.hold > 0 {
		t.after(time.Now().Add(j.hold))
	}
	t.heard(j)
	t.state.Rest, t.state.Why = t.rest.Seconds(), j.why
}

// learn keeps the least latency seen. A little less is not worth storing.
func (t *turn) learn(latency time.Duration) {
	if latency <= 0 {
		return
	}
	if s := latency.Seconds(); t.state.Answers == 0 || s < t.state.Latency*0.9 {
		t.state.Latency = s
	}
	t.state.Answers = min(t.state.Answers+1, sampled)
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
		if j.failed != nil {
			o.Failed = append(o.Failed, j.failed)
		}
	case fateBack:
		o.Back = append(o.Back, j.req)
	case fateUntouched:
	}
}
