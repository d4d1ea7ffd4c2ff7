package fetch

import (
	"net/http"
	"strings"
	"testing"

	"downpour/engine"

	"github.com/google/go-cmp/cmp"
)

// TestHome: who is sent the crawl's secrets.
func TestHome(t *testing.T) {
	header := http.Header{"Authorization": {"s"}, "Cookie": {"s"}, "X-Api-Key": {"s"}, "X-Auth-Token": {"s"}, "X-Plain": {"p"}, "X-Keyboard": {"p"}}
	const plain, all = "X-Keyboard X-Plain", "Authorization Cookie X-Api-Key X-Auth-Token X-Keyboard X-Plain"
	hop := []engine.Hop{{URL: "http://home.test/", Status: 302}}
	for _, row := range []struct {
		name string
		cfg  Config
		req  engine.Request
		want string
	}{
		{"home", Config{}, engine.Request{URL: "http://home.test/x", Depth: 3}, all},
		{"home by TLS", Config{}, engine.Request{URL: "https://home.test/", Depth: 3}, all},
		{"home without TLS", Config{Homes: []string{"https://safe.test/"}}, engine.Request{URL: "http://safe.test/", Depth: 3}, plain},
		{"another port", Config{}, engine.Request{URL: "http://home.test:8080/", Depth: 3}, plain},
		{"a subdomain", Config{}, engine.Request{URL: "http://www.home.test/", Depth: 3}, plain},
		{"a link", Config{}, engine.Request{URL: "http://other.test/", Depth: 1}, plain},
		{"asked for", Config{}, engine.Request{URL: "http://other.test/"}, all},
		{"asked for before", Config{}, engine.Request{URL: "http://first.test/2", Depth: 2}, all},
		{"a seed told", Config{}, engine.Request{URL: "http://told.test/2", Depth: 2}, all},
		{"a redirect makes no home", Config{}, engine.Request{URL: "http://other.test/", Hops: hop}, ""},
		{"where it led", Config{}, engine.Request{URL: "http://led.test/2", Depth: 1}, plain},
		{"roaming", Config{Roams: true}, engine.Request{URL: "http://other.test/", Depth: 1}, all},
		{"its own", Config{}, engine.Request{URL: "http://other.test/", Depth: 1, Header: http.Header{"Cookie": {"own"}}}, "Cookie " + plain},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.cfg.Header = header
			if row.cfg.Homes == nil {
				row.cfg.Homes = []string{"http://home.test/start"}
			}
			f := newFetcher(t, row.cfg)
			f.Permit("http://told.test/1")
			sentHeaders(t, f, &engine.Request{URL: "http://first.test/1"})
			sentHeaders(t, f, &engine.Request{URL: "http://led.test/1", Hops: hop})
			if d := cmp.Diff(row.want, sentHeaders(t, f, &row.req)); d != "" {
				t.Errorf("sent (-want +got):\n%s", d)
			}
		})
	}
}

// sentHeaders names the headers of r that are not every request's.
func sentHeaders(t *testing.T, f *Fetcher, r *engine.Request) string {
	t.Helper()
	x := &exchange{fetcher: f, req: r}
	if err := x.prepare(); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, name := range [...]string{"Authorization", "Cookie", "X-Api-Key", "X-Auth-Token", "X-Keyboard", "X-Plain"} {
		if x.header[name] != nil {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}
