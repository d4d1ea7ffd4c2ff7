package fetch

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"downpour/engine"

	"github.com/google/go-cmp/cmp"
)

// A cacheSite is a site whose answers a test changes; it notes what it was asked.
type cacheSite struct {
	*httptest.Server
	mu     sync.Mutex // guards what follows
	answer http.HandlerFunc
	asked  []string // method, path and validators
}

func newCacheSite(t *testing.T) *cacheSite {
	t.Helper()
	s := &cacheSite{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		words := []string{r.Method, r.URL.Path, r.Header.Get("If-None-Match"), r.Header.Get("If-Modified-Since")}
		s.asked = append(s.asked, strings.Join(strings.Fields(strings.Join(words, " ")), " "))
		s.answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *cacheSite) set(answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer, s.asked = answer, nil
}

func (s *cacheSite) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// page answers with headers, each a name and a value, and a body.
func page(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Add(headers[i], headers[i+1])
		}
		if e := w.Header().Get("ETag"); e != "" && r.Header.Get("If-None-Match") == e {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

// shown is what a test compares of an answer.
func shown(resp *engine.Response, err error) string {
	if err != nil {
		return string(kindOf(err))
	}
	text := fmt.Sprintf("%d %s", resp.Status, resp.Body)
	if resp.FromCache {
		text += " from cache"
	}
	if resp.Change != "" {
		text += " " + string(resp.Change)
	}
	return text
}

func TestCache(t *testing.T) {
	old := time.Now().Add(-24 * time.Hour).Format(http.TimeFormat)
	auth := http.Header{"Authorization": {"Basic b3RoZXI="}}
	const first, fresh = "200 one", "200 one from cache"
	for _, row := range []struct {
		name   string
		before http.HandlerFunc
		first  engine.Request
		after  http.HandlerFunc
		then   engine.Request
		want   string
		asked  []string // after the first answer
	}{
		{name: "fresh", before: page(200, "one", "Cache-Control", "max-age=60"), want: fresh},
		{name: "guessed", before: page(200, "one", "Last-Modified", old), want: fresh},
		{name: "no-store", before: page(200, "one", "Cache-Control", "no-store, max-age=60"), want: "200 two", asked: []string{"GET /"}},
		{name: "nothing said", before: page(200, "one"), want: "200 two", asked: []string{"GET /"}},
		{
			name: "stale, not modified", before: page(200, "one", "ETag", `"1"`),
			after: page(200, "two", "ETag", `"1"`), want: first, asked: []string{`GET / "1"`},
		},
		{
			name: "stale, modified", before: page(200, "one", "ETag", `"1"`),
			after: page(200, "two", "ETag", `"2"`), want: "200 two", asked: []string{`GET / "1"`},
		},
		{
			name: "both validators", before: page(200, "one", "ETag", `W/"1"`, "Last-Modified", old, "Cache-Control", "no-cache"),
			want: "200 two", asked: []string{`GET / W/"1" ` + old},
		},
		{
			name: "a 304 about another page", before: page(200, "one", "ETag", `"1"`),
			after: func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("ETag", `"2"`)
				if r.Header.Get("If-None-Match") != "" {
					w.WriteHeader(http.StatusNotModified)
					return
				}
				fmt.Fprint(w, "two")
			},
			want: "200 two", asked: []string{`GET / "1"`, "GET /"},
		},
		{
			name: "an error is not hidden", before: page(200, "one", "ETag", `"1"`),
			after: page(500, "broken"), want: "500 broken", asked: []string{`GET / "1"`},
		},
		{
			name: "varies, the same", before: page(200, "one", "Cache-Control", "max-age=60", "Vary", "User-Agent, X-Lang"),
			first: engine.Request{Header: http.Header{"X-Lang": {"de"}}}, then: engine.Request{Header: http.Header{"X-Lang": {"de"}}}, want: fresh,
		},
		{
			name: "varies, another", before: page(200, "one", "Cache-Control", "max-age=60", "Vary", "X-Lang"),
			first: engine.Request{Header: http.Header{"X-Lang": {"de"}}}, want: "200 two", asked: []string{"GET /"},
		},
		{
			name: "another account's", before: page(200, "one", "Cache-Control", "public, max-age=60"),
			first: engine.Request{Header: auth}, want: "200 two", asked: []string{"GET /"},
		},
		{
			name: "the same account's", before: page(200, "one", "Cache-Control", "max-age=60"),
			first: engine.Request{Header: auth}, then: engine.Request{Header: auth}, want: fresh,
		},
		{
			name: "another jar's", before: page(200, "one", "Cache-Control", "max-age=60"),
			first: engine.Request{Jar: "ann"}, want: "200 two", asked: []string{"GET /"},
		},
		{
			name: "another method", before: page(200, "one", "Cache-Control", "max-age=60"),
			then: engine.Request{Method: "POST", Body: []byte("x")}, want: "200 two", asked: []string{"POST /"},
		},
		{
			name: "a part", before: page(200, "one", "Cache-Control", "max-age=60"),
			then: engine.Request{Header: http.Header{"Range": {"bytes=0-0"}}}, want: "200 two", asked: []string{"GET /"},
		},
		{
			name: "a script's no-cache", before: page(200, "one", "Cache-Control", "max-age=60", "ETag", `"1"`),
			then: engine.Request{Header: http.Header{"Cache-Control": {"no-cache"}}}, want: "200 two", asked: []string{`GET / "1"`},
		},
		{name: "moved for good", before: page(301, "one", "Location", "/b"), want: "301 one from cache"},
		{name: "missing for a minute", before: page(404, "one", "Cache-Control", "max-age=60"), want: "404 one from cache"},
		{
			name: "a body that breaks off", want: "200 two", asked: []string{"GET /"},
			before: page(200, "one", "Cache-Control", "max-age=60", "Content-Length", "9"),
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			site := newCacheSite(t)
			site.set(row.before)
			cfg := Config{Cache: t.TempDir(), Cookies: true}
			row.first.URL, row.then.URL = site.URL+"/", site.URL+"/"
			one, err := newFetcher(t, cfg).Fetch(t.Context(), &row.first, nil)
			if one == nil || one.FromCache {
				t.Fatalf("first: %v, %v", one, err)
			}
			if row.after == nil {
				row.after = page(200, "two")
			}
			site.set(row.after)
			var events []int
			got, err := newFetcher(t, cfg).Fetch(t.Context(), &row.then, func(_ engine.Event, r *engine.Response) error {
				events = append(events, r.Status)
				return nil
			})
			if s := shown(got, err); s != row.want {
				t.Errorf("got %s, want %s", s, row.want)
			}
			if d := cmp.Diff([]int{got.Status, got.Status}, events); d != "" {
				t.Errorf("statuses told: %s", d)
			}
			if d := cmp.Diff(row.asked, site.lines()); d != "" {
				t.Errorf("asked: %s", d)
			}
		})
	}
}

