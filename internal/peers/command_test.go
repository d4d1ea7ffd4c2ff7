package peers

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// every is a script that tells of each page, and of each failure.
const every = `
crawl{policy = "base"}
on_success = function(req)
	emit{url = req.url, asked = req.original_url, status = req.status, hops = #req.hops, body = #req.body}
	req:follow()
end
on_error = function(req, err) emit{url = req.url, asked = req.original_url, status = err.status, kind = err.kind} end
`

// An item is a row of that script.
type item struct {
	URL    string
	Asked  string // the URL that was pushed
	Status int
	Hops   int
	Body   int
	Kind   string
}

// run runs the real command with a script and returns its rows by URL, without
// the base, in order.
func run(t *testing.T, script, base string, env []string, args ...string) []item {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.Command(self, slices.Concat([]string{"run", write(t, dir, "peer.lua", script), "--quiet"}, args)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), append(env, asCommand+"=1", "http_proxy=", "https_proxy=", "no_proxy=")...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	var rows []item
	for line := range strings.Lines(string(out)) {
		var it item
		if err := json.Unmarshal([]byte(line), &it); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		it.URL, it.Asked = strings.TrimPrefix(it.URL, base), strings.TrimPrefix(it.Asked, base)
		rows = append(rows, it)
	}
	slices.SortFunc(rows, func(a, b item) int { return strings.Compare(a.URL+a.Asked, b.URL+b.Asked) })
	return rows
}

// TestCrawl: the command crawls nginx by HTTP/2 with an authority of its own.
func TestCrawl(t *testing.T) {
	w := startWeb(t)
	got := run(t, every, w.http2, []string{"SSL_CERT_FILE=" + w.authority}, w.http2+"/")
	want := []item{
		{URL: "/", Asked: "/", Status: 200, Body: 64},
		{URL: "/a.html", Asked: "/a.html", Status: 200, Body: 45},
		{URL: "/a.html", Asked: "/old", Status: 200, Hops: 1, Body: 45},
		{URL: "/index.html", Asked: "/index.html", Status: 200, Body: 64},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestCrawlRedirects: redirects of go-httpbin in every form are followed by the
// engine, with cookies on the way, up to their limit.
func TestCrawlRedirects(t *testing.T) {
	base := startHTTPBin(t)
	cookies := strings.Replace(every, "#req.body", `select(2, req.text:gsub('"a": "1"', ''))`, 1)
	got := run(t, cookies, base, nil, "--max-redirects", "5", "--max-depth", "0",
		base+"/redirect/3", base+"/absolute-redirect/4", base+"/cookies/set?a=1", base+"/redirect-to?url=/get&status_code=307",
		base+"/redirect/9", base+"/redirect-to?url=/redirect-to%3furl=%252fx", base+"/redirect-to?url=ftp://x/", base+"/status/404", base+"/status/301")
	want := []item{
		{URL: "/cookies", Asked: "/cookies/set?a=1", Status: 200, Hops: 1, Body: 1},
		{URL: "/get", Asked: "/absolute-redirect/4", Status: 200, Hops: 4},
		{URL: "/get", Asked: "/redirect-to?url=/get&status_code=307", Status: 200, Hops: 1},
		{URL: "/get", Asked: "/redirect/3", Status: 200, Hops: 3},
		{URL: "/get", Asked: "/status/301", Status: 200, Hops: 2},
		{URL: "/redirect-to?url=ftp://x/", Asked: "/redirect-to?url=ftp://x/", Status: 302, Kind: "redirect"},
		{URL: "/relative-redirect/4", Asked: "/redirect/9", Status: 302, Kind: "redirect"},
		{URL: "/status/404", Asked: "/status/404", Status: 404, Kind: "status"},
		{URL: "/x", Asked: "/redirect-to?url=/redirect-to%3furl=%252fx", Status: 404, Kind: "status"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestCrawlProxy: the command sends robots.txt and pages through the proxy.
func TestCrawlProxy(t *testing.T) {
	srv := origin(t, false)
	p := startSquid(t)
	base := "http://site.test" + srv.URL[strings.LastIndex(srv.URL, ":"):]
	got := run(t, every, base, nil, "--policy", "polite", "--proxy", "http://bob:sesame@"+p.addr, base+"/x")
	want := []item{{URL: "/x", Asked: "/x", Status: 200, Body: 30}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
