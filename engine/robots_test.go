package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"downpour/engine"

	"github.com/google/go-cmp/cmp"
)

// rules answers robots.txt with file and status, in that order of tries, the
// last one for good; pages are there.
func rules(answers ...*engine.Response) func(string, int) *engine.Response {
	return func(u string, nth int) *engine.Response {
		if !strings.HasSuffix(u, "/robots.txt") {
			return page(200)
		}
		answer := answers[min(nth, len(answers)-1)]
		if answer == nil {
			return nil
		}
		r := *answer
		return &r
	}
}

func robotsFile(text string) *engine.Response {
	r := page(200)
	r.Body = []byte(text)
	return r
}

// count is how many of the URLs asked for end so.
func (s *site) count(suffix string) (n int) {
	for _, u := range s.urls() {
		if strings.HasSuffix(u, suffix) {
			n++
		}
	}
	return n
}

// told is a Handler's calls that are about the fate of a request.
func (h *hooks) told() []string {
	var fates []string
	for _, c := range h.calls {
		if strings.HasPrefix(c, "on_skip") || strings.HasPrefix(c, "on_success") || strings.HasPrefix(c, "on_error") {
			fates = append(fates, c)
		}
	}
	return fates
}

func TestWhatAnswersForRobotsMean(t *testing.T) {
	closed := robotsFile("User-agent: *\nDisallow: /\n")
	rows := []struct {
		name    string
		answers []*engine.Response
		asked   int
		want    string
		after   time.Duration // the crawl is not over before
	}{
		{"rules", []*engine.Response{closed}, 1, "on_skip http://a.test/ disallowed", 0},
		{"401", []*engine.Response{page(401)}, 1, "on_success http://a.test/", 0},
		{"403", []*engine.Response{page(403)}, 1, "on_success http://a.test/", 0},
		{"404", []*engine.Response{page(404)}, 1, "on_success http://a.test/", 0},
		{"429 asks for patience", []*engine.Response{page(429, "Retry-After", "100"), closed}, 2, "on_skip http://a.test/ disallowed", 100 * time.Second},
		{"503, then there", []*engine.Response{page(503), page(503), page(404)}, 3, "on_success http://a.test/", 6 * time.Second},
		{"503 for good", []*engine.Response{page(503)}, 3, "on_skip http://a.test/ disallowed", 6 * time.Second},
		{"no answer", []*engine.Response{nil}, 3, "on_error http://a.test/ connect attempts=1", 6 * time.Second},
		{"a redirect to itself", []*engine.Response{page(302, "Location", "/robots.txt")}, 6, "on_success http://a.test/", 0},
		{"a redirect to another scheme", []*engine.Response{page(302, "Location", "file:///etc/passwd")}, 1, "on_success http://a.test/", 0},
		{"five redirects", []*engine.Response{
			page(301, "Location", "/robots.txt"), page(302, "Location", "/robots.txt"), page(303, "Location", "/robots.txt"),
			page(307, "Location", "/robots.txt"), page(308, "Location", "/robots.txt"), closed,
		}, 6, "on_skip http://a.test/ disallowed", 0},
		{"a page in its place", []*engine.Response{robotsFile("<!DOCTYPE html>\n<p>Disallow: /\n")}, 1, "on_success http://a.test/", 0},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, s := &hooks{}, &site{answer: rules(row.answers...)}
				crawl(t, t.Context(), engine.Config{Robots: true, Retries: 2}, engine.Deps{Fetcher: s, Handler: h, Seeds: seeds("http://a.test/")})
				if d := cmp.Diff([]string{row.want}, h.told()); d != "" {
					t.Error(d)
				}
				if n := s.count("/robots.txt"); n != row.asked {
					t.Errorf("robots.txt asked for %d times, want %d", n, row.asked)
				}
				if got := time.Since(epoch); got < row.after {
					t.Errorf("over after %v, want at least %v", got, row.after)
				}
			})
		})
	}
}

func TestSkipSaysWhichLineForbade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var detail string
		h := &hooks{on: func(ev engine.Event, v *engine.Visit) error {
			if ev == engine.EventSkip {
				detail = v.Skip.Detail
			}
			return nil
		}}
		s := &site{answer: rules(robotsFile("User-agent: *\nAllow: /a\nDisallow: /*?id=\n"))}
		crawl(t, t.Context(), engine.Config{Robots: true}, engine.Deps{Fetcher: s, Handler: h, Seeds: seeds("http://a.test/x?id=1")})
		if want := "robots.txt line 3 (Disallow: /*?id=)"; detail != want {
			t.Errorf("detail %q, want %q", detail, want)
		}
	})
}

// many are seeds of one host.
func many(n int) []string {
	var urls []string
	for i := range n {
		urls = append(urls, fmt.Sprintf("http://a.test/%03d", i))
	}
	return urls
}

