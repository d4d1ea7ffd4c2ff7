--- List what a site's sitemaps list; one row for each URL.
-- Looks for sitemaps in robots.txt, then at /sitemap.xml; a URL that is a
-- sitemap itself is read as it is. Rows have url, lastmod, changefreq, priority
-- and the sitemap they come from. What is not below a sitemap's own folder is
-- left out, unless robots.txt names the sitemap.
-- @usage downpour run sitemap https://example.com/ -o urls.csv
-- @usage downpour run sitemap -a site=https://example.com/ -a since=2026-01-31
-- @arg site   any page of the site, or a sitemap, if not on the command line
-- @arg since  only what changed on or after this day, as 2026-01-31
local robots = require "downpour.robots"
local sitemap = require "downpour.sitemap"

crawl {
  seeds    = args.site,
  max_body = "50MiB",
}

-- Dates in sitemaps are written largest part first, so text compares as time.
local function is_new(entry)
  local since = args.since
  return not since or (entry.lastmod ~= nil and entry.lastmod:sub(1, #since) >= since)
end

-- A sitemap speaks for its own folder; one that robots.txt names, and the parts
-- of that one, for any.
local function counts(req, entry)
  return not entry.outside or req.meta.named
end

local function read(req)
  local content_type = req.headers["content-type"]
  local map, problem = sitemap.parse(req.body, { url = req.url, content_type = content_type and content_type[1] })
  if not map then
    log.warn(req.url .. " is no sitemap: " .. problem)
    return
  end
  local left_out = 0
  for _, entry in ipairs(map.urls or {}) do
    if not counts(req, entry) then
      left_out = left_out + 1
    elseif is_new(entry) then
      emit {
        url        = entry.loc,
        lastmod    = entry.lastmod,
        changefreq = entry.changefreq,
        priority   = entry.priority,
        sitemap    = req.url,
      }
    end
  end
  for _, entry in ipairs(map.sitemaps or {}) do
    -- An index need not say when a part changed.
    if not counts(req, entry) then
      left_out = left_out + 1
    elseif not entry.lastmod or is_new(entry) then
      req:enqueue(entry.loc, { kind = "sitemap", meta = req.meta })
    end
  end
  if map.truncated then
    log.warn(req.url .. ": not read to its end: it has more than 50,000 URLs or 50 MiB, or its compression is broken")
  end
  if left_out > 0 then
    log.warn(req.url .. ": " .. left_out .. " locations outside its folder left out; robots.txt does not name it")
  end
end

kind "sitemap" {
  on_success = read,
  on_error = function(req, failure)
    log.warn(req.url .. ": " .. tostring(failure))
  end,
}

kind "robots" {
  on_success = function(req, text)
    local found = robots.parse(text).sitemaps
    if #found > 0 then
      req:enqueue(found, { kind = "sitemap", meta = { named = true } })
    else
      req:enqueue("/sitemap.xml", { kind = "sitemap" })
    end
  end,
  on_error = function(req)
    req:enqueue("/sitemap.xml", { kind = "sitemap" })
  end,
}

-- What we were given: a sitemap, or a page of the site.
function on_success(req, text)
  if req.url:find("%.gz$") or text:find("<urlset", 1, true) or text:find("<sitemapindex", 1, true) then
    read(req)
  else
    req:enqueue("/robots.txt", { kind = "robots" })
  end
end

function on_error(req, failure)
  log.warn(req.url .. ": " .. tostring(failure))
  req:enqueue("/robots.txt", { kind = "robots" })
end
