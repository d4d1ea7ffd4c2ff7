package cli

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// telltale follows what a browser would, and tells of what becomes of each
// page.
const telltale = `
crawl{policy = "base"}
function on_success(req)
	emit{url = req.url, hops = #req.hops}
	req:follow("a[href], meta[content], link[href]")
end
function on_error(req, failure) emit{url = req.url, kind = failure.kind, message = failure.message} end
function on_skip(req, reason, detail) emit{url = req.url, skip = reason} end
`

// away are a world's sites with one reply a URL; all others are not found.
func away(t *testing.T, replies map[string]string) *world {
	return newWorld(t, func(w http.ResponseWriter, _ *http.Request, url string) {
		status, rest, _ := strings.Cut(replies[url], " ")
		code, err := strconv.Atoi(status)
		switch {
		case err != nil:
			w.WriteHeader(http.StatusNotFound)
		case code/100 == 3:
			w.Header().Set("Location", rest)
			w.WriteHeader(code)
		default:
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, rest)
		}
	})
}

// TestHostileRedirects: redirects by header and by page end, and lead nowhere
// that a link might not.
func TestHostileRedirects(t *testing.T) {
	const page = "http://a.test/"
	for _, row := range []struct {
		id      string
		replies map[string]string
		args    []string
		asked   []string
		told    []string // in the rows
	}{
		{
			id:      "redir-02",
			replies: map[string]string{page: "302 http://b.test/", "http://b.test/": "302 http://a.test/"},
			args:    []string{"--delay", "50ms"},
			asked:   []string{"GET http://a.test/", "GET http://b.test/", "GET http://a.test/", "GET http://b.test/"},
			told:    []string{`"kind":"redirect","message":"redirect loop`},
		},
		{
			id: "redir-06",
			replies: map[string]string{
				"http://a.test/robots.txt": "200 User-agent: *\nDisallow: /secret", page: "200 <a href=1><a href=2>",
				page + "1": "302 /secret", page + "2": "302 http://b.test/",
			},
			args:  []string{"--robots", "--domains", "a.test", "--concurrency", "1"},
			asked: []string{"GET http://a.test/robots.txt", "GET http://a.test/", "GET http://a.test/1", "GET http://a.test/2"},
			told:  []string{`"kind":"disallowed"`, `"kind":"out_of_scope"`},
		},
		{
			id: "redir-07",
			replies: map[string]string{
				page:       `200 <meta http-equiv=refresh content="0;url=/"><meta http-equiv=refresh content="0;url=/1"><meta http-equiv=refresh content="0;url=javascript:go()">`,
				page + "1": `200 <meta http-equiv=refresh content="0;url=/2">`, page + "2": `200 <meta http-equiv=refresh content="0;url=/3">`,
				page + "3": `200 <meta http-equiv=refresh content="0;url=/4">`, page + "4": `200 <a href=/1>`,
			},
			args:  []string{"--max-redirects", "2"},
			asked: []string{"GET http://a.test/", "GET http://a.test/1", "GET http://a.test/2"},
			told:  []string{`"skip":"redirect"`, `"skip":"scheme"`},
		},
	} {
		t.Run(row.id, func(t *testing.T) {
			hostileCase(t, row.id)
			wd := away(t, row.replies)
			inFolder(t, telltale)
			begun := time.Now()
			res := command(t, slices.Concat([]string{"run", "crawl.lua", page}, row.args, wd.flags)...)
			if d := cmp.Diff(row.asked, wd.asked); d != "" {
				t.Errorf("requests (-want +got):\n%s%s", d, res.stderr)
			}
			for _, told := range row.told {
				if !strings.Contains(res.stdout, told) {
					t.Errorf("rows %s: no %s", res.stdout, told)
				}
			}
			if row.id == "redir-02" && time.Since(begun) < 50*time.Millisecond {
				t.Errorf("the delay of each host was not kept: all took %v", time.Since(begun))
			}
		})
	}
}

// TestRefreshHeader: a Refresh header is the page's meta refresh, within the
// limit of redirects.
func TestRefreshHeader(t *testing.T) {
	s := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Refresh", "0; url="+r.URL.Path+"x")
	})
	inFolder(t, telltale)
	res := command(t, "run", "crawl.lua", s.URL+"/", "--max-redirects", "2")
	if d := cmp.Diff([]string{"/", "/x", "/xx"}, s.requests()); d != "" || !strings.Contains(res.stdout, `"skip":"redirect"`) {
		t.Errorf("requests (-want +got):\n%s%s", d, res.stdout)
	}
}

