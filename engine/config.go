package engine

import (
	"context"
	"iter"
	"log/slog"
	"time"

	"downpour/policies"
)

// Config says how a crawl runs. The zero value of a field is its default
// unless the field says otherwise; New checks and fills in a copy.
type Config struct {
	Name        string        // for logs and the summary
	Concurrency int           // requests under way in this process; 0 is 16
	PerHost     int           // requests under way per queue; 0 is 1, negative is no limit
	Delay       time.Duration // between the starts of two requests of a queue; 0 is none
	DelayFactor float64       // and at least this many times the last response's duration
	MaxDelay    time.Duration // bound on both and on a robots Crawl-delay; 0 is 60 s

	Robots    bool   // obey robots.txt (RFC 9309)
	UserAgent string // its first word's product token is what robots.txt is asked for; "" is "downpour"

	Scope        policies.Scope
	MaxDepth     int           // 0 is no limit, negative allows seeds alone
	MaxURL       int           // bytes of a URL; 0 is MaxURL
	MaxRepeats   int           // times one segment may be in a path; 0 is 5, negative is no limit
	MaxSimilar   int           // URLs far from the seeds that differ in two or more numbers alone, or whose pages are the same; 0 is 1000, negative is no limit
	MaxHosts     int           // hosts of one registrable domain that links lead to; 0 is 10,000, negative is no limit
	MaxLinks     int           // links followed of one page; 0 is 10,000, negative is no limit
	MaxItems     int64         // 0 is no limit
	MaxTime      time.Duration // 0 is no limit
	MaxRedirects int           // 0 is 10, negative follows none
	Retries      int           // fetches after the first, for failures worth it; 0 is none
	HostRetries  int           // probes of a host that does not answer before its requests are given up; 0 is 3, negative is no limit
	Timeout      time.Duration // of a whole fetch, the fetcher's own limit; leases are reckoned with it; 0 is 30 s

	Canonical policies.Canonical // how URLs are made identities
	Identity  Identity           // what the script says they are; nil for nothing
	Policy    Policy             // nil: one made of the fields above
	KeepAlive bool               // when nothing is left, wait for work from outside
	Grace     time.Duration      // how long visits may finish after the context ends; 0 is 10 s
	Strict    bool               // a script error is Fatal; told to the handler by its maker, here for the summary
}

// An Identity names what a request's URL is compared by in place of its
// canonical form; "" is the canonical form. It is called from several
// goroutines.
type Identity func(ctx context.Context, r *Request) string

// Deps are the parts a crawl is put together from. Frontier and Fetcher are
// required; the caller closes them all after Run.
type Deps struct {
	Frontier Frontier
	Fetcher  Fetcher
	Handler  Handler // nil: nothing is done with pages
	Output   Output  // nil: items are counted and dropped
	Values   Values  // shared by the crawl's workers; nil: in memory, for this one alone
	Skips    Output  // gets a row for each URL found and not fetched; nil: they are counted alone
	Seeds    iter.Seq2[string, error]
	Kept     iter.Seq[string] // pages that the crawl before had and this one has not met, looked up once nothing is left; nil: none
	Log      *slog.Logger     // nil discards
}

// A Policy decides how requests are scheduled. The engine calls Key and Allow
// with the request alone; Delay and Retry after its fetch. It is called from
// several goroutines.
type Policy interface {
	// Key names the queue the request waits in, never "", and the buckets it
	// shares with requests of other queues, if any: at most MaxBuckets.
	Key(ctx context.Context, r *Request) (queue string, buckets []string)
	// Allow reports whether to fetch r at all, and if not which rule says so.
	Allow(ctx context.Context, r *Request) (ok bool, reason string)
	// Delay is how long the queue, or one of the buckets, rests between the
	// start of the fetch just ended, or of the one at hand, and the next. resp
	// is nil when there was no answer, and for a bucket.
	Delay(ctx context.Context, queue string, r *Request, resp *Response) time.Duration
	// Retry says whether a failed request is tried again, and after how long;
	// r.Attempt fetches have failed before this one.
	Retry(ctx context.Context, r *Request, f *Failure, resp *Response) (after time.Duration, again bool)
}
