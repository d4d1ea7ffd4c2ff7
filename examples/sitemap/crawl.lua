--- Fetch what a sitemap lists, changed on or after a day; one row a page.
-- @arg since  only pages changed since then, as 2026-10-01
local sitemap = require "downpour.sitemap"

crawl {
  serve = "site",
  seeds = "http://site.test/sitemap.xml",
  delay = 0.1,
}

kind "page" {
  on_success = function(req, text)
    emit { url = req.url, title = req.title, lastmod = req.meta.lastmod }
  end,
}

function on_success(req, text)
  local map, problem = sitemap.parse(req.body, { url = req.url })
  if not map then
    log.error(req.url .. ": " .. problem)
    return
  end
  for _, s in ipairs(map.sitemaps) do
    req:enqueue(s.loc)
  end
  for _, u in ipairs(map.urls) do
    if not args.since or (u.lastmod or "") >= args.since then
      req:enqueue(u.loc, { kind = "page", meta = { lastmod = u.lastmod } })
    end
  end
end
