package luabridge

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCrawlFollowsAndEmits(t *testing.T) {
	w := newWorld(t, `
-- main.lua --
--- Follow every link.
-- @arg site where to start (required)
crawl { seeds = args.site, max_depth = 3 }
enqueue(args.site)
function on_success(req, text)
  emit { url = req.url, title = req.doc:text("title"), n = #text > 0 }
  req:follow("a[href]")
end
-- index.html --
<title>Home</title><a href="a.html">a</a> <a href="/b.html#x">b</a> <a rel=nofollow href=c.html>c</a>
-- a.html --
<title>A</title><a href="/">home</a>
-- b.html --
<title>B &amp; C</title>
`)
	w.opt.Args = map[string]string{"site": "http://site.test/"}
	s := w.run()
	want := []string{
		"url=http://site.test/ title=Home n=true",
		"url=http://site.test/a.html title=A n=true",
		"url=http://site.test/b.html title=B & C n=true",
	}
	if diff := cmp.Diff(want, w.items); diff != "" {
		t.Error(diff, w.log.String())
	}
	if s.Pages != 3 {
		t.Errorf("%d pages", s.Pages)
	}
}
