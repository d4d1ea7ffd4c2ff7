package engine

import (
	"context"
	"errors"
	"fmt"
)

// pushChunk bounds how many requests go to the store in one call.
const pushChunk = 1000

// A batch is a group of ended jobs on its way to the store.
type batch struct {
	jobs  []*job
	outs  []*Outcome
	turns []*turn // the turns of outs, in their order
	fresh int     // set by commit: requests that were new
	stale []*Lease
	err   error
}

// commit makes ended visits count, in the order that survives a crash:
// children before rows before parents.
func (e *Engine) commit(ctx context.Context, b *batch) {
	b.fresh, b.err = e.push(ctx, children(b.jobs))
	if b.err != nil {
		return
	}
	if b.err = e.writeItems(ctx, items(b.jobs)); b.err != nil {
		return
	}
	for _, j := range b.jobs {
		if j.visit == nil {
			continue
		}
		if b.err = e.writeSkips(ctx, j.visit); b.err != nil {
			return
		}
	}
	marks, err := e.marks()
	if err != nil {
		b.err = err
		return
	}
	b.stale, b.err = e.deps.Frontier.Done(ctx, b.outs, marks)
	if b.err != nil {
		b.err = fmt.Errorf("frontier: %w", b.err)
	}
}

func children(jobs []*job) []*Request {
	var reqs []*Request
	for _, j := range jobs {
		if j.visit != nil {
			reqs = append(reqs, j.visit.children...)
		}
	}
	return reqs
}

func items(jobs []*job) []Item {
	var all []Item
	for _, j := range jobs {
		if j.visit != nil {
			all = append(all, j.visit.items...)
		}
	}
	return all
}

// push files requests in chunks and remembers their prints.
func (e *Engine) push(ctx context.Context, reqs []*Request) (fresh int, err error) {
	for len(reqs) > 0 {
		chunk := reqs[:min(len(reqs), pushChunk)]
		reqs = reqs[len(chunk):]
		n, err := e.deps.Frontier.Push(ctx, chunk...)
		if err != nil {
			return fresh, fmt.Errorf("frontier: %w", err)
		}
		e.pushed.add(chunk)
		fresh += n
		e.tally.pushed.Add(int64(n))
		e.tally.skip(SkipDuplicate, int64(len(chunk)-n))
	}
	return fresh, nil
}

// send pushes what a hook without a request collected, at once.
func (e *Engine) send(ctx context.Context, v *Visit) (fresh int) {
	e.file(ctx, v)
	fresh, err := e.push(ctx, v.children)
	e.skipped(ctx, v)
	if err == nil && len(v.items)+len(v.rows) > 0 { // or it would wait for the committer for nothing
		e.outputMu.Lock()
		err = errors.Join(e.writeItems(ctx, v.items), e.writeSkips(ctx, v))
		e.outputMu.Unlock()
	}
	if err != nil && ctx.Err() == nil {
		e.finish("failed", err.Error(), err)
	}
	v.children, v.items = nil, nil
	return fresh
}