func TestLastGoodRobotsGoesOnFor30Days(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hooks{}
		s := &site{answer: rules(robotsFile("User-agent: *\nDisallow: /001\n"), page(503))}
		const delay = 12 * time.Hour
		crawl(t, t.Context(), engine.Config{Robots: true, Delay: delay, MaxDelay: delay}, engine.Deps{
			Fetcher: s, Handler: h, Seeds: seeds(many(100)...),
		})
		var last time.Duration
		for _, a := range s.asked {
			if !strings.HasSuffix(a.URL, "/robots.txt") {
				last = a.At
			}
		}
		if month := 30 * 24 * time.Hour; last > month || last < month-2*delay {
			t.Errorf("the last page was asked for after %v, want shortly before %v", last, month)
		}
		if s.count("/001") > 0 || h.told()[1] != "on_skip http://a.test/001 disallowed" {
			t.Errorf("fates %q", h.told())
		}
	})
}

func TestRobotsIsAskedForOnceADay(t *testing.T) {
	rows := []struct {
		name  string
		delay time.Duration
		pages int
		want  int
	}{
		{"within a day", time.Hour, 20, 1},
		{"each day anew", time.Hour, 60, 3},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &site{answer: rules(robotsFile("User-agent: *\nDisallow: /x\n"))}
				crawl(t, t.Context(), engine.Config{Robots: true, Delay: row.delay, MaxDelay: row.delay}, engine.Deps{
					Fetcher: s, Seeds: seeds(many(row.pages)...),
				})
				if n := s.count("/robots.txt"); n != row.want {
					t.Errorf("asked for %d times, want %d", n, row.want)
				}
			})
		})
	}
}

func TestRobotsTravelsWithTheQueue(t *testing.T) {
	rows := []struct {
		name    string
		answers []*engine.Response
		seeds   []string
		asked   int // in all processes together
	}{
		{"rules", []*engine.Response{robotsFile("User-agent: *\nDisallow: /003\nCrawl-delay: 2\n")}, many(20), 1},
		{"none", []*engine.Response{page(404)}, many(20), 1},
		{"two origins in one queue", []*engine.Response{page(404)}, []string{"http://a.test/1", "https://a.test/2", "http://a.test/3", "https://a.test/4"}, 2},
		{
			"hostile octets",
			[]*engine.Response{robotsFile("User-agent: *\n" + strings.Repeat("Disallow: /<\x01\xe9>\n", 100))},
			many(20), 1,
		},
		{
			"a file of 150 KB",
			[]*engine.Response{robotsFile("User-agent: *\n" + longRules() + "Disallow: /003\n")},
			many(20), 1,
		},
		{"failed tries count on", []*engine.Response{page(500), page(500), page(500), page(404)}, many(20), 4},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, s := newMemory(), &site{answer: rules(row.answers...)}
				cfg := engine.Config{Robots: true, Delay: time.Second, Retries: 3}
				for run := 0; run == 0 || m.counts.Queued > 0; run++ {
					ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
					crawl(t, ctx, cfg, engine.Deps{Frontier: m, Fetcher: s, Seeds: seeds(row.seeds...)})
					cancel()
				}
				if n := s.count("/robots.txt"); n != row.asked {
					t.Errorf("robots.txt asked for %d times, want %d", n, row.asked)
				}
				if s.count("/003") > 0 && (row.name == "rules" || row.name == "a file of 150 KB") {
					t.Error("a disallowed page was fetched after a restart")
				}
			})
		})
	}
}

// longRules are rules as a shop has them, one a page.
func longRules() string {
	var b strings.Builder
	for i := range 3500 {
		fmt.Fprintf(&b, "Disallow: /category/%d/print-version.html\n", i)
	}
	return b.String()
}

func TestStoredRobotsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		s := &site{answer: rules(robotsFile("User-agent: *\n" + strings.Repeat("Disallow: /<<<<<<<<<<<<<<<<<<<<<<<<<\n", 500)))}
		var urls []string
		for i := range 12 {
			urls = append(urls, fmt.Sprintf("http://h%d.test/", i))
		}
		crawl(t, t.Context(), engine.Config{Robots: true, Policy: oneQueue{engine.NewPolicy(engine.Config{})}}, engine.Deps{
			Frontier: m, Fetcher: s, Seeds: seeds(urls...),
		})
		if n := len(m.queues["all"].state); n > 32<<10 {
			t.Errorf("the queue's state has %d bytes", n)
		}
	})
}

// oneQueue is a policy under which all requests share one queue.
type oneQueue struct{ engine.Policy }

func (oneQueue) Key(context.Context, *engine.Request) (string, []string) { return "all", nil }
