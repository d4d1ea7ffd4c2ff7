package fetch

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"downpour/engine"
)

// TestHooksTakeTheirTime: what hooks take counts neither against the timeout
// nor as the site's time.
func TestHooksTakeTheirTime(t *testing.T) {
	const limit, hook = 200 * time.Millisecond, 300 * time.Millisecond
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stalls" {
			stall(r.Context(), w)
		}
	}))
	defer srv.Close()
	f := newFetcher(t, Config{Timeout: limit, IdleTimeout: limit})
	slow := func(ev engine.Event, _ *engine.Response) error {
		if ev == engine.EventHeaders {
			<-time.After(hook)
		}
		return nil
	}
	resp, err := f.Fetch(t.Context(), &engine.Request{URL: srv.URL}, slow)
	if err != nil || resp.Timing.Total >= hook {
		t.Errorf("%v, took %v", err, resp.Timing.Total)
	}
	begun := time.Now()
	if _, err := f.Fetch(t.Context(), &engine.Request{URL: srv.URL + "/stalls"}, slow); kindOf(err) != engine.FailTimeout {
		t.Errorf("a stall after a slow hook: %v", err)
	}
	if took := time.Since(begun); took < hook+limit/2 {
		t.Errorf("cut after %v", took)
	}
}
