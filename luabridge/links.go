package luabridge

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"downpour/engine"
	"downpour/internal/extract"
	"downpour/policies"
)

// defaultLinks is what follow, links and urls select without a selector.
const defaultLinks = "a[href], area[href]"

// linkSelector is argument 2 as a selector; nil gives the default, and a table
// there is the options with the selector left out.
func (h *Host) linkSelector(L *lua.LState) *extract.Selector {
	const n = 2
	if v := L.Get(n); v == lua.LNil || v.Type() == lua.LTTable {
		sel, ok := h.selectors[defaultLinks]
		if !ok {
			L.Insert(lua.LString(defaultLinks), n)
			sel = h.selector(L)
			L.Remove(n)
		}
		return sel
	}
	return h.selector(L)
}

// requestFollow is req:follow(selector?, opts): it waits.
func (h *Host) requestFollow(L *lua.LState) int {
	p := checkPage(L, "follow")
	p.liveVisit(L, "follow")
	sel := h.linkSelector(L)
	opts, ok := L.Get(3).(*lua.LTable)
	if t, first := L.Get(2).(*lua.LTable); first && !ok {
		opts = t
	}
	o := h.pushOptions(L, opts, true)
	if p.resp == nil || p.resp.Body == nil {
		L.Push(lua.LNumber(0))
		return 1
	}
	var fresh int
	if filter := h.chain(hook(engine.EventEnqueue), o.req.Kind); len(filter) > 0 {
		var f references
		var err error
		h.Working(func() { f, err = p.followed(sel, o.nofollow) })
		selected(L, sel, err)
		for _, ref := range f.refs {
			fresh += h.push(L, p, lua.LString(ref), o)
		}
	} else {
		var err error
		h.Working(func() {
			var f references
			f, err = p.followed(sel, o.nofollow)
			for _, ref := range f.refs {
				r := o.request(p.room(), f.base, ref, p.encoding)
				r.Refresh = p.refreshes[r.URL]
				if ok, _ := p.visit.Enqueue(r); ok {
					fresh++
				}
			}
		})
		selected(L, sel, err)
	}
	L.Push(lua.LNumber(fresh))
	return 1
}

// references are what the first links of a page name, as the page has it.
type references struct {
	refs []string
	base policies.URL // what they are resolved against
	over int          // links beyond
}

// followed are the page's links that are to be followed: no more than
// max_links and, unless all is set, none that the page or the link says
// nofollow of. It runs without the lock.
func (p *page) followed(sel *extract.Selector, all bool) (references, error) {
	if !all && p.directives().NoFollow {
		return references{}, nil
	}
	f, err := p.refs(sel, all, p.visit.LinkRoom())
	p.visit.LeaveOut(f.over)
	return f, err
}

// refs are up to room links of the page, with or without those that say
// nofollow. It runs without the lock.
func (p *page) refs(sel *extract.Selector, all bool, room int) (f references, err error) {
	for _, l := range p.headerLinks(sel) {
		switch {
		case l.NoFollow && !all:
		case len(f.refs) >= room:
			f.over++
		default:
			f.refs = append(f.refs, resolve(p.address(), l.Ref, ""))
		}
	}
	var refreshes []string
	href, err := extract.Refs(p.decode(), sel, func(ref string, nofollow, refresh bool) bool {
		if refresh {
			refreshes = append(refreshes, ref)
		}
		switch {
		case nofollow && !all:
		case len(f.refs) >= room:
			f.over++
		default:
			f.refs = append(f.refs, ref)
		}
		return true
	})
	f.base = p.rebase(href)
	p.noteRefreshes(f.base, p.encoding, refreshes...)
	return f, err
}

// noteRefreshes remembers where the page's refreshes lead: whoever enqueues
// that follows a redirect. A browser heeds the first alone; which of them a
// script follows is its own choice.
func (p *page) noteRefreshes(base policies.URL, encoding string, refs ...string) {
	for _, ref := range refs {
		if p.refreshes == nil {
			p.refreshes = map[string]bool{}
		}
		p.refreshes[resolve(base, ref, encoding)] = true
	}
}

// headerLinks are the links of the page's Refresh and Link headers, which are
// relative to its URL, whatever its base element says.
func (p *page) headerLinks(sel *extract.Selector) []extract.Link {
	links := extract.HeaderLinks(sel, p.resp.Header.Values("Link")...)
	for _, l := range extract.HeaderRefresh(sel, p.resp.Header.Get("Refresh")) {
		p.noteRefreshes(p.address(), "", l.Ref)
		links = append(links, l)
	}
	return links
}

// join resolves ref against base. The query of a link is sent in the encoding
// of its page; "" is UTF-8.
func join(base policies.URL, ref, encoding string) (policies.URL, error) {
	u, err := base.Join(ref)
	if err == nil && encoding != "" && encoding != "utf-8" && u.IsHTTP() {
		return base.Join(extract.EncodeQuery(ref, encoding))
	}
	return u, err
}

