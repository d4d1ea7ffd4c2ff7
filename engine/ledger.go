package engine

import (
	"context"
	"fmt"
	"maps"
)

// The ledger is the rows of what was found and is not fetched, one a URL, for
// those who ask for them (Deps.Skips). A visit's rows are written when it is
// committed, with its items. Of URLs that have been pushed before, it names
// those that this process remembers.

// skipRow is a skip as a row of the ledger.
func skipRow(s Skip) Item {
	r := s.Request
	return Item{
		{"url", r.URL},
		{"reason", s.Reason},
		{"detail", s.Detail},
		{"referrer", r.Referrer},
		{"depth", int64(r.Depth)},
	}
}

// note adds a skip to the visit's rows.
func (v *Visit) note(s Skip) {
	if v.engine.deps.Skips != nil {
		v.rows = append(v.rows, skipRow(s))
	}
}

// Drop skips a request that on_enqueue did not want.
func (v *Visit) Drop(r *Request) {
	if v.Request != nil && r.Referrer == "" {
		r.Referrer = v.pageURL()
	}
	v.skips = append(v.skips, Skip{Request: r, Reason: SkipDropped})
}

// skipped counts what a visit will not fetch and tells the handler.
func (e *Engine) skipped(ctx context.Context, v *Visit) {
	for i := range v.skips {
		s := v.skips[i]
		e.tally.skip(s.Reason, int64(max(s.Links, 1)))
		v.note(s)
		v.Skip = &s
		_ = e.handle(ctx, EventSkip, v)
	}
	v.Skip = nil
	v.skips = nil
}

// duplicate counts a request whose identity has been pushed before.
func (e *Engine) duplicate(v *Visit, r *Request) {
	e.tally.skip(SkipDuplicate, 1)
	if e.deps.Skips == nil {
		return
	}
	s := Skip{Request: r, Reason: SkipDuplicate}
	if u, err := r.parsed(); err == nil && r.Key == "" {
		s.Detail = "of " + e.cfg.Canonical.Key(u)
	}
	v.note(s)
}

// writeSkips writes the visit's rows of the ledger.
func (e *Engine) writeSkips(ctx context.Context, v *Visit) error {
	for _, row := range v.rows {
		if err := e.deps.Skips.WriteItem(ctx, row); err != nil {
			return fmt.Errorf("skips: %w", err)
		}
	}
	v.rows = nil
	return nil
}

// marks hands all rows written to the operating system and says where they
// end, for the store to keep.
func (e *Engine) marks() (Marks, error) {
	all := Marks{}
	for name, out := range map[string]Output{"output": e.deps.Output, "skips": e.deps.Skips} {
		if out == nil {
			continue
		}
		marks, err := out.Flush()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		maps.Copy(all, marks)
	}
	return all, nil
}
