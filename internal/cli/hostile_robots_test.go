package cli

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestHostileRobots: whatever is served as robots.txt, what it can be taken to
// say is obeyed, in bounded time.
func TestHostileRobots(t *testing.T) {
	stars := "User-agent: *\nDisallow: /" + strings.Repeat("*a", 10) + "*b\n"
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	io.WriteString(zip, "User-agent: *\nDisallow: /secret\n")
	zip.Close()
	for _, row := range []struct {
		id      string
		name    string
		body    string
		header  []string
		paths   []string
		fetched []string
		said    string // on stderr
	}{
		{
			id: "robots-03", name: "stars", body: stars,
			paths:   []string{"/" + strings.Repeat("a", 2000), "/" + strings.Repeat("a", 2000) + "b"},
			fetched: []string{"/" + strings.Repeat("a", 2000)},
		},
		{
			id: "robots-04", name: "a million groups",
			body:  "User-agent: *\nDisallow: /secret\n" + strings.Repeat("User-agent: x\nDisallow: /\n", 1_000_000) + "User-agent: *\nDisallow: /\n",
			paths: []string{"/", "/secret"}, fetched: []string{"/"},
		},
		{id: "robots-05", name: "a page", body: "<!DOCTYPE html><p>User-agent: *\nDisallow: /\n", paths: []string{"/"}, fetched: []string{"/"}},
		{id: "robots-05", name: "gzip", body: packed.String(), header: []string{"Content-Encoding", "gzip"}, paths: []string{"/", "/secret"}, fetched: []string{"/"}},
		{id: "robots-05", name: "gzip that nobody names", body: packed.String(), header: []string{"Content-Type", "application/gzip"}, paths: []string{"/"}, fetched: []string{"/"}},
		{id: "robots-05", name: "octets", body: strings.Repeat("\x80\xff\x00\x01", 10_000), paths: []string{"/"}, fetched: []string{"/"}},
		{id: "robots-06", name: "a byte order mark", body: "\xef\xbb\xbfUser-agent: *\nDisallow: /secret\n", paths: []string{"/", "/secret"}, fetched: []string{"/"}},
		{id: "robots-06", name: "a nul", body: "User-agent: *\nDisallow: /x\x00y\nDisallow: /secret\n", paths: []string{"/", "/secret"}, fetched: []string{"/"}},
		{id: "robots-06", name: "utf-16", body: utf16BE("User-agent: *\nDisallow: /secret\n"), paths: []string{"/", "/secret"}, fetched: []string{"/"}},
		{
			id: "robots-07", name: "a delay of 30 years", body: "User-agent: *\nCrawl-delay: 999999999\n",
			paths: []string{"/", "/1"}, fetched: []string{"/", "/1"}, said: "crawl-delay is above max_delay",
		},
		{id: "robots-07", name: "a delay of 1e9", body: "User-agent: *\nCrawl-delay: 1e9\n", paths: []string{"/", "/1"}, fetched: []string{"/", "/1"}},
		{id: "robots-07", name: "a delay below nothing", body: "User-agent: *\nCrawl-delay: -1\n", paths: []string{"/", "/1"}, fetched: []string{"/", "/1"}},
		{id: "robots-07", name: "a delay that is no number", body: "User-agent: *\nCrawl-delay: NaN\n", paths: []string{"/", "/1"}, fetched: []string{"/", "/1"}},
	} {
		t.Run(row.id+"/"+row.name, func(t *testing.T) {
			hostileCase(t, row.id)
			s := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/robots.txt" {
					w.Header().Set("Content-Type", "text/plain")
					for i := 0; i < len(row.header); i += 2 {
						w.Header().Set(row.header[i], row.header[i+1])
					}
					io.WriteString(w, row.body)
				}
			})
			inFolder(t, `crawl{delay = 0, max_delay = 0.02}`)
			args := []string{"run", "crawl.lua"}
			for _, p := range row.paths {
				args = append(args, s.URL+p)
			}
			begun := time.Now()
			res := command(t, args...)
			if took := time.Since(begun); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
			asked := s.requests()
			slices.Sort(asked)
			if d := cmp.Diff(row.fetched, asked); d != "" || !strings.Contains(res.stderr, row.said) {
				t.Errorf("requests (-want +got):\n%.500s%s", d, res.stderr)
			}
		})
	}
}

// TestHostileSitemapLines: a robots.txt sends nobody to files or to private
// addresses.
func TestHostileSitemapLines(t *testing.T) {
	c := hostileCase(t, "robots-08")
	s := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/robots.txt" {
			fmt.Fprintf(w, "%s\nSitemap: file:///etc/passwd\nSitemap: //127.0.0.2/x\n", c.Input)
		}
	})
	inFolder(t, "")
	res := command(t, "run", "sitemap", s.URL+"/", "--policy", "base", "--report", "report.json")
	if strings.Contains(res.stdout, "root:") || strings.Contains(res.stdout, "169.254") {
		t.Errorf("rows %s", res.stdout)
	}
	data, err := os.ReadFile("report.json")
	if err != nil || !strings.Contains(string(data), `"blocked": 2`) {
		t.Errorf("report %s: %v", data, err)
	}
}

