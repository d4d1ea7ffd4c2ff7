package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"sync"
	"time"

	"downpour/engine"
	"downpour/engine/fetch"
	"downpour/engine/frontier"
	"downpour/luabridge"
)

//go:embed soak.lua
var scripts embed.FS

// The limits of the crawl, small so that hooks reach them often.
const (
	fetchLimit  = time.Second
	hookTime    = 50 * time.Millisecond
	memoryLimit = 192 << 20
)

// A Soak is a crawl to be watched.
type Soak struct {
	Time  time.Duration // how long to crawl
	Every time.Duration // between two looks at the process
	Delay time.Duration // between two requests to a host
}

// Run crawls, writes a line for each look at the process, and sums up when
// everything is closed. It ends early, without an error, when ctx does.
func (s Soak) Run(ctx context.Context, out io.Writer) (*Account, error) {
	a := &Account{Before: runtime.NumGoroutine()}
	if err := s.crawl(ctx, a, out); err != nil {
		return nil, err
	}
	a.After = settled(a.Before)
	return a, nil
}

// settled is how many goroutines there are once those that are ending have
// ended, or after a while.
func settled(want int) (n int) {
	for range 50 {
		if n = runtime.NumGoroutine(); n <= want {
			break
		}
		<-time.After(100 * time.Millisecond)
	}
	return n
}

func (s Soak) crawl(ctx context.Context, a *Account, out io.Writer) (err error) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(site))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.Start()
	defer server.Close()
	dir, err := os.MkdirTemp("", "soak")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // the system empties its folder anyway
	store, err := frontier.OpenJournal(ctx, dir, frontier.Options{Name: "soak"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	local := map[string]string{}
	for i := range hosts {
		local[fmt.Sprintf("h%d.test:80", i+1)] = server.Listener.Addr().String()
	}
	fetcher, err := fetch.New(fetch.Config{Timeout: fetchLimit, Local: local})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, fetcher.Close()) }()
	host, err := luabridge.Load(ctx, luabridge.Options{Files: []string{"soak"}, Sources: scripts, Timeout: hookTime, Memory: memoryLimit})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, host.Close()) }()
	if err := host.UseValues(ctx, store.Values()); err != nil {
		return err
	}
	crawl, err := engine.New(
		engine.Config{Name: "soak", Delay: s.Delay, Robots: true, Retries: 1, Timeout: fetchLimit},
		engine.Deps{Frontier: store, Fetcher: fetcher, Handler: host, Values: store.Values()},
	)
	if err != nil {
		return err
	}
	return s.watch(ctx, a, crawl, out)
}

// watch runs the crawl and looks at the process meanwhile.
func (s Soak) watch(ctx context.Context, a *Account, crawl *engine.Engine, out io.Writer) error {
	ctx, stop := context.WithTimeout(ctx, s.Time)
	defer stop()
	var wg sync.WaitGroup
	var looking error
	wg.Go(func() {
		tick := time.NewTicker(s.Every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			sample, err := look(crawl.Summary())
			if err != nil {
				looking = err
				stop()
				return
			}
			a.Samples = append(a.Samples, sample)
			fmt.Fprintln(out, sample)
		}
	})
	sum, err := crawl.Run(ctx)
	stop()
	wg.Wait()
	if err == nil && sum.End != "interrupted" {
		err = fmt.Errorf("the crawl ended by itself: %s %s", sum.End, sum.Reason)
	}
	a.Sum = sum
	return errors.Join(err, looking)
}
