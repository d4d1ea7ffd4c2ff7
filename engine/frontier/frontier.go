// Package frontier holds the two places where a crawl's requests wait: Journal,
// a folder of append-only files for one process, and Redis, shared by as many
// as one likes. Both keep the same promises, held by one conformance suite:
//
//   - A queue has one owner at a time. Only the current lease changes it; any
//     other outcome is reported stale and changes nothing. A lease that ran out
//     hands out the same head again.
//   - A request whose Push was answered is waiting, leased, finished or set
//     aside, also after a crash: a store is then as after a prefix of its
//     operations.
//   - One identity is filed once, unless a request asks for Again.
//   - A queue rests as long as its last outcome said, in every process.
//   - Queues are leased in the order they fall due; inside a queue requests go
//     by priority, then first in.
//   - Page budgets are exact: a lease reserves, an outcome spends what it
//     charges and gives the rest back.
//
// What comes first, in detail. A request with an After joins the tail of its
// level when that has passed. A put-back without one goes to the head of its
// level, several in the order given and ahead of what the lease leaves
// untouched. A put-back whose Queue has changed moves to that queue.
package frontier

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"downpour/engine"
)

// A Store is a frontier that can be looked into and that remembers which crawl
// it belongs to. Every method is safe for concurrent use.
type Store interface {
	engine.Frontier

	// Counts is how much the store holds, of all processes together.
	Counts(ctx context.Context) (engine.Counts, error)
	// Resumed reports whether the store held an unfinished crawl when it was
	// opened.
	Resumed() bool
	// End records that the crawl is over: the next open starts anew.
	End(ctx context.Context) error
	// Marks is where the outputs ended at the last Done, for cutting them back
	// to that on resume; empty if there was none. The caller may keep it.
	Marks() engine.Marks
	// Note is the crawl's own description as SetNote left it, nil at first.
	// The caller may keep it but not change it.
	Note() []byte
	// SetNote keeps b with the crawl, so that another one is not mistaken for
	// its continuation.
	SetNote(ctx context.Context, b []byte) error
	// Values are what the crawl's workers share beside its requests. They go
	// where the requests go: durable when a call answers, kept over a restart,
	// gone when the crawl begins anew.
	Values() engine.Values
}

// Options say which crawl to open and within which bounds. The zero value is
// a crawl without budgets, called "default".
type Options struct {
	Name        string       // the crawl: letters, digits, ".", "_", "-"; "" is "default"
	Fresh       bool         // start anew even when an unfinished crawl is there
	MaxPages    int64        // pages charged in the whole crawl; 0 is no limit
	MaxPerQueue int64        // pages charged per queue; 0 is no limit
	Log         *slog.Logger // nil discards
	Look        bool         // open what is there, over or not, and begin nothing; ErrNoCrawl if nothing is
	Owner       string       // names this process to others and in messages; "" is its host and pid
}

// minWait is the least that Lease says to wait.
const minWait = time.Millisecond

// maxState bounds a queue's rule state, in bytes.
const maxState = 64 << 10

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// filled checks o and fills in its defaults.
func (o Options) filled() (Options, error) {
	if o.Name == "" {
		o.Name = "default"
	}
	if !nameForm.MatchString(o.Name) {
		return o, fmt.Errorf("crawl name %q: use letters, digits, '.', '_' and '-', at most 100", o.Name)
	}
	if o.MaxPages < 0 || o.MaxPerQueue < 0 {
		return o, fmt.Errorf("negative page budget")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// check reports what keeps r from being filed, so that whatever a store holds
// can be read back.
func check(r *engine.Request) error {
	switch {
	case r.Queue == "":
		return fmt.Errorf("push %s: no queue", r.URL)
	case len(r.Queue) > engine.MaxQueueName:
		return fmt.Errorf("push %s: queue name of %d bytes, more than %d", r.URL, len(r.Queue), engine.MaxQueueName)
	}
	if err := r.Check(); err != nil {
		return fmt.Errorf("push: %w", err)
	}
	return nil
}

// room is how many more requests may be leased when max are allowed, charged
// are spent and reserved are under way; n if there is no limit or room for n.
func room(n int, limit, charged, reserved int64) int {
	if limit == 0 {
		return n
	}
	return int(max(0, min(int64(n), limit-charged-reserved)))
}
