package peers

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"downpour/engine"
	"downpour/engine/fetch"

	"github.com/google/go-cmp/cmp"
	"github.com/mccutchen/go-httpbin/v2/httpbin"
)

// startHTTPBin serves go-httpbin until the test ends.
func startHTTPBin(t *testing.T) string {
	t.Helper()
	return serve(t, httpbin.New(httpbin.WithMaxDuration(5*time.Second)), false).URL
}

// TestStatuses: any status is an answer.
func TestStatuses(t *testing.T) {
	base := startHTTPBin(t)
	f := open(t, fetch.Config{})
	for status := 200; status < 600; status++ {
		resp, err := get(t, f, fmt.Sprintf("%s/status/%d", base, status))
		if err != nil || resp.Status != status {
			t.Errorf("status %d: %v", status, err)
		}
	}
}

// TestWhatIsSent: what go-httpbin says it got is what was to be sent.
func TestWhatIsSent(t *testing.T) {
	base := startHTTPBin(t)
	f := open(t, fetch.Config{UserAgent: "peer/1", Header: http.Header{"X-Crawl": {"a", "b"}}})
	resp, err := f.Fetch(t.Context(), &engine.Request{
		URL: base + "/anything/a%20b/%zz?q=%C3%A4&q=+|", Method: "PUT", Body: []byte("x=1&y=2"),
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
	}, nil)
	if err != nil || resp.Status == http.StatusOK {
		t.Errorf("a path no URL type of Go takes: %v", err) // go-httpbin refuses it; it has to be sent all the same
	}
	resp, err = f.Fetch(t.Context(), &engine.Request{
		URL: base + "/anything/a%20b?q=%C3%A4&q=+|", Method: "PUT", Body: []byte("x=1&y=2"),
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Args, Headers, Form map[string][]string
		Method, URL, Data   string
	}
	if err := json.Unmarshal(resp.Body, &got); err != nil {
		t.Fatal(err)
	}
	for _, own := range []string{"Accept", "Accept-Encoding", "Host"} {
		delete(got.Headers, own)
	}
	want := got
	want.Args = map[string][]string{"q": {"ä", " |"}}
	want.Headers = map[string][]string{"Content-Length": {"7"}, "Content-Type": {"application/x-www-form-urlencoded"}, "User-Agent": {"peer/1"}, "X-Crawl": {"a", "b"}}
	want.Form = map[string][]string{"x": {"1"}, "y": {"2"}}
	want.Method, want.URL = "PUT", base+"/anything/a%20b?q=%C3%A4&q=+|"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestLogins: challenges are answered with the right password, once with a
// wrong one, and never where the host has none.
func TestLogins(t *testing.T) {
	base := startHTTPBin(t)
	bob := map[string]fetch.Auth{strings.TrimPrefix(base, "http://"): {User: "bob", Password: "s3cret:ä"}}
	for _, row := range []struct {
		name, path string
		auth       map[string]fetch.Auth
		status     int
	}{
		{"basic", "/basic-auth/bob/s3cret:ä", bob, 200},
		{"basic, wrong password", "/basic-auth/bob/other", bob, 401},
		{"basic, none", "/basic-auth/bob/s3cret:ä", nil, 401},
		{"basic that does not ask", "/hidden-basic-auth/bob/s3cret:ä", bob, 404},
		{"digest md5", "/digest-auth/auth/bob/s3cret:ä", bob, 200},
		{"digest md5, wrong password", "/digest-auth/auth/bob/other", bob, 401},
		{"digest sha-256", "/digest-auth/auth/bob/s3cret:ä/SHA-256", bob, 200},
		{"digest sha-256, none", "/digest-auth/auth/bob/s3cret:ä/SHA-256", nil, 401},
		{"bearer is not ours to make up", "/bearer", bob, 401},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := open(t, fetch.Config{Auth: row.auth, Cookies: true})
			for range 3 { // the second time a login that worked is sent at once
				resp, err := get(t, f, base+row.path)
				if err != nil || resp.Status != row.status {
					t.Fatalf("status %v, error %v; want %d", resp.Status, err, row.status)
				}
			}
		})
	}
	f := open(t, fetch.Config{Auth: bob})
	must(t, f, base+"/basic-auth/bob/s3cret:ä")
	if resp := must(t, f, base+"/hidden-basic-auth/bob/s3cret:ä"); resp.Status != 200 {
		t.Error("a login that worked is not sent at once")
	}
}

func TestCookies(t *testing.T) {
	base := startHTTPBin(t)
	jar := func(f *fetch.Fetcher) map[string]string {
		var got struct{ Cookies map[string]string }
		if err := json.Unmarshal(must(t, f, base+"/cookies").Body, &got); err != nil {
			t.Fatal(err)
		}
		return got.Cookies
	}
	f := open(t, fetch.Config{Cookies: true})
	for _, path := range []string{
		"/cookies/set?a=1&b=2", "/cookies/set?b=3",
		"/cookies/set?secret=1&attr[Secure]=true", // over http: not kept
		"/cookies/set?else=1&attr[Path]=/else",
		"/cookies/delete?a",
	} {
		if resp, err := get(t, f, base+path); err != nil || resp.Status != http.StatusFound {
			t.Fatalf("%s: %v", path, err)
		}
	}
	if diff := cmp.Diff(map[string]string{"b": "3"}, jar(f)); diff != "" {
		t.Errorf("cookies (-want +got):\n%s", diff)
	}
	f = open(t, fetch.Config{})
	if _, err := get(t, f, base+"/cookies/set?a=1"); err != nil {
		t.Fatal(err)
	}
	if got := jar(f); len(got) != 0 {
		t.Errorf("cookies %v without a jar", got)
	}
}

