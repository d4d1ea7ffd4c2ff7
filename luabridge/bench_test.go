//go:build unix

package luabridge

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"downpour/engine"
)

// benchVisit makes visits of one page, as the engine does.
func benchVisit(b testing.TB, w *world, body string) func() *engine.Visit {
	b.Helper()
	e, err := engine.New(engine.Config{}, engine.Deps{Frontier: &worldLine{w: w}, Fetcher: worldSite{w}})
	if err != nil {
		b.Fatal(err)
	}
	header := http.Header{"Content-Type": {"text/html; charset=utf-8"}, "Server": {"x"}, "Date": {"Mon, 06 Nov 2023 10:00:00 GMT"}, "Etag": {`"abc"`}}
	octets := []byte(body)
	return func() *engine.Visit {
		v := e.NewVisit(&engine.Request{URL: "http://site.test/a/page.html"})
		v.Response = &engine.Response{URL: "http://site.test/a/page.html", Status: 200, Proto: "HTTP/1.1", Message: "OK", Header: header, Body: octets}
		return v
	}
}

// cpuTime is for how long the process has had a CPU: what a benchmark costs on
// a machine that others use as well.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func benchmarkPages(b *testing.B, script, body string) {
	w := &world{t: nil, dir: b.TempDir(), pages: map[string]string{}}
	host, err := loadText(b, script)
	if err != nil {
		b.Fatal(err)
	}
	visit := benchVisit(b, w, body)
	b.ReportAllocs()
	start := cpuTime()
	for b.Loop() {
		v := visit()
		for _, ev := range pageEvents {
			if !host.Wants(ev, "") {
				continue
			}
			if err := host.Handle(context.Background(), ev, v); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(cpuTime()-start)/float64(b.N), "cpu-ns/op")
	if errs := host.Errors(); len(errs) > 0 {
		b.Fatal(errs[0].Error)
	}
}

func loadText(b testing.TB, script string) (*Host, error) {
	b.Helper()
	w := oneFile(b, script)
	host, err := Load(context.Background(), Options{Files: []string{w}})
	if err == nil {
		b.Cleanup(func() { host.Close() })
	}
	return host, err
}

// emptyHooks are the five hooks of a page that succeeds.
const emptyHooks = `
function on_url(req, url) end
function on_status(req, version, status, message) end
function on_headers(req, headers) end
function on_success(req, text) end
function on_done(req, response) end
`

func BenchmarkFiveEmptyHooks(b *testing.B) { benchmarkPages(b, emptyHooks, "<title>x</title>") }

func BenchmarkNoHooks(b *testing.B) { benchmarkPages(b, "", "<title>x</title>") }

func BenchmarkTitleTypeAndTwentyEnqueues(b *testing.B) {
	var body strings.Builder
	body.WriteString("<html><head><title>The page</title></head><body>")
	for i := range 20 {
		fmt.Fprintf(&body, `<p>Some words here and there</p><a href="/page/%d.html">link</a>`, i)
	}
	benchmarkPages(b, `
function on_headers(req, headers)
  local ct = headers["content-type"]
  if not ct or not ct[1]:find("html", 1, true) then req:cancel() end
end
function on_success(req, text)
  local title = text:match("<title>(.-)</title>")
  for i = 1, 20 do req:enqueue("/page/" .. i .. ".html") end
end
`, body.String())
}

func BenchmarkFollowTwentyLinks(b *testing.B) {
	var body strings.Builder
	body.WriteString("<html><head><title>The page</title></head><body>")
	for i := range 20 {
		fmt.Fprintf(&body, `<p>Some words here and there</p><a href="/page/%d.html">link</a>`, i)
	}
	benchmarkPages(b, `function on_success(req) req:follow() end`, body.String())
}

// BenchmarkBigBody hands 100 KB over to a hook that does not look at it.
func BenchmarkBigBody(b *testing.B) {
	benchmarkPages(b, `function on_success(req, text) local n = #text + #req.body end`, strings.Repeat("<p>x</p>\n", 11_000))
}

// TestAllocations bounds how many objects the hooks of a page take, the three
// of the visit itself included.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates as well")
	}
	blind := regexp.MustCompile(`\(.*\)`).ReplaceAllString(emptyHooks, "(req)")
	tests := []struct {
		name, script string
		most         float64
	}{
		{"no hooks", "", 3},
		{"hooks that look at the request alone", blind, 4},
		{"hooks that look at everything", emptyHooks, 8},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			host, err := loadText(t, tt.script)
			if err != nil {
				t.Fatal(err)
			}
			visit := benchVisit(t, &world{dir: t.TempDir(), pages: map[string]string{}}, "<title>x</title>")
			got := testing.AllocsPerRun(200, func() { handle(t, host, visit(), pageEvents...) })
			if got > tt.most {
				t.Errorf("%v allocations a page, want at most %v", got, tt.most)
			}
		})
	}
}
