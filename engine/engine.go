// Package engine runs a crawl: it leases queues from a Frontier, fetches their
// requests through a Fetcher, calls a Handler's hooks and reports back.
package engine

import (
	"context"
	"sync/atomic"
)

// An Engine is one crawl in one process.
type Engine struct {
	cfg          Config
	deps         Deps
	scriptErrors atomic.Int64
}

func (e *Engine) admit(v *Visit, r *Request) (bool, *Skip) { v.children = append(v.children, r); return true, nil }
func (e *Engine) fail(reason string)                       {}

// Stop ends the crawl in order.
func (e *Engine) Stop(reason string) {}

func (e *Engine) fetchNow(ctx context.Context, v *Visit, r *Request) (*Response, error) {
	return e.deps.Fetcher.Fetch(ctx, r, nil)
}
