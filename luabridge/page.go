package luabridge

import (
	"bytes"
	"encoding/json"
	"strings"
	"unsafe"

	lua "github.com/yuin/gopher-lua"

	"downpour/engine"
	"downpour/internal/extract"
	"downpour/policies"
)

// A page is a request as scripts see it, with what came back. It is the value
// of a userdata and lives as long as a script keeps it; its visit may be over.
type page struct {
	h     *Host
	ud    lua.LUserData
	req   *engine.Request
	resp  *engine.Response // of the hop at hand; nil before there is one
	visit *engine.Visit    // nil for a request that is not under way
	live  bool             // a hook of its visit is running

	text      string     // decoded body
	textLua   lua.LValue // text as Lua has it; nil until asked for
	encoding  string
	hasText   bool
	doc       *extract.Node
	title     lua.LValue
	url       policies.URL    // req.URL parsed
	base      policies.URL    // what links are resolved against, once known
	refreshes map[string]bool // where the page's meta refreshes lead, once its links have been looked at
	meta      lua.LValue      // req.Meta as Lua has it; nil until asked for
	metaWas   string          // the JSON of meta when it was last written back
	headers   *lua.LTable
	headersOf *engine.Response
	spare     []engine.Request // for what the page leads to
	made      int              // of those, used ones included
}

// maxSpare is how many requests are made at once.
const maxSpare = 16

// room is a request to fill in. Those of a page lie side by side, as they are
// pushed and forgotten together: ever more are made at once. p may be nil.
func (p *page) room() *engine.Request {
	if p == nil {
		return &engine.Request{}
	}
	if len(p.spare) == 0 {
		p.spare = make([]engine.Request, min(p.made+1, maxSpare))
		p.made += len(p.spare)
	}
	r := &p.spare[0]
	p.spare = p.spare[1:]
	return r
}

// newPage makes the userdata of a request.
func (h *Host) newPage(req *engine.Request, resp *engine.Response) *page {
	p := &page{h: h, req: req, resp: resp}
	p.ud.Value = p
	p.ud.Env = h.base
	p.ud.Metatable = h.types.request
	return p
}

// update drops what was made of an earlier hop's response. The lock is held.
func (p *page) update(resp *engine.Response) {
	if p.resp == resp {
		return
	}
	if p.headers != nil {
		p.h.fill(p.headers)
	}
	p.resp = resp
	p.headers, p.doc, p.title = nil, nil, nil
	p.text, p.textLua, p.encoding, p.hasText = "", nil, "", false
	p.base, p.refreshes = policies.URL{}, nil
}

// isXML reports whether a response is XML that is no HTML.
func isXML(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.TrimSpace(media)
	return strings.EqualFold(media, "text/xml") || strings.EqualFold(media, "application/xml") ||
		len(media) > 4 && strings.EqualFold(media[len(media)-4:], "+xml")
}

// textKind says where a body of this media type may name its encoding.
func textKind(contentType string) extract.Kind {
	if strings.HasPrefix(contentType, "text/html") {
		return extract.HTML
	}
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	switch {
	case strings.Contains(media, "html") || media == "":
		return extract.HTML
	case isXML(media):
		return extract.XML
	}
	return extract.Text
}

// decode makes the body text, once. It may run without the lock, in the visit's
// own goroutine.
func (p *page) decode() string {
	if !p.hasText && p.resp != nil && p.resp.Body != nil {
		ct := p.resp.Header.Get("Content-Type")
		p.text, p.encoding = extract.Decode(p.resp.Body, ct, textKind(ct))
		p.hasText = true
	}
	return p.text
}

// textValue is the decoded body, "" where there is none.
func (p *page) textValue() lua.LValue {
	if p.textLua == nil {
		p.textLua = lua.LString(p.decode())
	}
	return p.textLua
}

// bytesText is b as a string without a copy: a body is never modified.
func bytesText(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// document is the page's tree, parsed with the lock given up; nil without a
// body.
func (p *page) document(L *lua.LState) *extract.Node {
	if p.doc == nil && p.resp != nil && p.resp.Body != nil {
		resp := p.resp
		var text string
		p.h.Working(func() { text = p.decode() })
		p.h.roomForTree(L, text)
		var doc *extract.Node
		p.h.Working(func() {
			if isXML(resp.Header.Get("Content-Type")) && !strings.Contains(resp.Header.Get("Content-Type"), "html") {
				doc, _ = extract.ParseXML(text)
			}
			if doc == nil {
				doc = extract.Parse(text)
			}
		})
		if p.resp == resp && p.doc == nil {
			p.doc = doc
		}
	}
	return p.doc
}

// nodeSize is about how many bytes of memory a tag of a page takes in its tree.
const nodeSize = 130

// roomForTree ends the call at hand where the tree of text would take the heap
// over its limit.
func (h *Host) roomForTree(L *lua.LState, text string) {
	h.std().room(L, nodeSize*strings.Count(text, "<"))
}

// address is the page's URL, parsed; the zero URL where it cannot be.
func (p *page) address() policies.URL {
	if p.url.IsZero() || p.url.String() != p.req.URL {
		p.url, _ = policies.ParseURL(p.req.URL)
		p.base = policies.URL{}
	}
	return p.url
}

// rebase sets what the page's links are resolved against: its base element's
// href, resolved against its URL, or its URL.
func (p *page) rebase(href string) policies.URL {
	if !p.base.IsZero() {
		return p.base
	}
	p.base = p.address()
	if href != "" && !p.base.IsZero() {
		if u, err := p.base.Join(href); err == nil && u.IsHTTP() {
			p.base = u
		}
	}
	return p.base
}

// metaValue is req.meta: a table that is written back after the hook.
func (p *page) metaValue() (lua.LValue, error) {
	if p.meta == nil {
		p.metaWas = string(p.req.Meta)
		if len(p.req.Meta) == 0 {
			p.meta = p.h.L.NewTable()
			return p.meta, nil
		}
		v, err := p.h.parseJSON(p.req.Meta)
		if err != nil {
			return nil, err
		}
		p.meta = v
	}
	return p.meta, nil
}

// storeMeta writes req.meta back when the script has changed it.
func (p *page) storeMeta() error {
	if p.meta == nil {
		return nil
	}
	raw, err := p.h.metaJSON(p.meta)
	if err != nil {
		return err
	}
	if !bytes.Equal(raw, []byte(p.metaWas)) {
		p.req.Meta = raw
		p.metaWas = string(raw)
	}
	return nil
}

// metaJSON is a value of meta as it is stored, nil for an empty table.
func (h *Host) metaJSON(v lua.LValue) (json.RawMessage, error) {
	if t, ok := v.(*lua.LTable); ok && t.Metatable != h.types.array {
		if k, _ := t.Next(lua.LNil); k == lua.LNil {
			return nil, nil
		}
	}
	if v == lua.LNil {
		return nil, nil
	}
	raw, err := h.appendJSON(nil, v, 0)
	if err != nil {
		return nil, metaError{err}
	}
	return raw, nil
}

type metaError struct{ err error }

func (e metaError) Error() string { return "meta: " + e.err.Error() }
