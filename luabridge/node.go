package luabridge

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"downpour/internal/extract"
	"downpour/policies"
)

// An element is a node of a parsed page as scripts see it.
type element struct {
	node *extract.Node
	page *page // the page it is of; nil for a document of the script's own

	// For one of the script's own:
	base     policies.URL // what its links are resolved against
	encoding string       // in which their queries are sent; "" is UTF-8
}

func (h *Host) openNode() {
	h.types.nodeMethods = h.methods("element", map[string]lua.LGFunction{
		"find":     h.nodeFind,
		"all":      h.nodeAll,
		"xpath":    h.nodeXPath,
		"text":     h.nodeText,
		"attr":     h.nodeAttr,
		"html":     h.nodeHTML,
		"parent":   h.nodeStep("parent", (*extract.Node).Parent),
		"next":     h.nodeStep("next", (*extract.Node).Next),
		"prev":     h.nodeStep("prev", (*extract.Node).Prev),
		"children": h.nodeChildren,
		"links":    h.nodeLinks,
		"urls":     h.nodeURLs,
	})
	h.types.node = h.metatable("element", map[string]lua.LGFunction{
		"__index":    h.nodeIndex,
		"__newindex": h.nodeNewIndex,
		"__eq": func(L *lua.LState) int {
			a, b := checkNode(L, 1, "…"), checkNode(L, 2, "…")
			L.Push(lua.LBool(*a.node == *b.node))
			return 1
		},
		"__tostring": func(L *lua.LState) int {
			L.Push(lua.LString("element: <" + checkNode(L, 1, "tostring").node.Tag() + ">"))
			return 1
		},
	})
}

// node is the userdata of a node of p's document.
func (h *Host) node(n *extract.Node, p *page) lua.LValue {
	return h.element(&element{node: n, page: p})
}

func (h *Host) element(e *element) lua.LValue {
	if e.node == nil {
		return lua.LNil
	}
	return &lua.LUserData{Value: e, Env: h.base, Metatable: h.types.node}
}

// nodeList is a list of nodes of e's document.
func (h *Host) nodeList(e *element, nodes []*extract.Node) lua.LValue {
	list := h.L.CreateTable(len(nodes), 0)
	for _, n := range nodes {
		list.Append(h.element(e.near(n)))
	}
	return list
}

// nodeFields are the fields of an element.
var nodeFields = []string{"tag"}

// near is another element of the same document.
func (e *element) near(n *extract.Node) *element { return &element{n, e.page, e.base, e.encoding} }

func checkNode(L *lua.LState, n int, method string) *element {
	if ud, ok := L.Get(n).(*lua.LUserData); ok {
		if e, ok := ud.Value.(*element); ok {
			return e
		}
	}
	L.RaiseError("call it with a colon on an element: el:%s(…)", method)
	return nil
}

func (h *Host) nodeIndex(L *lua.LState) int {
	e := checkNode(L, 1, "…")
	name := L.Get(2).String()
	if fn, ok := h.types.nodeMethods[name]; ok {
		L.Push(fn)
		return 1
	}
	if name != "tag" {
		L.RaiseError("%s", unknown("element", name, nodeFields, h.types.nodeMethods.names()))
	}
	L.Push(optional(e.node.Tag()))
	return 1
}

func (h *Host) nodeNewIndex(L *lua.LState) int {
	L.RaiseError("an element's '%s' cannot be set", L.Get(2).String())
	return 0
}

// maxSelectors is how many parsed selectors are kept.
const maxSelectors = 1000

// selector is argument 2 as a selector.
func (h *Host) selector(L *lua.LState) *extract.Selector {
	text := argString(L, 2)
	if sel := h.selectors[text]; sel != nil {
		return sel
	}
	sel, err := extract.ParseSelector(text)
	if err != nil {
		L.RaiseError("%s", err.Error())
	}
	if h.selectors == nil || len(h.selectors) >= maxSelectors {
		h.selectors = map[string]*extract.Selector{}
	}
	h.selectors[text] = sel
	return sel
}

func (h *Host) nodeFind(L *lua.LState) int {
	e := checkNode(L, 1, "find")
	L.Push(h.element(e.near(h.first(L, e.node))))
	return 1
}

func (h *Host) nodeAll(L *lua.LState) int {
	e := checkNode(L, 1, "all")
	sel := h.selector(L)
	nodes, err := e.node.All(sel)
	selected(L, sel, err)
	list := h.L.CreateTable(len(nodes), 0)
	for _, n := range nodes {
		list.Append(h.element(e.near(n)))
	}
	L.Push(list)
	return 1
}

// first is the first node below n that argument 2 selects, or nil.
func (h *Host) first(L *lua.LState, n *extract.Node) *extract.Node {
	sel := h.selector(L)
	found, err := n.Find(sel)
	selected(L, sel, err)
	return found
}

// selected raises the error of a selection, if it had one.
func selected(L *lua.LState, sel *extract.Selector, err error) {
	if err != nil {
		L.RaiseError("selector '%s': %s", sel, err.Error())
	}
}

func (h *Host) nodeXPath(L *lua.LState) int {
	e := checkNode(L, 1, "xpath")
	return h.pushXPath(L, e, argString(L, 2))
}

// pushXPath pushes an XPath result: a list of nodes and strings, a string, a
// number or a boolean.
func (h *Host) pushXPath(L *lua.LState, e *element, expr string) int {
	v, err := e.node.XPath(expr)
	if err != nil {
		L.RaiseError("%s", err.Error())
	}
	switch v := v.(type) {
	case string:
		L.Push(lua.LString(v))
	case float64:
		L.Push(lua.LNumber(v))
	case bool:
		L.Push(lua.LBool(v))
	case []*extract.Node:
		L.Push(h.nodeList(e, v))
	default:
		L.Push(lua.LNil)
	}
	return 1
}

// nodeText is the text of an element, or of the first that a selector finds in
// it, without white space at its ends; nil where there is none.
func (h *Host) nodeText(L *lua.LState) int {
	n := checkNode(L, 1, "text").node
	if L.Get(2) != lua.LNil {
		n = h.first(L, n)
	}
	if n == nil {
		L.Push(lua.LNil)
		return 1
	}
	L.Push(lua.LString(strings.TrimSpace(n.Text())))
	return 1
}

func (h *Host) nodeAttr(L *lua.LState) int {
	e := checkNode(L, 1, "attr")
	v, ok := e.node.Attr(argString(L, 2))
	if !ok {
		L.Push(lua.LNil)
		return 1
	}
	L.Push(lua.LString(v))
	return 1
}

func (h *Host) nodeHTML(L *lua.LState) int {
	L.Push(lua.LString(checkNode(L, 1, "html").node.HTML()))
	return 1
}

func (h *Host) nodeStep(name string, step func(*extract.Node) *extract.Node) lua.LGFunction {
	return func(L *lua.LState) int {
		e := checkNode(L, 1, name)
		L.Push(h.element(e.near(step(e.node))))
		return 1
	}
}

func (h *Host) nodeChildren(L *lua.LState) int {
	e := checkNode(L, 1, "children")
	list := h.L.NewTable()
	for _, n := range e.node.Children() {
		list.Append(h.element(e.near(n)))
	}
	L.Push(list)
	return 1
}
