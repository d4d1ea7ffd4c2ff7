package extract

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrNotFeed says that a file is no feed of any known form.
var ErrNotFeed = errors.New("not a feed")

// Feed is an RSS, RDF or Atom feed. Links are absolute; times are as the feed
// has them, see [ParseDate].
type Feed struct {
	Type        string // "rss" or "atom"
	Title       string
	Link        string
	Description string
	Updated     string
	Entries     []Entry
	Truncated   bool // a limit was reached, or the file could not be read to its end
}

// Entry is one entry of a feed.
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

// ParseFeed reads a feed from r; url is where it came from. Broken XML gives
// what can be had of it. The limits are those of [ParseSitemap]; the error is
// [ErrNotFeed], or why r could not be read.
func ParseFeed(r io.Reader, contentType, url string) (*Feed, error) {
	watch := &errReader{r: r}
	text, all := openText(watch, contentType, MaxSitemapBytes)
	feed := new(Feed)
	res := newResolver(url)
	abs := func(ref *string) {
		if loc, _, ok := res.loc(*ref); ok {
			*ref = loc
		}
	}
	f := feedReader{feed: feed, emit: func(e *Entry) bool {
		abs(&e.Link)
		for i := range e.Enclosures {
			abs(&e.Enclosures[i])
		}
		feed.Entries = append(feed.Entries, *e)
		feed.Truncated = len(feed.Entries) >= MaxSitemapURLs
		return !feed.Truncated
	}}
	if isXML(text) {
		x := &xmlStream{r: text}
		for x.next() {
			if x.kind == xmlStart {
				feed.Type = feedType(x.local())
				break
			}
		}
		if feed.Type != "" {
			f.read(x)
		}
	}
	if feed.Type == "" && watch.err != nil {
		return nil, fmt.Errorf("read feed: %w", watch.err)
	}
	if feed.Type == "" {
		return nil, ErrNotFeed
	}
	feed.Truncated = feed.Truncated || all.N <= 0 || watch.err != nil
	abs(&feed.Link)
	return feed, nil
}

// feedType says what a feed's root element makes it, "" if none.
func feedType(root string) string {
	switch strings.ToLower(root) {
	case "rss", "rdf":
		return "rss"
	case "feed":
		return "atom"
	}
	return ""
}

// feedReader reads the elements of a feed after its root.
type feedReader struct {
	feed  *Feed
	emit  func(*Entry) bool
	entry *Entry // nil outside an entry
	path  []string
	text  strings.Builder
}

// maxFeedDepth is how many open elements of a feed are known by name.
const maxFeedDepth = 64

func (f *feedReader) read(x *xmlStream) {
	goOn := true
	for goOn && x.next() {
		switch x.kind {
		case xmlText:
			if f.text.Len() < maxXMLText {
				f.text.WriteString(x.text)
			}
		case xmlStart:
			goOn = f.start(x)
		case xmlEnd:
			goOn = f.end(x.name)
		}
	}
	if goOn && f.entry != nil {
		if n := len(f.path) - 1; n > 0 { // cut off in the middle of an element
			name := f.path[n]
			f.path = f.path[:n]
			f.field(name)
		}
		f.flush()
	}
}

func (f *feedReader) start(x *xmlStream) bool {
	name := strings.ToLower(x.name)
	if l := local(name); (l == "item" || l == "entry") && !f.inContent() {
		if !f.flush() {
			return false
		}
		f.entry = new(Entry)
		f.entry.ID = x.attr("rdf:about")
		f.path = f.path[:0]
	}
	if !f.inContent() {
		f.text.Reset()
	}
	f.attributes(name, x)
	if !x.empty && len(f.path) < maxFeedDepth {
		f.path = append(f.path, name)
	}
	return true
}

// inContent says whether an element is open that may hold markup.
func (f *feedReader) inContent() bool {
	for _, p := range f.path {
		switch p {
		case "content", "summary", "description", "content:encoded", "title", "xhtml:body":
			return true
		}
	}
	return false
}

// attributes takes what an element says in its attributes.
func (f *feedReader) attributes(name string, x *xmlStream) {
	href := strings.TrimSpace(x.attr("href"))
	switch name {
	case "link", "atom:link":
		if rel := x.attr("rel"); href != "" {
			f.link(href, rel)
		}
	case "category":
		if term := x.attr("term"); term != "" && f.entry != nil {
			f.entry.Categories = append(f.entry.Categories, term)
		}
	case "enclosure", "media:content":
		if u := x.attr("url"); u != "" && f.entry != nil {
			f.entry.Enclosures = append(f.entry.Enclosures, u)
		}
	}
}

func (f *feedReader) link(href, rel string) {
	alternate := rel == "" || rel == "alternate"
	switch {
	case rel == "enclosure" && f.entry != nil:
		f.entry.Enclosures = append(f.entry.Enclosures, href)
	case !alternate:
	case f.entry != nil:
		set(&f.entry.Link, href)
	case len(f.path) < 2:
		set(&f.feed.Link, href)
	}
}

// end closes the innermost element of that name with all in it.
func (f *feedReader) end(name string) bool {
	name = strings.ToLower(name)
	for i := len(f.path) - 1; i >= 0; i-- {
		if f.path[i] != name {
			continue
		}
		f.path = f.path[:i]
		if l := local(name); i == 0 && f.entry != nil && (l == "item" || l == "entry") {
			return f.flush()
		}
		if !f.inContent() {
			f.field(name)
			f.text.Reset()
		}
		return true
	}
	return true
}

// field takes the text of an element.
func (f *feedReader) field(name string) {
	text := strings.TrimSpace(f.text.String())
	if text == "" {
		return
	}
	parent := ""
	if len(f.path) > 0 {
		parent = f.path[len(f.path)-1]
	}
	if f.entry != nil {
		if len(f.path) == 1 || parent == "author" {
			f.entryField(name, text)
		}
		return
	}
	if len(f.path) > 1 || parent == "image" || parent == "textinput" {
		return
	}
	switch name {
	case "title":
		set(&f.feed.Title, text)
	case "link":
		set(&f.feed.Link, text)
	case "description", "subtitle":
		set(&f.feed.Description, text)
	case "updated", "lastbuilddate", "pubdate", "dc:date":
		set(&f.feed.Updated, text)
	}
}

func (f *feedReader) entryField(name, text string) {
	e := f.entry
	switch name {
	case "title":
		set(&e.Title, text)
	case "link":
		set(&e.Link, text)
	case "guid", "id":
		e.ID = text
	case "name", "dc:creator":
		set(&e.Author, text)
	case "author":
		set(&e.Author, text)
	case "pubdate", "published", "issued", "created", "dc:date":
		set(&e.Published, text)
	case "updated", "modified", "dcterms:modified":
		set(&e.Updated, text)
	case "summary", "description":
		set(&e.Summary, text)
	case "content", "content:encoded":
		set(&e.Content, text)
	case "category", "dc:subject":
		e.Categories = append(e.Categories, text)
	}
}

// flush hands the entry at hand over. Its link may stand in its id alone.
func (f *feedReader) flush() bool {
	e := f.entry
	if e == nil {
		return true
	}
	f.entry, f.path = nil, f.path[:0]
	if e.Link == "" && (strings.HasPrefix(e.ID, "http://") || strings.HasPrefix(e.ID, "https://")) {
		e.Link = e.ID
	}
	return f.emit(e)
}

func local(name string) string { return name[strings.IndexByte(name, ':')+1:] }

// set sets a value that is not yet known.
func set(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
