package engine_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"downpour/engine"

	gocmp "github.com/google/go-cmp/cmp"
)

// answers is a site that gives each page of a.test its answers in order, the
// last for good; none is 200.
func answers(pages map[string][]*engine.Response) func(string, int) *engine.Response {
	return func(u string, nth int) *engine.Response {
		list := pages[strings.TrimPrefix(u, "http://a.test/")]
		if len(list) == 0 {
			return page(200)
		}
		again := *list[min(nth, len(list)-1)]
		return &again
	}
}

// A site that asks for less is asked as much later as it says, else longer and
// longer; to the tick, in virtual time.
func TestPushback(t *testing.T) {
	const s = time.Second
	rows := []struct {
		name    string
		retries int
		pages   map[string][]*engine.Response
		want    []asked
		fates   map[string]int
	}{
		{
			name: "Retry-After in seconds", retries: 1,
			pages: map[string][]*engine.Response{"1": {page(503, "Retry-After", "7"), page(200)}},
			want:  []asked{{0, "1"}, {7 * s, "1"}, {8*s + spare, "2"}},
			fates: map[string]int{"success": 2},
		},
		{
			name: "Retry-After as a date", retries: 1,
			pages: map[string][]*engine.Response{"1": {page(429, "Retry-After", "Sat, 01 Jan 2000 00:00:30 GMT"), page(200)}},
			want:  []asked{{0, "1"}, {30 * s, "1"}, {31*s + spare, "2"}},
			fates: map[string]int{"success": 2},
		},
		{
			name: "a date that has passed leaves the delay", retries: 1,
			pages: map[string][]*engine.Response{"1": {page(429, "Retry-After", "Fri, 31 Dec 1999 23:59:00 GMT"), page(200)}},
			want:  []asked{{0, "1"}, {s + spare, "1"}, {2*s + 2*spare, "2"}},
			fates: map[string]int{"success": 2},
		},
		{
			name: "429 without a header backs off, and eases off", retries: 1,
			pages: map[string][]*engine.Response{
				"1": {page(429), page(429), page(429), page(200)},
				"3": {page(429), page(200)},
			},
			want: []asked{
				{0, "1"}, {2 * s, "1"}, {6 * s, "1"}, {14 * s, "1"}, // 2, 4, 8 s
				{15*s + spare, "2"}, {16*s + 2*spare, "3"}, // two successes: the next backoff is 4 s again
				{20*s + 2*spare, "3"},
			},
			fates: map[string]int{"success": 3},
		},
		{
			name: "503 without a header backs off", retries: 3,
			pages: map[string][]*engine.Response{"1": {page(503), page(503), page(503), page(200)}},
			want:  []asked{{0, "1"}, {2 * s, "1"}, {6 * s, "1"}, {14 * s, "1"}, {15*s + spare, "2"}},
			fates: map[string]int{"success": 2},
		},
		{
			name: "429 is no attempt of the URL", retries: 1,
			pages: map[string][]*engine.Response{"1": {page(429), page(429), page(404)}},
			want:  []asked{{0, "1"}, {2 * s, "1"}, {6 * s, "1"}, {7*s + spare, "2"}},
			fates: map[string]int{"error status attempts=1": 1, "success": 1},
		},
		{
			name: "503 is one", retries: 1,
			pages: map[string][]*engine.Response{"1": {page(503)}},
			want:  []asked{{0, "1"}, {2 * s, "1"}, {6 * s, "2"}},
			fates: map[string]int{"error status attempts=2": 1, "success": 1},
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, site := &hooks{}, &site{answer: answers(row.pages)}
				urls := []string{"http://a.test/1", "http://a.test/2"}
				if row.pages["3"] != nil {
					urls = append(urls, "http://a.test/3")
				}
				crawl(t, t.Context(), engine.Config{Delay: s, Retries: row.retries},
					engine.Deps{Fetcher: site, Handler: h, Seeds: seeds(urls...)})
				for i := range site.asked {
					site.asked[i].URL = strings.TrimPrefix(site.asked[i].URL, "http://a.test/")
				}
				slices.SortStableFunc(site.asked, func(a, b asked) int { return cmp.Compare(a.At, b.At) })
				if d := gocmp.Diff(row.want, site.asked); d != "" {
					t.Error("asked", d)
				}
				if d := gocmp.Diff(row.fates, h.fates()); d != "" {
					t.Error("fates", d)
				}
			})
		})
	}
}
