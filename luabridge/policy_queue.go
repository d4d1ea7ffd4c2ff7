package luabridge

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"downpour/engine"

	lua "github.com/yuin/gopher-lua"
)

// queueNames are the functions of a policy that brings its own queues.
var queueNames = []string{"push", "extend", "pop", "len", "on_done", "on_success", "on_error", "start", "stop"}

// checkQueue finds a policy that brings half of its queues.
func (p *policyHooks) checkQueue() error {
	if len(p.queue) == 0 {
		return nil
	}
	if p.queue["pop"] == nil {
		name := slices.Sorted(maps.Keys(p.queue))[0]
		return fmt.Errorf("policy: '%s' belongs to a policy with queues of its own, which needs pop and push", name)
	}
	if p.queue["push"] == nil && p.queue["extend"] == nil {
		return errors.New("policy: pop needs push, or nothing would be there to answer")
	}
	return nil
}

// OwnQueues reports whether the script's policy{} brings queues of its own.
func (h *Host) OwnQueues() bool { return h.policy.queue["pop"] != nil }

// QueueOptions bounds a Queue. The zero value is one request at a time and no
// budget.
type QueueOptions struct {
	Concurrency int   // requests leased at once; 0 is 1
	MaxPages    int64 // pages charged in the whole crawl; 0 is no limit
	MaxPerQueue int64 // pages charged per queue; 0 is no limit
}

// A Queue is the frontier of a script's own: policy{} with push and pop. The
// script says which request is next and keeps what waits in its variables, so
// it serves one process and what it holds is gone when that ends. What is
// promised all the same is kept here: each identity once, the rests of queues,
// retries, and the page budgets.
//
// A request that pop answers while its queue rests or is at work holds up those
// behind it. Its methods are safe for concurrent use.
type Queue struct {
	*engine.Reservations

	h    *Host
	o    QueueOptions
	wake chan struct{}

	mu      sync.Mutex // guards what follows; held while the script's functions run
	seen    map[uint64]struct{}
	waiting map[*engine.Request]*page // with the script
	head    *engine.Request           // popped, its queue not free yet
	later   []delayed
	leases  map[*engine.Lease]map[*engine.Request]bool // what each holds
	out     map[*engine.Request]*page                  // leased or put back: the page that the script knows
	queues  map[string]*queueLine
	leased  int
	over    int64 // popped and left out for want of a budget
	counts  engine.Counts
	marks   engine.Marks

	fateMu sync.Mutex                       // guards fates
	fates  map[*engine.Request]engine.Event // what ended the visits that are not reported yet
}

// Values are the crawl's values, which are gone with its queues.
func (q *Queue) Values() engine.Values {
	q.h.mu.Lock()
	defer q.h.mu.Unlock()
	return q.h.backend()
}

// A queueLine is what is kept of a queue beyond its requests.
type queueLine struct {
	lease   *engine.Lease // nil while nobody has it
	rest    time.Time
	state   []byte
	charged int64
}

// A delayed request waits for its time: to be pushed to the script, or, one
// that was put back, to be leased again.
type delayed struct {
	r    *engine.Request
	due  time.Time
	push bool
}

var _ engine.Frontier = (*Queue)(nil)

// Queue makes the frontier of a script's own and calls the policy's start. It
// is called once, for a Host with OwnQueues, and closed before the Host. The
// error is a *ScriptError.
func (h *Host) Queue(ctx context.Context, o QueueOptions) (*Queue, error) {
	o.Concurrency = max(o.Concurrency, 1)
	q := &Queue{
		Reservations: engine.NewReservations(false),
		h:            h, o: o, wake: make(chan struct{}, 1),
		seen: map[uint64]struct{}{}, waiting: map[*engine.Request]*page{}, out: map[*engine.Request]*page{},
		leases: map[*engine.Lease]map[*engine.Request]bool{}, queues: map[string]*queueLine{},
		fates: map[*engine.Request]engine.Event{},
	}
	h.queue = q
	if _, err := q.call(ctx, "start", "", nil); err != nil {
		return nil, err
	}
	return q, nil
}

// call calls one of the script's functions, if it is there. args is run with
// the Lua state held. The error is a *ScriptError.
func (q *Queue) call(ctx context.Context, name, url string, args func() []lua.LValue) (rets [3]lua.LValue, err error) {
	fn := q.h.policy.queue[name]
	if fn == nil {
		return rets, nil
	}
	c := q.h.enter(ctx, nil)
	defer q.h.leave(c)
	c.hook = "policy." + name
	var list []lua.LValue
	if args != nil {
		list = args()
	}
	if rets, err = q.h.invoke(fn, 2, list...); err == nil {
		err = storeMetas(list)
	}
	if err != nil {
		return rets, q.h.scriptError(err, c.hook, url)
	}
	return rets, nil
}

