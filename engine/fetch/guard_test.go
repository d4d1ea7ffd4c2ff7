package fetch

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"downpour/engine"
	"downpour/policies"
)

func TestPrivate(t *testing.T) {
	for _, row := range []struct {
		addr    string
		private bool
	}{
		{"8.8.8.8", false},
		{"1.1.1.1", false},
		{"172.15.255.255", false},
		{"172.32.0.1", false},
		{"100.63.255.255", false},
		{"100.128.0.0", false},
		{"2606:4700::1111", false},
		{"2a00:1450::1", false},
		{"::ffff:8.8.8.8", false},
		{"64:ff9b::808:808", false},
		{"2002:808:808::1", false},
		{"0.0.0.0", true},
		{"0.1.2.3", true},
		{"10.0.0.1", true},
		{"100.64.0.1", true},
		{"127.0.0.1", true},
		{"127.255.255.254", true},
		{"169.254.169.254", true},
		{"172.16.0.1", true},
		{"172.31.255.255", true},
		{"192.0.0.192", true},
		{"192.168.1.1", true},
		{"198.18.0.1", true},
		{"224.0.0.1", true},
		{"240.0.0.1", true},
		{"255.255.255.255", true},
		{"::", true},
		{"::1", true},
		{"::7f00:1", true},
		{"::ffff:127.0.0.1", true},
		{"::ffff:10.0.0.1", true},
		{"::ffff:0:127.0.0.1", true},
		{"64:ff9b::7f00:1", true},
		{"64:ff9b::a9fe:a9fe", true},
		{"64:ff9b:1::1", true},
		{"2002:7f00:1::", true},
		{"2002:a00:1::1", true},
		{"2001::1", true},
		{"fc00::1", true},
		{"fd00:ec2::254", true},
		{"fe80::1", true},
		{"fe80::1%lo", true},
		{"fec0::1", true},
		{"ff02::1", true},
	} {
		t.Run(row.addr, func(t *testing.T) {
			if what := private(netip.MustParseAddr(row.addr)); (what != "") != row.private {
				t.Errorf("private %q, want %v", what, row.private)
			}
		})
	}
}

// TestGuard dials real servers: none of these may be reached.
func TestGuard(t *testing.T) {
	hits := 0
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits++ }))
	defer srv.Close()
	_, port, _ := net.SplitHostPort(hostOf(srv.URL))
	f := guardedFetcher(t, Config{Resolve: map[string]string{
		"rebound.test:" + port: "127.0.0.1",
		"mapped.test:" + port:  "::ffff:127.0.0.1",
	}})
	for _, host := range []string{
		"127.0.0.1", "localhost", "localhost.", "LOCALHOST", "a.localhost", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
		"0x7f000001", "0177.0.0.1", "2130706433", "127.1", "①②⑦.⓪.⓪.①", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
		"169.254.169.254", "10.0.0.1", "100.64.0.1", "192.0.0.192", "rebound.test", "mapped.test",
	} {
		t.Run(host, func(t *testing.T) {
			_, err := get(t, f, "http://"+host+":"+port+"/")
			if kindOf(err) != engine.FailBlocked || !strings.Contains(err.Error(), "--allow-private") {
				t.Errorf("error %v, want kind blocked", err)
			}
		})
	}
	if hits > 0 {
		t.Errorf("%d requests came through", hits)
	}
}

// TestGuardHostile: hosts that a page may lead to.
func TestGuardHostile(t *testing.T) {
	var rows []struct{ ID, Category, Name, Input string }
	loadSuite(t, "hostile.json", &rows)
	f := guardedFetcher(t, Config{})
	seen := 0
	for _, row := range rows {
		if row.Category != "ssrf" || !strings.HasPrefix(row.Input, "http") || row.ID == "ssrf-26" {
			continue
		}
		seen++
		t.Run(row.ID, func(t *testing.T) {
			_, err := get(t, f, row.Input)
			want := engine.FailBlocked
			if _, parse := policies.ParseURL(row.Input); parse != nil {
				want = engine.FailInvalid // no URL at all, so there is nothing to connect to
			}
			if kindOf(err) != want {
				t.Errorf("%s: error %v, want kind %s", row.Input, err, want)
			}
		})
	}
	if seen == 0 {
		t.Error("no rows")
	}
}

// TestGuardFallback: of several addresses only the public one is dialled.
func TestGuardFallback(t *testing.T) {
	hits := 0
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits++ }))
	defer srv.Close()
	_, port, _ := net.SplitHostPort(hostOf(srv.URL))
	f := guardedFetcher(t, Config{Resolve: map[string]string{"mixed.test:" + port: "127.0.0.1,[::1]"}})
	if _, err := get(t, f, "http://mixed.test:"+port); kindOf(err) != engine.FailBlocked || hits != 0 {
		t.Errorf("error %v, %d requests", err, hits)
	}
}

func TestPermit(t *testing.T) {
	open := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer open.Close()
	closed := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer closed.Close()
	_, port, _ := net.SplitHostPort(hostOf(open.URL))
	for _, row := range []struct {
		name, seed, url string
		kind            engine.FailureKind
	}{
		{"the address itself", open.URL + "/a", open.URL + "/b", ""},
		{"an odd spelling of it", "http://127.1:" + port, open.URL, ""},
		{"localhost", "http://localhost:" + port, "http://localhost:" + port + "/x", ""},
		{"localhost by address", "http://localhost:" + port, open.URL, ""},
		{"another port", open.URL, closed.URL, engine.FailBlocked},
		{"another address", open.URL, "http://127.0.0.2:" + port, engine.FailBlocked},
		{"a name for it", open.URL, "http://named.test:" + port, ""},
		{"a name opens nothing", "http://named.test:" + port, "http://named.test:" + port, engine.FailBlocked},
		{"not a URL", "127.0.0.1:" + port, open.URL, engine.FailBlocked},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := guardedFetcher(t, Config{Resolve: map[string]string{"named.test:" + port: "127.0.0.1"}})
			f.Permit(row.seed)
			if _, err := get(t, f, row.url); kindOf(err) != row.kind {
				t.Errorf("error %v, want kind %q", err, row.kind)
			}
		})
	}
}

func TestLocal(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(r.Host)) }))
	defer srv.Close()
	f := guardedFetcher(t, Config{
		Local: map[string]string{"site.test:80": hostOf(srv.URL)},
		Env:   ProxyEnv{HTTP: "http://127.0.0.1:1"},
	})
	resp, err := get(t, f, "http://Site.Test/")
	if err != nil || string(resp.Body) != "site.test" {
		t.Errorf("%v, error %v", resp, err)
	}
	if _, err = get(t, f, srv.URL); kindOf(err) != engine.FailBlocked {
		t.Errorf("the server's own address: error %v, want kind blocked", err)
	}
}
