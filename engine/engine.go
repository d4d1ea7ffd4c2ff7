// Package engine runs a crawl: it leases queues from a Frontier, fetches their
// requests through a Fetcher, calls a Handler's hooks and reports back.
//
// Engine.Run reads like a request's life: dispatch (dispatch.go, leasing.go) leases queues
// and paces their starts, one turn each (turn.go); work (work.go) makes the
// visits, hop by hop (hop.go); settle and commit (settle.go, commit.go) send what
// they led to; feed (feed.go) brings seeds.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"downpour/policies"
)

// Defaults of Config.
const (
	DefaultConcurrency  = 16
	DefaultMaxDelay     = 60 * time.Second
	DefaultMaxRedirects = 10
	DefaultMaxRepeats   = 5
	DefaultMaxSimilar   = 1000
	DefaultMaxHosts     = 10_000
	DefaultMaxLinks     = 10_000
	DefaultHostRetries  = 3
	DefaultTimeout      = 30 * time.Second
	DefaultGrace        = 10 * time.Second
)

// An Engine is one crawl in one process. Make it with New, run it once with
// Run. Its other methods are safe for concurrent use.
type Engine struct {
	cfg    Config
	deps   Deps
	log    *slog.Logger
	agent  string // product token for robots.txt
	policy Policy
	robots *robotsCache
	pushed *recent
	traps  *traps
	tally  tally
	pacer  pacer
	line   line

	scriptErrors atomic.Int64

	outputMu sync.Mutex // guards deps.Output, which the committer and the feeder share

	paused  atomic.Bool
	steered chan struct{} // something about paused has changed

	stopOnce sync.Once
	stopped  chan struct{} // closed by Stop
	endMu    sync.Mutex    // guards end
	end      ending
}

// ending is why the crawl is ending.
type ending struct {
	word   string // Summary.End
	reason string
	err    error
}

