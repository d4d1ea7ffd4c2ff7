package peers

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"downpour/engine"
	"downpour/engine/fetch"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// A toxic is something bad that toxiproxy does to what passes through it.
type toxic struct {
	Type       string         `json:"type"`
	Stream     string         `json:"stream"` // "downstream" is from the server
	Attributes map[string]int `json:"attributes"`
}

func down(kind string, attributes map[string]int) toxic { return toxic{kind, "downstream", attributes} }

func up(kind string, attributes map[string]int) toxic { return toxic{kind, "upstream", attributes} }

// poison puts toxiproxy in front of a server and returns its address.
func poison(t *testing.T, upstream string, toxics ...toxic) string {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p := toxiproxy.NewProxy(server, "p", "127.0.0.1:0", upstream)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	for _, x := range toxics {
		text, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Toxics.AddToxicJson(bytes.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	return p.Listen
}

// TestToxics: whatever a line does, the answer is whole or the failure has its
// kind, in bounded time.
func TestToxics(t *testing.T) {
	const size = 200_000
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, strings.Repeat("0123456789", size/10))
	})
	mux.HandleFunc("/small", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
	plain, secure := serve(t, mux, false), serve(t, mux, true)

	brief := fetch.Config{Timeout: 500 * time.Millisecond}
	none := fetch.Config{}
	for _, row := range []struct {
		name   string
		cfg    fetch.Config
		toxics []toxic
		path   string
		got    int                // least octets of the body
		kind   engine.FailureKind // by HTTP/1.1
		tls    engine.FailureKind // by HTTP/2 over TLS
	}{
		{"clean", none, nil, "/", size, "", ""},
		{"latency", none, []toxic{down("latency", map[string]int{"latency": 100})}, "/", size, "", ""},
		{"latency above the limit", brief, []toxic{down("latency", map[string]int{"latency": 20_000})}, "/small", 0, engine.FailTimeout, engine.FailTimeout},
		{"latency and jitter both ways", none, []toxic{down("latency", map[string]int{"latency": 20, "jitter": 20}), up("latency", map[string]int{"latency": 20, "jitter": 20})}, "/", size, "", ""},
		{"reset at once", none, []toxic{down("reset_peer", map[string]int{"timeout": 0})}, "/", 0, engine.FailReset, engine.FailTLS},
		{"reset of what we send", none, []toxic{up("reset_peer", map[string]int{"timeout": 0})}, "/", 0, engine.FailReset, engine.FailTLS},
		{"reset after a while", none, []toxic{down("reset_peer", map[string]int{"timeout": 200})}, "/", 0, engine.FailReset, engine.FailTLS},
		{"slices", none, []toxic{down("slicer", map[string]int{"average_size": 500, "size_variation": 250, "delay": 100})}, "/", size, "", ""},
		{"slices of one octet", none, []toxic{down("slicer", map[string]int{"average_size": 1}), up("slicer", map[string]int{"average_size": 1})}, "/small", 2, "", ""},
		{"narrow", none, []toxic{down("bandwidth", map[string]int{"rate": 1000})}, "/", size, "", ""},
		{"narrow, too slow", brief, []toxic{down("bandwidth", map[string]int{"rate": 10})}, "/", 0, engine.FailTimeout, engine.FailTimeout},
		{"narrow, never idle", fetch.Config{IdleTimeout: time.Second}, []toxic{down("bandwidth", map[string]int{"rate": 130})}, "/", size, "", ""},
		{"silence", brief, []toxic{down("timeout", map[string]int{"timeout": 0})}, "/", 0, engine.FailTimeout, engine.FailTimeout},
		{"silence, then the end", none, []toxic{down("timeout", map[string]int{"timeout": 200})}, "/", 0, engine.FailReset, engine.FailTLS},
		{"cut in the answer", none, []toxic{down("limit_data", map[string]int{"bytes": 50_000})}, "/", 40_000, engine.FailReset, engine.FailReset},
		{"cut in the headers", none, []toxic{down("limit_data", map[string]int{"bytes": 30})}, "/small", 0, engine.FailReset, engine.FailTLS},
		{"slow to close", none, []toxic{down("slow_close", map[string]int{"delay": 20_000})}, "/", size, "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			for _, srv := range []*httptest.Server{plain, secure} {
				want, addr := row.kind, poison(t, srv.Listener.Addr().String(), row.toxics...)
				url := "http://" + addr + row.path
				if srv == secure {
					want, url = row.tls, "https://"+addr+row.path
				}
				cfg := row.cfg
				cfg.RootCAs = roots(secure)
				begun := time.Now()
				resp, err := get(t, open(t, cfg), url)
				within(t, 8*time.Second, begun)
				if kindOf(err) != want {
					t.Errorf("%s: error %v, want kind %q", url, err, want)
				}
				if row.got > 0 && (resp == nil || len(resp.Body) < row.got || err == nil && len(resp.Body) != row.got) {
					t.Errorf("%s: response %v, want %d octets", url, resp != nil, row.got)
				}
			}
		})
	}
}

// TestServerGone: kept connections to a server that went away are no failure
// once it is back, and a failure of kind connect before.
func TestServerGone(t *testing.T) {
	srv := origin(t, false)
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p := toxiproxy.NewProxy(server, "p", "127.0.0.1:0", srv.Listener.Addr().String())
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	f, url := open(t, fetch.Config{}), "http://"+p.Listen
	must(t, f, url)
	p.Stop()
	if _, err := get(t, f, url); kindOf(err) != engine.FailConnect {
		t.Errorf("while it is gone: error %v, want kind connect", err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	must(t, f, url)
}
