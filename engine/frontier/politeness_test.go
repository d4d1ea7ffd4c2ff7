package frontier

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"downpour/engine"
)

// A host sees what workers do to it, and keeps a list of what it resents.
type host struct {
	mu      sync.Mutex // guards what follows
	last    time.Time
	open    int
	seen    map[string]int
	resents []string
}

// enter is a request's arrival.
func (h *host) enter(url string, delay time.Duration, perHost int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if gap := time.Since(h.last); !h.last.IsZero() && gap < delay {
		h.resents = append(h.resents, fmt.Sprintf("%s came %v after the one before", url, gap))
	}
	if h.open++; h.open > perHost {
		h.resents = append(h.resents, fmt.Sprintf("%s made %d under way", url, h.open))
	}
	h.last = time.Now()
	h.seen[url]++
}

func (h *host) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open--
}

// A mob is workers over one store of which some die and some stall.
type mob struct {
	cfg     engine.Config
	dial    time.Duration // at most, until a host sees a request
	answers time.Duration // at most, until it has answered
	limit   time.Duration // of a whole fetch
	hosts   map[string]*host
	store   *Journal

	mu  sync.Mutex // guards rnd
	rnd *rand.Rand
}

func (m *mob) upTo(d time.Duration) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Duration(m.rnd.Int64N(int64(d) + 1))
}

// A mobster is one worker: frontier and fetcher of an engine.
type mobster struct {
	engine.Frontier
	m      *mob
	cancel context.CancelFunc
	dead   chan struct{}

	mu      sync.Mutex // guards stalled
	stalled time.Time  // no hook and no call of the store goes on before
}

var errDead = errors.New("the worker is dead")

// awake waits until the worker goes on; an error says that it does not.
func (w *mobster) awake() error {
	for {
		w.mu.Lock()
		wait := time.Until(w.stalled)
		w.mu.Unlock()
		select {
		case <-w.dead:
			return errDead
		default:
		}
		if wait <= 0 {
			return nil
		}
		if w.pause(wait) != nil {
			return errDead
		}
	}
}

func (w *mobster) pause(d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-w.dead:
		return errDead
	}
}

func (w *mobster) Push(ctx context.Context, reqs ...*engine.Request) (int, error) {
	if err := w.awake(); err != nil {
		return 0, err
	}
	return w.Frontier.Push(ctx, reqs...)
}

func (w *mobster) Lease(ctx context.Context, queues, each int, ttl time.Duration) ([]*engine.Lease, time.Duration, error) {
	if err := w.awake(); err != nil {
		return nil, 0, err
	}
	return w.Frontier.Lease(ctx, queues, each, ttl)
}

func (w *mobster) Done(ctx context.Context, outs []*engine.Outcome, marks engine.Marks) ([]*engine.Lease, error) {
	if err := w.awake(); err != nil {
		return nil, err
	}
	return w.Frontier.Done(ctx, outs, marks)
}

// Fetch takes a while until the host sees it and until that has answered, in
// all no longer than limit. It goes on while the worker's script and its way to
// the store stall.
func (w *mobster) Fetch(_ context.Context, r *engine.Request, notify func(engine.Event, *engine.Response) error) (*engine.Response, error) {
	failed := &engine.Failure{Kind: engine.FailReset, Message: "cut"}
	began := time.Now()
	if w.pause(w.m.upTo(w.m.dial)) != nil {
		return nil, failed
	}
	name := strings.TrimPrefix(r.URL[:strings.LastIndexByte(r.URL, '/')], "http://")
	h, wrote := w.m.hosts[name], time.Now()
	h.enter(r.URL, w.m.cfg.Delay, w.m.cfg.PerHost)
	takes := w.m.upTo(w.m.answers)
	left := w.m.limit - time.Since(began)
	err := w.pause(min(takes, left))
	h.leave()
	if err != nil || takes > left {
		return nil, failed
	}
	resp := &engine.Response{URL: r.URL, Status: 200, Proto: "HTTP/1.1", Header: http.Header{}, Wrote: wrote, First: time.Now()}
	if err := notify(engine.EventStatus, resp); err != nil {
		return resp, err
	}
	return resp, notify(engine.EventHeaders, resp)
}

func (w *mobster) Close() error { return nil }

// Wants and Handle: a hook before the fetch in which the worker may stall.
func (w *mobster) Wants(ev engine.Event, _ string) bool { return ev == engine.EventURL }

func (w *mobster) Handle(context.Context, engine.Event, *engine.Visit) error { return w.awake() }

