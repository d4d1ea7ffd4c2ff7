package peers

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"downpour/engine"
	"downpour/engine/fetch"
)

// startMicrosocks starts a SOCKS5 server that asks bob for a password and says
// on its output what it connects to.
func startMicrosocks(t *testing.T) *program {
	t.Helper()
	path := find(t, "microsocks", "microsocks")
	return start(t, path, 1, func(ports []string) []string {
		return []string{"-i", "127.0.0.1", "-p", ports[0], "-u", "bob", "-P", "sesame"}
	})
}

// TestSOCKS: the password is asked for, and with socks5h alone the server gets
// to see the name.
func TestSOCKS(t *testing.T) {
	plain, secure := origin(t, false), origin(t, true)
	named := strings.Replace(plain.URL, "127.0.0.1", "localhost", 1)
	direct := `HTTP/1.1 /, login "", via `
	for _, row := range []struct {
		name, proxy, url string
		body             string
		connects         string // what the server says it connects to
		kind             engine.FailureKind
	}{
		{"socks5, address", "socks5://bob:sesame@", plain.URL, direct, "127.0.0.1:", ""},
		{"socks5, we resolve", "socks5://bob:sesame@", named, direct, "127.0.0.1:", ""},
		{"socks5h, it resolves", "socks5h://bob:sesame@", named, direct, "localhost:", ""},
		{"socks5h, https and http/2", "socks5h://bob:sesame@", secure.URL, `HTTP/2.0 /, login "", via `, "127.0.0.1:", ""},
		{"wrong password", "socks5h://bob:open@", plain.URL, "", "", engine.FailProxy},
		{"no password", "socks5h://", plain.URL, "", "", engine.FailProxy},
		{"closed port", "socks5h://bob:sesame@", at("http", freePorts(t, 1)[0], "/"), "", "", engine.FailConnect},
		{"no such name: a general failure", "socks5h://bob:sesame@", "http://none.invalid/", "", "", engine.FailProxy},
	} {
		t.Run(row.name, func(t *testing.T) {
			server := startMicrosocks(t)
			cfg := trusting(roots(secure))
			cfg.Proxies = []string{row.proxy + server.addr}
			f := open(t, cfg)
			begun := time.Now()
			resp, err := get(t, f, row.url)
			within(t, 5*time.Second, begun)
			if kindOf(err) != row.kind {
				t.Fatalf("error %v, want kind %q", err, row.kind)
			}
			if err != nil {
				if strings.Contains(err.Error(), "sesame") || strings.Contains(err.Error(), "open@") {
					t.Errorf("the message holds the password: %v", err)
				}
				return
			}
			if resp.Status != http.StatusOK || string(resp.Body) != row.body {
				t.Errorf("status %d, body %q; want %q", resp.Status, resp.Body, row.body)
			}
			if !server.saw("connected to " + row.connects) {
				t.Errorf("the server said %q, want %q in it", server.log, "connected to "+row.connects)
			}
		})
	}
}

// TestSOCKSDown: a SOCKS server that is gone is never gone around.
func TestSOCKSDown(t *testing.T) {
	srv := origin(t, false)
	for _, scheme := range []string{"socks5", "socks5h"} {
		f := open(t, fetch.Config{Proxies: []string{scheme + "://127.0.0.1:" + freePorts(t, 1)[0]}})
		if _, err := get(t, f, srv.URL); kindOf(err) != engine.FailProxy {
			t.Errorf("%s: error %v, want kind proxy", scheme, err)
		}
	}
}