// TestHostileChain: a chain without an end stops at max_redirects, and what is
// left of it is not queued.
func TestHostileChain(t *testing.T) {
	hostileCase(t, "redir-03")
	s := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.FormValue("n"))
		http.Redirect(w, r, fmt.Sprintf("/r?n=%d", n+1), http.StatusFound)
	})
	inFolder(t, telltale)
	res := command(t, "run", "crawl.lua", s.URL+"/r?n=1")
	if n := len(s.requests()); n != 11 {
		t.Errorf("%d requests, want the first and 10 redirects", n)
	}
	if !strings.Contains(res.stdout, `"message":"more than 10 redirects`) || strings.Count(res.stdout, "\n") != 1 {
		t.Errorf("rows %s", res.stdout)
	}
}

// TestHostileCookieWall: a page that sets a cookie and sends to itself is
// asked for once more, with the cookie.
func TestHostileCookieWall(t *testing.T) {
	hostileCase(t, "redir-04")
	s := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie("seen"); err != nil {
			http.SetCookie(w, &http.Cookie{Name: "seen", Value: "1"})
			http.Redirect(w, r, "/", http.StatusFound)
		}
	})
	inFolder(t, telltale)
	res := command(t, "run", "crawl.lua", s.URL+"/")
	if d := cmp.Diff([]string{"/", "/"}, s.requests()); d != "" || !strings.Contains(res.stdout, `"hops":1`) {
		t.Errorf("requests (-want +got):\n%s%s", d, res.stdout)
	}
}

// TestHostileAddresses: whatever leads to a private address, in whatever form,
// nothing is connected to.
func TestHostileAddresses(t *testing.T) {
	ids := []string{"ssrf-02", "ssrf-03", "ssrf-04", "ssrf-05", "ssrf-06", "ssrf-08", "ssrf-09", "ssrf-12", "ssrf-13", "ssrf-14", "ssrf-16", "ssrf-17", "ssrf-18", "ssrf-20", "ssrf-21", "ssrf-24"}
	ways := []string{"link", "redirect", "refresh", "canonical", "sitemap", "robots"}
	for _, id := range ids {
		t.Run(id, func(t *testing.T) {
			target := hostileCase(t, id).Input
			s := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				switch r.URL.Path {
				case "/link":
					fmt.Fprintf(w, `<a href="%s">`, target)
				case "/redirect":
					w.Header()["Location"] = []string{target}
					w.WriteHeader(http.StatusFound)
				case "/refresh":
					fmt.Fprintf(w, `<meta http-equiv=refresh content="0;url=%s">`, target)
				case "/canonical":
					fmt.Fprintf(w, `<link rel=canonical href="%s">`, target)
				case "/sitemap":
					fmt.Fprintf(w, `<urlset><url><loc>%s</loc></url></urlset>`, target)
				case "/robots":
					fmt.Fprintf(w, "User-agent: *\nSitemap: %s\n", target)
				}
			})
			inFolder(t, `
local robots, sitemap = require "downpour.robots", require "downpour.sitemap"
crawl{policy = "base", retries = 0}
local function go(req, way, urls)
	for _, u in ipairs(urls) do
		local ok, why = req:enqueue(u, {key = way, meta = way})
		if not ok then emit{way = way, kind = why} end
	end
end
function on_success(req)
	local way = req.url:match("/(%l+)$")
	if way == "sitemap" then
		local urls = {}
		for _, u in ipairs(sitemap.parse(req.body, {url = req.url}).urls) do urls[#urls + 1] = u.loc end
		go(req, way, urls)
	elseif way == "robots" then
		go(req, way, robots.parse(req.text).sitemaps)
	else
		go(req, way, req:urls("a[href], meta[content], link[href]"))
	end
end
function on_error(req, failure) emit{way = type(req.meta) == "string" and req.meta or "redirect", kind = failure.kind} end
`)
			args := []string{"run", "crawl.lua"}
			for _, way := range ways {
				args = append(args, s.URL+"/"+way)
			}
			res := command(t, args...)
			want := "blocked"
			if id == "ssrf-14" {
				want = "invalid" // a zone is no part of a URL's host
			}
			for _, way := range ways {
				blocked := strings.Contains(res.stdout, fmt.Sprintf(`{"way":"%s","kind":"%s"}`, way, want))
				nowhere := id == "ssrf-14" && way == "redirect" && strings.Contains(res.stdout, `{"way":"redirect","kind":"redirect"}`)
				if !blocked && !nowhere {
					t.Errorf("%s to %s was not refused: %s", way, target, res.stdout)
				}
			}
			if n := len(s.requests()); n != len(ways) {
				t.Errorf("%d requests, want %d", n, len(ways))
			}
		})
	}
}
