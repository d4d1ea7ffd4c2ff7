package engine

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"

	"downpour/policies"

	"github.com/cespare/xxhash/v2"
)

// Bounds of traps.
const (
	trapDepth = 20      // links from a seed up to which nothing is taken for a trap
	trapSlots = 1 << 14 // templates counted
	trapsMost = 100     // templates named in the summary
)

// traps counts what a site makes out of numbers without end, such as a
// calendar whose every month links to the next. Only URLs far from the seeds
// that have at least two numbers count, by their template: long lists have
// one number, and what is worth a visit is seldom far. It counts in this
// process alone and forgets rare templates for frequent ones.
type traps struct {
	most int // URLs of one template; negative is no limit

	mu        sync.Mutex // guards what follows
	slots     []trapSlot // made when first needed
	collapsed map[string]int64
}

type trapSlot struct {
	print uint64
	n     int
}

// A Trap is a template of URLs of which no more are fetched.
type Trap struct {
	Template string `json:"template"` // host, path and query, "{n}" for each number
	Skipped  int64  `json:"skipped"`  // URLs left out
}

// add counts a URL about to be pushed. It reports whether there have been too
// many like it, and which template that is.
func (t *traps) add(r *Request) (template string, trapped bool) {
	if t.most < 0 || r.Depth <= trapDepth || len(r.Hops) > 0 {
		return "", false
	}
	u, err := r.parsed()
	if err != nil {
		return "", false
	}
	template, numbers := u.Template()
	if numbers < 2 {
		return "", false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.count(xxhash.Sum64String(template)) <= t.most {
		return "", false
	}
	if _, known := t.collapsed[template]; known || len(t.collapsed) < trapsMost {
		t.collapsed[template]++
	}
	return template, true
}

// count counts a template. One that meets another's slot takes one off that
// one's count, and the slot when nothing is left of it.
func (t *traps) count(print uint64) int {
	if t.slots == nil {
		t.slots = make([]trapSlot, trapSlots)
		t.collapsed = map[string]int64{}
	}
	s := &t.slots[print%trapSlots]
	switch {
	case s.print == print:
		s.n++
	case s.n > 0:
		s.n--
		return 0
	default:
		*s = trapSlot{print, 1}
	}
	return s.n
}

// report lists the templates of which URLs were left out, the most first.
func (t *traps) report() []Trap {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []Trap
	for _, template := range slices.Sorted(maps.Keys(t.collapsed)) {
		list = append(list, Trap{template, t.collapsed[template]})
	}
	slices.SortStableFunc(list, func(a, b Trap) int { return cmp.Compare(b.Skipped, a.Skipped) })
	return list
}

// repeats says that one segment fills u's path too often; "" if not.
func (e *Engine) repeats(u policies.URL) string {
	if most := e.cfg.MaxRepeats; most > 0 {
		if n := u.Repeats(); n > most {
			return fmt.Sprintf("one path segment %d times, the limit is %d", n, most)
		}
	}
	return ""
}

// Agent is the product token that the crawl goes by in robots.txt.
func (v *Visit) Agent() string { return v.engine.agent }

// LinkRoom is how many links of the page may be followed; the rest is to be
// reported with LeaveOut.
func (v *Visit) LinkRoom() int {
	if v.engine.cfg.MaxLinks < 0 {
		return int(^uint(0) >> 1)
	}
	return v.engine.cfg.MaxLinks
}

// LeaveOut says that n links of the page were not even looked at: there are too
// many.
func (v *Visit) LeaveOut(n int) {
	if n <= 0 {
		return
	}
	v.skips = append(v.skips, Skip{
		Request: v.Request, Reason: SkipLinks, Links: n,
		Detail: fmt.Sprintf("%d links of the page, beyond the first %d", n, v.LinkRoom()),
	})
}
