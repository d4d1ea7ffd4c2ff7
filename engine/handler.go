package engine

import (
	"context"
	"fmt"
	"time"
)

// An Event is a moment of the crawl at which the handler is called.
type Event int

// The events, in the order of a request's life. Start, Finish and Idle belong
// to no request: their Visit has a nil Request.
const (
	EventStart   Event = iota // once, before the first request
	EventEnqueue              // a seed from outside the script is about to be pushed; the handler may change or drop it
	EventURL                  // before each hop
	EventStatus               // a hop's status line is there
	EventHeaders              // a hop's headers are there
	EventSuccess              // 2xx and the whole body arrived
	EventError                // anything else, after the last retry
	EventDone                 // last, exactly once a request
	EventSkip                 // a request will not be fetched: Visit.Skip says which and why
	EventIdle                 // nothing is due and there is room: Visit.Room says how much
	EventFinish               // once, at the end: Visit.Summary is complete
)

var eventNames = [...]string{
	"on_start", "on_enqueue", "on_url", "on_status", "on_headers",
	"on_success", "on_error", "on_done", "on_skip", "on_idle", "on_finish",
}

// String is the name of the event's hook, such as "on_success".
func (e Event) String() string { return eventNames[e] }

// A Handler says what to do with what comes back. The engine calls it from its
// workers, for one visit from one goroutine at a time.
type Handler interface {
	// Wants reports whether anything listens to ev; the engine does not call
	// Handle for what nobody wants. It answers the same for a whole crawl.
	Wants(ev Event, kind string) bool

	// Handle is called at ev. A *Cancel ends the visit; a *Fatal ends the
	// crawl; any other error has been dealt with (logged, counted, undone by
	// the handler) and is ignored. ErrDrop from EventEnqueue drops the seed,
	// ErrNoMore from EventIdle says that no more will be pushed.
	Handle(ctx context.Context, ev Event, v *Visit) error

	Close() error
}

// A Cancel is a hook's wish not to go on with a request.
type Cancel struct{ Reason string }

func (c *Cancel) Error() string {
	if c.Reason == "" {
		return "cancelled"
	}
	return "cancelled: " + c.Reason
}

// A Fatal error from a handler ends the crawl in order: leasing stops, visits
// finish, Run returns it.
type Fatal struct{ Err error }

func (f *Fatal) Error() string { return f.Err.Error() }

// Unwrap is the cause.
func (f *Fatal) Unwrap() error { return f.Err }

// A Skip is a URL that was found and will not be fetched.
type Skip struct {
	Request *Request
	Reason  string // a SkipReason word
	Detail  string // which rule: "deny ^http://x/", "robots.txt line 4 (Disallow: /x)"; may be ""
	Links   int    // for SkipLinks: how many links it stands for, Request being their page
}

// The reasons to skip a request, the same words in on_skip and in reports.
const (
	SkipScheme    = "scheme"       // neither http nor https
	SkipInvalid   = "invalid"      // not a URL
	SkipLength    = "length"       // longer than max_url
	SkipTrap      = "trap"         // max_repeats, max_similar, max_hosts
	SkipLinks     = "links"        // max_links
	SkipRedirect  = "redirect"     // a page's refresh in a circle, or beyond max_redirects
	SkipScope     = "out_of_scope" // same_host, same_domain, domains, allow, deny
	SkipDepth     = "depth"        // deeper than max_depth
	SkipRobots    = "disallowed"   // robots.txt
	SkipBudget    = "budget"       // max_pages, max_per_host, max_items, max_time
	SkipDuplicate = "duplicate"    // its identity has been pushed before
	SkipPolicy    = "policy"       // the script's own policy.allow
	SkipDropped   = "dropped"      // on_enqueue answered false
)

// MaxURL is the length in bytes above which a URL is skipped unless
// Config.MaxURL says otherwise.
const MaxURL = 8192

// An Item is one row of results: named values in the order the script gave
// them. Values are nil, bool, float64, int64, string or json.RawMessage.
type Item []Field

// A Field is one value of an Item.
type Field struct {
	Name  string
	Value any
}

// An Output takes the items of finished visits. The engine calls it from one
// goroutine.
type Output interface {
	// WriteItem takes one item; it may keep it in memory until Flush.
	WriteItem(ctx context.Context, it Item) error
	// Flush hands everything written to the operating system and says where
	// each output that can be cut now ends.
	Flush() (Marks, error)
	Close() error
}

// A Summary is what a crawl did in this process, in whole pages and requests.
// Engine.Summary may be called at any time.
type Summary struct {
	Name      string           `json:"name"`
	Resumed   bool             `json:"resumed"`
	Pages     int64            `json:"pages"`              // visits that ended: Success + Failed
	Success   int64            `json:"success"`            // of them with on_success
	Failed    int64            `json:"failed"`             // of them with on_error
	Failures  map[string]int64 `json:"failures"`           // by kind, or by kind and status: "status 404"
	Retries   int64            `json:"retries"`            // fetches that ended in another try
	Redirects int64            `json:"redirects"`          // hops followed
	Robots    int64            `json:"robots"`             // robots.txt files fetched
	Pushed    int64            `json:"pushed"`             // requests filed
	Skips     map[string]int64 `json:"skips"`              // by reason
	Traps     []Trap           `json:"traps,omitempty"`    // what SkipTrap collapsed, the most first
	Same      int64            `json:"same"`               // pages like one before of their host, but for queries in their tags
	Changes   map[string]int64 `json:"changes,omitempty"`  // pages since the crawl before, by Change; for a recrawl
	Unlinked  int64            `json:"unlinked,omitempty"` // of them, those that nothing led to any more
	Items     int64            `json:"items"`
	Bytes     int64            `json:"bytes"` // of bodies, over the wire
	Errors    int64            `json:"script_errors"`
	Hosts     int64            `json:"hosts"` // queues fetched from
	Started   time.Time        `json:"started"`
	Elapsed   time.Duration    `json:"-"`
	Seconds   float64          `json:"seconds"` // Elapsed
	End       string           `json:"end"`     // "drained", "budget", "stopped", "interrupted", "failed"
	Reason    string           `json:"reason"`  // in words, for ends that have one
	Verdicts  []string         `json:"verdicts"`
	Left      int64            `json:"left"` // requests still queued
}

// failureKey is the word under which a failure is counted.
func failureKey(f *Failure) string {
	if f.Kind == FailStatus {
		return fmt.Sprintf("status %d", f.Status)
	}
	return string(f.Kind)
}
