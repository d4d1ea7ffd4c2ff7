package frontier

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"downpour/engine"
)

// TestStalledWorkers lets three workers share a crawl while the store answers them
// late or not in time, and the workers die. Whatever happens, no host sees two
// requests closer than the delay, and every page is fetched.
func TestStalledWorkers(t *testing.T) {
	for seed := range uint64(12) {
		synctest.Test(t, func(t *testing.T) {
			j, err := OpenJournal(t.Context(), t.TempDir(), Options{})
			if err != nil {
				t.Fatal(err)
			}
			s := &slowSite{seen: make(map[string][]time.Time), pages: make(map[string]bool)}
			var workers sync.WaitGroup
			for n := range uint64(3) {
				workers.Go(func() { s.work(t, j, rand.New(rand.NewPCG(seed, n))) })
			}
			workers.Wait()
			s.check(t, seed)
			if err := j.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// The crawl of TestStalledWorkers: 3 hosts, of each a page with links to 6 more,
// and of each of those one to another host.
const (
	politeHosts   = 3
	politeLinks   = 6
	politeDelay   = 40 * time.Second
	politeTimeout = 30 * time.Second
	politeLives   = 4 // deaths of a worker
)

func politeURL(host int, page string) string {
	return fmt.Sprintf("http://h%d.test/%s", host%politeHosts, page)
}

// A slowSite is all hosts of the crawl. It notes when it saw each request, long
// after the fetch began.
type slowSite struct {
	mu    sync.Mutex // guards everything below
	seen  map[string][]time.Time
	pages map[string]bool
}

// work is a worker and those that take its place when it has died.
func (s *slowSite) work(t *testing.T, j *Journal, rnd *rand.Rand) {
	for life := range politeLives + 1 {
		w := &mortal{Journal: j, site: s, rnd: rnd, left: 2 + rnd.IntN(25), dies: life < politeLives}
		e, err := engine.New(engine.Config{
			Concurrency: 4, Delay: politeDelay, Timeout: politeTimeout,
		}, engine.Deps{Frontier: w, Fetcher: w, Handler: w, Seeds: w.seeds()})
		if err != nil {
			t.Error(err)
			return
		}
		_, err = e.Run(t.Context())
		if err == nil {
			return
		}
		if !errors.Is(err, errDead) {
			t.Error(err)
			return
		}
		time.Sleep(time.Duration(rnd.IntN(100)) * time.Second)
	}
	t.Error("a worker that lives on has not ended the crawl")
}

func (s *slowSite) check(t *testing.T, seed uint64) {
	t.Helper()
	for host, at := range s.seen {
		slices.SortFunc(at, time.Time.Compare)
		for i := 1; i < len(at); i++ {
			if gap := at[i].Sub(at[i-1]); gap < politeDelay {
				t.Errorf("seed %d: %s saw two requests %v apart, %v after the start", seed, host, gap, at[i].Sub(at[0]))
			}
		}
	}
	if want := politeHosts * (1 + politeLinks); len(s.pages) != want {
		t.Errorf("seed %d: %d pages were fetched, want %d", seed, len(s.pages), want)
	}
}

// A mortal is a worker's way to the store and to the site. Both are slow, and
// after some calls the worker is dead: neither hears of it any more.
type mortal struct {
	*Journal
	site *slowSite
	dies bool

	mu   sync.Mutex // guards what follows
	rnd  *rand.Rand
	left int // calls of the store until it dies
}

// upTo is a random duration below d.
func (w *mortal) upTo(d time.Duration) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Duration(w.rnd.Int64N(int64(d)))
}

// stall lets time pass before or after a call of the store: mostly little.
func (w *mortal) stall() {
	d := w.upTo(time.Second)
	if w.upTo(12) == 0 {
		d = w.upTo(2 * time.Minute)
	}
	time.Sleep(d)
}

func (w *mortal) dead() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dies && w.left <= 0
}

// call makes a call of the store, unless the worker dies before; it may die
// behind it as well.
func (w *mortal) call(do func() error) error {
	w.stall()
	if w.dead() {
		return errDead
	}
	err := do()
	w.mu.Lock()
	w.left--
	w.mu.Unlock()
	w.stall()
	if w.dead() {
		return errDead
	}
	return err
}

func (w *mortal) Push(ctx context.Context, reqs ...*engine.Request) (fresh int, err error) {
	err = w.call(func() (err error) {
		fresh, err = w.Journal.Push(ctx, reqs...)
		return err
	})
	return fresh, err
}

func (w *mortal) Lease(ctx context.Context, queues, each int, ttl time.Duration) (leases []*engine.Lease, wait time.Duration, err error) {
	err = w.call(func() (err error) {
		leases, wait, err = w.Journal.Lease(ctx, queues, each, ttl)
		return err
	})
	return leases, wait, err
}

func (w *mortal) Done(ctx context.Context, outs []*engine.Outcome, marks engine.Marks) (stale []*engine.Lease, err error) {
	err = w.call(func() (err error) {
		stale, err = w.Journal.Done(ctx, outs, marks)
		return err
	})
	return stale, err
}

// Close leaves the store to the others.
func (w *mortal) Close() error { return nil }

// Fetch takes nearly all the time it has to reach the site.
func (w *mortal) Fetch(ctx context.Context, r *engine.Request, notify func(engine.Event, *engine.Response) error) (*engine.Response, error) {
	wire := w.upTo(10 * time.Millisecond)
	connects := politeTimeout - time.Second
	if w.upTo(3) == 0 {
		connects = w.upTo(connects)
	}
	select {
	case <-time.After(connects):
	case <-ctx.Done():
		return nil, &engine.Failure{Kind: engine.FailCancelled, Message: "cut", Err: ctx.Err()}
	}
	if w.dead() {
		return nil, &engine.Failure{Kind: engine.FailConnect, Message: "nobody is there to connect"}
	}
	resp := &engine.Response{URL: r.URL, Proto: "HTTP/1.1", Status: 200, Message: "OK", Header: http.Header{}, Wrote: time.Now()}
	time.Sleep(wire)
	w.site.mu.Lock()
	w.site.seen[r.Queue] = append(w.site.seen[r.Queue], time.Now())
	w.site.pages[r.URL] = true
	w.site.mu.Unlock()
	time.Sleep(200 * time.Millisecond)
	resp.First = time.Now()
	if err := notify(engine.EventStatus, resp); err != nil {
		return resp, err
	}
	return resp, notify(engine.EventHeaders, resp)
}

// Wants implements engine.Handler.
func (w *mortal) Wants(ev engine.Event, _ string) bool { return ev == engine.EventSuccess }

// Handle enqueues the links of a page.
func (w *mortal) Handle(_ context.Context, ev engine.Event, v *engine.Visit) error {
	if ev != engine.EventSuccess || v.Request.Depth > 0 {
		return nil
	}
	var host int
	if _, err := fmt.Sscanf(v.Request.URL, "http://h%d.test/", &host); err != nil {
		return err
	}
	for i := range politeLinks {
		v.Enqueue(&engine.Request{URL: politeURL(host+i%2, fmt.Sprintf("%d-%d", host, i))})
	}
	return nil
}

func (w *mortal) seeds() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for host := range politeHosts {
			if !yield(politeURL(host, ""), nil) {
				return
			}
		}
	}
}