// TestCacheRenews: a 304 makes an answer fresh again.
func TestCacheRenews(t *testing.T) {
	site := newCacheSite(t)
	f := newFetcher(t, Config{Cache: t.TempDir()})
	site.set(page(200, "one", "ETag", `"1"`))
	var got []string
	for i := range 3 {
		got = append(got, shown(get(t, f, site.URL)))
		if i == 0 {
			site.set(page(200, "two", "ETag", `"1"`, "Cache-Control", "max-age=60"))
		}
	}
	if d := cmp.Diff([]string{"200 one", "200 one", "200 one from cache"}, got); d != "" {
		t.Error(d)
	}
}

// TestCacheInvalidates: a POST that succeeds makes what it named old, on its own
// origin (RFC 9111 §4.4).
func TestCacheInvalidates(t *testing.T) {
	for _, row := range []struct {
		name   string
		status int
		want   string
	}{{"done", 303, "200 two"}, {"refused", 403, "200 one from cache"}} {
		t.Run(row.name, func(t *testing.T) {
			site := newCacheSite(t)
			f := newFetcher(t, Config{Cache: t.TempDir()})
			site.set(page(200, "one", "Cache-Control", "max-age=60"))
			for _, path := range []string{"/form", "/list"} {
				if _, err := get(t, f, site.URL+path); err != nil {
					t.Fatal(err)
				}
			}
			site.set(page(row.status, "", "Location", "/list"))
			if _, err := f.Fetch(t.Context(), &engine.Request{URL: site.URL + "/form", Method: "POST", Body: []byte("a")}, nil); err != nil {
				t.Fatal(err)
			}
			site.set(page(200, "two"))
			for _, path := range []string{"/form", "/list"} {
				if s := shown(get(t, f, site.URL+path)); s != row.want {
					t.Errorf("%s: %s, want %s", path, s, row.want)
				}
			}
		})
	}
}

func TestOffline(t *testing.T) {
	site := newCacheSite(t)
	dir := t.TempDir()
	site.set(page(200, "one"))
	if _, err := get(t, newFetcher(t, Config{Cache: dir}), site.URL+"/stale"); err != nil {
		t.Fatal(err)
	}
	site.set(page(200, "two"))
	f := newFetcher(t, Config{Cache: dir, Offline: true})
	for path, want := range map[string]string{"/stale": "200 one from cache", "/other": "offline"} {
		if s := shown(get(t, f, site.URL+path)); s != want {
			t.Errorf("%s: %s, want %s", path, s, want)
		}
	}
	if len(site.lines()) > 0 {
		t.Errorf("asked: %v", site.lines())
	}
	for _, cfg := range []Config{{Offline: true}, {Recrawl: true}, {Cache: dir, Offline: true, Recrawl: true}} {
		if _, err := New(cfg); err == nil {
			t.Errorf("no error for %+v", cfg)
		}
	}
}

