package engine

import (
	"context"
	"slices"
	"sync"
	"time"
)

// reserve takes a start in the buckets of r. wait above 0 says that there is
// none, and when to come again. A start that was taken holds until by: one that
// is made later may meet the next; by is zero for a request without buckets.
func (e *Engine) reserve(ctx context.Context, r *Request) (by time.Time, wait time.Duration, err error) {
	if len(r.Buckets) == 0 {
		return by, 0, nil
	}
	buckets := make([]Bucket, 0, len(r.Buckets))
	slack := time.Hour
	for _, name := range r.Buckets {
		if gap := e.policy.Delay(ctx, name, r, nil); gap > 0 {
			buckets = append(buckets, Bucket{Name: name, Gap: gap + spare})
			slack = min(slack, max(gap/10, leastSlack))
		}
	}
	if len(buckets) == 0 {
		return by, 0, nil
	}
	by = time.Now().Add(slack)
	wait, err = e.deps.Frontier.Reserve(ctx, buckets)
	if wait > 0 {
		wait = e.line.stand(buckets, wait)
	}
	return by, wait, err
}

// leastSlack is how much later than its reservation a start may always be.
const leastSlack = 5 * time.Millisecond

// reserved is reserve for those who have to wait where they are.
func (e *Engine) reserved(ctx context.Context, r *Request) error {
	for {
		_, wait, err := e.reserve(ctx, r)
		if err == nil && wait > 0 {
			err = pause(ctx, wait)
		}
		if err != nil || wait == 0 {
			return err
		}
	}
}

// room takes a start in the buckets of a job's request. Without one the job
// ends, and its queue rests until it may ask again: that is no attempt.
func (e *Engine) room(ctx context.Context, j *job) bool {
	by, wait, err := e.reserve(ctx, j.req)
	if err != nil && ctx.Err() == nil {
		e.finish("failed", "frontier: "+err.Error(), err)
	}
	if err == nil && wait == 0 {
		j.by = by
		return true
	}
	j.fate, j.again, j.hold = fateUntouched, true, wait
	j.why = "bucket " + oneLine(j.req.Buckets[0])
	return false
}

// onTime reports whether a job may still start its fetch: hooks and the store
// may have taken long. It takes another start in its buckets if that of room is
// over, and gives the job back if its lease no longer covers the fetch and the
// rest owed after it.
func (e *Engine) onTime(ctx context.Context, j *job) bool {
	if !j.by.IsZero() && time.Now().After(j.by) {
		j.again = e.reserved(ctx, j.req) != nil
	}
	if !j.again && e.cfg.PerHost > 1 {
		j.again = j.turn.pace(ctx, j.rest) != nil
	}
	j.again = j.again || !j.turn.covers(e.longest(j.rest))
	return !j.again
}

// pace keeps the fetches of a turn rest apart that hooks have held up: begun
// one after the other, they may come out of them together.
func (t *turn) pace(ctx context.Context, rest time.Duration) error {
	for rest > 0 {
		t.paceMu.Lock()
		wait := time.Until(t.paced.Add(rest))
		if wait <= 0 {
			t.paced = time.Now()
			wait = 0
		}
		t.paceMu.Unlock()
		if wait == 0 {
			break
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
	return nil
}

// covers reports whether the lease goes on for at least d. It may be called by
// workers.
func (t *turn) covers(d time.Duration) bool {
	return time.Since(t.began)+d <= time.Duration(t.lasts.Load())
}

// leased notes how long the lease lasts.
func (t *turn) leased(expires time.Time) {
	t.expires = expires
	t.lasts.Store(int64(expires.Sub(t.began)))
}

// line lets those who wait for a bucket come one after the other, a gap apart,
// so that they need not all ask each time. It knows this process alone; the
// store decides.
type line struct {
	mu   sync.Mutex           // guards next
	next map[string]time.Time // by bucket: nobody waits for a time from here on
}

// The bounds of a line.
const (
	lineMost  = 64     // gaps ahead
	linesMost = 10_000 // buckets remembered
)

// stand answers when to come again for buckets that are taken for wait.
func (l *line) stand(buckets []Bucket, wait time.Duration) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.next == nil || len(l.next) > linesMost {
		l.next = map[string]time.Time{}
	}
	now := time.Now()
	at := now.Add(wait)
	for _, b := range buckets {
		if next := l.next[b.Name]; next.After(at) {
			at = next
		}
	}
	most := slices.MaxFunc(buckets, func(a, b Bucket) int { return int(a.Gap - b.Gap) }).Gap
	if last := now.Add(wait + lineMost*most); at.After(last) {
		at = last
	}
	for _, b := range buckets {
		l.next[b.Name] = at.Add(b.Gap)
	}
	return at.Sub(now)
}
