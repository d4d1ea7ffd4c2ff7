package luabridge

import (
	"downpour/internal/extract"
	"downpour/policies"

	lua "github.com/yuin/gopher-lua"
)

// directives are what the page asks of crawlers, in its X-Robots-Tag headers
// and, once its body is there, in its meta elements. It may run without the
// lock, in the visit's own goroutine.
func (p *page) directives() policies.Directives {
	agent := ""
	if p.visit != nil {
		agent = p.visit.Agent()
	}
	values := p.resp.Header.Values("X-Robots-Tag")
	if p.resp.Body != nil {
		values = append(values[:len(values):len(values)], extract.RobotsMeta(p.decode(), agent)...)
	}
	return policies.ReadDirectives(agent, values...)
}

// robots is req.robots.
func (p *page) robots() lua.LValue {
	d := p.directives()
	t := p.h.L.CreateTable(0, 2)
	t.RawSetString("noindex", lua.LBool(d.NoIndex))
	t.RawSetString("nofollow", lua.LBool(d.NoFollow))
	return t
}
