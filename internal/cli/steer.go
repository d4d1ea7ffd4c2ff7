package cli

import (
	"context"
	"fmt"
	"time"

	"downpour/engine"
	"downpour/engine/frontier"
	"downpour/internal/control"
)

// steering is how a running crawl is told what to do: this process's own, or
// that of all workers through Redis.
type steering interface {
	Pause(ctx context.Context, paused bool) error
	Stop(ctx context.Context) error
	SetDelay(ctx context.Context, queue string, d time.Duration) error
}

var (
	_ steering = (*frontier.Redis)(nil)
	_ steering = ownSteering{}
)

// ownSteering steers the crawl of this process.
type ownSteering struct {
	r     *runner
	leave context.CancelFunc
}

// Pause implements steering.
func (s ownSteering) Pause(_ context.Context, paused bool) error {
	s.r.engine.Pause(paused)
	return nil
}

// Stop implements steering.
func (s ownSteering) Stop(context.Context) error {
	s.leave()
	return nil
}

// SetDelay implements steering.
func (s ownSteering) SetDelay(_ context.Context, queue string, d time.Duration) error {
	s.r.delays.put(queue, d)
	return nil
}

// steered lets the crawl be looked at and steered while it runs: through a
// socket in its folder, or through Redis. done ends that; leave interrupts the
// crawl.
func (r *runner) steered(ctx context.Context, leave context.CancelFunc) (done func()) {
	if store, ok := r.parts.store.(*frontier.Redis); ok {
		watch, stop := context.WithCancel(context.WithoutCancel(ctx))
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			r.follow(watch, store, leave)
		}()
		return func() { stop(); <-ended }
	}
	store, ok := r.parts.store.(lookable)
	if !ok {
		return func() {}
	}
	d := &desk{name: r.name, store: store, engine: r.engine, running: true, steering: ownSteering{r, leave}}
	s, err := control.Listen(r.stateFolder(), d.handlers())
	if err != nil {
		r.log.Warn("the crawl cannot be steered", "error", err)
		return func() {}
	}
	return func() { _ = s.Close() } // the socket is left behind, which harms nobody
}

// followEvery is how often a worker asks Redis for orders and for what was
// pushed from outside.
const followEvery = time.Second

// follow does what people ask of all workers, until ctx ends.
func (r *runner) follow(ctx context.Context, store *frontier.Redis, leave context.CancelFunc) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		if o, err := store.Orders(ctx); err == nil {
			r.engine.Pause(o.Paused)
			r.delays.replace(o.Delays)
			if o.Leave {
				leave()
			}
		}
		if err := r.takeIn(ctx, store); err != nil && ctx.Err() == nil {
			r.log.Warn("what was pushed from outside is not taken in", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// takeIn files what is in the inbox.
func (r *runner) takeIn(ctx context.Context, store *frontier.Redis) error {
	entries, err := store.Inbox(ctx)
	if err != nil || len(entries) == 0 {
		return err
	}
	var reqs []*engine.Request
	for _, e := range entries {
		req, err := outsideRequest(e)
		if err != nil {
			r.log.Warn("what was pushed from outside is left out", "error", err)
			continue
		}
		reqs = append(reqs, req)
	}
	_, skips, err := r.engine.Add(ctx, reqs...)
	if err != nil {
		return err
	}
	for _, s := range skips {
		r.log.Warn("what was pushed from outside is left out", "url", s.Request.URL, "reason", s.Reason, "detail", s.Detail)
	}
	return store.Took(ctx, entries...)
}

// outsideRequest reads a URL, or a request as JSON.
func outsideRequest(text string) (*engine.Request, error) {
	if len(text) > 0 && text[0] == '{' {
		r, err := engine.ParseRequest([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
		r.Attempt, r.Hops, r.Original = 0, nil, ""
		return r, nil
	}
	u, err := seedURL(text)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", text, err)
	}
	return &engine.Request{URL: u, Depth: -1}, nil
}
