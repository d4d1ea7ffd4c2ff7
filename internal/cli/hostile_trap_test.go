package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// trapReport is what --report says of traps.
type trapReport struct {
	Pages, Same int64
	Skips       map[string]int64
	Traps       []struct {
		Template string
		Skipped  int64
	}
}

func readReport(t *testing.T, file string) (r trapReport) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestHostileTraps: a site that goes on for ever is left, and the report says
// what was.
func TestHostileTraps(t *testing.T) {
	n := 0
	for _, row := range []struct {
		id    string
		name  string
		site  func(w http.ResponseWriter, r *http.Request, url string)
		args  []string
		pages int64
		line  string // of the summary
	}{
		{
			id: "trap-02", name: "segments that repeat",
			site:  func(w http.ResponseWriter, _ *http.Request, _ string) { io.WriteString(w, "<a href=a/>") },
			pages: 6, line: "trap 1",
		},
		{
			id: "trap-02", name: "a path that grows",
			site: func(w http.ResponseWriter, r *http.Request, _ string) {
				fmt.Fprintf(w, "<a href=%d/>", strings.Count(r.URL.Path, "/"))
			},
			args: []string{"--max-url", "40"}, pages: 12, line: "length 1",
		},
		{
			id: "trap-03", name: "the parameter is dropped",
			site: func(w http.ResponseWriter, _ *http.Request, _ string) {
				n++
				fmt.Fprintf(w, "<a href='/?sid=%d'><a href='/b?sid=%d'>", n, n)
			},
			args: []string{"--drop-params", "sid"}, pages: 2, line: "duplicate 3",
		},
		{
			id: "trap-03", name: "nobody knows the parameter",
			site: func(w http.ResponseWriter, _ *http.Request, _ string) {
				n++
				fmt.Fprintf(w, "<h1>shop</h1><a href='/?sid=x%dy'>", n)
			},
			args: []string{"--max-similar", "50"}, pages: 51, line: "1 URLs collapsed under a.test (the same page)",
		},
		{
			id: "trap-04", name: "each URL is the same page",
			site:  func(w http.ResponseWriter, _ *http.Request, _ string) { io.WriteString(w, "not found <a href=x/>") },
			args:  []string{"--max-similar", "30", "--max-repeats", "none"},
			pages: 31, line: "1 URLs collapsed under a.test (the same page)",
		},
		{
			id: "trap-05", name: "more links than one would follow",
			site: func(w http.ResponseWriter, r *http.Request, _ string) {
				if r.URL.Path != "/" {
					return
				}
				for i := range 500_000 {
					fmt.Fprintf(w, "<a href=/%d>", i)
				}
			},
			args: []string{"--max-links", "100"}, pages: 101, line: "links 499,900",
		},
		{
			id: "trap-07", name: "a host a page",
			site: func(w http.ResponseWriter, r *http.Request, _ string) {
				n++
				fmt.Fprintf(w, "<a href=//%d.%s/>", n, strings.TrimPrefix(r.Host, "x."))
			},
			args: []string{"--max-hosts", "20", "--same-domain"}, pages: 21, line: "1 URLs collapsed under *.a.test",
		},
	} {
		t.Run(row.id+"/"+row.name, func(t *testing.T) {
			hostileCase(t, row.id)
			n = 0
			wd := newWorld(t, func(w http.ResponseWriter, r *http.Request, url string) {
				w.Header().Set("Content-Type", "text/html")
				row.site(w, r, url)
			})
			inFolder(t, `crawl{policy = "base", concurrency = 1} function on_success(req) req:follow() end`)
			res := command(t, append(append([]string{"run", "crawl.lua", "http://a.test/", "--max-pages", "500", "--report", "report.json"}, row.args...), wd.flags...)...)
			if r := readReport(t, "report.json"); r.Pages != row.pages {
				t.Errorf("%d pages, want %d", r.Pages, row.pages)
			}
			if !strings.Contains(res.stderr, row.line) {
				t.Errorf("the summary does not say %q:\n%s", row.line, res.stderr)
			}
		})
	}
}

// TestDigestsTellPages: a script that knows better has what it takes to tell
// pages by their bodies.
func TestDigestsTellPages(t *testing.T) {
	hostileCase(t, "trap-04")
	s := newPeer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "not found <a href=x/>")
	})
	inFolder(t, `
local hash, set = require "downpour.hash", require "downpour.set"
crawl{policy = "base"}
local bodies = set.new()
function on_success(req)
	if bodies:add(hash.sha1(req.body)) then req:follow() end
end
`)
	command(t, "run", "crawl.lua", s.URL+"/")
	if d := cmp.Diff([]string{"/", "/x/"}, s.requests()); d != "" {
		t.Errorf("requests (-want +got):\n%s", d)
	}
}
