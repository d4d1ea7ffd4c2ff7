package engine_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"downpour/engine"
	"downpour/policies"

	"github.com/google/go-cmp/cmp"
)

func TestEachURLNotFetchedHasARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := links(func(v *engine.Visit) []string {
			if v.Request.URL != "http://a.test/" {
				return []string{"http://a.test/?b=2&a=1", "http://a.test/"}
			}
			return []string{
				"mailto:me@a.test", "http://", "http://b.test/", "http://a.test/private", "http://a.test/1", "http://a.test/1#there", "http://a.test/?a=1&b=2",
			}
		})
		on := h.on
		h.on = func(ev engine.Event, v *engine.Visit) error {
			if ev == engine.EventEnqueue && v.Request.URL == "http://a.test/no" {
				return engine.ErrDrop
			}
			return on(ev, v)
		}
		ledger := &rows{}
		s := crawl(t, t.Context(), engine.Config{Robots: true, MaxDepth: 2, Scope: policies.Scope{SameHost: true}}, engine.Deps{
			Fetcher: &site{answer: to(nil)}, Handler: h, Seeds: seeds("http://a.test/", "http://a.test/no"), Skips: ledger,
		})
		var got []string
		counts := map[string]int64{}
		for _, row := range ledger.items {
			got = append(got, fmt.Sprintf("%v %v (%v) on %v", row[0].Value, row[1].Value, row[2].Value, row[3].Value))
			counts[row[1].Value.(string)]++
		}
		want := []string{
			"http://a.test/no dropped () on ",
			"mailto:me@a.test scheme (mailto) on http://a.test/",
			"http:// invalid (invalid host) on http://a.test/",
			"http://b.test/ out_of_scope (same_host) on http://a.test/",
			"http://a.test/private disallowed (robots.txt line 2 (Disallow: /private)) on http://a.test/",
			"http://a.test/?b=2&a=1 duplicate (of http://a.test/?a=1&b=2) on http://a.test/1",
			"http://a.test/ duplicate (of http://a.test/) on http://a.test/1",
			"http://a.test/?b=2&a=1 duplicate (of http://a.test/?a=1&b=2) on http://a.test/?a=1&b=2",
			"http://a.test/ duplicate (of http://a.test/) on http://a.test/?a=1&b=2",
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff(s.Skips, counts); d != "" {
			t.Errorf("counts and rows differ:\n%s", d)
		}
	})
}
