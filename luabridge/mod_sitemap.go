package luabridge

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"downpour/internal/extract"
)

func sitemapModule() module {
	return module{
		name: "sitemap", text: "Sitemaps: XML, gzipped, text, and feeds that serve as one.",
		docs: []doc{
			{call: "parse(bytes, {url=, content_type=}?) -> table | nil, message", text: "{type=, urls={{loc=, lastmod=, changefreq=, priority=, outside=}}, sitemaps={{loc=, lastmod=, outside=}}, truncated=}; relative locations are resolved against url; outside is true for what is not below the sitemap's own folder, and counts only if robots.txt names the sitemap; truncated is true where a limit of the protocol, 50,000 URLs or 50 MiB, or broken compression ended it.", waits: true},
		},
		open: func(h *Host, L *lua.LState) lua.LValue {
			return newModule(L, map[string]lua.LGFunction{"parse": h.sitemapParse})
		},
	}
}

func (h *Host) sitemapParse(L *lua.LState) int {
	bytes := argString(L, 1)
	opts := h.fields(L, 2, "url", "content_type")
	url, contentType := fieldText(L, opts, "url"), fieldFirst(L, opts, "content_type")
	var m *extract.Sitemap
	var err error
	h.Working(func() { m, err = extract.ParseSitemap(strings.NewReader(bytes), contentType, url) })
	if err != nil {
		return failed(L, err)
	}
	urls := L.CreateTable(len(m.URLs), 0)
	for _, u := range m.URLs {
		urls.Append(located(record(L, "loc", u.Loc, "lastmod", u.LastMod, "changefreq", u.ChangeFreq, "priority", u.Priority), u.Outside))
	}
	maps := L.CreateTable(len(m.Sitemaps), 0)
	for _, s := range m.Sitemaps {
		maps.Append(located(record(L, "loc", s.Loc, "lastmod", s.LastMod), s.Outside))
	}
	t := record(L, "type", m.Type)
	t.RawSetString("urls", urls)
	t.RawSetString("sitemaps", maps)
	if m.Truncated {
		t.RawSetString("truncated", lua.LTrue)
	}
	return pushAll(L, t)
}

// located adds to an entry of a sitemap that its location is outside.
func located(entry *lua.LTable, outside bool) *lua.LTable {
	if outside {
		entry.RawSetString("outside", lua.LTrue)
	}
	return entry
}

func feedModule() module {
	return module{
		name: "feed", text: "RSS, RDF and Atom feeds.",
		docs: []doc{
			{call: "parse(bytes, {url=, content_type=}?) -> table | nil, message", text: "{type=, title=, link=, description=, updated=, entries={{id=, title=, link=, author=, published=, updated=, summary=, content=, categories=, enclosures=}}}; times are as the feed has them (time.parse reads them).", waits: true},
		},
		open: func(h *Host, L *lua.LState) lua.LValue {
			return newModule(L, map[string]lua.LGFunction{"parse": h.feedParse})
		},
	}
}

func (h *Host) feedParse(L *lua.LState) int {
	bytes := argString(L, 1)
	opts := h.fields(L, 2, "url", "content_type")
	url, contentType := fieldText(L, opts, "url"), fieldFirst(L, opts, "content_type")
	var f *extract.Feed
	var err error
	h.Working(func() { f, err = extract.ParseFeed(strings.NewReader(bytes), contentType, url) })
	if err != nil {
		return failed(L, err)
	}
	entries := L.CreateTable(len(f.Entries), 0)
	for _, e := range f.Entries {
		t := record(L, "id", e.ID, "title", e.Title, "link", e.Link, "author", e.Author, "published", e.Published,
			"updated", e.Updated, "summary", e.Summary, "content", e.Content)
		t.RawSetString("categories", stringList(L, e.Categories))
		t.RawSetString("enclosures", stringList(L, e.Enclosures))
		entries.Append(t)
	}
	t := record(L, "type", f.Type, "title", f.Title, "link", f.Link, "description", f.Description, "updated", f.Updated)
	t.RawSetString("entries", entries)
	return pushAll(L, t)
}
