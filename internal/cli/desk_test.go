package cli

import (
	"testing"
	"time"

	"downpour/engine/frontier"

	"github.com/google/go-cmp/cmp"
)

func TestHostRow(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.Local)
	in := func(s int) time.Time { return now.Add(time.Duration(s) * time.Second) }
	rows := []struct {
		name  string
		queue frontier.Queue
		cause string
		eta   float64
	}{
		{"due", frontier.Queue{Queued: 1, Due: in(-5)}, "due", 0},
		{"rest of the policy", frontier.Queue{Queued: 3, Due: in(2), State: []byte(`{"d":2}`)}, "resting until 12:00:02", 6},
		{"crawl-delay", frontier.Queue{Queued: 2, Due: in(4), State: []byte(`{"d":10,"w":"robots Crawl-delay 10"}`)}, "robots Crawl-delay 10", 14},
		{"429", frontier.Queue{Queued: 1, Due: in(271), State: []byte(`{"d":1,"w":"429"}`)}, "429 until 12:04:31", 271},
		{"down", frontier.Queue{Queued: 1, Due: in(600), State: []byte(`{"d":1,"w":"down (no such host: a.test)"}`)}, "down (no such host: a.test), next try 12:10:00", 600},
		{"a 429 that is over", frontier.Queue{Queued: 1, Due: in(-1), State: []byte(`{"w":"429"}`)}, "due", 0},
		{"under a lease", frontier.Queue{Queued: 2, Leased: 1, Due: in(60), State: []byte(`{"d":3}`)}, "under way", 3},
		{"budget", frontier.Queue{Queued: 2, Held: true}, "its page budget is used up", 0},
		{"foreign state", frontier.Queue{Queued: 1, Due: in(1), State: []byte(`x`)}, "resting until 12:00:01", 1},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got := newHostRow(row.queue, now)
			if diff := cmp.Diff(row.cause, got.Cause); diff != "" {
				t.Errorf("cause (-want +got):\n%s", diff)
			}
			if got.ETA != row.eta {
				t.Errorf("%v s left, want %v", got.ETA, row.eta)
			}
		})
	}
}

func TestDelays(t *testing.T) {
	var d delays
	if v, ok := d.of("a"); ok {
		t.Errorf("nothing was set, and a has %v", v)
	}
	d.put("", time.Second)
	d.put("a", 0)
	for queue, want := range map[string]time.Duration{"a": 0, "b": time.Second} {
		if got, ok := d.of(queue); !ok || got != want {
			t.Errorf("%s has %v, %v; want %v", queue, got, ok, want)
		}
	}
	d.replace(nil)
	if v, ok := d.of("b"); ok {
		t.Errorf("all were taken back, and b has %v", v)
	}
}
