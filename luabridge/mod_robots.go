package luabridge

import (
	lua "github.com/yuin/gopher-lua"

	"downpour/policies"
)

func robotsModule() module {
	return module{
		name: "robots", text: "robots.txt (RFC 9309).",
		docs: []doc{
			{call: "parse(text, {url=}?) -> robots | nil, message", text: "The rules of a robots.txt file; relative sitemaps are resolved against url, where the file is."},
			{call: "robots:allowed(agent, url) -> boolean, line | nil", text: "Whether agent may fetch url, and the line of the rule that says so."},
			{call: "robots:crawl_delay(agent) -> seconds | nil", text: "The Crawl-delay that applies to agent."},
			{call: "robots.sitemaps", text: "The sitemaps named, a list of URLs."},
		},
		open: func(h *Host, L *lua.LState) lua.LValue {
			meta := h.objectType("robots", map[string]lua.LGFunction{
				"allowed":     robotsAllowed,
				"crawl_delay": robotsCrawlDelay,
			}, func(v any, name string) (lua.LValue, bool) {
				if name != "sitemaps" {
					return nil, false
				}
				return stringList(L, v.(*policies.Robots).Sitemaps), true
			})
			return newModule(L, map[string]lua.LGFunction{
				"parse": func(L *lua.LState) int {
					text := argString(L, 1)
					base, err := baseArg(L, h.fields(L, 2, "url"))
					if err != nil {
						return failed(L, err)
					}
					r := policies.ParseRobots([]byte(text))
					for i, ref := range r.Sitemaps {
						r.Sitemaps[i] = resolve(base, ref, "")
					}
					return pushAll(L, h.object(L, r, meta))
				},
			})
		},
	}
}

func robotsAllowed(L *lua.LState) int {
	r := self[*policies.Robots](L, "robots")
	ok, line := r.Allowed(argString(L, 2), argString(L, 3))
	if line == 0 {
		return pushAll(L, lua.LBool(ok), lua.LNil)
	}
	return pushAll(L, lua.LBool(ok), lua.LNumber(line))
}

func robotsCrawlDelay(L *lua.LState) int {
	d, ok := self[*policies.Robots](L, "robots").CrawlDelay(argString(L, 2))
	if !ok {
		return pushAll(L, lua.LNil)
	}
	return pushAll(L, lua.LNumber(d.Seconds()))
}
