package engine

import (
	"context"
	"errors"
	"time"
)

// A Frontier is where requests wait. It leases whole queues: a queue has one
// owner at a time and one due time, which is the end of its rest, of a hold or
// of the lease. It enforces; it decides nothing and calls nobody.
//
// Every method is safe for concurrent use. A method returns ctx's error when
// ctx ends first; the operation may then have happened or not.
type Frontier interface {
	// Push files requests in their queues, durable when it answers. A request
	// whose Print has been seen is dropped unless its Again is set, which also
	// takes back the failure kept of it. fresh is how many were filed. Queue and
	// Print must be set; After delays a request.
	Push(ctx context.Context, reqs ...*Request) (fresh int, err error)

	// Lease takes up to queues due queues, each with up to each requests from
	// its head, for ttl. When fewer came than asked for, none other was due,
	// and wait is how long until one may be (never longer than until then, at
	// least a millisecond). It returns ErrDrained when nothing is queued,
	// waiting or leased any more, and ErrBudget when only the page budgets
	// keep what is left from being leased and nothing is under way.
	Lease(ctx context.Context, queues, each int, ttl time.Duration) (leases []*Lease, wait time.Duration, err error)

	// Done reports on leases and records, in the same atomic step as far as
	// the store can, where the outputs ended (Marks). It is idempotent. The
	// outcomes of leases that are no longer current change nothing and are
	// returned in stale.
	Done(ctx context.Context, outs []*Outcome, marks Marks) (stale []*Lease, err error)

	// Reserve takes a start in every bucket, atomically: in all, or in none,
	// and then wait, above 0, is how long until none of them forbids it. Times
	// are the store's, as it handles the call.
	Reserve(ctx context.Context, buckets []Bucket) (wait time.Duration, err error)

	// Wake receives when something may be due earlier than Lease said: another
	// push, a queue released by another worker, a command.
	Wake() <-chan struct{}

	// Close gives up what is leased, unfinished, and releases the store.
	Close() error
}

// A Lease is the right to work on one queue until Expires. The pointer
// identifies it; a store keeps its own notes in Token.
type Lease struct {
	Queue    string
	Requests []*Request    // the queue's head, in order; never empty
	State    []byte        // the queue's rule state, as the last Outcome left it; nil at first
	Again    int           // leases of this queue that ran out in a row before this one
	Cold     bool          // the store cannot say when the queue was last fetched: rest before the first fetch
	TTL      time.Duration // what was asked for; Keep extends by it
	Expires  time.Time     // on this process's monotonic clock, never later than the store's
	Token    uint64        // the store's fencing token
}

// An Outcome says what became of a lease's requests. Those in neither list are
// untouched: still leased under Keep, otherwise back at the head of the queue.
type Outcome struct {
	Lease    *Lease
	Finished []*Request    // leave for good
	Failed   []*Failed     // those of the finished that failed: kept, to be looked at and requeued
	Back     []*Request    // put back changed (same pointers, new contents): at the head, or after their After
	Charged  int           // how many of the finished count against the page budgets
	Wait     time.Duration // the queue rests this long from now; not used under Keep
	State    []byte        // the queue's rule state from now on; nil leaves it
	Keep     bool          // the lease goes on for its TTL from now
	More     int           // under Keep: take up to so many further requests from the queue into the lease
	Added    []*Request    // set by Done: what More brought, also appended to Lease.Requests
}

// Marks says for each output, by name, at which byte the rows of all finished
// requests end. A store keeps the last ones it was given.
type Marks map[string]int64

// Counts is a look into a frontier.
type Counts struct {
	Queued   int64 `json:"queued"`   // requests not finished: waiting, delayed or leased
	Leased   int64 `json:"leased"`   // of those, requests under a lease
	Queues   int64 `json:"queues"`   // queues that hold requests
	Finished int64 `json:"finished"` // requests finished since the crawl began
	Charged  int64 `json:"charged"`  // pages counted against the budget
	Seen     int64 `json:"seen"`     // identities pushed since the crawl began
	Aside    int64 `json:"aside"`    // requests set aside because they ended three workers
	Failed   int64 `json:"failed"`   // failures kept: of requests that ended failed and have not been requeued
}

var (
	// ErrDrained means that nothing is queued, waiting or leased.
	ErrDrained = errors.New("frontier drained")
	// ErrBudget means that what is left may not be leased: the page budgets are
	// used up.
	ErrBudget = errors.New("page budget used up")
)
