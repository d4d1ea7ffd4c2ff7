package luabridge

import (
	lua "github.com/yuin/gopher-lua"

	"downpour/internal/extract"
	"downpour/policies"
)

func htmlModule() module {
	return module{
		name: "html", text: "HTML text to a document, like req.doc.",
		docs: []doc{
			{call: "parse(text, {url=, encoding=}?) -> element", text: "The document, with find, all, xpath, text, attr, html, links and urls; url is what links are resolved against, encoding that in which their queries are sent, such as req.encoding.", waits: true},
		},
		open: func(h *Host, L *lua.LState) lua.LValue {
			return newModule(L, map[string]lua.LGFunction{"parse": h.htmlParse})
		},
	}
}

func (h *Host) htmlParse(L *lua.LState) int {
	text := argString(L, 1)
	opts := h.fields(L, 2, "url", "encoding")
	base, err := baseArg(L, opts)
	if err != nil {
		return failed(L, err)
	}
	var doc *extract.Node
	h.roomForTree(L, text)
	h.Working(func() { doc = extract.Parse(text) })
	return pushAll(L, h.element(&element{node: doc, base: base, encoding: fieldText(L, opts, "encoding")}))
}

// baseArg is the option url as a URL; the zero URL where there is none.
func baseArg(L *lua.LState, opts *lua.LTable) (policies.URL, error) {
	if s := fieldText(L, opts, "url"); s != "" {
		return policies.ParseURL(s)
	}
	return policies.URL{}, nil
}

func xmlModule() module {
	return module{
		name: "xml", text: "XML text to a document, with XPath.",
		docs: []doc{
			{call: "parse(s) -> element | nil, message", text: "The document, like that of html.parse, or nil and the line where it is not well-formed; names keep their case. No entity but XML's own five is expanded and nothing is fetched.", waits: true},
		},
		open: func(h *Host, L *lua.LState) lua.LValue {
			return newModule(L, map[string]lua.LGFunction{"parse": func(L *lua.LState) int {
				text := argString(L, 1)
				var doc *extract.Node
				var err error
				h.roomForTree(L, text)
				h.Working(func() {
					if err = extract.CheckXML(text); err == nil {
						doc, err = extract.ParseXML(text)
					}
				})
				if err != nil {
					return failed(L, err)
				}
				return pushAll(L, h.element(&element{node: doc}))
			}})
		},
	}
}
