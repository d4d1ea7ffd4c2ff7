--- Find the broken links of a site, and the pages that carry them.
-- Follows links, images, scripts, style sheets, frames and media within the
-- host it starts on. Each broken URL is a row: url, status or error, and
-- found_on, the pages known to carry it by then. Ends with exit status 3 when
-- something is broken. Links that are no proper URLs are not tried; they are
-- in the log.
--
-- A row is written as soon as its URL turns out broken, so that none is lost
-- when the crawl is cut off. Pages that carry it and were read later are in the
-- log at the end.
-- @usage downpour run linkcheck --serve public/
-- @usage downpour run linkcheck https://example.com/ -o broken.jsonl -a external=true
-- @arg site      where to start, if not on the command line
-- @arg external  true: check links to other hosts as well (default false)
-- @arg pages     how many pages to name for each broken link (default 20)
local external = args.external == "true"
local most = tonumber(args.pages) or 20

crawl {
  seeds     = args.site,
  same_host = not external,
}

local LINKS = "a[href], area[href], link[href], img[src], script[src], iframe[src], frame[src], source[src]"

local known = {}   -- link -> what it leads to, or false
local pages = {}   -- URL -> the pages that carry it, at most `most`
local broken = {}  -- URL -> how many of them its row has
local count = 0

local function host(url)
  return url:match("^https?://([^/?#]*)")
end

-- What a link on a page of `home` leads to: the URL to fetch, or false for what
-- is not checked. "../..//a" climbs to //a, which servers read as /a: one page,
-- one name.
local function target(url, home)
  local there = host(url)
  if not there or there ~= home and not external then return false end
  return (url:gsub("^(https?://[^/]+)//+", "%1/"))
end

local function note(url, page)
  local list = pages[url]
  if not list then
    pages[url] = { page }
  elseif list[#list] ~= page and #list < most then
    list[#list + 1] = page
  end
end

local function is_html(req)
  local kind = req.headers["content-type"]
  return not kind or kind[1]:find("html", 1, true) ~= nil
end

function on_success(req)
  if not is_html(req) then return end
  local page, inside, outside = req.url, {}, {}
  local urls, malformed = req:urls(LINKS, { strict = true })
  for _, ref in ipairs(malformed) do
    if not pages[ref] then log.warn(("malformed link on %s: %s"):format(page, ref)) end
    note(ref, page)
  end
  for _, link in ipairs(urls) do
    local url = known[link]
    if url == nil then
      url = target(link, req.host)
      known[link] = url
    end
    if url then
      note(url, page)
      local list = (not external or host(url) == req.host) and inside or outside
      list[#list + 1] = url
    end
  end
  req:enqueue(inside)
  req:enqueue(outside, { kind = "external" })
end

-- A page of another host is looked at and not followed.
kind "external" { on_success = function() end }

-- A page that is there, but larger than we read, is no broken link.
local fine = { cancelled = true, too_large = true }

function on_error(req, failure)
  if fine[failure.kind] or (failure.status and failure.status < 400) then return end
  local url = req.original_url
  local found_on = pages[url] or { req.referrer }
  count = count + 1
  broken[url] = #found_on
  emit {
    url      = url,
    status   = failure.status,
    error    = not failure.status and tostring(failure) or nil,
    found_on = found_on,
  }
end

function on_finish()
  for url, known in pairs(broken) do
    local list = pages[url] or {}
    if #list > known then
      log.info(("%s is also on %s"):format(url, table.concat(list, ", ", known + 1)))
    end
  end
  if count > 0 then
    fail(count == 1 and "1 broken link" or count .. " broken links")
  end
end
