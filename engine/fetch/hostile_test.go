package fetch

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"downpour/engine"
	"downpour/policies"

	"github.com/andybalholm/brotli"
)

// A hostileCase is a case of hostile.json.
type hostileCase struct{ ID, Category, Name, Input string }

// TestHostile answers the cases that are the fetcher's.
func TestHostile(t *testing.T) {
	here := map[string]func(*testing.T){
		"ssrf-26": hostileMixed, "ssrf-27": hostileBehindProxy, "ssrf-28": hostileSchemes,
		"bomb-01": hostileGzip, "bomb-02": hostileBrotli, "bomb-03": hostileWindow, "bomb-06": hostileEndless, "bomb-08": hostileVideo,
		"slow-02": hostileDrip, "slow-05": hostileSilence, "slow-07": hostileInterim, "hdr-01": hostileHeader,
		"inject-02": hostileLines, "inject-03": hostileHost,
		"creds-07": hostileLogin, "creds-10": hostileReferer, "creds-12": TestProxyCredentialsStay, "creds-15": hostileNetrc,
		"cookie-02": hostileSuffix, "cookie-07": hostileMany, "cookie-09": hostilePath, "cookie-10": hostileControl,
	}
	maps.Copy(here, hostileTLS())
	var all []hostileCase
	loadSuite(t, "hostile.json", &all)
	for _, c := range all {
		run := here[c.ID]
		if run == nil && c.Category == "ssrf" {
			run = func(t *testing.T) { hostileAddress(t, c) }
		}
		if run != nil {
			t.Run(c.ID, run)
		}
		delete(here, c.ID)
	}
	for id := range here {
		t.Errorf("hostile.json has no case %s", id)
	}
}

// hostileAddress: a URL whose host is a private address in some form is not
// connected to.
func hostileAddress(t *testing.T, c hostileCase) {
	want := engine.FailBlocked
	if c.ID == "ssrf-14" {
		want = engine.FailInvalid // a zone is no part of a URL's host
	}
	if _, err := get(t, guardedFetcher(t, Config{}), c.Input); kindOf(err) != want {
		t.Errorf("%s: %v, want %s", c.Input, err, want)
	}
}

func hostileMixed(t *testing.T) {
	hits := 0
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits++ }))
	defer srv.Close()
	_, port, _ := net.SplitHostPort(hostOf(srv.URL))
	f := guardedFetcher(t, Config{Resolve: map[string]string{"mixed.test:" + port: "198.51.100.1,127.0.0.1"}})
	if _, err := get(t, f, "http://mixed.test:"+port+"/"); kindOf(err) != engine.FailBlocked || hits > 0 {
		t.Errorf("%v, %d requests", err, hits)
	}
}

func hostileBehindProxy(t *testing.T) {
	p := newTestProxy(t, "", "")
	if _, err := get(t, guardedFetcher(t, Config{Proxies: []string{p.URL}}), "http://127.0.0.1/"); kindOf(err) != engine.FailBlocked || len(p.lines()) > 0 {
		t.Errorf("%v; the proxy saw %v", err, p.lines())
	}
}

func hostileSchemes(t *testing.T) {
	from, err := policies.ParseURL("http://a.test/")
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"file:///etc/passwd", "ftp://a.test/", "gopher://127.0.0.1:6379/_FLUSHALL", "data:,x", "javascript:1", "unix:/x"} {
		if _, err := policies.Redirect(302, "GET", from, to); err == nil {
			t.Errorf("a redirect to %s is followed", to)
		}
		if _, err := get(t, newFetcher(t, Config{}), to); kindOf(err) != engine.FailInvalid {
			t.Errorf("%s: %v", to, err)
		}
	}
}

// hostileBomb: what a coding swells to ends at the limit.
func hostileBomb(t *testing.T, coding string, packed []byte, want engine.FailureKind) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", coding)
		w.Write(packed)
	}))
	defer srv.Close()
	const limit = 1 << 20
	resp, err := get(t, newFetcher(t, Config{MaxBody: limit}), srv.URL)
	if kindOf(err) != want || len(resp.Body) > limit || cap(resp.Body) > 4*limit {
		t.Errorf("%v, want %s; %d octets kept", err, want, len(resp.Body))
	}
}

