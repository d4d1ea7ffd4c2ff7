package frontier

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"downpour/engine"
)

// The crawl of testFair: a host with many pages, and others with few.
const (
	fairLarge = 10_000
	fairSmall = 10
	fairHosts = 99
)

// A fairSite is all hosts of the crawl.
type fairSite struct {
	takes time.Duration // an exchange

	mu    sync.Mutex // guards what follows
	large int        // pages fetched of the large host
	small int        // and of the others
	over  func()     // called with the last of those
}

func (s *fairSite) Fetch(ctx context.Context, r *engine.Request, notify func(engine.Event, *engine.Response) error) (*engine.Response, error) {
	resp := &engine.Response{
		URL: r.URL, Status: http.StatusOK, Message: "OK", Proto: "HTTP/1.1", Header: http.Header{},
		Wrote: time.Now(),
	}
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		return nil, &engine.Failure{Kind: engine.FailCancelled, Message: "cut", Err: ctx.Err()}
	}
	resp.First = time.Now()
	if err := notify(engine.EventStatus, resp); err != nil {
		return resp, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.Queue == "large":
		s.large++
	case s.small+1 == fairHosts*fairSmall:
		s.over()
		fallthrough
	default:
		s.small++
	}
	return resp, notify(engine.EventHeaders, resp)
}

func (s *fairSite) Close() error { return nil }

// Before a twentieth of a large host is fetched the small ones are done, though
// it was there first.
func testFair(c *tester) {
	rows := []struct {
		delay       time.Duration
		concurrency int
	}{
		{c.p.unit / 4, 8}, {0, 8}, {0, 2}, {0, 1},
	}
	for _, row := range rows {
		c.reopen(Options{Fresh: true})
		c.o.Fresh = false
		reqs := make([]*engine.Request, fairLarge)
		for i := range reqs {
			reqs[i] = page("large", fmt.Sprint(i))
		}
		c.push(reqs...)
		for i := range fairHosts {
			for n := range fairSmall {
				c.push(page(fmt.Sprint("small-", i), fmt.Sprint(n)))
			}
		}
		ctx, stop := context.WithCancel(c.ctx)
		s := &fairSite{takes: c.p.unit / 100, over: stop}
		e, err := engine.New(engine.Config{Delay: row.delay, Concurrency: row.concurrency}, engine.Deps{Frontier: c.s, Fetcher: s})
		if err != nil {
			c.t.Fatal(err)
		}
		_, err = e.Run(ctx)
		stop()
		if err != nil || s.small != fairHosts*fairSmall || s.large >= fairLarge/20 {
			c.t.Errorf("delay %v, concurrency %d: %d pages of the large host and %d of the small ones, %v; want all of the small ones before %d",
				row.delay, row.concurrency, s.large, s.small, err, fairLarge/20)
		}
	}
}
