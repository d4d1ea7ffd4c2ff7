package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// fetchTimeout is the workers' timeout of a request. Leases last a little
// longer, and nobody waits for those of a killed worker when another takes its
// place.
const fetchTimeout = 5 * time.Second

// calm is from which part of the site on nobody is killed any more: a worker
// that came back after the crawl's end would begin another.
const calm = 0.9

// A Store is where the crawl is kept.
type Store string

// The stores.
const (
	InRedis   Store = "redis"
	InJournal Store = "journal"
)

// Chaos says what to crawl and what to do to those who crawl.
type Chaos struct {
	Binary   string // the command
	Store    Store
	Workers  int           // processes, in Redis; with a journal there is one
	Hosts    int           // of the site
	Pages    int           // of each host
	Restarts int           // of the Redis server
	Every    time.Duration // mean time between two kills of a worker
	Delay    time.Duration // between two requests to a host
	Limit    time.Duration // for the whole crawl
	Seed     uint64        // of the random choices
}

// A run is a crawl under attack.
type run struct {
	*Chaos
	rnd      *rand.Rand
	site     *site
	redis    *redisServer // nil with a journal
	workers  []*worker
	killed   map[string]time.Time // lives, and when
	restarts int
}

// Run crawls in a folder of its own in dir, and accounts for the pages. The
// error is of what does not belong to the crawl, or of ctx.
func (c *Chaos) Run(ctx context.Context, dir string) (*Account, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Limit)
	defer cancel()
	dir = filepath.Join(dir, string(c.Store))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "chaos.lua"), []byte(script), 0o600); err != nil {
		return nil, err
	}
	s, err := newSite(c.Hosts, c.Pages)
	if err != nil {
		return nil, err
	}
	r := &run{Chaos: c, rnd: rand.New(rand.NewPCG(c.Seed, 0)), site: s, killed: map[string]time.Time{}}
	defer r.site.close()
	defer r.killAll()
	begun := time.Now()
	if err := r.start(ctx, dir); err != nil {
		return nil, err
	}
	if err := r.attack(ctx); err != nil {
		return nil, r.explain(err)
	}
	if err := r.wait(ctx); err != nil {
		return nil, r.explain(err)
	}
	return r.account(time.Since(begun))
}

// start starts the server, if there is one, and the workers.
func (r *run) start(ctx context.Context, dir string) (err error) {
	if r.Store == InJournal {
		r.workers = []*worker{newWorker("w1", dir, r.Chaos, r.site)}
	} else {
		if r.redis, err = newRedisServer(ctx, dir); err != nil {
			return err
		}
		for i := range r.Workers {
			r.workers = append(r.workers, newWorker(fmt.Sprintf("w%d", i+1), dir, r.Chaos, r.site,
				"--redis", "unix://"+r.redis.socket()))
		}
	}
	for _, w := range r.workers {
		if err := w.start(); err != nil {
			return err
		}
	}
	return nil
}

// attack kills workers at random moments, and the Redis server whenever the
// crawl has come a further part of its way, until the crawl is nearly over.
func (r *run) attack(ctx context.Context) error {
	next := r.moment()
	for {
		progress := r.site.progress()
		for _, w := range r.workers {
			if w.life.over() {
				return nil // by itself: wait says what it thinks of that
			}
		}
		switch {
		case r.redis != nil && r.restarts < r.Restarts && progress >= calm*float64(r.restarts+1)/float64(r.Restarts+1):
			r.redis.kill()
			if err := r.redis.start(ctx); err != nil {
				return err
			}
			r.restarts++
		case progress >= calm:
			return nil
		case !time.Now().Before(next):
			if err := r.replace(r.workers[r.rnd.IntN(len(r.workers))]); err != nil {
				return err
			}
			next = r.moment()
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
}

// moment is when the next worker is killed.
func (r *run) moment() time.Time {
	return time.Now().Add(time.Duration((0.5 + r.rnd.Float64()) * float64(r.Every)))
}

// replace kills a worker and starts it again.
func (r *run) replace(w *worker) error {
	w.life.kill()
	if w.life.killed.IsZero() {
		return nil
	}
	r.killed[w.life.name] = w.life.killed
	return w.start()
}

// wait waits for the workers to end by themselves, all in good order.
func (r *run) wait(ctx context.Context) error {
	for _, w := range r.workers {
		select {
		case <-w.life.ended:
			if w.life.err != nil {
				return fmt.Errorf("worker %s: %w", w.life.name, w.life.err)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// explain adds to an error how far the crawl was and what the workers said.
func (r *run) explain(err error) error {
	err = fmt.Errorf("%.1f %% of the pages fetched, %d workers and %d servers killed: %w",
		100*r.site.progress(), len(r.killed), r.restarts, err)
	r.killAll()
	for _, w := range r.workers {
		if b := w.life.stderr.Bytes(); len(b) > 0 {
			err = fmt.Errorf("%w\n%s: %s", err, w.life.name, b[max(0, len(b)-2000):])
		}
	}
	return err
}

// killAll leaves no process behind.
func (r *run) killAll() {
	for _, w := range r.workers {
		if w.life != nil && w.life.cmd.Process != nil {
			w.life.kill()
		}
	}
	if r.redis != nil {
		r.redis.kill()
	}
}
