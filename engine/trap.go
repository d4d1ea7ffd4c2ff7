package engine

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"downpour/policies"

	"github.com/cespare/xxhash/v2"
)

// Bounds of traps.
const (
	trapDepth  = 20      // links from a seed up to which neither template nor body is taken for a trap
	trapSlots  = 1 << 14 // templates counted
	bodySlots  = 1 << 16 // bodies counted
	trapsMost  = 100     // traps named in the summary
	knownHosts = 1 << 18 // subdomains remembered; then they are counted anew
)

// traps counts what a site makes up without end. A calendar whose every month
// links to the next is told by its template: only URLs far from the seeds that
// have at least two numbers count, for long lists have one number, and what is
// worth a visit is seldom far. Sessions in every link and errors that say 200
// are told by their pages, which are the same. Names that a wildcard of the
// domain name system answers for are told by their number. It counts in this
// process alone, and forgets what is rare for what is frequent.
type traps struct {
	similar int // URLs of one template, or pages of one body; negative is no limit
	hosts   int // hosts of one registrable domain; negative is no limit

	mu        sync.Mutex // guards what follows
	templates counts
	bodies    counts
	alike     int64 // pages whose body had come before
	farms     farms
	collapsed map[string]int64 // URLs left out, by what Trap.Template says
}

// A Trap is a kind of URLs of which no more are fetched.
type Trap struct {
	Template string `json:"template"` // host, path and query, "{n}" for each number; "*." and a domain; or a host and " (the same page)"
	Skipped  int64  `json:"skipped"`  // URLs left out
}

// check counts a URL that v's page, of the origin home, is about to push. It
// says why not to, "" if nothing speaks against it. What a person or a script
// insists on passes.
func (t *traps) check(v *Visit, home string, r *Request) (why string) {
	if v.Request == nil || r.redirected() || r.Again {
		return ""
	}
	own := strings.HasPrefix(r.URL, home+"/")
	if own && r.Depth <= trapDepth {
		return ""
	}
	u, err := r.parsed()
	if err != nil {
		return ""
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	template := ""
	switch {
	case own && v.same:
		template = u.Host() + " (the same page)"
		why = "more than " + strconv.Itoa(t.similar) + " pages of " + u.Host() + " like the one that links to it"
	case !own && t.farms.full(u, t.hosts):
		template = "*." + policies.Domain(u.Hostname())
		why = "more than " + strconv.Itoa(t.hosts) + " hosts of " + policies.Domain(u.Hostname())
	default:
		if template = t.endless(u, r.Depth); template == "" {
			return ""
		}
		why = "more than " + strconv.Itoa(t.similar) + " like " + template
	}
	t.collapse(template)
	return why
}

// endless counts u by its template, and answers the template if there have been
// too many like it.
func (t *traps) endless(u policies.URL, depth int) string {
	if t.similar < 0 || depth <= trapDepth {
		return ""
	}
	template, numbers := u.Template()
	if numbers < 2 || t.templates.add(xxhash.Sum64String(template), trapSlots) <= t.similar {
		return ""
	}
	return template
}

func (t *traps) collapse(template string) {
	if t.collapsed == nil {
		t.collapsed = map[string]int64{}
	}
	if _, known := t.collapsed[template]; known || len(t.collapsed) < trapsMost {
		t.collapsed[template]++
	}
}

// counts counts prints in a table of fixed size.
type counts []struct {
	print uint64
	n     int
}

// add counts a print, in a table of so many slots that is made when first
// needed. One that meets another's slot takes one off that one's count, and
// the slot when nothing is left of it.
func (c *counts) add(print uint64, slots int) int {
	if *c == nil {
		*c = make(counts, slots)
	}
	s := &(*c)[print%uint64(slots)]
	switch {
	case s.print == print:
		s.n++
	case s.n > 0:
		s.n--
		return 0
	default:
		s.print, s.n = print, 1
	}
	return s.n
}

// report lists the templates of which URLs were left out, the most first, and
// how many pages were like one before.
func (t *traps) report() ([]Trap, int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []Trap
	for _, template := range slices.Sorted(maps.Keys(t.collapsed)) {
		list = append(list, Trap{template, t.collapsed[template]})
	}
	slices.SortStableFunc(list, func(a, b Trap) int { return cmp.Compare(b.Skipped, a.Skipped) })
	return list, t.alike
}

// repeats says that one segment fills u's path too often; "" if not.
func (e *Engine) repeats(u policies.URL) string {
	if most := e.cfg.MaxRepeats; most > 0 && strings.Count(u.Path(), "/") > most {
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
