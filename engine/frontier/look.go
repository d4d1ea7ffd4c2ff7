package frontier

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"downpour/engine"
)

// ErrNoCrawl means that there is nothing where a crawl was to be looked into.
var ErrNoCrawl = errors.New("no such crawl")

// An Inspector is a Store one can look into, while a crawl is at it or, opened
// with Options.Look, when none is. A look is true of each queue at the moment it
// is looked at; the queues of a crawl at work are not all looked at at once.
type Inspector interface {
	// Queues yields every queue that holds requests, in no particular order.
	Queues(ctx context.Context) iter.Seq2[Queue, error]
	// State is the rule state of a queue, also of one that holds nothing; nil if
	// it has none.
	State(ctx context.Context, queue string) ([]byte, error)
	// Peek lists requests of a queue in the order they will be leased, then
	// those with a time of their own; limit of them, or all if it is 0. It
	// changes nothing. A queue that is not there holds none.
	Peek(ctx context.Context, queue string, limit int) ([]Waiting, error)
	// Seen reports whether an identity has been pushed.
	Seen(ctx context.Context, print uint64) (bool, error)
	// Failures yields the failures that are kept, in no particular order; one
	// may come twice. Print is 0 for those the store set aside itself.
	Failures(ctx context.Context) iter.Seq2[*engine.Failed, error]
	// Failure is the one kept of an identity, nil if there is none. url finds
	// what the store set aside itself.
	Failure(ctx context.Context, url string, print uint64) (*engine.Failed, error)
	// Verify checks what the store counts against what it holds, and whether
	// that can be read. The error is of the store; what is wrong with the crawl
	// is in the Findings.
	Verify(ctx context.Context) (Findings, error)
}

// A Steerer is a Store whose requests can be changed from outside.
type Steerer interface {
	// Drop takes the requests that match out of a queue, for good: their
	// identities stay seen. Those under a lease stay. match may be called more
	// than once for a request.
	Drop(ctx context.Context, queue string, match func(*engine.Request) bool) (dropped int, err error)
	// Requeue puts the failed requests that match back in their queues, with
	// attempts that start anew, and keeps their failures no longer. match may be
	// called more than once for a failure.
	Requeue(ctx context.Context, match func(*engine.Failed) bool) (requeued int, err error)
	// Over reports whether the crawl has ended: the next open starts anew.
	Over(ctx context.Context) (bool, error)
	// Revive takes back an End: the next open resumes the crawl.
	Revive(ctx context.Context) error
}

// A Queue is what can be seen of a queue.
type Queue struct {
	Name   string
	Queued int64     // requests, with those leased and delayed; in Redis without the delayed
	Leased int64     // of those, requests under a lease
	Due    time.Time // when it may be leased; while it is leased, when the lease ends
	Held   bool      // its page budget is used up: Due says nothing
	State  []byte    // its rule state
}

// Waiting is a request in its queue, with Print 0 in Redis, which does not keep
// it with the request.
type Waiting struct {
	Request *engine.Request
	Leased  bool
	Due     time.Time // not leased before; zero for none of its own
}

// Findings are the result of Verify.
type Findings struct {
	Counts   engine.Counts
	Requests int64    // requests found, one by one
	Failed   int64    // failures found
	Problems []string // what is not as it should be; empty for a sound store
}

// maxProblems bounds how many problems are listed.
const maxProblems = 100

// wrong adds a problem.
func (f *Findings) wrong(format string, args ...any) {
	switch n := len(f.Problems); {
	case n < maxProblems:
		f.Problems = append(f.Problems, fmt.Sprintf(format, args...))
	case n == maxProblems:
		f.Problems = append(f.Problems, "and more")
	}
}

// differ notes a count that is not what was found.
func (f *Findings) differ(what string, counted, found int64) {
	if counted != found {
		f.wrong("%s: counted %d, found %d", what, counted, found)
	}
}
