package luabridge

import (
	"html"
	"strings"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"

	"downpour/internal/extract"
)

func textModule() module {
	return module{
		name: "text", text: "What pages' text needs: white space, character references, encodings.",
		docs: []doc{
			{call: "trim(s) -> string", text: "s without white space at its ends, Unicode's included."},
			{call: "squeeze(s) -> string", text: "s trimmed, each run of white space one space."},
			{call: "entities(s) -> string", text: "s with HTML's character references decoded."},
			{call: "escape(s) -> string", text: "s with & < > \" ' as character references."},
			{call: "decode(bytes, {content_type=, kind=}?) -> text, encoding", text: "Bytes to UTF-8: byte order mark, Content-Type, declaration (kind \"html\", \"xml\" or \"text\"), else a guess."},
			{call: "lower(s) -> string", text: "s in lower case, in every script."},
			{call: "upper(s) -> string", text: "s in upper case, in every script."},
			{call: "len(s) -> number", text: "How many characters s has, not bytes."},
			{call: "cut(s, n) -> string", text: "The first n characters of s."},
		},
		open: func(h *Host, L *lua.LState) lua.LValue {
			return newModule(L, map[string]lua.LGFunction{
				"trim":     textFunc(strings.TrimSpace),
				"squeeze":  textFunc(extract.Squeeze),
				"entities": textFunc(html.UnescapeString),
				"escape":   textFunc(html.EscapeString),
				"lower":    textFunc(strings.ToLower),
				"upper":    textFunc(strings.ToUpper),
				"decode":   h.textDecode,
				"len": func(L *lua.LState) int {
					return pushAll(L, lua.LNumber(utf8.RuneCountInString(argString(L, 1))))
				},
				"cut": func(L *lua.LState) int { return pushAll(L, lua.LString(cut(argString(L, 1), argInt(L, 2)))) },
			})
		},
	}
}

func textFunc(f func(string) string) lua.LGFunction {
	return func(L *lua.LState) int { return pushAll(L, lua.LString(f(argString(L, 1)))) }
}

func cut(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return s[:i]
		}
	}
	return s
}

func (h *Host) textDecode(L *lua.LState) int {
	bytes := argString(L, 1)
	opts := h.fields(L, 2, "content_type", "kind")
	text, name := extract.Decode([]byte(bytes), fieldText(L, opts, "content_type"), kindArg(L, fieldText(L, opts, "kind")))
	return pushAll(L, lua.LString(text), lua.LString(name))
}

func kindArg(L *lua.LState, kind string) extract.Kind {
	switch kind {
	case "", "html":
		return extract.HTML
	case "xml":
		return extract.XML
	case "text":
		return extract.Text
	}
	L.RaiseError("kind is 'html', 'xml' or 'text', not '%s'", kind)
	return 0
}
