package fetch

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"downpour/engine"

	"github.com/google/go-cmp/cmp"
)

func TestFetch(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Method", r.Method)
		body, _ := io.ReadAll(r.Body)
		w.Write([]byte(r.RequestURI + " " + r.Header.Get("User-Agent") + " " + string(body)))
	}))
	defer srv.Close()
	f := newFetcher(t, Config{UserAgent: "downpour/1 (test)"})

	var events []string
	req := &engine.Request{URL: srv.URL + "/a//b?q=%", Method: "POST", Body: []byte("x=1")}
	resp, err := f.Fetch(t.Context(), req, func(ev engine.Event, r *engine.Response) error {
		events = append(events, ev.String()+" "+r.Proto+" "+r.Message+" "+r.Header.Get("X-Method"))
		if r.Body != nil {
			t.Errorf("%v: the body is there before the hooks", ev)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"on_status HTTP/1.1 OK POST", "on_headers HTTP/1.1 OK POST"}, events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if want := "/a//b?q=% downpour/1 (test) x=1"; string(resp.Body) != want {
		t.Errorf("body %q, want %q", resp.Body, want)
	}
	if resp.IP != "127.0.0.1" || resp.Status != 200 || resp.Wire != int64(len(resp.Body)) || resp.Proxy != "" {
		t.Errorf("response %+v", resp)
	}
	if resp.First.Before(resp.Start) || resp.Timing.FirstByte <= 0 || resp.Timing.Connect <= 0 || resp.Wrote.Before(resp.Start) || resp.Timing.Total < resp.Timing.FirstByte {
		t.Errorf("timing %+v, first %v after start", resp.Timing, resp.First.Sub(resp.Start))
	}
}

func TestRequestLine(t *testing.T) {
	base := rawServer(t, func(c net.Conn, head string) {
		line, _, _ := strings.Cut(head, "\r\n")
		say("HTTP/1.1 200 OK\r\nX-Line: "+line+"\r\nContent-Length: 0\r\n\r\n")(c, "")
	})
	f := newFetcher(t, Config{})
	for _, row := range []struct{ name, path, want string }{
		{"plain", "/a/b.html?x=1&y", "/a/b.html?x=1&y"},
		{"empty query", "/a?", "/a?"},
		{"lone percent", "/100%", "/100%"},
		{"bad escape in the query", "/?q=%zz", "/?q=%zz"},
		{"escapes kept as written", "/%7Ea/%2f%2F", "/%7Ea/%2f%2F"},
		{"raw octets escaped", "/é", "/%C3%A9"},
		{"two slashes first", "//a//b?c", "//a//b?c"},
		{"marks kept", "/a|b'c;d=[e]", "/a|b'c;d=[e]"},
		{"fragment left out", "/a#b", "/a"},
	} {
		t.Run(row.name, func(t *testing.T) {
			resp, err := get(t, f, base+row.path)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := resp.Header.Get("X-Line"), "GET "+row.want+" HTTP/1.1"; got != want {
				t.Errorf("sent %q, want %q", got, want)
			}
		})
	}
}

// TestAsis serves whole answers with bare line feeds.
func TestAsis(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(suite(t, "asis"), "*.asis"))
	if err != nil || len(files) == 0 {
		t.Fatal("no answers", err)
	}
	f := newFetcher(t, Config{})
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := get(t, f, rawServer(t, say(string(data)))+"/asis/"+filepath.Base(file))
			if err != nil {
				t.Fatal(err)
			}
			head, body, _ := strings.Cut(string(data), "\n\n")
			status, _, _ := strings.Cut(head, "\n")
			if got := fmt.Sprintf("%s %d %s", resp.Proto, resp.Status, resp.Message); got != status {
				t.Errorf("status line %q, want %q", got, status)
			}
			if string(resp.Body) != body {
				t.Errorf("body %q, want %q", resp.Body, body)
			}
			if resp.Header.Get("Content-Type") != "text/html" {
				t.Errorf("headers %v", resp.Header)
			}
		})
	}
}

func TestNotifyCuts(t *testing.T) {
	stop := errors.New("enough")
	for _, event := range []engine.Event{engine.EventStatus, engine.EventHeaders} {
		t.Run(event.String(), func(t *testing.T) {
			conns := 0
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Write(make([]byte, 100))
				stall(r.Context(), w) // ends when the connection does
			}))
			srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
				if s == http.StateNew {
					conns++
				}
			}
			srv.Start()
			defer srv.Close()
			f := newFetcher(t, Config{})
			for range 2 {
				resp, err := f.Fetch(t.Context(), &engine.Request{URL: srv.URL}, func(ev engine.Event, _ *engine.Response) error {
					if ev == event {
						return stop
					}
					return nil
				})
				if !errors.Is(err, stop) || resp == nil || resp.Status != 200 || resp.Body != nil {
					t.Fatalf("response %+v, error %v", resp, err)
				}
			}
			srv.Close()
			if conns != 2 {
				t.Errorf("%d connections, want a new one after each cut", conns)
			}
		})
	}
}