// packZeros packs 16 MiB of them.
func packZeros(t *testing.T, w io.WriteCloser) {
	t.Helper()
	block := make([]byte, 1<<20)
	for range 16 {
		if _, err := w.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func hostileGzip(t *testing.T) {
	var b bytes.Buffer
	packZeros(t, gzip.NewWriter(&b))
	hostileBomb(t, "gzip", b.Bytes(), engine.FailTooLarge)
}

func hostileBrotli(t *testing.T) {
	var b bytes.Buffer
	packZeros(t, brotli.NewWriterLevel(&b, 1))
	hostileBomb(t, "br", b.Bytes(), engine.FailTooLarge)
}

// hostileWindow is a frame of one octet that asks for a window of 2 GiB.
func hostileWindow(t *testing.T) {
	hostileBomb(t, "zstd", []byte("\x28\xb5\x2f\xfd\x00\xa8\x09\x00\x00x"), engine.FailEncoding)
}

func hostileEndless(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for block := make([]byte, 64<<10); r.Context().Err() == nil; {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}))
	defer srv.Close()
	if resp, err := get(t, newFetcher(t, Config{MaxBody: 1 << 20}), srv.URL); kindOf(err) != engine.FailTooLarge || len(resp.Body) != 1<<20 {
		t.Errorf("by size: %v", err)
	}
	f := newFetcher(t, Config{MaxBody: 1 << 40, Timeout: 50 * time.Millisecond})
	if _, err := get(t, f, srv.URL); kindOf(err) != engine.FailTimeout {
		t.Errorf("by time: %v", err)
	}
}

func hostileVideo(t *testing.T) {
	base := rawServer(t, say("HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: 10737418240\r\n\r\nx"))
	if resp, err := get(t, newFetcher(t, Config{}), base); kindOf(err) != engine.FailTooLarge || resp.Wire > 0 {
		t.Errorf("by its length: %v", err)
	}
	cancel := &engine.Cancel{Reason: "not a page"}
	_, err := newFetcher(t, Config{}).Fetch(t.Context(), &engine.Request{URL: base}, func(ev engine.Event, r *engine.Response) error {
		if ev == engine.EventHeaders && r.Header.Get("Content-Type") == "video/mp4" {
			return cancel
		}
		return nil
	})
	if !errors.Is(err, cancel) {
		t.Errorf("by a hook: %v", err)
	}
}

func hostileDrip(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for r.Context().Err() == nil {
			fmt.Fprint(w, "x")
			w.(http.Flusher).Flush()
			<-tick.C
		}
	}))
	defer srv.Close()
	resp, err := get(t, newFetcher(t, Config{Timeout: 100 * time.Millisecond}), srv.URL)
	if kindOf(err) != engine.FailTimeout || len(resp.Body) == 0 {
		t.Errorf("%v, %v", resp, err)
	}
}

// hostileSilence: a dialler that never connects stands for packets that are
// dropped.
func hostileSilence(t *testing.T) {
	f := newFetcher(t, Config{ConnectTimeout: 50 * time.Millisecond})
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, f.cfg.ConnectTimeout)
		defer cancel()
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}
	}
	f.straight(f.routes.direct.transport, dial)
	if _, err := get(t, f, "http://a.test/"); kindOf(err) != engine.FailTimeout || !strings.Contains(err.Error(), "--connect-timeout") {
		t.Errorf("%v", err)
	}
}

func hostileInterim(t *testing.T) {
	base := rawServer(t, func(c net.Conn, _ string) {
		for {
			if _, err := c.Write([]byte("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")); err != nil {
				return
			}
		}
	})
	if _, err := get(t, newFetcher(t, Config{Timeout: 10 * time.Second}), base); kindOf(err) != engine.FailProtocol && kindOf(err) != engine.FailTooLarge {
		t.Errorf("%v", err)
	}
}

func hostileHeader(t *testing.T) {
	base := rawServer(t, say("HTTP/1.1 200 OK\r\nX-Big: "+strings.Repeat("a", 9<<20)+"\r\n\r\n"))
	if _, err := get(t, newFetcher(t, Config{}), base); kindOf(err) != engine.FailTooLarge {
		t.Errorf("%v", err)
	}
}

// echo answers with the request's line and headers.
func echo(t *testing.T) string {
	t.Helper()
	return rawServer(t, func(c net.Conn, head string) {
		say("HTTP/1.1 200 OK\r\n\r\n"+head)(c, head)
	})
}

