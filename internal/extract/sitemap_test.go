package extract

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sitemapExceptions are the cases of the suite that are answered otherwise.
var sitemapExceptions = map[string]string{
	"Namespace <http://www.google.com/schemas/sitemap/0.9> not accepted": "the same file is to be accepted in another case, by an option of theirs; here any namespace is",
}

func TestSitemapSuite(t *testing.T) {
	type entry struct{ Loc, LastMod, ChangeFreq, Priority, Valid string }
	var cases []struct {
		Test        string
		ContentType string `json:"content_type"`
		URL         string
		Content     string
		Base64      string `json:"content_b64"`
		Type, Error string
		Entries     []entry
	}
	readJSON(t, filepath.Join(sharedDir(t, "suites"), "sitemap-crawler_commons_sitemaps.json"), &cases)
	types := map[string]string{"XML": "urlset", "INDEX": "index", "TEXT": "text", "RSS": "rss", "ATOM": "atom"}
	for i, c := range cases {
		t.Run(fmt.Sprintf("%d %s", i, c.Test), func(t *testing.T) {
			if why := sitemapExceptions[c.Error]; why != "" {
				t.Skip(why)
			}
			content := []byte(c.Content)
			if c.Base64 != "" {
				content, _ = base64.StdEncoding.DecodeString(c.Base64)
			}
			s, err := ParseSitemap(bytes.NewReader(content), c.ContentType, c.URL)
			if c.Error != "" {
				if err == nil {
					t.Errorf("no error, want one like %q", c.Error)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if s.Type != types[c.Type] {
				t.Errorf("type %q, want %s", s.Type, c.Type)
			}
			date := func(s string) string {
				if d, ok := ParseDate(s); ok {
					return d.Format(time.RFC3339)
				}
				return s
			}
			var got []entry
			for _, u := range s.URLs {
				got = append(got, entry{u.Loc, date(u.LastMod), strings.ToUpper(u.ChangeFreq), firstOf(u.Priority, "0.5"), fmt.Sprint(!u.Outside)})
			}
			for _, r := range s.Sitemaps {
				got = append(got, entry{Loc: r.Loc, LastMod: date(r.LastMod)})
			}
			if diff := cmp.Diff(c.Entries, got); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
		})
	}
}

func utf16le(s string) string {
	var b strings.Builder
	b.WriteString("\xff\xfe")
	for _, c := range s {
		b.WriteByte(byte(c))
		b.WriteByte(byte(c >> 8))
	}
	return b.String()
}

func zip(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, s)
	_ = w.Close()
	return b.String()
}

func TestParseSitemap(t *testing.T) {
	const head = `<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">`
	one := []SitemapURL{{Loc: "http://a.test/1"}}
	tests := []struct {
		name, content, contentType string
		want                       *Sitemap
		err                        error
	}{
		{"plain", head + "<url><loc>http://a.test/1</loc></url></urlset>", "", &Sitemap{Type: "urlset", URLs: one}, nil},
		{"gzip", zip(head + "<url><loc>http://a.test/1</loc></url></urlset>"), "application/gzip", &Sitemap{Type: "urlset", URLs: one}, nil},
		{"gzip twice", zip(zip(head + "<url><loc>http://a.test/1</loc></url></urlset>")), "", &Sitemap{Type: "urlset", URLs: one}, nil},
		{"gzip cut off", zip(head + "<url><loc>http://a.test/1</loc></url></urlset>")[:90], "", &Sitemap{Type: "urlset", URLs: one}, nil},
		{"utf-16", utf16le(head + "<url><loc>http://a.test/1</loc></url></urlset>"), "", &Sitemap{Type: "urlset", URLs: one}, nil},
		{"byte order mark", "\xef\xbb\xbf" + head + "<url><loc>http://a.test/1</loc></url>", "", &Sitemap{Type: "urlset", URLs: one}, nil},
		{"latin-1", "<?xml version='1.0' encoding='iso-8859-1'?>" + head + "<url><loc>http://a.test/\xe9</loc></url>", "", &Sitemap{Type: "urlset", URLs: []SitemapURL{{Loc: "http://a.test/\u00e9"}}}, nil},
		{"upper case", "<URLSET><URL><LOC>http://a.test/1</LOC></URL></URLSET>", "", &Sitemap{Type: "urlset", URLs: one}, nil},
		{"no root", "<url><loc>http://a.test/1</loc></url>", "", &Sitemap{Type: "urlset", URLs: one}, nil},
		{"bare ampersand", head + "<url><loc>http://a.test/?a=1&b=2</loc></url>", "", &Sitemap{Type: "urlset", URLs: []SitemapURL{{Loc: "http://a.test/?a=1&b=2"}}}, nil},
		{"tags left open", head + "<url><loc>http://a.test/1<lastmod>2020-01-01<url><loc>http://a.test/2</loc>", "", &Sitemap{Type: "urlset", URLs: []SitemapURL{{Loc: "http://a.test/1", LastMod: "2020-01-01"}, {Loc: "http://a.test/2"}}}, nil},
		{"url not closed", head + "<url><loc>http://a.test/1</loc><url><loc>http://a.test/2</loc></urlset>", "", &Sitemap{Type: "urlset", URLs: []SitemapURL{{Loc: "http://a.test/1"}, {Loc: "http://a.test/2"}}}, nil},
		{"relative and foreign schemes", head + "<url><loc>/1</loc></url><url><loc>javascript:x</loc></url><url><loc>ftp://a.test/</loc></url>", "", &Sitemap{Type: "urlset", URLs: one}, nil},
		{"other host", head + "<url><loc>http://b.test/1</loc></url>", "", &Sitemap{Type: "urlset", URLs: []SitemapURL{{Loc: "http://b.test/1", Outside: true}}}, nil},
		{"entities are not expanded", "<!DOCTYPE x [<!ENTITY a 'http://a.test/a'><!ENTITY b \"&a;>&a;\"><!-- it's -->]>" + head + "<url><loc>&a;</loc></url><url><loc>http://a.test/&b;1</loc></url>", "", &Sitemap{Type: "urlset", URLs: one}, nil},
		{"cdata", head + "<url><loc><![CDATA[http://a.test/?a&b]]></loc></url>", "", &Sitemap{Type: "urlset", URLs: []SitemapURL{{Loc: "http://a.test/?a&b"}}}, nil},
		{"commented out", head + "<!-- <url><loc>http://a.test/0</loc></url> --><url><loc>http://a.test/1</loc></url>", "", &Sitemap{Type: "urlset", URLs: one}, nil},
		{"empty urlset", head + "</urlset>", "", &Sitemap{Type: "urlset"}, nil},
		{"text", "http://a.test/1\r\n\r\nnot a url\n", "text/plain", &Sitemap{Type: "text", URLs: one}, nil},
		{"html", "<!DOCTYPE html><html><body><a href=x>x</a>", "text/html", nil, ErrNotSitemap},
		{"other xml", "<note><to>x</to></note>", "", nil, ErrNotSitemap},
		{"prose", "This page was not found.", "", nil, ErrNotSitemap},
		{"nothing", "", "", nil, ErrNotSitemap},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseSitemap(strings.NewReader(tt.content), tt.contentType, "http://a.test/sitemap.xml")
			if !errors.Is(err, tt.err) {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			if got != nil && tt.name == "gzip cut off" {
				got.Truncated = false
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// repeat reads head, then body without end.
func repeat(head, body string) io.Reader {
	return io.MultiReader(strings.NewReader(head), &endless{text: body})
}

type endless struct {
	text string
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		c := copy(p[n:], e.text[e.at:])
		n += c
		e.at = (e.at + c) % len(e.text)
	}
	return n, nil
}

func TestSitemapLimits(t *testing.T) {
	tests := []struct {
		name string
		r    io.Reader
		urls int
	}{
		{"too many URLs", repeat("<urlset>", "<url><loc>http://a.test/</loc></url>"), MaxSitemapURLs},
		{"too many lines", repeat("", "http://a.test/\n"), MaxSitemapURLs},
		{"endless text", repeat("<urlset><url><loc>http://a.test/", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), 1},
		{"endless attribute", repeat("<urlset><url><loc>http://a.test/</loc></url><url a='", "xxxxxxxxxxxxxxxxxxxxx"), 1},
		{"endless comment", repeat("<urlset><url><loc>http://a.test/</loc></url><!-- ", "- -> xxxxxxxxxxxxxxx"), 1},
		{"endless depth", repeat("<urlset><url><loc>http://a.test/</loc></url>", "<a>"), 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseSitemap(tt.r, "", "http://a.test/sitemap.xml", 4<<20)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.URLs) != tt.urls || !got.Truncated {
				t.Errorf("%d URLs, truncated %v; want %d, true", len(got.URLs), got.Truncated, tt.urls)
			}
		})
	}
}

func TestParseSitemapReadError(t *testing.T) {
	broken := errors.New("connection reset")
	r := io.MultiReader(strings.NewReader("<urlset><url><loc>http://a.test/1</loc></url>"), errAfter{broken})
	got, err := ParseSitemap(r, "", "http://a.test/sitemap.xml")
	want := &Sitemap{Type: "urlset", URLs: []SitemapURL{{Loc: "http://a.test/1"}}, Truncated: true}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	if _, err := ParseSitemap(errAfter{broken}, "", ""); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

type errAfter struct{ err error }

func (e errAfter) Read([]byte) (int, error) { return 0, e.err }

func TestParseFeed(t *testing.T) {
	tests := []struct {
		name, content string
		want          *Feed
	}{
		{
			"rss",
			`<?xml version="1.0"?><rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel>
			<title>News &amp; more</title><link>http://a.test/</link><atom:link rel="self" href="http://a.test/feed"/><description>About</description>
			<image><title>Logo</title><url>http://a.test/logo.png</url></image>
			<item><title><![CDATA[A <b>day</b>]]></title><link> /1 </link><guid>tag:1</guid><pubDate>Mon, 06 Sep 2010 00:01:00 +0000</pubDate>
			<description>Short&nbsp;text</description><content:encoded><![CDATA[<p>Long</p>]]></content:encoded><category>x</category><category>y</category>
			<enclosure url="/1.mp3" type="audio/mpeg"/><dc:creator>Someone</dc:creator></item>
			<item><guid isPermaLink="true">http://a.test/2</guid><link>javascript:alert(1)</link></item></channel></rss>`,
			&Feed{Type: "rss", Title: "News & more", Link: "http://a.test/", Description: "About", Entries: []Entry{
				{
					ID: "tag:1", Title: "A <b>day</b>", Link: "http://a.test/1", Author: "Someone", Published: "Mon, 06 Sep 2010 00:01:00 +0000", Summary: "Short\u00a0text", Content: "<p>Long</p>",
					Categories: []string{"x", "y"}, Enclosures: []string{"http://a.test/1.mp3"},
				},
				{ID: "http://a.test/2", Link: "javascript:alert(1)"},
			}},
		},
		{
			"atom",
			`<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title><link rel="self" href="/feed"/><link href="/"/><updated>2003-12-13T18:30:02Z</updated>
			<entry><title type="html">One &lt;b&gt;</title><link rel="alternate" href="1"/><link rel="enclosure" href="1.mp3"/><id>urn:1</id><author><name>N</name><email>e@a.test</email></author>
			<published>2003-12-12</published><updated>2003-12-13</updated><category term="c"/><source><id>urn:other</id><title>Other</title></source>
			<summary>S</summary><content type="xhtml"><div><p>Long <b>text</b></p><title>no</title></div></content></entry></feed>`,
			&Feed{Type: "atom", Title: "T", Link: "http://a.test/", Updated: "2003-12-13T18:30:02Z", Entries: []Entry{{
				ID: "urn:1", Title: "One <b>", Link: "http://a.test/1", Author: "N", Published: "2003-12-12", Updated: "2003-12-13", Summary: "S", Content: "Long text" + "no",
				Categories: []string{"c"}, Enclosures: []string{"http://a.test/1.mp3"},
			}}},
		},
		{
			"rdf, cut off",
			`<rdf:RDF><channel rdf:about="x"><title>T</title></channel><item rdf:about="http://a.test/1"><title>One</title><link>http://a.test/1</link><description>Cut o`,
			&Feed{Type: "rss", Title: "T", Entries: []Entry{{ID: "http://a.test/1", Title: "One", Link: "http://a.test/1", Summary: "Cut o"}}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseFeed(strings.NewReader(tt.content), "", "http://a.test/feed")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if _, err := ParseFeed(strings.NewReader("<urlset></urlset>"), "", ""); !errors.Is(err, ErrNotFeed) {
		t.Errorf("a sitemap: got %v, want %v", err, ErrNotFeed)
	}
}

func TestParseDate(t *testing.T) {
	tests := []struct{ in, want string }{
		{"2005-01-01", "2005-01-01T00:00:00Z"},
		{" 2004-12-23T18:00:15+01:00 ", "2004-12-23T17:00:15Z"},
		{"2004-12-23T18:00Z", "2004-12-23T18:00:00Z"},
		{"2004", "2004-01-01T00:00:00Z"},
		{"Sun, 06 Sep 2009 16:20:00 +0000", "2009-09-06T16:20:00Z"},
		{"Sun, 06 Sep 2009 16:20:00 GMT", "2009-09-06T16:20:00Z"},
		{"6 Sep 2009 16:20 +0200", "2009-09-06T14:20:00Z"},
		{"yesterday", ""},
		{"", ""},
	}
	for _, tt := range tests {
		got := ""
		if d, ok := ParseDate(tt.in); ok {
			got = d.Format(time.RFC3339)
		}
		if got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
	}
}

func FuzzParseSitemap(f *testing.F) {
	for _, s := range []string{
		"<urlset><url><loc>http://a.test/1</loc></url>", "<rss><channel><item><link>http://a.test/</link></item>",
		"<feed><entry><link href='x'/></entry>", "http://a.test/\n", "<!DOCTYPE x [<!ENTITY a 'b'>]><sitemapindex><sitemap><loc>&a;", "<a<b></a><![CDATA[", "\x1f\x8b\x08",
	} {
		f.Add(s, "")
	}
	f.Fuzz(func(t *testing.T, content, contentType string) {
		s, err := ParseSitemap(strings.NewReader(content), contentType, "http://a.test/sitemap.xml")
		if (s == nil) == (err == nil) {
			t.Fatalf("sitemap %v and error %v", s, err)
		}
		if s != nil {
			for _, u := range s.URLs {
				if l := strings.ToLower(u.Loc); !strings.HasPrefix(l, "http:") && !strings.HasPrefix(l, "https:") {
					t.Errorf("loc %q", u.Loc)
				}
			}
		}
		_, _ = ParseFeed(strings.NewReader(content), contentType, "http://a.test/feed")
	})
}
