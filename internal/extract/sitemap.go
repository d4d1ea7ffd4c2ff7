package extract

import (
	"errors"
	"io"
)

// Sitemap is what a sitemap file lists.
type Sitemap struct {
	Type      string       // "urlset", "index", "text", "rss" or "atom"
	URLs      []SitemapURL // the pages of all types but "index"
	Sitemaps  []SitemapRef // the sitemaps of an index
	Truncated bool         // a limit was reached and the rest left out
}

// SitemapURL is one page of a sitemap. Loc is absolute; the others are as the
// file has them, trimmed, and empty where it says nothing.
type SitemapURL struct {
	Loc        string
	LastMod    string
	ChangeFreq string
	Priority   string
}

// SitemapRef is one sitemap of an index.
type SitemapRef struct {
	Loc     string
	LastMod string
}

// Feed is an RSS, RDF or Atom feed.
type Feed struct {
	Type        string // "rss" or "atom"
	Title       string
	Link        string
	Description string
	Updated     string
	Entries     []Entry
}

// Entry is one entry of a feed. Times are as the feed has them.
type Entry struct {
	ID         string
	Title      string
	Link       string
	Author     string
	Published  string
	Updated    string
	Summary    string
	Content    string
	Categories []string
	Enclosures []string
}

var errNotSitemap = errors.New("not a sitemap")

// ParseSitemap reads a sitemap from r.
func ParseSitemap(r io.Reader, contentType, url string) (*Sitemap, error) {
	return nil, errNotSitemap
}

// ParseFeed reads a feed from r.
func ParseFeed(r io.Reader, contentType, url string) (*Feed, error) {
	return nil, errNotSitemap
}
