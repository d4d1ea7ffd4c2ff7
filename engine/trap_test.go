package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"downpour/engine"
	"downpour/policies"

	"github.com/google/go-cmp/cmp"
)

// links is a handler whose every page has these links.
func links(of func(v *engine.Visit) []string) *hooks {
	return &hooks{on: func(ev engine.Event, v *engine.Visit) error {
		if ev == engine.EventSuccess {
			for _, u := range of(v) {
				v.Enqueue(&engine.Request{URL: u})
			}
		}
		return nil
	}}
}

// next is a link to the page after this one of an endless calendar.
func next(v *engine.Visit) []string {
	return []string{fmt.Sprintf("http://a.test/cal/%d/%d", v.Request.Depth/12, v.Request.Depth%12)}
}

// session is a link of a site that names a session in each.
func session(n int) string { return fmt.Sprintf("http://a.test/?sid=%x", 0xabcdef+n*7919) }

// says answers each URL with a page.
func says(body func(url string) string) func(string, int) *engine.Response {
	return func(u string, _ int) *engine.Response {
		r := page(200, "Content-Type", "text/html")
		if body != nil {
			r.Body = []byte(body(u))
		}
		return r
	}
}

func TestTrapsEnd(t *testing.T) {
	rows := []struct {
		name  string
		cfg   engine.Config
		links func(v *engine.Visit) []string
		body  func(url string) string // "" for nothing
		pages int64
		same  int64
		skips map[string]int64
		traps []engine.Trap
	}{
		{
			name: "a path that grows", links: func(v *engine.Visit) []string { return []string{v.Request.URL + "a/"} },
			pages: 6, skips: map[string]int64{"trap": 1},
		},
		{
			name: "a URL that grows", cfg: engine.Config{MaxURL: 50, MaxRepeats: -1},
			links: func(v *engine.Visit) []string { return []string{v.Request.URL + "abcdefghi/"} },
			pages: 4, skips: map[string]int64{"length": 1},
		},
		{
			name: "an endless calendar", links: next,
			pages: 1021, skips: map[string]int64{"trap": 1}, traps: []engine.Trap{{Template: "a.test/cal/{n}/{n}", Skipped: 1}},
		},
		{
			name: "what lies beside the trap is fetched", cfg: engine.Config{MaxSimilar: 10},
			links: func(v *engine.Visit) []string {
				if strings.Contains(v.Request.URL, "event") {
					return nil
				}
				return append(next(v), fmt.Sprintf("http://a.test/event/%d", v.Request.Depth))
			},
			pages: 31 + 31, skips: map[string]int64{"trap": 1}, traps: []engine.Trap{{Template: "a.test/cal/{n}/{n}", Skipped: 1}},
		},
		{
			name: "a session in every link", cfg: engine.Config{Canonical: policies.Canonical{DropParams: []string{"sid"}}},
			links: func(v *engine.Visit) []string { return []string{fmt.Sprintf("http://a.test/?sid=%d", v.Request.Depth)} },
			pages: 1, skips: map[string]int64{"duplicate": 1},
		},
		{
			name: "a session in every link that nobody names", cfg: engine.Config{MaxSimilar: 10},
			links: func(v *engine.Visit) []string { return []string{session(v.Request.Depth), "http://b.test/"} },
			body:  func(u string) string { return "<a href='" + session(len(u)) + "'>x</a><a href=//b.test>" + u[:10] },
			pages: 22 + 1, same: 21, skips: map[string]int64{"trap": 1, "duplicate": 23}, traps: []engine.Trap{{Template: "a.test (the same page)", Skipped: 1}},
		},
		{
			name: "an error that says 200 for every URL", cfg: engine.Config{MaxSimilar: 30},
			links: func(v *engine.Visit) []string { return []string{v.Request.URL + fmt.Sprintf("%x/", v.Request.Depth)} },
			body:  func(string) string { return "<p>not found<a href=x/>" },
			pages: 31, same: 30, skips: map[string]int64{"trap": 1}, traps: []engine.Trap{{Template: "a.test (the same page)", Skipped: 1}},
		},
		{
			name: "pages that are not the same", cfg: engine.Config{MaxSimilar: 10},
			links: func(v *engine.Visit) []string {
				if v.Request.Depth == 50 {
					return nil
				}
				return []string{session(v.Request.Depth)}
			},
			body:  func(u string) string { return "<p>" + u },
			pages: 51, skips: map[string]int64{},
		},
		{
			name: "a name server that knows every name", cfg: engine.Config{MaxHosts: 7},
			links: func(v *engine.Visit) []string {
				return []string{fmt.Sprintf("http://%d.a.test/", v.Request.Depth), "http://a.test/x", "http://0.a.test/y", "http://b.test/", "http://www.b.test/"}
			},
			pages: 1 + 7 + 1 + 1 + 2, skips: map[string]int64{"duplicate": 48, "trap": 1}, traps: []engine.Trap{{Template: "*.a.test", Skipped: 1}},
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := crawl(t, t.Context(), row.cfg, engine.Deps{
					Fetcher: &site{answer: says(row.body)}, Handler: links(row.links), Seeds: seeds("http://a.test/"),
				})
				if s.Pages != row.pages || s.Same != row.same {
					t.Errorf("%d pages, %d the same, want %d and %d", s.Pages, s.Same, row.pages, row.same)
				}
				if d := cmp.Diff(row.skips, s.Skips); d != "" {
					t.Error(d)
				}
				if d := cmp.Diff(row.traps, s.Traps); d != "" {
					t.Error(d)
				}
			})
		})
	}
}

func TestLinksBeyondTheLimitAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var skip engine.Skip
		h := &hooks{on: func(ev engine.Event, v *engine.Visit) error {
			switch ev {
			case engine.EventSuccess:
				if n := v.LinkRoom(); n != 100 {
					t.Errorf("room for %d links, want 100", n)
				}
				v.LeaveOut(0)
				v.LeaveOut(9_999_900)
			case engine.EventSkip:
				skip = *v.Skip
			}
			return nil
		}}
		s := crawl(t, t.Context(), engine.Config{MaxLinks: 100}, engine.Deps{
			Fetcher: &site{answer: ok}, Handler: h, Seeds: seeds("http://a.test/"),
		})
		if d := cmp.Diff(map[string]int64{"links": 9_999_900}, s.Skips); d != "" {
			t.Error(d)
		}
		if want := "9999900 links of the page, beyond the first 100"; skip.Detail != want || skip.Request.URL != "http://a.test/" {
			t.Errorf("on_skip got %q of %v", skip.Detail, skip.Request)
		}
	})
}

// to answers with redirects as the table says, other URLs with a page.
func to(table map[string]string) func(string, int) *engine.Response {
	return func(u string, _ int) *engine.Response {
		if location, ok := table[u]; ok {
			return page(302, "Location", location)
		}
		if strings.HasSuffix(u, "/robots.txt") {
			return robotsFile("User-agent: *\nDisallow: /private\n")
		}
		return page(200)
	}
}

