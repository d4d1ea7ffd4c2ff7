package engine_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"downpour/engine"
	"downpour/policies"

	"github.com/google/go-cmp/cmp"
)

// TestKeptPagesAreAskedForLast: what the crawl before had and this one has not
// met is asked for once nothing is left.
func TestKeptPagesAreAskedForLast(t *testing.T) {
	rows := []struct {
		name  string
		cfg   engine.Config
		kept  []string
		asked []string
		count int64
	}{
		{
			name: "pages of its sites that were not met", kept: []string{"http://a.test/", "http://a.test/1", "http://a.test/old", "http://c.test/"},
			asked: []string{"http://a.test/", "http://a.test/1", "http://a.test/old", "http://a.test/old/1"}, count: 1,
		},
		{
			name: "no deeper than the crawl", cfg: engine.Config{MaxDepth: 1}, kept: []string{"http://a.test/old"},
			asked: []string{"http://a.test/", "http://a.test/1", "http://a.test/old"}, count: 1,
		},
		{
			name: "within the scope", cfg: engine.Config{Scope: policies.Scope{Domains: []string{"x.test"}}}, kept: []string{"http://a.test/old"},
			asked: []string{},
		},
		{name: "not where seeds alone are wanted", cfg: engine.Config{MaxDepth: -1}, kept: []string{"http://a.test/old"}, asked: []string{"http://a.test/"}},
		{name: "nothing", asked: []string{"http://a.test/", "http://a.test/1"}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &site{answer: ok}
				h := links(func(v *engine.Visit) []string {
					return map[string][]string{"http://a.test/": {"http://a.test/1"}, "http://a.test/old": {"http://a.test/old/1"}}[v.Request.URL]
				})
				sum := crawl(t, t.Context(), row.cfg, engine.Deps{Fetcher: s, Handler: h, Seeds: seeds("http://a.test/"), Kept: slices.Values(row.kept)})
				if d := cmp.Diff(row.asked, append([]string{}, s.urls()...)); d != "" {
					t.Error(d)
				}
				if sum.Unlinked != row.count {
					t.Errorf("%d that nothing led to, want %d", sum.Unlinked, row.count)
				}
			})
		})
	}
}
