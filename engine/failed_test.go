package engine_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"downpour/engine"
	"downpour/policies"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// What ends failed is given to the store with its outcome, after its last
// retry; what a hook cancels is not, and a retry carries how it failed last.
func TestFailuresAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := &site{answer: func(u string, nth int) *engine.Response {
			switch {
			case strings.HasSuffix(u, "/gone"), strings.HasSuffix(u, "/moved-here"):
				return page(404)
			case strings.HasSuffix(u, "/moved"):
				return page(302, "Location", "/moved-here")
			case strings.HasSuffix(u, "/down"), strings.HasSuffix(u, "/flaky") && nth == 0:
				return nil
			case strings.HasSuffix(u, "/busy") && nth < 2:
				return page(http.StatusServiceUnavailable)
			}
			return page(200)
		}}
		var tries []string
		h := &hooks{on: func(ev engine.Event, v *engine.Visit) error {
			if ev == engine.EventURL && v.Request.Attempt > 0 {
				tries = append(tries, fmt.Sprintf("%s %d %s", v.Request.URL, v.Request.Attempt, v.Request.Last))
			}
			if ev == engine.EventStatus && strings.HasSuffix(v.Request.URL, "/unwanted") {
				return &engine.Cancel{Reason: "not wanted"}
			}
			return nil
		}}
		m := newMemory()
		cfg := engine.Config{Retries: 2, MaxRedirects: 5, Concurrency: 1}
		var urls []string
		for _, p := range []string{"ok", "gone", "moved", "down", "flaky", "busy", "unwanted"} {
			urls = append(urls, "http://a.test/"+p)
		}
		crawl(t, t.Context(), cfg, engine.Deps{Frontier: m, Fetcher: site, Handler: h, Seeds: seeds(urls...)})

		var got []string
		for _, f := range m.failed {
			if f.At.Before(epoch) || f.At.After(epoch.Add(time.Hour)) || f.Request.Queue != "a.test" {
				t.Errorf("%s failed at %v, queue %q", f.Request.URL, f.At, f.Request.Queue)
			}
			pushed, err := policies.ParseURL(f.Request.OriginalURL())
			if err != nil {
				t.Fatal(err)
			}
			if want := engine.Fingerprint(&engine.Request{}, policies.Canonical{}.Key(pushed)); f.Print != want {
				t.Errorf("%s is kept under %x, want %x", f.Request.URL, f.Print, want)
			}
			got = append(got, fmt.Sprintf("%s %s %d %q", f.Request.URL, f.Word(), f.Attempts, f.Message))
		}
		slices.Sort(got)
		want := []string{
			`http://a.test/down connect 3 "connection refused"`,
			`http://a.test/gone 404 1 "404 Not Found"`,
			`http://a.test/moved-here 404 1 "404 Not Found"`,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("kept (-want +got):\n%s", diff)
		}
		slices.Sort(tries)
		want = []string{
			"http://a.test/busy 1 503", "http://a.test/busy 2 503",
			"http://a.test/down 1 connect", "http://a.test/down 2 connect", "http://a.test/flaky 1 connect",
		}
		if diff := cmp.Diff(want, tries); diff != "" {
			t.Errorf("retries (-want +got):\n%s", diff)
		}
	})
}

func TestFailedStoredForm(t *testing.T) {
	f := &engine.Failed{
		Request: &engine.Request{URL: "http://a.test/é", Attempt: 1, Queue: "a.test"},
		Kind:    engine.FailStatus, Status: 503, Message: `it said "no"`, Attempts: 2, At: time.UnixMilli(1234).UTC(),
	}
	text := f.AppendJSON(nil)
	want := `{"kind":"status","status":503,"message":"it said \"no\"","attempts":2,"at":1234,"queue":"a.test",` +
		`"request":{"url":"http://a.test/é","attempt":1}}`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	back, err := engine.ParseFailed(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(f, back, cmpopts.IgnoreUnexported(engine.Request{})); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	again := back.Requeued()
	if again.Attempt != 0 || again.Last != "503" || back.Request.Attempt != 1 {
		t.Errorf("requeued with attempt %d, last %q; want 0, 503", again.Attempt, again.Last)
	}
	for name, bad := range map[string]string{
		"nothing":      ``,
		"no object":    `[]`,
		"no request":   `{"kind":"dns","queue":"a"}`,
		"bad request":  `{"kind":"dns","queue":"a","request":{"url":"/"}}`,
		"no kind":      `{"queue":"a","request":{"url":"http://a.test/"}}`,
		"no queue":     `{"kind":"dns","request":{"url":"http://a.test/"}}`,
		"bad status":   `{"kind":"dns","status":-1,"queue":"a","request":{"url":"http://a.test/"}}`,
		"text as time": `{"kind":"dns","at":"now","queue":"a","request":{"url":"http://a.test/"}}`,
	} {
		if f, err := engine.ParseFailed([]byte(bad)); err == nil {
			t.Errorf("%s: read as %+v", name, f)
		}
	}
}
