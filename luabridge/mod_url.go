package luabridge

import (
	"net/url"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"downpour/policies"
)

func urlModule() module {
	return module{
		name: "url", text: "URLs as browsers read them (WHATWG).",
		docs: []doc{
			{call: "parse(s, base?) -> table | nil, message", text: "The parts of a URL, resolved against base: href, scheme, username, password, host, port (a number), path, query, fragment, origin. Parts that are not there are nil."},
			{call: "join(base, ref, encoding?) -> string | nil, message", text: "The URL that ref means on the page base, and its query in the page's encoding, as of req.encoding."},
			{call: "canonical(s, {drop_params=}?) -> string | nil, message", text: "The form in which the crawl compares URLs: query sorted, fragment dropped, and the parameters of the list drop_params left out."},
			{call: "normalize(s) -> string | nil, message", text: "The URL as it is sent, without its fragment."},
			{call: "host(s) -> string | nil, message", text: "The host of a URL, without port."},
			{call: "domain(host) -> string | nil", text: "The registrable domain (public suffix list); nil where there is none, as for an address or a suffix itself."},
			{call: "ascii(host) -> string | nil, message", text: "A host in ASCII (punycode), in lower case."},
			{call: "unicode(host) -> string | nil, message", text: "A host as people write it: punycode decoded."},
			{call: "query(s) -> list", text: "The parameters of a query string, or of a URL's: {name=, value=} in their order, decoded."},
			{call: "same_site(a, b) -> boolean", text: "Whether two URLs or hosts have the same registrable domain."},
			{call: "escape(s) -> string", text: "s with all but letters, digits, - . _ ~ as %XX."},
			{call: "unescape(s) -> string", text: "s with %XX decoded; what is no escape stays."},
		},
		open: func(h *Host, L *lua.LState) lua.LValue {
			return newModule(L, map[string]lua.LGFunction{
				"parse":     h.urlParse,
				"join":      urlJoin,
				"canonical": h.urlCanonical,
				"normalize": urlText(policies.URL.String),
				"host":      urlText(policies.URL.Hostname),
				"domain":    urlDomain,
				"ascii":     urlASCII,
				"unicode":   urlUnicode,
				"query":     h.urlQuery,
				"same_site": urlSameSite,
				"escape":    func(L *lua.LState) int { return pushAll(L, lua.LString(percent(argString(L, 1)))) },
				"unescape":  func(L *lua.LState) int { return pushAll(L, lua.LString(unpercent(argString(L, 1)))) },
			})
		},
	}
}

func (h *Host) urlParse(L *lua.LState) int {
	s := argString(L, 1)
	var u policies.URL
	var err error
	if L.Get(2) != lua.LNil {
		var base policies.URL
		if base, err = policies.ParseURL(argString(L, 2)); err == nil {
			u, err = base.Join(s)
		}
	} else {
		u, err = policies.ParseURL(s)
	}
	if err != nil {
		return failed(L, err)
	}
	t := record(L, "href", u.Href(), "scheme", u.Scheme(), "username", u.Username(),
		"password", u.Password(), "host", u.Hostname())
	if n, err := strconv.Atoi(u.Port()); err == nil {
		t.RawSetString("port", lua.LNumber(n))
	}
	t.RawSetString("path", lua.LString(u.Path()))
	for name, v := range map[string]string{"query": u.Query(), "fragment": u.Fragment()} {
		if v != "" {
			t.RawSetString(name, lua.LString(v))
		}
	}
	t.RawSetString("origin", lua.LString(u.Origin()))
	return pushAll(L, t)
}

func urlJoin(L *lua.LState) int {
	base, err := policies.ParseURL(argString(L, 1))
	if err != nil {
		return failed(L, err)
	}
	u, err := join(base, argString(L, 2), optString(L, 3, ""))
	if err != nil {
		return failed(L, err)
	}
	return pushAll(L, lua.LString(u.Href()))
}

func (h *Host) urlCanonical(L *lua.LState) int {
	u, err := policies.ParseURL(argString(L, 1))
	if err != nil {
		return failed(L, err)
	}
	var c policies.Canonical
	if opts := h.fields(L, 2, "drop_params"); opts != nil {
		c.DropParams = fieldList(L, opts, "drop_params")
	}
	return pushAll(L, lua.LString(c.Key(u)))
}

func urlText(part func(policies.URL) string) lua.LGFunction {
	return func(L *lua.LState) int {
		u, err := policies.ParseURL(argString(L, 1))
		if err != nil {
			return failed(L, err)
		}
		return pushAll(L, lua.LString(part(u)))
	}
}

func urlDomain(L *lua.LState) int {
	if d, ok := policies.Registrable(argString(L, 1)); ok {
		return pushAll(L, lua.LString(d))
	}
	return pushAll(L, lua.LNil)
}

func urlASCII(L *lua.LState) int {
	host, err := policies.ASCIIHost(argString(L, 1))
	if err != nil {
		return pushAll(L, lua.LNil, lua.LString("not a host"))
	}
	return pushAll(L, lua.LString(host))
}

func urlUnicode(L *lua.LState) int {
	host, ok := policies.UnicodeHost(argString(L, 1))
	if !ok {
		return pushAll(L, lua.LNil, lua.LString("not a host"))
	}
	return pushAll(L, lua.LString(host))
}

// paramSize is about how many bytes a parameter takes as a table.
const paramSize = 500

func (h *Host) urlQuery(L *lua.LState) int {
	query := queryOf(argString(L, 1))
	s := h.std()
	s.room(L, paramSize*(1+strings.Count(query, "&")))
	list := L.NewTable()
	for _, p := range policies.ParseQuery(query) {
		s.halt(L)
		t := L.CreateTable(0, 2)
		t.RawSetString("name", lua.LString(p.Name))
		t.RawSetString("value", lua.LString(p.Value))
		list.Append(t)
	}
	return pushAll(L, list)
}

// queryOf is the query in s, which is a URL, a reference or a query itself. A
// question mark past the first parameter is a part of a query.
func queryOf(s string) string {
	if u, err := policies.ParseURL(s); err == nil {
		return u.Query()
	}
	s, _, _ = strings.Cut(s, "#")
	path, query, ok := strings.Cut(s, "?")
	if ok && !strings.ContainsAny(path, "=&") {
		return query
	}
	return s
}

func urlSameSite(L *lua.LState) int {
	return pushAll(L, lua.LBool(site(argString(L, 1)) == site(argString(L, 2))))
}

// site is the registrable domain of a URL or host, or the host itself.
func site(s string) string {
	if u, err := policies.ParseURL(s); err == nil && u.Hostname() != "" {
		s = u.Hostname()
	}
	return policies.Domain(s)
}

func percent(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// unpercent decodes %XX and leaves what is no escape.
func unpercent(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if u, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil && s[i+1] != '+' {
				b = append(b, byte(u))
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}