func hostileLines(t *testing.T) {
	base := echo(t)
	f := newFetcher(t, Config{})
	for _, h := range []http.Header{{"X": {"a\r\nB: c"}}, {"X\r\nB": {"c"}}, {"X": {"a\x00"}}} {
		if _, err := f.Fetch(t.Context(), &engine.Request{URL: base, Header: h}, nil); kindOf(err) != engine.FailInvalid {
			t.Errorf("%q: %v", h, err)
		}
	}
	for _, cfg := range []Config{{UserAgent: "a\r\nB: c"}, {Header: http.Header{"X": {"a\nB: c"}}}} {
		if _, err := New(cfg); err == nil {
			t.Errorf("no error for %+v", cfg)
		}
	}
	resp, err := get(t, f, base+"/a\r\nB: c")
	if err != nil || strings.Contains(string(resp.Body), "\nB: c") || !strings.HasPrefix(string(resp.Body), "GET /aB:%20c HTTP") {
		t.Errorf("a line break in a URL: %v\n%s", err, resp.Body)
	}
}

func hostileHost(t *testing.T) {
	base := echo(t)
	resp, err := newFetcher(t, Config{}).Fetch(t.Context(), &engine.Request{URL: base, Header: http.Header{"Host": {"b.test"}}}, nil)
	if err != nil || !strings.Contains(string(resp.Body), "\nHost: b.test\r") || resp.URL != base+"/" {
		t.Errorf("%v\n%s", err, resp.Body)
	}
}

// hostileLogin: another host with the same realm gets nothing.
func hostileLogin(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, r.Header.Get("Authorization"))
	}))
	defer srv.Close()
	for _, account := range []Auth{{User: "bob", Password: "pw"}, {Token: "t0ken"}} {
		f := newFetcher(t, Config{Auth: map[string]Auth{"a.test": account}, Resolve: map[string]string{"*:80": hostOf(srv.URL)}})
		for host, want := range map[string]bool{"a.test": true, "b.test": false, "sub.a.test": false, "a.test.b.test": false} {
			resp, err := get(t, f, "http://"+host+"/")
			if err != nil || (len(resp.Body) > 0) != want {
				t.Errorf("%s: sent %q, %v", host, resp.Body, err)
			}
		}
	}
}

func hostileReferer(t *testing.T) {
	resp, err := newFetcher(t, Config{}).Fetch(t.Context(), &engine.Request{URL: echo(t), Referrer: "https://a.test/?token=1"}, nil)
	if err != nil || strings.Contains(string(resp.Body), "Refer") {
		t.Errorf("%v\n%s", err, resp.Body)
	}
}

func hostileNetrc(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	if err := os.WriteFile(filepath.Join(home, ".netrc"), []byte("default login bob password pw\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if resp, err := get(t, newFetcher(t, Config{}), echo(t)); err != nil || strings.Contains(string(resp.Body), "Authorization") {
		t.Errorf("%v\n%s", err, resp.Body)
	}
}

// kept is what a jar sends to one URL after another has set cookies.
func kept(t *testing.T, set, to string, lines ...string) string {
	t.Helper()
	j := newJar()
	from, err := policies.ParseURL(set)
	if err != nil {
		t.Fatal(err)
	}
	u, err := policies.ParseURL(to)
	if err != nil {
		t.Fatal(err)
	}
	j.store(from, lines, time.Now())
	return j.header(u, time.Now())
}

func hostileSuffix(t *testing.T) {
	for _, to := range []string{"http://u.github.io/", "http://v.github.io/"} {
		if got := kept(t, "http://u.github.io/", to, "a=b; Domain=github.io"); got != "" {
			t.Errorf("%s: %q", to, got)
		}
	}
}

func hostileMany(t *testing.T) {
	lines := make([]string, 20_000)
	for i := range lines {
		lines[i] = fmt.Sprintf("c%d=%s", i, strings.Repeat("x", 200))
	}
	got := kept(t, "http://a.test/", "http://a.test/", lines...)
	if n := strings.Count(got, ";") + 1; n > maxPerDomain || len(got) > maxCookieLine+300 {
		t.Errorf("%d cookies, %d octets", n, len(got))
	}
}

func hostilePath(t *testing.T) {
	for path, want := range map[string]string{"/x": "a=b", "/x/y": "a=b", "/xy": "", "/": ""} {
		if got := kept(t, "http://a.test/", "http://a.test"+path, "a=b; Path=/x"); got != want {
			t.Errorf("%s: %q", path, got)
		}
	}
}

func hostileControl(t *testing.T) {
	for _, line := range []string{"a=b\x00c", "a\x01=b", "a=b; Path=/\x7f"} {
		if got := kept(t, "http://a.test/", "http://a.test/", line); got != "" {
			t.Errorf("%q: %q", line, got)
		}
	}
}
