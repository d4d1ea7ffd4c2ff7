package cli

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

// followAll tells of each page and of each failure, and follows every link.
const followAll = `
crawl{policy = "base", same_host = true, max_body = "7MiB", max_links = 100000}
function on_success(req)
	local _ = req.title, req.doc:find("b")
	emit{path = req.url:match("//[^/]*(.*)"), encoding = req.encoding}
	req:follow("a[href], meta[content]")
end
function on_error(req, failure) emit{path = req.url:match("//[^/]*(.*)"), kind = failure.kind} end
`

// hostilePages are pages that cost a parser time, memory or its way. Each but
// those said to be lost ends with a link to /end/ and its name.
var hostilePages = []struct {
	name        string
	contentType string
	body        func(end string) string
	kind        string   // of the failure, "" for none
	lost        bool     // the link at the end is not to be seen
	also        []string // further paths that are to be asked for
}{
	{name: "elements 513 deep", body: func(end string) string { return strings.Repeat("<div>", 513) + end }},
	{name: "elements 100,000 deep", body: func(end string) string { return strings.Repeat("<div>", 100_000) + end }},
	{name: "b not closed", body: func(end string) string { return strings.Repeat("<b>", 50_000) + end }},
	{name: "a not closed", body: func(end string) string { return strings.Repeat("<a href=/x>", 50_000) + end }, also: []string{"/x"}},
	{name: "i and p", body: func(end string) string { return strings.Repeat("<i><p>", 20_000) + end }},
	{name: "cells without a row", body: func(end string) string { return strings.Repeat("<table><td>", 20_000) + end }},
	{name: "a comment of 6 MB", body: func(end string) string { return "<!--" + strings.Repeat("x", 6<<20) + "-->" + end }},
	{name: "a comment without an end", body: func(end string) string { return "<!--" + strings.Repeat("x", 1<<20) + end }, lost: true},
	{name: "less-than signs", body: func(end string) string { return strings.Repeat("<", 1<<20) + end }},
	{name: "less-than signs above the limit", body: func(end string) string { return strings.Repeat("<", 8<<20) + end }, kind: "too_large", lost: true},
	{name: "attributes", body: func(end string) string { return "<p " + strings.Repeat("a='b' ", 200_000) + ">" + end }},
	{name: "a quote without an end", body: func(end string) string { return "<p a='" + strings.Repeat("x", 1<<20) + end }, lost: true},
	{name: "entities", body: func(end string) string { return strings.Repeat("&amp;&#x41;&bogus;&", 200_000) + end }},
	{name: "octets of no encoding", body: func(end string) string { return strings.Repeat("\x80\xff\xfe\x00", 100_000) + end }},
	{name: "utf-16 that is not", contentType: "text/html; charset=utf-16", body: func(end string) string { return end }, lost: true},
	{name: "an encoding nobody knows", contentType: "text/html; charset=\"\x80bogus", body: func(end string) string { return end }},
	{name: "a charset of many kinds", contentType: "text/html", body: func(end string) string {
		return strings.Repeat("<meta charset=bogus>", 5000) + "<meta charset=utf-7>" + end
	}},
	{name: "base is a script", body: func(end string) string { return `<base href="javascript:alert(1)">` + end + `<a href="/own">` }, also: []string{"/own"}},
	{name: "base is data", body: func(end string) string { return `<base href="data:text/html,x">` + end }},
	{name: "base is another host", body: func(end string) string { return end + `<base href="http://other.test/"><a href="away">` }, lost: true},
	{name: "a refresh with half its quotes", body: func(end string) string {
		return `<meta http-equiv=refresh content="0;URL='/refreshed">` + end
	}, also: []string{"/refreshed"}},
	{name: "a refresh to a script", body: func(end string) string {
		return `<meta http-equiv=refresh content="0; url=javascript:x"><meta http-equiv=refresh content="99999999999999999999;;url">` + end
	}},
	{name: "links that are none", body: func(end string) string {
		return `<a href="javascript:x"><a href="mailto:x@x.test"><a href="//"><a href="http://"><a href="http://[::1"><a href="&#0;"><a href=" ">` + end
	}},
}