func TestRedirectsKeepTheRules(t *testing.T) {
	rows := []struct {
		name   string
		cfg    engine.Config
		answer func(string, int) *engine.Response
		want   []string
		detail string
		asked  int           // requests but for robots.txt
		after  time.Duration // when the crawl is over
	}{
		{
			name: "a loop over two hosts, each in its turn", cfg: engine.Config{Delay: time.Second},
			answer: to(map[string]string{"http://a.test/": "http://b.test/", "http://b.test/": "http://a.test/"}),
			want:   []string{"on_error http://b.test/ redirect attempts=1"}, asked: 4, detail: "redirect loop",
			after: time.Second,
		},
		{
			name: "without end", cfg: engine.Config{MaxRedirects: 3},
			answer: func(u string, _ int) *engine.Response { return page(302, "Location", u+"x") },
			want:   []string{"on_error http://a.test/xxx redirect attempts=1"}, asked: 4, detail: "more than 3 redirects",
		},
		{
			name: "to itself once, with a cookie",
			answer: func(u string, nth int) *engine.Response {
				if nth == 0 {
					return page(302, "Location", u, "Set-Cookie", "seen=1")
				}
				return page(200)
			},
			want: []string{"on_success http://a.test/"}, asked: 2,
		},
		{
			name: "to what robots.txt forbids", cfg: engine.Config{Robots: true},
			answer: to(map[string]string{"http://a.test/": "/private"}),
			want:   []string{"on_error http://a.test/private disallowed attempts=1"}, asked: 1, detail: "robots.txt line 2 (Disallow: /private)",
		},
		{
			name: "to what another host's robots.txt forbids", cfg: engine.Config{Robots: true},
			answer: to(map[string]string{"http://a.test/": "http://b.test/private"}),
			want:   []string{"on_error http://b.test/private disallowed attempts=1"}, asked: 1, detail: "robots.txt line 2 (Disallow: /private)",
		},
		{
			name: "out of scope", cfg: engine.Config{Scope: policies.Scope{Domains: []string{"a.test"}}},
			answer: to(map[string]string{"http://a.test/": "http://b.test/"}),
			want:   []string{"on_error http://a.test/ out_of_scope attempts=1"}, asked: 1, detail: "(domains): http://b.test/",
		},
		{
			name:   "to another scheme",
			answer: to(map[string]string{"http://a.test/": "javascript:alert(1)"}),
			want:   []string{"on_error http://a.test/ redirect attempts=1"}, asked: 1, detail: "javascript",
		},
		{
			name:   "to a URL too long",
			answer: to(map[string]string{"http://a.test/": "/" + strings.Repeat("x", engine.MaxURL)}),
			want:   []string{"on_error http://a.test/ redirect attempts=1"}, asked: 1, detail: "8206 bytes",
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				detail := ""
				h := &hooks{on: func(ev engine.Event, v *engine.Visit) error {
					if ev == engine.EventError {
						detail = v.Failure.Message
					}
					return nil
				}}
				s := &site{answer: row.answer}
				crawl(t, t.Context(), row.cfg, engine.Deps{Fetcher: s, Handler: h, Seeds: seeds("http://a.test/")})
				if d := cmp.Diff(row.want, h.told()); d != "" {
					t.Error(d)
				}
				if !strings.Contains(detail, row.detail) {
					t.Errorf("failure %q, want one that says %q", detail, row.detail)
				}
				if n := len(s.urls()) - s.count("/robots.txt"); n != row.asked {
					t.Errorf("asked %d times, want %d: %q", n, row.asked, s.urls())
				}
				if got := time.Since(epoch).Truncate(time.Second); got != row.after {
					t.Errorf("over after %v, want %v", got, row.after)
				}
			})
		})
	}
}

// TestRefreshesAreRedirects: a page that says where to go instead is bound by
// the limits of redirects.
func TestRefreshesAreRedirects(t *testing.T) {
	rows := []struct {
		name   string
		cfg    engine.Config
		to     func(v *engine.Visit) string
		asked  []string
		reason string
		detail string
	}{
		{
			name: "without end", cfg: engine.Config{MaxRedirects: 3}, to: func(v *engine.Visit) string { return v.Request.URL + "x" },
			asked: []string{"http://a.test/", "http://a.test/x", "http://a.test/xx", "http://a.test/xxx"}, reason: "redirect", detail: "more than 3 redirects",
		},
		{
			name: "not followed, as redirects", cfg: engine.Config{MaxRedirects: -1}, to: func(v *engine.Visit) string { return v.Request.URL + "x" },
			asked: []string{"http://a.test/"}, reason: "redirect", detail: "more than 0 redirects",
		},
		{
			name: "to itself", to: func(v *engine.Visit) string { return v.Request.URL },
			asked: []string{"http://a.test/"},
		},
		{
			name: "to a script", to: func(*engine.Visit) string { return "javascript:go()" },
			asked: []string{"http://a.test/"}, reason: "scheme", detail: "javascript",
		},
		{
			name: "to what robots.txt forbids", cfg: engine.Config{Robots: true}, to: func(*engine.Visit) string { return "http://a.test/private" },
			asked: []string{"http://a.test/robots.txt", "http://a.test/"}, reason: "disallowed", detail: "robots.txt line 2 (Disallow: /private)",
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var skip engine.Skip
				h := &hooks{on: func(ev engine.Event, v *engine.Visit) error {
					switch ev {
					case engine.EventSuccess:
						v.Enqueue(&engine.Request{URL: row.to(v), Refresh: true})
					case engine.EventSkip:
						skip = *v.Skip
					}
					return nil
				}}
				s := &site{answer: to(nil)}
				crawl(t, t.Context(), row.cfg, engine.Deps{Fetcher: s, Handler: h, Seeds: seeds("http://a.test/")})
				if d := cmp.Diff(row.asked, s.urls()); d != "" {
					t.Error(d)
				}
				if skip.Reason != row.reason || skip.Detail != row.detail {
					t.Errorf("skipped for %q (%s), want %q (%s)", skip.Reason, skip.Detail, row.reason, row.detail)
				}
			})
		})
	}
}
