package extract

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"strings"
)

// The limits of the sitemap protocol, which bound what is read of any sitemap or
// feed: decompressed bytes, and URLs.
const (
	MaxSitemapBytes = 50 << 20
	MaxSitemapURLs  = 50_000
)

// ErrNotSitemap says that a file is no sitemap of any known form.
var ErrNotSitemap = errors.New("not a sitemap")

// Sitemap is what a sitemap file lists.
type Sitemap struct {
	Type      string       // "urlset", "index", "text", "rss" or "atom"
	URLs      []SitemapURL // the pages of all types but "index"
	Sitemaps  []SitemapRef // the sitemaps of an index
	Truncated bool         // a limit was reached, or the file could not be read to its end
}

// SitemapURL is one page of a sitemap. Loc is absolute and without fragment; the
// others are as the file has them, trimmed, and empty where it says nothing.
type SitemapURL struct {
	Loc        string
	LastMod    string // see [ParseDate]
	ChangeFreq string
	Priority   string
	// Outside says that Loc is not below the sitemap's own folder, where the
	// protocol has it count only if the host's robots.txt names the sitemap.
	Outside bool
}

// SitemapRef is one sitemap of an index.
type SitemapRef struct {
	Loc     string
	LastMod string
	Outside bool // as of [SitemapURL]
}

// ParseSitemap reads a sitemap from r: a urlset or an index in XML, a list of
// URLs in plain text, an RSS or Atom feed, each packed with gzip or not, in any
// encoding. url is where it came from. Broken XML gives what can be had of it.
//
// It reads at most [MaxSitemapBytes] and returns at most [MaxSitemapURLs]. The
// error is [ErrNotSitemap], or why r could not be read when nothing was found.
func ParseSitemap(r io.Reader, contentType, url string) (*Sitemap, error) {
	return parseSitemap(r, contentType, url, MaxSitemapBytes)
}

func parseSitemap(r io.Reader, contentType, url string, limit int64) (*Sitemap, error) {
	watch := &errReader{r: r}
	text, all := openText(watch, contentType, limit)
	s := &sitemapReader{Sitemap: new(Sitemap), resolver: newResolver(url)}
	var err error
	if isXML(text) {
		err = s.readXML(&xmlStream{r: text})
	} else {
		err = s.readText(text)
	}
	s.Truncated = s.Truncated || all.N <= 0 || watch.err != nil
	if watch.err != nil && len(s.URLs)+len(s.Sitemaps) == 0 {
		return nil, fmt.Errorf("read sitemap: %w", watch.err)
	}
	if err != nil {
		return nil, err
	}
	return s.Sitemap, nil
}

// errReader remembers why reading ended.
type errReader struct {
	r   io.Reader
	err error
}

func (e *errReader) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if err != nil && err != io.EOF {
		e.err = err
	}
	return n, err
}

// isXML skips white space and says whether a tag follows.
func isXML(r *bufio.Reader) bool {
	for {
		head, _ := r.Peek(3)
		switch {
		case len(head) == 0:
			return false
		case strings.IndexByte(" \t\r\n\f\v\x00", head[0]) >= 0:
			_, _ = r.Discard(1)
		case string(head) == "\xEF\xBB\xBF" || string(head) == "\u200B":
			_, _ = r.Discard(3)
		default:
			return head[0] == '<'
		}
	}
}

// sitemapReader fills a Sitemap.
type sitemapReader struct {
	*Sitemap
	resolver

	prefix string // of the elements that count
	entry  string // the element at hand: "url" or "sitemap", "" outside
	field  string // the child of it at hand
	nested int    // elements open in the field
	got    map[string]*strings.Builder
}

var sitemapElements = map[string]bool{"url": true, "sitemap": true, "loc": true, "lastmod": true, "changefreq": true, "priority": true}

// maxLoc is how long a value in a sitemap may be.
const maxLoc = 8 << 10

func (s *sitemapReader) readXML(x *xmlStream) error {
	s.got = map[string]*strings.Builder{}
	for root := true; x.next(); {
		switch x.kind {
		case xmlStart:
			if root {
				root = false
				s.prefix = x.prefix()
				if typ := feedType(x.local()); typ != "" {
					s.Type = typ
					return s.readFeed(x)
				}
				if x.local() == "html" {
					return ErrNotSitemap
				}
			}
			s.start(x)
		case xmlEnd:
			s.end(x)
		case xmlText:
			s.text(x.text)
		}
		if s.full() {
			break
		}
	}
	s.flush()
	if s.Type == "" {
		return ErrNotSitemap
	}
	return nil
}

// full says whether as much was found as may be.
func (s *sitemapReader) full() bool {
	s.Truncated = s.Truncated || len(s.URLs)+len(s.Sitemaps) >= MaxSitemapURLs
	return s.Truncated
}

func (s *sitemapReader) start(x *xmlStream) {
	name := strings.ToLower(x.local())
	if s.field != "" && sitemapElements[name] && s.value(s.field) != "" {
		s.field = "" // its end tag is missing
	}
	switch {
	case s.field != "":
		if !x.empty {
			s.nested++
		}
	case x.prefix() != s.prefix || x.empty:
	case name == "urlset" || name == "sitemapindex":
		s.setType(name)
	case name == "url" || name == "sitemap":
		s.flush()
		s.entry = name
		s.setType(name)
	case s.entry != "" && (name == "loc" || name == "lastmod" || name == "changefreq" || name == "priority"):
		if name == "loc" && s.got["loc"] != nil {
			s.add() // one more in the same element
		}
		s.field, s.nested = name, 0
	}
}