// start starts a worker in all.
func (m *mob) start(t *testing.T, all *sync.WaitGroup, seeds []string) *mobster {
	ctx, cancel := context.WithCancel(t.Context())
	w := &mobster{Frontier: m.store, m: m, cancel: cancel, dead: make(chan struct{})}
	e, err := engine.New(m.cfg, engine.Deps{Frontier: w, Fetcher: w, Handler: w, Seeds: func(yield func(string, error) bool) {
		for _, u := range seeds {
			if !yield(u, nil) {
				return
			}
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	all.Go(func() {
		if _, err := e.Run(ctx); err != nil && !errors.Is(err, errDead) {
			t.Error(err)
		}
	})
	return w
}

func (w *mobster) kill() {
	close(w.dead)
	w.cancel()
}

func (w *mobster) stall(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stalled = time.Now().Add(d)
}

// run crawls with workers that die, stall and are replaced, once the whole
// machine, and at the end with one that does not.
func (m *mob) run(t *testing.T, p *place, pages int) {
	var urls []string
	for name := range m.hosts {
		for i := range pages {
			urls = append(urls, fmt.Sprintf("http://%s/%d", name, i))
		}
	}
	open := func() {
		s, err := p.open(t, Options{})
		if err != nil {
			t.Fatal(err)
		}
		m.store = s.(*Journal)
	}
	open()
	for range 2 {
		var all sync.WaitGroup
		var workers []*mobster
		for range 3 {
			workers = append(workers, m.start(t, &all, urls))
		}
		for range 12 {
			<-time.After(m.upTo(12 * time.Second))
			i := int(m.upTo(2))
			if m.upTo(1) == 0 {
				workers[i].stall(m.upTo(2 * time.Minute))
				continue
			}
			workers[i].kill()
			workers[i] = m.start(t, &all, urls)
		}
		for _, w := range workers {
			w.kill()
		}
		all.Wait()
		p.crash(t, m.store)
		open()
	}
	// What has ended its worker three times, by chance, is set aside.
	for again := true; again; {
		var all sync.WaitGroup
		m.start(t, &all, urls)
		all.Wait()
		n, err := m.store.Requeue(t.Context(), func(f *engine.Failed) bool { return f.Kind == engine.FailSetAside })
		if err != nil {
			t.Fatal(err)
		}
		again = n > 0
	}
}

// TestPolitenessInVirtualTime: whatever dies, stalls and comes again, no host
// sees two requests closer than its delay, nor more than per_host at once. A
// crawl that is told a shorter time than its fetches may take, so that leases
// end too early, shows that the hosts would see it.
func TestPolitenessInVirtualTime(t *testing.T) {
	const s = time.Second
	rows := []struct {
		name          string
		cfg           engine.Config
		dial, answers time.Duration
		rude          bool
	}{
		{"connections that take long", engine.Config{Delay: 2 * s, PerHost: 1, Timeout: 20 * s}, 8 * s, 3 * s, false},
		{"several under way", engine.Config{Delay: s, PerHost: 3, Timeout: 20 * s}, 0, 12 * s, false},
		{"a short timeout", engine.Config{Delay: 5 * s, PerHost: 1, Timeout: 3 * s}, s, s, false},
		{"leases that end too early", engine.Config{Delay: 5 * s, PerHost: 1, Timeout: time.Millisecond}, 29 * s, s, true},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var resents []string
			for seed := range uint64(60) {
				if !row.rude && seed == 4 || len(resents) > 0 {
					break
				}
				synctest.Test(t, func(t *testing.T) {
					m := &mob{
						cfg: row.cfg, dial: row.dial, answers: row.answers, limit: max(row.cfg.Timeout, row.dial+row.answers),
						hosts: map[string]*host{}, rnd: rand.New(rand.NewPCG(seed, 1)),
					}
					m.cfg.Concurrency, m.cfg.Grace, m.cfg.Retries = 6, time.Millisecond, 100
					const pages = 12
					for i := range 3 {
						m.hosts[fmt.Sprintf("h%d.test", i)] = &host{seen: map[string]int{}}
					}
					m.run(t, journalPlace(t, segmentSize), pages)
					for name, h := range m.hosts {
						resents = append(resents, h.resents...)
						if len(h.seen) != pages {
							t.Errorf("seed %d: %s has seen %d pages, want %d", seed, name, len(h.seen), pages)
						}
					}
				})
			}
			if row.rude != (len(resents) > 0) {
				t.Errorf("%d times rude: %.600q", len(resents), resents)
			}
		})
	}
}
