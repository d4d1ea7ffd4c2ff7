package fetch

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"downpour/engine"
)

// silentProxy takes a request and closes the connection.
func silentProxy(t *testing.T) string {
	return rawServer(t, func(net.Conn, string) {})
}

// TestSilentProxy: a proxy that closes the connection without an answer has
// failed, not the site; one that has answered before is not blamed.
func TestSilentProxy(t *testing.T) {
	proxy := silentProxy(t)
	for _, url := range []string{"http://public.example/", "https://public.example/"} {
		f := guardedFetcher(t, Config{Proxies: []string{proxy}})
		_, err := get(t, f, url)
		if kindOf(err) != engine.FailProxy || !strings.Contains(err.Error(), hostOf(proxy)) {
			t.Errorf("%s: error %v, want kind proxy and its address", url, err)
		}
		if f.routes.list[0].fails != 1 {
			t.Errorf("%s: the proxy does not rest", url)
		}
	}
	cut := rawServer(t, say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"))
	if _, err := get(t, guardedFetcher(t, Config{Proxies: []string{cut}}), "http://public.example/"); kindOf(err) != engine.FailReset {
		t.Errorf("a body cut short: error %v, want kind reset", err)
	}
}

// TestSilentProxyRotation: another proxy takes over, but not a request that the
// silent one may have passed on and that is not to be made twice.
func TestSilentProxyRotation(t *testing.T) {
	for _, row := range []struct {
		method string
		kind   engine.FailureKind
	}{{http.MethodGet, ""}, {http.MethodPost, engine.FailProxy}} {
		t.Run(row.method, func(t *testing.T) {
			good := newTestProxy(t, "", "")
			f := guardedFetcher(t, Config{Proxies: []string{silentProxy(t), good.URL}})
			_, err := f.Fetch(t.Context(), &engine.Request{URL: "http://public.example/", Method: row.method}, nil)
			if kindOf(err) != row.kind {
				t.Errorf("error %v, want kind %q", err, row.kind)
			}
			if took := len(good.lines()) > 0; took != (row.kind == "") {
				t.Errorf("the other proxy was asked: %v", took)
			}
		})
	}
}
