package luabridge

import (
	"context"
	"errors"
	"fmt"

	lua "github.com/yuin/gopher-lua"

	"downpour/engine"
	"downpour/policies"
)

// maxHTTPHops is how many redirects http.get and http.post follow.
const maxHTTPHops = 10

func httpModule() module {
	return module{
		name: "http", text: "Fetching in the middle of a hook, within the crawl's scope, robots.txt and politeness.",
		docs: []doc{
			{call: "get(url, opts?) -> response | nil, message", text: "Fetches a page and answers it like req, whatever its status; redirects are followed. opts: headers, timeout, proxy, method, body.", waits: true},
			{call: "post(url, body, opts?) -> response | nil, message", text: "The same with a body.", waits: true},
		},
		open: func(h *Host, L *lua.LState) lua.LValue {
			return newModule(L, map[string]lua.LGFunction{
				"get":  func(L *lua.LState) int { return h.httpFetch(L, "get", 2) },
				"post": func(L *lua.LState) int { return h.httpFetch(L, "post", 3) },
			})
		},
	}
}

// A now fetches outside the frontier.
type now interface {
	FetchNow(ctx context.Context, r *engine.Request) (*engine.Response, error)
}

func (h *Host) httpFetch(L *lua.LState, name string, opts int) int {
	ref := argString(L, 1)
	var t *lua.LTable
	if L.Get(opts) != lua.LNil {
		t = argTable(L, opts)
	}
	c := h.gate.cur
	var base policies.URL
	depth := 0
	if c.page != nil {
		base = c.page.address()
		depth = c.page.req.Depth + 1
	}
	req := h.pushOptions(L, t, false).request(&engine.Request{}, base, ref, "") // a copy: the options may be shared
	req.Depth = depth
	if name == "post" {
		req.Body = []byte(argString(L, 2))
		if req.Method == "" {
			req.Method = "POST"
		}
	}
	fetcher, ok := c.sink.(now)
	if !ok {
		L.RaiseError("http.%s: a script's top level runs before the crawl it describes is known, its robots rules, delays and proxies; call it in on_start", name)
	}
	ctx := h.context()
	var resp *engine.Response
	var err error
	h.Blocking(func() { req, resp, err = fetchThrough(ctx, fetcher, req) })
	if err != nil {
		return failed(L, err)
	}
	return pushAll(L, &h.newPage(req, resp).ud)
}

// fetchThrough fetches r and follows redirects.
func fetchThrough(ctx context.Context, f now, r *engine.Request) (*engine.Request, *engine.Response, error) {
	for {
		resp, err := f.FetchNow(ctx, r)
		if err != nil {
			return nil, nil, err
		}
		location := resp.Header.Get("Location")
		if !policies.IsRedirect(resp.Status) || location == "" {
			return r, resp, nil
		}
		if len(r.Hops) >= maxHTTPHops {
			return nil, nil, fmt.Errorf("more than %d redirects", maxHTTPHops)
		}
		if r, err = hop(r, resp, location); err != nil {
			return nil, nil, err
		}
	}
}

// hop is the request that a redirect asks for. What belongs to one origin
// alone stays there.
func hop(r *engine.Request, resp *engine.Response, location string) (*engine.Request, error) {
	from, err := policies.ParseURL(r.URL)
	if err != nil {
		return nil, err
	}
	next, err := policies.Redirect(resp.Status, r.MethodOrGet(), from, location)
	if err != nil {
		return nil, err
	}
	if !next.URL.IsHTTP() {
		return nil, errors.New("redirect to a URL that is not http")
	}
	if err := next.Check(r.Body); err != nil {
		return nil, err
	}
	to := *r
	to.URL, to.Method = next.URL.String(), next.Method
	to.Original = r.OriginalURL()
	to.Hops = append(r.Hops[:len(r.Hops):len(r.Hops)], engine.Hop{URL: r.URL, Status: resp.Status})
	if !next.KeepBody {
		to.Body = nil
	}
	if !next.SameOrigin {
		to.Header = nil
	}
	return &to, nil
}