// resolve makes ref absolute. A reference that is no URL stays as it is.
func resolve(base policies.URL, ref, encoding string) string {
	if base.IsZero() {
		return ref
	}
	u, err := join(base, ref, encoding)
	if err != nil {
		return ref
	}
	return u.String()
}

// mayHaveBase reports whether a page has what looks like a base element.
func mayHaveBase(text string) bool {
	for {
		i := strings.IndexByte(text, '<')
		if i < 0 || len(text)-i < len("<base") {
			return false
		}
		text = text[i+1:]
		if text[0]|0x20 == 'b' && strings.EqualFold(text[:4], "base") {
			return true
		}
	}
}

// linkTable is a link as links() lists it.
func (h *Host) linkTable(l extract.Link, url string) lua.LValue {
	t := h.L.CreateTable(0, 6)
	t.RawSetString("url", lua.LString(url))
	t.RawSetString("text", lua.LString(l.Text))
	if l.Rel != "" {
		t.RawSetString("rel", lua.LString(l.Rel))
	}
	t.RawSetString("tag", lua.LString(l.Tag))
	t.RawSetString("attr", lua.LString(l.Attr))
	t.RawSetString("nofollow", lua.LBool(l.NoFollow))
	return t
}

// requestLinks is req:links(selector?): it waits.
func (h *Host) requestLinks(L *lua.LState) int {
	p := checkPage(L, "links")
	sel := h.linkSelector(L)
	var links, fromHeader []extract.Link
	var base policies.URL
	var err error
	if p.resp != nil && p.resp.Body != nil {
		h.Working(func() {
			var href string
			links, href, err = extract.Links(p.decode(), sel)
			base = p.rebase(href)
			var refreshes []string
			for _, l := range links {
				if l.Tag == "meta" {
					refreshes = append(refreshes, l.Ref)
				}
			}
			p.noteRefreshes(base, p.encoding, refreshes...)
			fromHeader = p.headerLinks(sel)
		})
		selected(L, sel, err)
	}
	list := h.L.CreateTable(len(links)+len(fromHeader), 0)
	h.addLinks(L, list, fromHeader, p.address(), "")
	h.addLinks(L, list, links, base, p.encoding)
	L.Push(list)
	return 1
}

// linkSize is about how many bytes a link takes as a table.
const linkSize = 700

// addLinks appends links to a list.
func (h *Host) addLinks(L *lua.LState, list *lua.LTable, links []extract.Link, base policies.URL, encoding string) {
	s := h.std()
	s.room(L, linkSize*len(links))
	for _, l := range links {
		s.halt(L)
		list.Append(h.linkTable(l, resolve(base, l.Ref, encoding)))
	}
}

func stringList(L *lua.LState, list []string) lua.LValue {
	t := L.CreateTable(len(list), 0)
	for _, s := range list {
		t.Append(lua.LString(s))
	}
	return t
}

// elementLinks are the links below an element, with what they are resolved
// against and the encoding of its document.
func (h *Host) elementLinks(L *lua.LState, e *element) (links []extract.Link, base policies.URL, encoding string) {
	sel := h.linkSelector(L)
	links, href, err := e.node.Links(sel)
	selected(L, sel, err)
	if e.page != nil {
		return links, e.page.rebase(e.page.baseHref(href)), e.page.encoding
	}
	base = e.base
	if href != "" && !base.IsZero() {
		if u, err := base.Join(href); err == nil {
			base = u
		}
	}
	return links, base, e.encoding
}

// baseHref is the href of the page's base element; found is what a part of the
// page had of it.
func (p *page) baseHref(found string) string {
	if found != "" || !p.base.IsZero() {
		return found
	}
	return p.findBase()
}

// findBase is the href of the page's base element, "" where there is none.
func (p *page) findBase() string {
	text := p.decode()
	if !mayHaveBase(text) {
		return ""
	}
	sel, err := extract.ParseSelector("base[href]")
	if err != nil {
		return ""
	}
	href, _ := extract.Refs(text, sel, func(string, bool, bool) bool { return true })
	return href
}

func (h *Host) nodeLinks(L *lua.LState) int {
	e := checkNode(L, 1, "links")
	links, base, encoding := h.elementLinks(L, e)
	list := h.L.CreateTable(len(links), 0)
	h.addLinks(L, list, links, base, encoding)
	L.Push(list)
	return 1
}

func (h *Host) nodeURLs(L *lua.LState) int {
	e := checkNode(L, 1, "urls")
	links, base, encoding := h.elementLinks(L, e)
	var urls []string
	for _, l := range links {
		h.std().halt(L)
		urls = append(urls, resolve(base, l.Ref, encoding))
	}
	L.Push(stringList(h.L, urls))
	return 1
}