func (s *sitemapReader) setType(element string) {
	if s.Type != "" {
		return
	}
	s.Type = "urlset"
	if strings.HasPrefix(element, "sitemap") {
		s.Type = "index"
	}
}

func (s *sitemapReader) end(x *xmlStream) {
	name := strings.ToLower(x.local())
	switch {
	case name == s.entry && s.nested == 0 && x.prefix() == s.prefix:
		s.flush()
	case name == s.field:
		s.field = ""
	case s.field != "" && s.nested > 0:
		s.nested--
	}
}

func (s *sitemapReader) text(text string) {
	if s.entry == "" {
		return
	}
	b := s.got[s.field]
	if b == nil {
		b = new(strings.Builder)
		s.got[s.field] = b
	}
	if b.Len() < maxLoc {
		b.WriteString(text)
	}
}

// value is what was gathered of a child, trimmed.
func (s *sitemapReader) value(field string) string {
	if b := s.got[field]; b != nil {
		return strings.TrimSpace(b.String())
	}
	return ""
}

// flush ends the entry at hand.
func (s *sitemapReader) flush() {
	if s.entry != "" {
		s.add()
	}
	s.entry, s.field, s.nested = "", "", 0
}

// add adds what was gathered.
func (s *sitemapReader) add() {
	get := s.value
	ref := get("loc")
	if text := get(""); ref == "" && strings.Contains(text, "://") {
		ref = text
	}
	if loc, outside, ok := s.loc(ref); ok && s.Type == "index" {
		s.Sitemaps = append(s.Sitemaps, SitemapRef{Loc: loc, LastMod: get("lastmod"), Outside: outside})
	} else if ok {
		s.URLs = append(s.URLs, SitemapURL{
			Loc: loc, LastMod: get("lastmod"), ChangeFreq: get("changefreq"), Priority: get("priority"), Outside: outside,
		})
	}
	clear(s.got)
}

func (s *sitemapReader) readFeed(x *xmlStream) error {
	f := feedReader{feed: new(Feed), emit: func(e *Entry) bool {
		if loc, outside, ok := s.loc(e.Link); ok {
			s.URLs = append(s.URLs, SitemapURL{Loc: loc, LastMod: firstOf(e.Updated, e.Published), Outside: outside})
		}
		return !s.full()
	}}
	f.read(x)
	return nil
}

// readText reads a list of URLs, one a line. Lines that are none are passed over.
func (s *sitemapReader) readText(r *bufio.Reader) error {
	for {
		line, more, err := r.ReadLine()
		text := strings.TrimSpace(strings.ToValidUTF8(string(line), "\uFFFD"))
		for more && err == nil { // a line longer than any URL
			_, more, err = r.ReadLine()
		}
		if strings.HasPrefix(strings.ToLower(text), "http") || s.ownHost(text) {
			if loc, outside, ok := s.loc(text); ok {
				s.URLs = append(s.URLs, SitemapURL{Loc: loc, Outside: outside})
			}
		}
		if err != nil || s.full() {
			break
		}
	}
	if len(s.URLs) == 0 {
		return ErrNotSitemap
	}
	s.Type = "text"
	return nil
}

// resolver makes the references of a file absolute.
type resolver struct{ base *url.URL }

func newResolver(at string) resolver {
	base, err := url.Parse(at)
	if err != nil || base.Host == "" {
		return resolver{}
	}
	return resolver{base}
}

// ownHost says whether ref begins with the file's host in place of a scheme.
func (r resolver) ownHost(ref string) bool {
	return r.base != nil && (ref == r.base.Host || strings.HasPrefix(ref, r.base.Host+"/"))
}

// loc resolves ref; ok is false if it is empty or nothing that HTTP could fetch.
func (r resolver) loc(ref string) (loc string, outside, ok bool) {
	ref = trimRef(ref)
	ref, _, _ = strings.Cut(ref, "#")
	if ref == "" {
		return "", false, false
	}
	if r.ownHost(ref) {
		ref = r.base.Scheme + "://" + ref
	}
	u, err := url.Parse(ref)
	if err != nil {
		// Not for Go to judge; an absolute URL is the fetcher's to refuse.
		lower := strings.ToLower(ref)
		ok = strings.HasPrefix(lower, "http://") || strings.HasPrefix(lower, "https://")
		return ref, true, ok
	}
	abs := u
	if !u.IsAbs() {
		if r.base == nil {
			return "", false, false
		}
		abs = r.base.ResolveReference(u)
		ref = abs.String()
	}
	if s := strings.ToLower(abs.Scheme); s != "http" && s != "https" || abs.Host == "" {
		return "", false, false
	}
	return ref, !r.covers(abs), true
}

// covers says whether u is below the folder of the file.
func (r resolver) covers(u *url.URL) bool {
	if r.base == nil {
		return true
	}
	folder := path.Dir(r.base.EscapedPath())
	if folder = strings.TrimPrefix(folder, "."); !strings.HasSuffix(folder, "/") {
		folder += "/"
	}
	p := u.EscapedPath()
	if p == "" {
		p = "/"
	}
	return strings.EqualFold(u.Scheme, r.base.Scheme) && strings.EqualFold(u.Host, r.base.Host) && strings.HasPrefix(p, folder)
}