// storeMetas writes back what a function changed in the meta of its requests.
func storeMetas(values []lua.LValue) error {
	for _, v := range values {
		switch v := v.(type) {
		case *lua.LUserData:
			if p, ok := v.Value.(*page); ok {
				if err := p.storeMeta(); err != nil {
					return err
				}
			}
		case *lua.LTable:
			for i := range v.Len() {
				if err := storeMetas([]lua.LValue{v.RawGetInt(i + 1)}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Push implements engine.Frontier: it hands what is new to the script.
func (q *Queue) Push(ctx context.Context, reqs ...*engine.Request) (fresh int, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	var due []*engine.Request
	for _, r := range reqs {
		if _, known := q.seen[r.Print]; known && !r.Again {
			continue
		}
		q.seen[r.Print] = struct{}{}
		fresh++
		if r.After > 0 {
			q.later = append(q.later, delayed{r, now.Add(r.After), true})
			continue
		}
		due = append(due, r)
	}
	q.counts.Seen += int64(fresh)
	q.nudge()
	return fresh, q.hand(ctx, due)
}

// hand gives requests to the script: by extend, or by push one after the other.
func (q *Queue) hand(ctx context.Context, reqs []*engine.Request) error {
	if len(reqs) == 0 {
		return nil
	}
	for _, r := range reqs {
		q.waiting[r] = q.h.newPage(r, nil)
	}
	if q.h.policy.queue["extend"] != nil {
		_, err := q.call(ctx, "extend", "", func() []lua.LValue {
			list := q.h.L.CreateTable(len(reqs), 0)
			for _, r := range reqs {
				list.Append(&q.waiting[r].ud)
			}
			return []lua.LValue{list}
		})
		return err
	}
	for _, r := range reqs {
		if _, err := q.call(ctx, "push", r.URL, func() []lua.LValue { return []lua.LValue{&q.waiting[r].ud} }); err != nil {
			return err
		}
	}
	return nil
}

// Wake implements engine.Frontier.
func (q *Queue) Wake() <-chan struct{} { return q.wake }

func (q *Queue) nudge() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Close implements engine.Frontier: it calls the policy's stop. What waits is
// gone.
func (q *Queue) Close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, err := q.call(context.Background(), "stop", "", nil)
	return err
}

// Counts is how much waits and how much is done.
func (q *Queue) Counts(context.Context) (engine.Counts, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	c := q.counts
	c.Leased = int64(q.leased)
	c.Queued = int64(len(q.waiting)+len(q.later)) + c.Leased
	if q.head != nil {
		c.Queued++
	}
	queues := map[string]bool{}
	for r := range q.waiting {
		queues[r.Queue] = true
	}
	for r := range q.out {
		queues[r.Queue] = true
	}
	c.Queues = int64(len(queues))
	return c, nil
}

// Resumed is false: nothing is kept from one run to the next.
func (q *Queue) Resumed() bool { return false }

// End has nothing to record.
func (q *Queue) End(context.Context) error { return nil }

// Marks is where the outputs ended at the last Done.
func (q *Queue) Marks() engine.Marks {
	q.mu.Lock()
	defer q.mu.Unlock()
	return maps.Clone(q.marks)
}

// Note is nil: nothing is kept from one run to the next.
func (q *Queue) Note() []byte { return nil }

// SetNote has nowhere to keep a note.
func (q *Queue) SetNote(context.Context, []byte) error { return nil }

// follows reports whether the script's own queues want to know of an event.
func (h *Host) follows(ev engine.Event) bool {
	return ev == engine.EventSuccess && h.policy.queue["on_success"] != nil ||
		ev == engine.EventError && h.policy.queue["on_error"] != nil
}

// heard notes how a visit ended, for on_success and on_error of the policy.
func (h *Host) heard(ev engine.Event, v *engine.Visit) {
	if h.queue == nil || !h.follows(ev) {
		return
	}
	h.queue.fateMu.Lock()
	defer h.queue.fateMu.Unlock()
	h.queue.fates[v.Request] = ev
}

// fate takes what heard noted of a request.
func (q *Queue) fate(r *engine.Request) engine.Event {
	q.fateMu.Lock()
	defer q.fateMu.Unlock()
	ev := q.fates[r]
	delete(q.fates, r)
	return ev
}