// TestHostileOrigins: each port and scheme of a host has a robots.txt of its
// own.
func TestHostileOrigins(t *testing.T) {
	hostileCase(t, "robots-10")
	wd := newWorld(t, func(w http.ResponseWriter, _ *http.Request, url string) {
		switch url {
		case "http://a.test/robots.txt":
			io.WriteString(w, "User-agent: *\nDisallow: /80\n")
		case "http://a.test:81/robots.txt":
			io.WriteString(w, "User-agent: *\nDisallow: /81\n")
		case "https://a.test/robots.txt":
			io.WriteString(w, "User-agent: *\nDisallow: /443\n")
		}
	})
	inFolder(t, `
crawl{delay = 0}
function on_start()
	for _, origin in ipairs{"http://a.test", "http://a.test:81", "https://a.test"} do
		for _, path in ipairs{"/80", "/81", "/443"} do enqueue(origin .. path) end
	end
end
`)
	command(t, append([]string{"run", "crawl.lua"}, wd.flags...)...)
	pages := slices.DeleteFunc(slices.Clone(wd.asked), func(line string) bool { return strings.HasSuffix(line, "/robots.txt") })
	slices.Sort(pages)
	want := []string{
		"GET http://a.test/443", "GET http://a.test/81", "GET http://a.test:81/443", "GET http://a.test:81/80",
		"GET https://a.test/80", "GET https://a.test/81",
	}
	if d := cmp.Diff(want, pages); d != "" || len(wd.asked) != len(want)+3 {
		t.Errorf("%d requests (-want +got):\n%s", len(wd.asked), d)
	}
}

// TestHostileDrip: a robots.txt that does not end is not waited for: the host
// cannot be reached, and the crawl ends.
func TestHostileDrip(t *testing.T) {
	hostileCase(t, "slow-06")
	s := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/robots.txt" {
			return
		}
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for r.Context().Err() == nil {
			io.WriteString(w, "#")
			w.(http.Flusher).Flush()
			<-tick.C
		}
	})
	inFolder(t, `function on_error(req, failure) emit{kind = failure.kind, message = failure.message} end`)
	begun := time.Now()
	res := command(t, "run", "crawl.lua", s.URL+"/", s.URL+"/2", "--timeout", "200ms", "--retries", "0", "--delay", "0")
	if n := strings.Count(res.stdout, `{"kind":"timeout","message":"robots.txt: `); n != 2 || len(s.requests()) > 0 {
		t.Errorf("rows %s%s", res.stdout, res.stderr)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

// TestHostileZippedSitemap: a sitemap that swells without an end is read up to
// the limits of the protocol.
func TestHostileZippedSitemap(t *testing.T) {
	hostileCase(t, "bomb-05")
	var packed bytes.Buffer
	var base string
	s := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/robots.txt":
			fmt.Fprintf(w, "Sitemap: %s/sitemap.xml.gz\n", base)
		case "/sitemap.xml.gz":
			w.Write(packed.Bytes())
		default:
			http.NotFound(w, r)
		}
	})
	base = s.URL
	zip := gzip.NewWriter(&packed)
	io.WriteString(zip, "<urlset>")
	for range 2_000 {
		io.WriteString(zip, strings.Repeat("<url><loc>"+base+"/a</loc></url>", 1000))
	}
	zip.Close()
	begun := time.Now()
	if n := len(located(t, s)); n == 0 || n > 50_000 {
		t.Errorf("%d locations of a sitemap of %d octets, want at most 50,000", n, packed.Len())
	}
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

// TestHostileReports: what a site says stands escaped in a report, and is no
// header of an archive.
func TestHostileReports(t *testing.T) {
	s := newPeer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<title><script>alert(1)</script></title>")
	})
	inFolder(t, `crawl{policy = "base"} function on_success(req) fail(req.title) end`)
	t.Run("inject-07", func(t *testing.T) {
		hostileCase(t, "inject-07")
		command(t, "run", "crawl.lua", s.URL+"/?<script>", "--report", "report.html")
		data, err := os.ReadFile("report.html")
		if err != nil || bytes.Contains(data, []byte("<script>")) || !bytes.Contains(data, []byte(`\u003cscript`)) {
			t.Errorf("%s: %v", data, err)
		}
	})
	t.Run("inject-08", func(t *testing.T) {
		hostileCase(t, "inject-08")
		if res := command(t, "run", "crawl.lua", s.URL+"/", "-o", "out.warc.gz"); res.status != statusUsage {
			t.Errorf("exit status %d: archives are written now; a line break in a URL or a header must not get into one", res.status)
		}
	})
}