// New checks cfg and deps and makes an engine; nothing is started.
func New(cfg Config, deps Deps) (*Engine, error) {
	if deps.Frontier == nil || deps.Fetcher == nil {
		return nil, errors.New("engine: Deps.Frontier and Deps.Fetcher are required")
	}
	if cfg.Concurrency < 0 {
		return nil, fmt.Errorf("engine: concurrency is %d; it must be at least 1", cfg.Concurrency)
	}
	if cfg.Delay < 0 || cfg.MaxDelay < 0 || cfg.DelayFactor < 0 {
		return nil, errors.New("engine: delays must not be negative")
	}
	fillIn(&cfg)
	e := &Engine{
		cfg:     cfg,
		deps:    deps,
		log:     deps.Log,
		agent:   policies.ProductToken(cfg.UserAgent),
		policy:  cfg.Policy,
		robots:  newRobotsCache(),
		pushed:  newRecent(),
		traps:   &traps{similar: cfg.MaxSimilar, hosts: cfg.MaxHosts},
		stopped: make(chan struct{}),
		steered: make(chan struct{}, 1),
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	if e.deps.Values == nil {
		e.deps.Values = NewValues(nil)
	}
	if e.policy == nil {
		e.policy = NewPolicy(cfg)
	}
	e.tally.init(cfg.Name)
	return e, nil
}

func fillIn(c *Config) {
	orInt := func(p *int, d int) {
		if *p == 0 {
			*p = d
		}
	}
	orDuration := func(p *time.Duration, d time.Duration) {
		if *p == 0 {
			*p = d
		}
	}
	orInt(&c.Concurrency, DefaultConcurrency)
	orInt(&c.PerHost, 1)
	if c.PerHost < 0 || c.PerHost > c.Concurrency {
		c.PerHost = c.Concurrency
	}
	orInt(&c.MaxRedirects, DefaultMaxRedirects)
	orInt(&c.MaxURL, MaxURL)
	orInt(&c.MaxRepeats, DefaultMaxRepeats)
	orInt(&c.MaxSimilar, DefaultMaxSimilar)
	orInt(&c.MaxHosts, DefaultMaxHosts)
	orInt(&c.MaxLinks, DefaultMaxLinks)
	orInt(&c.HostRetries, DefaultHostRetries)
	orDuration(&c.MaxDelay, DefaultMaxDelay)
	orDuration(&c.Timeout, DefaultTimeout)
	orDuration(&c.Grace, DefaultGrace)
	if c.UserAgent == "" {
		c.UserAgent = "downpour"
	}
}

// Run crawls until the frontier is drained, a budget is used up, Stop is
// called, a part fails or ctx ends. When ctx ends, leasing stops and visits
// have the grace to finish; what does not is cut and goes back to the
// frontier, no hook called. The error is nil for every end in order,
// interruptions included: Summary.End tells them apart.
func (e *Engine) Run(ctx context.Context) (Summary, error) {
	e.tally.begin()
	// Hooks and commits outlive ctx: they have the grace.
	life, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()

	top := e.NewVisit(nil)
	_ = e.handle(life, EventStart, top)
	e.send(life, top)
	if e.cfg.MaxTime > 0 {
		t := time.AfterFunc(e.cfg.MaxTime, func() { e.finish("budget", "max_time reached", nil) })
		defer t.Stop()
	}
	d := newDispatcher(e, life, cut)
	d.run(ctx)

	e.finish("drained", "", nil)
	return e.close(context.WithoutCancel(ctx))
}

// close runs on_finish, within a limit of its own, and sums up.
func (e *Engine) close(ctx context.Context) (Summary, error) {
	ctx, cancel := context.WithTimeout(ctx, e.cfg.Grace)
	defer cancel()
	if c, ok := e.deps.Frontier.(Counter); ok {
		if n, err := c.Counts(ctx); err == nil {
			e.tally.left.Store(n.Queued)
		}
	}
	v := e.NewVisit(nil)
	s := e.Summary()
	v.Summary = &s
	_ = e.handle(ctx, EventFinish, v)
	if n := len(v.children); n > 0 {
		e.log.Warn("the crawl is over: what on_finish enqueued is dropped", "requests", n)
	}
	err := e.writeItems(ctx, v.items)
	if err == nil {
		err = e.flush(ctx)
	}
	if err != nil {
		e.finish("failed", err.Error(), err)
	}
	e.endMu.Lock()
	defer e.endMu.Unlock()
	s = e.tally.summary()
	s.Traps, s.Same = e.traps.report()
	s.Errors, s.End, s.Reason = e.scriptErrors.Load(), e.end.word, e.end.reason
	return s, e.end.err
}

// flush makes the last rows count: those of on_finish belong to no request.
func (e *Engine) flush(ctx context.Context) error {
	if e.deps.Output == nil && e.deps.Skips == nil {
		return nil
	}
	marks, err := e.marks()
	if err != nil {
		return err
	}
	_, err = e.deps.Frontier.Done(ctx, nil, marks)
	return err
}

// Stop ends the crawl in order: leasing stops, visits under way finish.
func (e *Engine) Stop(reason string) { e.finish("stopped", reason, nil) }

// finish notes why the crawl ends, if it is not ending already, and stops
// leasing. A failure overrules what was noted before.
func (e *Engine) finish(word, reason string, err error) {
	e.endMu.Lock()
	if e.end.word == "" || (err != nil && e.end.err == nil) {
		e.end = ending{word, reason, err}
	}
	e.endMu.Unlock()
	e.stopOnce.Do(func() { close(e.stopped) })
}

// fail records a verdict.
func (e *Engine) fail(reason string) { e.tally.verdict(reason) }

// NewVisit makes a visit of req, or of the crawl itself if req is nil. The
// engine makes its own; this is for tests of handlers.
func (e *Engine) NewVisit(req *Request) *Visit { return &Visit{Request: req, engine: e} }

// Summary is the crawl so far.
func (e *Engine) Summary() Summary {
	s := e.tally.summary()
	s.Errors = e.scriptErrors.Load()
	s.Traps, s.Same = e.traps.report()
	e.endMu.Lock()
	s.End, s.Reason = e.end.word, e.end.reason
	e.endMu.Unlock()
	return s
}

// A Counter is a Frontier one can look into.
type Counter interface {
	Counts(ctx context.Context) (Counts, error)
}

// handle calls the handler for ev if it wants it. It returns what the caller
// has to act on: a *Cancel, a *Fatal, which ends the crawl, ErrDrop or ErrNoMore.
func (e *Engine) handle(ctx context.Context, ev Event, v *Visit) error {
	kind := ""
	if v.Request != nil {
		kind = v.Request.Kind
	}
	if e.deps.Handler == nil || !e.deps.Handler.Wants(ev, kind) {
		return nil
	}
	err := e.deps.Handler.Handle(ctx, ev, v)
	if err == nil {
		return nil
	}
	var fatal *Fatal
	if errors.As(err, &fatal) {
		e.finish("failed", fatal.Error(), fatal)
		return fatal
	}
	var cancel *Cancel
	if errors.As(err, &cancel) {
		return cancel
	}
	if errors.Is(err, ErrDrop) || errors.Is(err, ErrNoMore) {
		return err
	}
	return nil
}
