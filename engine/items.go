package engine

import (
	"context"
	"fmt"
)

// itemsKey is the value under which the rows of a crawl with max_items are
// counted. The keys of scripts begin otherwise.
const itemsKey = "items"

// claimItems asks the crawl's budget for n rows that are about to be written
// and answers how many may be. All workers share it, and what was claimed stays
// claimed: max_items is never overshot, and missed only by the rows that a
// worker had claimed and not written when it was killed. When the budget is
// used up, whoever used it, the crawl ends.
func (e *Engine) claimItems(ctx context.Context, n int) (granted int, err error) {
	if e.cfg.MaxItems <= 0 {
		return n, nil
	}
	got, sum, err := e.deps.Values.Claim(ctx, itemsKey, int64(n), e.cfg.MaxItems)
	if err != nil {
		return 0, fmt.Errorf("max_items: %w", err)
	}
	if sum >= e.cfg.MaxItems {
		e.finish("budget", "max_items reached", nil)
	}
	return int(got), nil
}

// writeItems hands rows to the output; above max_items they are dropped.
func (e *Engine) writeItems(ctx context.Context, items []Item) error {
	n, err := e.claimItems(ctx, len(items))
	if err != nil {
		return err
	}
	e.tally.skip(SkipBudget, int64(len(items)-n))
	for _, it := range items[:n] {
		if e.deps.Output != nil {
			if err := e.deps.Output.WriteItem(ctx, it); err != nil {
				return fmt.Errorf("output: %w", err)
			}
		}
		e.tally.items.Add(1)
	}
	return nil
}
