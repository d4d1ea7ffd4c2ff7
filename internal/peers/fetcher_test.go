package peers

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"downpour/engine"
	"downpour/engine/fetch"
)

// open makes a Fetcher that may connect to loopback, and closes it.
func open(t *testing.T, cfg fetch.Config) *fetch.Fetcher {
	t.Helper()
	cfg.Private = true
	f, err := fetch.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// get fetches one URL.
func get(t *testing.T, f *fetch.Fetcher, url string) (*engine.Response, error) {
	t.Helper()
	return f.Fetch(t.Context(), &engine.Request{URL: url}, nil)
}

// must is get where nothing but status 200 will do.
func must(t *testing.T, f *fetch.Fetcher, url string) *engine.Response {
	t.Helper()
	resp, err := get(t, f, url)
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	if resp.Status != http.StatusOK {
		t.Fatalf("%s: status %d, want 200; body %.200q", url, resp.Status, resp.Body)
	}
	return resp
}

// kindOf is the failure's kind, "" for none.
func kindOf(err error) engine.FailureKind {
	var f *engine.Failure
	if errors.As(err, &f) {
		return f.Kind
	}
	if err != nil {
		return engine.FailureKind("not a failure: " + err.Error())
	}
	return ""
}

// within fails the test where something took too long.
func within(t *testing.T, limit time.Duration, begun time.Time) {
	t.Helper()
	if took := time.Since(begun); took > limit {
		t.Errorf("it took %v, want at most %v", took, limit)
	}
}