// TestHostilePages: a page that is made to hurt costs bounded time, loses no
// link that a browser would see, and the crawl goes on.
func TestHostilePages(t *testing.T) {
	var index strings.Builder
	for i := range hostilePages {
		fmt.Fprintf(&index, `<a href="/page/%d">`, i)
	}
	s := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		var i int
		if r.URL.Path == "/" {
			io.WriteString(w, index.String())
		} else if _, err := fmt.Sscanf(r.URL.Path, "/page/%d", &i); err == nil {
			page := hostilePages[i]
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			if page.contentType != "" {
				w.Header()["Content-Type"] = []string{page.contentType}
			}
			io.WriteString(w, page.body(fmt.Sprintf(`<a href="/end/%d">end</a>`, i)))
		}
	})
	inFolder(t, followAll)
	begun := time.Now()
	res := command(t, "run", "crawl.lua", s.URL+"/", "--script-timeout", "60s")
	if took := time.Since(begun); took > 60*time.Second {
		t.Errorf("the crawl took %v", took)
	}
	if res.status != statusDone || strings.Contains(res.stderr, "script error") {
		t.Errorf("exit status %d: %s", res.status, res.stderr)
	}
	asked := s.requests()
	for i, page := range hostilePages {
		if got := slices.Contains(asked, fmt.Sprintf("/end/%d", i)); got == page.lost {
			t.Errorf("%s: its last link was found: %v", page.name, got)
		}
		for _, path := range page.also {
			if !slices.Contains(asked, path) {
				t.Errorf("%s: %s was not asked for", page.name, path)
			}
		}
		failed := strings.Contains(res.stdout, fmt.Sprintf(`{"path":"/page/%d","kind":%q}`, i, page.kind))
		if page.kind != "" && !failed {
			t.Errorf("%s: no failure of kind %s in %s", page.name, page.kind, res.stdout)
		}
	}
}

// located are the locations that the shipped sitemap script lists for a site,
// without its own origin.
func located(t *testing.T, s *peer) []string {
	t.Helper()
	inFolder(t, "")
	res := command(t, "run", "sitemap", s.URL+"/", "--policy", "base", "--script-timeout", "60s")
	if res.status != statusDone || strings.Contains(res.stderr, "script error") {
		t.Errorf("exit status %d: %s", res.status, res.stderr)
	}
	locs := []string{}
	for line := range strings.Lines(res.stdout) {
		var row struct{ URL string }
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		locs = append(locs, strings.TrimPrefix(row.URL, s.URL))
	}
	return locs
}

func utf16BE(text string) string {
	b := []byte{0xfe, 0xff}
	for _, u := range utf16.Encode([]rune(text)) {
		b = append(b, byte(u>>8), byte(u))
	}
	return string(b)
}

// TestHostileSitemaps: no entity is made up, nothing a document names is
// fetched but sitemaps, and size and depth cost bounded time.
func TestHostileSitemaps(t *testing.T) {
	const set, end = `<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">`, `</urlset>`
	for _, row := range []struct {
		name string
		body func(base string) string
		want []string
	}{
		{"billion laughs", func(base string) string {
			var doctype strings.Builder
			for i := 1; i < 10; i++ {
				fmt.Fprintf(&doctype, `<!ENTITY l%d "%s">`, i, strings.Repeat(fmt.Sprintf("&l%d;", i-1), 10))
			}
			return `<!DOCTYPE x [<!ENTITY l0 "lol">` + doctype.String() + `]>` + set + `<url><loc>` + base + `/a</loc><lastmod>&l9;</lastmod></url>` + end
		}, []string{"/a"}},
		{"external entity", func(base string) string {
			return `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd"><!ENTITY w SYSTEM "` + base + `/entity">]>` + set + `<url><loc>` + base + `/a</loc><lastmod>&e;&w;</lastmod></url>` + end
		}, []string{"/a"}},
		{"external DTD", func(base string) string {
			return `<!DOCTYPE x SYSTEM "` + base + `/dtd">` + set + `<url><loc>` + base + `/a</loc></url>` + end
		}, []string{"/a"}},
		{"xinclude", func(base string) string {
			return set + `<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="` + base + `/include"/><url><loc>` + base + `/a</loc></url>` + end
		}, []string{"/a"}},
		{"elements 200,000 deep", func(base string) string {
			return set + `<url><loc>` + base + `/a</loc></url>` + strings.Repeat("<a>", 200_000) + end
		}, []string{"/a"}},
		{"an attribute of 4 MB", func(base string) string {
			return set + `<url><loc>` + base + `/a</loc></url><url x="` + strings.Repeat("x", 4<<20) + `"/>` + end
		}, []string{"/a"}},
		{"utf-16", func(base string) string {
			return utf16BE(`<?xml version="1.0" encoding="UTF-16"?>` + set + `<url><loc>` + base + `/a</loc></url>` + end)
		}, []string{"/a"}},
		{"utf-32", func(string) string { return "\x00\x00\xfe\xff\x00\x00\x00<\x00\x00\x00a" }, []string{}},
		{"ebcdic", func(string) string {
			return "\x4c\x6f\xa7\x94\x93\x40\xa5\x85\x99\xa2\x89\x96\x95\x7e\x7f\xf1\x4b\xf0\x7f"
		}, []string{}},
		{"locations of others", func(base string) string {
			return set + `<url><loc>http://169.254.169.254/x</loc></url><url><loc>http://other.test/</loc></url><url><loc>` + base + `/a</loc></url>` + end
		}, []string{"/a"}},
		{"sitemaps of others", func(base string) string {
			return `<sitemapindex><sitemap><loc>http://169.254.169.254/x</loc></sitemap><sitemap><loc>http://other.test/</loc></sitemap><sitemap><loc>` + base + `/sitemap.xml</loc></sitemap></sitemapindex>`
		}, []string{}},
		{"a script as a link", func(base string) string {
			return `<rss version="2.0"><channel><item><link>javascript:alert(1)</link></item><item><link>file:///etc/passwd</link></item><item><link>` + base + `/a</link></item></channel></rss>`
		}, []string{"/a"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var base string
			s := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/sitemap.xml" {
					http.NotFound(w, r)
					return
				}
				w.Header().Set("Content-Type", "application/xml")
				io.WriteString(w, row.body(base))
			})
			base = s.URL
			begun := time.Now()
			if diff := cmp.Diff(row.want, located(t, s)); diff != "" {
				t.Errorf("locations (-want +got):\n%s", diff)
			}
			if took := time.Since(begun); took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
			if asked := s.requests(); slices.ContainsFunc(asked, func(uri string) bool { return uri != "/" && uri != "/sitemap.xml" }) {
				t.Errorf("asked for %q", asked)
			}
		})
	}
}

