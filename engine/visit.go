package engine

import (
	"context"
	"errors"
	"time"
)

// A Visit is a request under way, from its lease to its outcome. Hooks see it
// through the Handler and put in it what the page leads to; nothing of it
// reaches the frontier or the outputs before the visit has ended. For EventStart,
// EventIdle and EventFinish it stands for the crawl itself: Request is nil and
// what is pushed counts as a seed.
//
// A Visit is used by one goroutine at a time.
type Visit struct {
	Request  *Request
	Response *Response // of the hop at hand; nil before its status line
	Failure  *Failure  // why it failed, for EventError and EventDone
	Hop      int       // redirects followed in this visit and before it

	Skip    *Skip    // for EventSkip
	Room    int      // for EventIdle
	Summary *Summary // for EventFinish

	// Local is the handler's own: it may keep there what belongs to the visit,
	// such as a parsed document. The engine clears it when the visit has ended.
	Local any

	engine   *Engine
	job      *job // what the visit is the work of; nil for the crawl itself
	children []*Request
	items    []Item
	skips    []Skip
	rows     []Item              // of the ledger of skips
	same     bool                // its page is one of very many that are the same: see traps.same
	local    map[uint64]struct{} // prints pushed by this visit, for "new to this page"
	retry    *time.Duration      // set by Retry
}

// Stop and verdict errors of Enqueue.
var (
	// ErrDrop from EventEnqueue drops the seed.
	ErrDrop = errors.New("dropped")
	// ErrNoMore from EventIdle: the handler will push no more.
	ErrNoMore = errors.New("no more")
)

// Enqueue asks for another request. Its URL must be absolute; the engine sets
// depth (of the page plus one, unless set), referrer, queue and identity,
// and checks scheme, length, scope and depth. It reports whether the request
// is new to this page and will be pushed; if not, skip says why. Nothing is
// sent before the visit ends.
func (v *Visit) Enqueue(r *Request) (fresh bool, skip *Skip) { return v.engine.admit(v, r) }

// Emit adds a row to the results.
func (v *Visit) Emit(it Item) { v.items = append(v.items, it) }

// Retry asks for the request to be fetched again, after at least the given
// time; negative leaves the time to the policy. It counts as an attempt: it is
// refused, with false, when the crawl's retries are used up. When it is granted
// the visit's results are dropped and its done hook waits for the last attempt.
func (v *Visit) Retry(after time.Duration) bool {
	if v.Request == nil || v.Request.Attempt >= v.engine.cfg.Retries {
		return false
	}
	v.retry = &after
	return true
}

// Fail records a verdict: the crawl goes on and ends with exit status 3.
func (v *Visit) Fail(reason string) { v.engine.fail(reason) }

// Stop ends the crawl in order: leasing stops and visits finish.
func (v *Visit) Stop(reason string) { v.engine.Stop(reason) }

// A Mark is a place in what a visit has collected.
type Mark struct{ children, items, skips int }

// Mark notes what the visit has collected so far, for Rollback.
func (v *Visit) Mark() Mark { return Mark{len(v.children), len(v.items), len(v.skips)} }

// Rollback drops what was enqueued and emitted since m: a hook that failed
// leaves nothing behind.
func (v *Visit) Rollback(m Mark) {
	for _, c := range v.children[m.children:] {
		delete(v.local, c.Print)
	}
	v.children = v.children[:m.children]
	v.items = v.items[:m.items]
	v.skips = v.skips[:m.skips]
	v.retry = nil
}

// Collected is how many requests and items the visit holds so far.
func (v *Visit) Collected() (requests, items int) { return len(v.children), len(v.items) }

// ScriptError counts an error of a hook; the handler has logged it.
func (v *Visit) ScriptError() { v.engine.scriptErrors.Add(1) }

// FetchNow fetches a page outside the frontier, within the crawl's robots,
// scope, politeness and address guard, for scripts that wait for an answer. It
// waits for the host's turn.
func (v *Visit) FetchNow(ctx context.Context, r *Request) (*Response, error) {
	return v.engine.fetchNow(ctx, v, r)
}