func TestRecrawl(t *testing.T) {
	old := time.Now().Add(-24 * time.Hour).Format(http.TimeFormat)
	for _, row := range []struct {
		name          string
		before, after http.HandlerFunc
		want          []string // of the runs
		asked         string   // in the second
	}{
		{
			"the site says so", page(200, "one", "ETag", `"1"`, "Cache-Control", "max-age=600"), page(200, "one", "ETag", `"1"`),
			[]string{"200 one new", "200 one unchanged"},
			`GET / "1"`,
		},
		{"by date", page(200, "one", "Last-Modified", old), page(200, "two"), []string{"200 one new", "200 two changed"}, "GET / " + old},
		{"no validators, the same", page(200, "one"), page(200, "one"), []string{"200 one new", "200 one unchanged"}, "GET /"},
		{"not to be stored, the same", page(200, "one", "Cache-Control", "no-store"), page(200, "one"), []string{"200 one new", "200 one unchanged"}, "GET /"},
		{"not to be stored, another", page(200, "one", "Cache-Control", "no-store"), page(200, "two"), []string{"200 one new", "200 two changed"}, "GET /"},
		{"missing", page(200, "one"), page(404, "no"), []string{"200 one new", "404 no gone"}, "GET /"},
		{"gone", page(200, "one"), page(410, "no", "Cache-Control", "no-store"), []string{"200 one new", "410 no gone"}, "GET /"},
		{"was missing", page(404, "no"), page(200, "one"), []string{"404 no", "200 one new"}, "GET /"},
		{"broken for now", page(200, "one"), page(500, "oops"), []string{"200 one new", "500 oops"}, "GET /"},
	} {
		t.Run(row.name, func(t *testing.T) {
			site := newCacheSite(t)
			cfg := Config{Cache: t.TempDir(), Recrawl: true}
			var got []string
			for _, answer := range []http.HandlerFunc{row.before, row.after} {
				site.set(answer)
				got = append(got, shown(get(t, newFetcher(t, cfg), site.URL+"/")))
			}
			if d := cmp.Diff(row.want, got); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff([]string{row.asked}, site.lines()); d != "" {
				t.Errorf("asked: %s", d)
			}
		})
	}
}

// TestGoneOnce: what is gone is not gone again, and new when it comes back; an
// error between changes nothing.
func TestGoneOnce(t *testing.T) {
	site := newCacheSite(t)
	cfg := Config{Cache: t.TempDir(), Recrawl: true}
	var got []string
	for _, answer := range []http.HandlerFunc{page(200, "a"), page(503, "b"), page(200, "a"), page(404, "c"), page(404, "c"), page(200, "a")} {
		site.set(answer)
		got = append(got, shown(get(t, newFetcher(t, cfg), site.URL)))
	}
	if d := cmp.Diff([]string{"200 a new", "503 b", "200 a unchanged", "404 c gone", "404 c", "200 a new"}, got); d != "" {
		t.Error(d)
	}
}

func TestProxyHit(t *testing.T) {
	for _, row := range []struct {
		name    string
		headers []string
		want    bool
	}{
		{"squid", []string{"X-Cache", "HIT from proxy.test"}, true},
		{"in small letters", []string{"X-Cache", "hit"}, true},
		{"a miss", []string{"X-Cache", "MISS from proxy.test"}, false},
		{"the site's own cache", []string{"X-Cache", "HIT from edge", "X-Cache", "MISS from proxy.test"}, false},
		{"the site's own cache, one line", []string{"X-Cache", "MISS, HIT"}, true},
		{"another word", []string{"X-Cache", "HITLESS"}, false},
		{"nothing", nil, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			proxy := httptest.NewServer(page(200, "x", row.headers...))
			defer proxy.Close()
			resp, err := get(t, newFetcher(t, Config{Proxies: []string{proxy.URL}}), "http://public.example/")
			if err != nil || resp.ProxyHit != row.want || resp.Unasked() != row.want {
				t.Errorf("hit %v, error %v", resp.ProxyHit, err)
			}
			direct, err := get(t, newFetcher(t, Config{}), proxy.URL)
			if err != nil || direct.ProxyHit {
				t.Errorf("a site's own word for it: %v, %v", direct.ProxyHit, err)
			}
		})
	}
}