// TestSitemapIndexes: an index that names itself, or others without an end, is
// asked for once; 50,001 entries and a zipped one are listed.
func TestSitemapIndexes(t *testing.T) {
	var base string
	s := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		entry := func(path string) { fmt.Fprintf(w, "<sitemap><loc>%s%s</loc></sitemap>", base, path) }
		var depth int
		switch _, err := fmt.Sscanf(r.URL.Path, "/deep/%d.xml", &depth); {
		case r.URL.Path == "/sitemap.xml":
			io.WriteString(w, "<sitemapindex>")
			for _, path := range []string{"/sitemap.xml", "/deep/1.xml", "/many.xml", "/many.xml#again"} {
				entry(path)
			}
			io.WriteString(w, "</sitemapindex>")
		case err == nil && depth <= 10:
			io.WriteString(w, "<sitemapindex>")
			entry("/sitemap.xml")
			entry(fmt.Sprintf("/deep/%d.xml", depth+1))
			io.WriteString(w, "</sitemapindex>")
		case r.URL.Path == "/many.xml":
			zip := gzip.NewWriter(w)
			defer zip.Close()
			io.WriteString(zip, "<urlset>")
			for i := range 50_001 {
				fmt.Fprintf(zip, "<url><loc>%s/%d</loc></url>", base, i)
			}
			io.WriteString(zip, "</urlset>")
		default:
			http.NotFound(w, r)
		}
	})
	base = s.URL
	if n := len(located(t, s)); n < 50_000 || n > 50_001 {
		t.Errorf("%d locations, want 50,000 or one more", n)
	}
	asked := s.requests()
	slices.Sort(asked)
	want := []string{"/", "/deep/1.xml", "/deep/10.xml", "/deep/11.xml", "/deep/2.xml", "/deep/3.xml", "/deep/4.xml", "/deep/5.xml", "/deep/6.xml", "/deep/7.xml", "/deep/8.xml", "/deep/9.xml", "/many.xml", "/sitemap.xml"}
	if diff := cmp.Diff(want, slices.Compact(slices.Clone(asked))); diff != "" || len(asked) > len(want)+2 {
		t.Errorf("%d requests (-want +got):\n%s", len(asked), diff)
	}
}

// TestNamedSitemap: a sitemap that robots.txt names speaks for any host.
func TestNamedSitemap(t *testing.T) {
	var base string
	s := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/robots.txt":
			fmt.Fprintf(w, "Sitemap: %s/maps/index.xml\n", base)
		case "/maps/index.xml":
			fmt.Fprintf(w, "<sitemapindex><sitemap><loc>%s/part.xml</loc></sitemap></sitemapindex>", base)
		case "/part.xml":
			fmt.Fprintf(w, "<urlset><url><loc>%s/a</loc></url><url><loc>http://other.test/</loc></url></urlset>", base)
		}
	})
	base = s.URL
	if diff := cmp.Diff([]string{"/a", "http://other.test/"}, located(t, s)); diff != "" {
		t.Errorf("locations (-want +got):\n%s", diff)
	}
}
