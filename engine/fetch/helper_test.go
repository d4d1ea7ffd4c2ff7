package fetch

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"downpour/engine"
)

// suite is the path of a file of test vectors; the test is skipped where it is
// absent.
func suite(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("DOWNPOUR_SUITES")
	if dir == "" {
		root, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
				break
			}
			root = filepath.Dir(root)
		}
		dir = filepath.Join(root, "..", "shared", "suites")
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no test vectors: %v (set DOWNPOUR_SUITES)", err)
	}
	return path
}

func loadSuite(t *testing.T, name string, v any) {
	t.Helper()
	data, err := os.ReadFile(suite(t, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}

// newFetcher makes a Fetcher that may talk to loopback, and closes it.
func newFetcher(t testing.TB, cfg Config) *Fetcher {
	t.Helper()
	cfg.Private = true
	return guardedFetcher(t, cfg)
}

func guardedFetcher(t testing.TB, cfg Config) *Fetcher {
	t.Helper()
	f, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func get(t testing.TB, f *Fetcher, url string) (*engine.Response, error) {
	t.Helper()
	return f.Fetch(t.Context(), &engine.Request{URL: url}, nil)
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

// rawServer answers each connection with serve, after the request's head has
// been read, and closes it. It returns the base URL.
func rawServer(t testing.TB, serve func(c net.Conn, head string)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if head, err := readHead(bufio.NewReader(c)); err == nil {
					serve(c, head)
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

func readHead(r *bufio.Reader) (string, error) {
	var head strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return "", err
		}
		head.WriteString(line)
		if line == "\r\n" {
			return head.String(), nil
		}
	}
}

// say answers every request with reply, and closes in order: what the client
// has not read yet is not lost to a reset.
func say(reply string) func(net.Conn, string) {
	return func(c net.Conn, _ string) {
		_, _ = c.Write([]byte(reply))
		hangUp(c)
	}
}

func hangUp(c net.Conn) {
	_ = c.(*net.TCPConn).CloseWrite()
	_ = c.SetReadDeadline(time.Now().Add(time.Second))
	var b [512]byte
	for {
		if _, err := c.Read(b[:]); err != nil {
			return
		}
	}
}

// hostOf is a URL's host and port.
func hostOf(url string) string {
	return strings.TrimPrefix(strings.TrimPrefix(url, "http://"), "https://")
}

// stall sends what there is and waits for the client to leave.
func stall(ctx context.Context, w http.ResponseWriter) {
	w.(http.Flusher).Flush()
	<-ctx.Done()
}

// nameless is a resolver that knows no name.
func nameless(t *testing.T) *net.Resolver {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	go func() {
		var b [512]byte
		for {
			n, from, err := pc.ReadFrom(b[:])
			if err != nil {
				return
			}
			b[2], b[3] = 0x81, 0x83 // an answer: no such name
			pc.WriteTo(b[:n], from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
}

// muteServer accepts connections and says nothing on them.
func muteServer(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return "https://" + l.Addr().String()
}