func TestConnectionIsUsedAgain(t *testing.T) {
	big := strings.Repeat("x", 4*maxDrain)
	for _, row := range []struct {
		name   string
		header http.Header
		status int
		body   string
		conns  int
	}{
		{"page", nil, 200, "hello", 1},
		{"gzip", http.Header{"Content-Encoding": {"gzip"}}, 200, gzipped("hello"), 1},
		{"small redirect", http.Header{"Location": {"/x"}}, 302, "moved", 1},
		{"large redirect", http.Header{"Location": {"/x"}}, 302, big, 2},
		{"no content", nil, 204, "", 1},
		{"not modified", nil, 304, "", 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			conns := 0
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for k, v := range row.header {
					w.Header()[k] = v
				}
				w.WriteHeader(row.status)
				io.WriteString(w, row.body)
			}))
			srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
				if s == http.StateNew {
					conns++
				}
			}
			srv.Start()
			f := newFetcher(t, Config{})
			for i := range 2 {
				resp, err := get(t, f, srv.URL)
				if err != nil {
					t.Fatal(err)
				}
				if i == 1 && row.conns == 1 && resp.Timing.Connect != 0 {
					t.Errorf("connect took %v on a connection used again", resp.Timing.Connect)
				}
			}
			srv.Close()
			if conns != row.conns {
				t.Errorf("%d connections, want %d", conns, row.conns)
			}
		})
	}
}

func TestHTTP2(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte(r.Proto + " " + r.RequestURI))
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	f := newFetcher(t, Config{RootCAs: roots(srv)})
	for _, path := range []string{"/a?b", "//c"} {
		resp, err := get(t, f, srv.URL+path)
		if err != nil {
			t.Fatal(err)
		}
		if resp.Proto != "HTTP/2" || resp.Message != "OK" || string(resp.Body) != "HTTP/2.0 "+path {
			t.Errorf("%s: %s %q %q", path, resp.Proto, resp.Message, resp.Body)
		}
		if path == "/a?b" && resp.Timing.TLS <= 0 {
			t.Errorf("timing %+v", resp.Timing)
		}
	}
}

// TestHTTP2Rejected: what the server rejects is not sent over and over.
func TestHTTP2Rejected(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	_, err := get(t, newFetcher(t, Config{RootCAs: roots(srv)}), srv.URL+"/100%") // a path that Go's server does not take
	if kindOf(err) != engine.FailProtocol || !strings.Contains(err.Error(), "2 times") {
		t.Errorf("error %v, want kind protocol", err)
	}
}

// TestDroppedConnection: a request that a closing connection did not deliver is
// sent again on another.
func TestDroppedConnection(t *testing.T) {
	f := newFetcher(t, Config{})
	calls := 0
	base := rawServer(t, func(c net.Conn, _ string) {
		if calls++; calls == 1 { // answers once, then drops the connection
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			return
		}
		say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")(c, "")
	})
	for i, want := range []string{"", "hi"} {
		resp, err := get(t, f, base)
		if err != nil || string(resp.Body) != want {
			t.Fatalf("fetch %d: %v %v", i, resp, err)
		}
	}
}

func TestCallerStops(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { stall(r.Context(), w) }))
	defer srv.Close()
	f := newFetcher(t, Config{})
	ctx, cancel := contextWith(t)
	resp, err := f.Fetch(ctx, &engine.Request{URL: srv.URL}, func(ev engine.Event, _ *engine.Response) error {
		if ev == engine.EventHeaders {
			cancel()
		}
		return nil
	})
	if kindOf(err) != engine.FailCancelled || !errors.Is(err, ctx.Err()) || resp == nil {
		t.Errorf("response %v, error %v", resp, err)
	}
}

func TestTimeouts(t *testing.T) {
	const short = 50 * time.Millisecond
	for _, row := range []struct {
		name    string
		cfg     Config
		timeout time.Duration
		reply   string
		message string
	}{
		{"whole, no answer", Config{Timeout: short}, 0, "", "no whole answer within 50ms; --timeout allows more"},
		{"whole, the request's own", Config{}, short, "", "no whole answer within 50ms; --timeout allows more"},
		{"whole, half a head", Config{Timeout: short}, 0, "HTTP/1.1 200 OK\r\nX-", "no whole answer within 50ms; --timeout allows more"},
		{"idle in the body", Config{IdleTimeout: short}, 0, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "nothing came for 50ms; --idle-timeout allows more"},
		{"idle in a gzip body", Config{IdleTimeout: short}, 0, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b", "nothing came for 50ms; --idle-timeout allows more"},
	} {
		t.Run(row.name, func(t *testing.T) {
			base := rawServer(t, func(c net.Conn, _ string) {
				io.WriteString(c, row.reply)
				io.Copy(io.Discard, c) // until the client leaves
			})
			resp, err := newFetcher(t, row.cfg).Fetch(t.Context(), &engine.Request{URL: base, Timeout: row.timeout}, nil)
			var fail *engine.Failure
			if !errors.As(err, &fail) || fail.Kind != engine.FailTimeout || fail.Message != row.message {
				t.Fatalf("error %v, want timeout: %s", err, row.message)
			}
			if answered := strings.Contains(row.reply, "\r\n\r\n"); answered != (resp != nil) {
				t.Errorf("response %v", resp)
			}
		})
	}
}

// TestSlowBody: what trickles is cut by the whole limit, not by the idle one.
func TestSlowBody(t *testing.T) {
	base := rawServer(t, func(c net.Conn, _ string) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for range tick.C {
			if _, err := c.Write([]byte("x")); err != nil {
				return
			}
		}
	})
	resp, err := get(t, newFetcher(t, Config{Timeout: 200 * time.Millisecond, IdleTimeout: 150 * time.Millisecond}), base)
	if err == nil || !strings.Contains(err.Error(), "no whole answer") || len(resp.Body) == 0 {
		t.Errorf("response %v, error %v", resp, err)
	}
}