// TestBodies: bodies in every form arrive whole, or fail for the right reason.
func TestBodies(t *testing.T) {
	base := startHTTPBin(t)
	for _, row := range []struct {
		name, path string
		cfg        fetch.Config
		size       int // of the body; -1 for any
		holds      string
		kind       engine.FailureKind
	}{
		{"gzip", "/gzip", fetch.Config{}, -1, `"gzipped": true`, ""},
		{"deflate", "/deflate", fetch.Config{}, -1, `"deflated": true`, ""},
		{"utf-8", "/encoding/utf8", fetch.Config{}, -1, "⎪⎢⎜│", ""},
		{"length known", "/bytes/65536", fetch.Config{}, 65536, "", ""},
		{"chunked", "/stream-bytes/65537?chunk_size=1000", fetch.Config{}, 65537, "", ""},
		{"chunked lines", "/stream/50", fetch.Config{}, -1, `"id":49`, ""},
		{"trailers", "/trailers?x-end=1", fetch.Config{}, -1, `"method"`, ""},
		{"events", "/sse?count=3&duration=50ms", fetch.Config{}, -1, "event: ping", ""},
		{"drip", "/drip?numbytes=20&delay=0s&duration=200ms", fetch.Config{}, 20, "*", ""},
		{"at the limit", "/bytes/1000", fetch.Config{MaxBody: 1000}, 1000, "", ""},
		{"above the limit, length known", "/bytes/1001", fetch.Config{MaxBody: 1000}, 0, "", engine.FailTooLarge},
		{"above the limit, chunked", "/stream-bytes/65537", fetch.Config{MaxBody: 1000}, 1000, "", engine.FailTooLarge},
		{"above the limit, gzip", "/gzip", fetch.Config{MaxBody: 100}, 100, "", engine.FailTooLarge},
		{"no answer in time", "/delay/3", fetch.Config{Timeout: 200 * time.Millisecond}, -1, "", engine.FailTimeout},
		{"drip, too slow", "/drip?numbytes=2&delay=0s&duration=4s", fetch.Config{IdleTimeout: 200 * time.Millisecond}, -1, "", engine.FailTimeout},
		{"drip, too long", "/drip?numbytes=100&delay=0s&duration=4s", fetch.Config{Timeout: 300 * time.Millisecond}, -1, "", engine.FailTimeout},
	} {
		t.Run(row.name, func(t *testing.T) {
			begun := time.Now()
			resp, err := get(t, open(t, row.cfg), base+row.path)
			within(t, 3*time.Second, begun)
			if kindOf(err) != row.kind {
				t.Fatalf("error %v, want kind %q", err, row.kind)
			}
			if resp == nil {
				return
			}
			if !strings.Contains(string(resp.Body), row.holds) || row.size >= 0 && len(resp.Body) != row.size {
				t.Errorf("%d octets, %.200q; want %d with %q", len(resp.Body), resp.Body, row.size, row.holds)
			}
		})
	}
}

// TestConditions: validators are answered with 304, and no body is waited for.
func TestConditions(t *testing.T) {
	base := startHTTPBin(t)
	f := open(t, fetch.Config{})
	for _, row := range []struct{ path, header, value string }{
		{"/etag/abc", "If-None-Match", `"abc"`},
		{"/cache", "If-Modified-Since", "Sat, 29 Oct 1994 19:43:31 GMT"},
	} {
		resp, err := f.Fetch(t.Context(), &engine.Request{URL: base + row.path, Header: http.Header{row.header: {row.value}}}, nil)
		if err != nil || resp.Status != http.StatusNotModified || len(resp.Body) > 0 {
			t.Errorf("%s: %v, error %v", row.path, resp, err)
		}
	}
	resp, err := f.Fetch(t.Context(), &engine.Request{URL: base + "/range/100", Header: http.Header{"Range": {"bytes=10-19"}}}, nil)
	if err != nil || resp.Status != http.StatusPartialContent || string(resp.Body) != "klmnopqrst" {
		t.Errorf("range: %v, error %v", resp, err)
	}
}

// TestRedirectsHandedOver: the fetcher follows none, whatever the form.
func TestRedirectsHandedOver(t *testing.T) {
	base := startHTTPBin(t)
	f := open(t, fetch.Config{})
	for path, location := range map[string]string{
		"/redirect/3":          "/relative-redirect/2",
		"/absolute-redirect/2": base + "/absolute-redirect/1",
		"/redirect-to?url=http://other.test/%23x&status_code=308": "http://other.test/#x",
	} {
		resp, err := get(t, f, base+path)
		if err != nil || resp.Status < 300 || resp.Status > 308 || resp.Header.Get("Location") != location {
			t.Errorf("%s: Location %q, error %v; want %q", path, resp.Header.Get("Location"), err, location)
		}
	}
}

// TestHTTPBinByTLS: HTTP/2 from Go's own server, with many at once.
func TestHTTPBinByTLS(t *testing.T) {
	srv := serve(t, httpbin.New(), true)
	f := open(t, trusting(roots(srv)))
	for _, path := range []string{"/gzip", "/stream/20", "/bytes/100000", "/trailers?x=y", "/anything?" + strings.Repeat("x", 5000)} {
		if resp := must(t, f, srv.URL+path); resp.Proto != "HTTP/2" {
			t.Errorf("%s by %s", path, resp.Proto)
		}
	}
	resp := must(t, f, srv.URL+"/response-headers?A=1&A=2&Content-Type=text/x%3Bcharset=y")
	if !slices.Equal(resp.Header["A"], []string{"1", "2"}) {
		t.Errorf("header %v", resp.Header)
	}
}
