--- Audit the answers of a site: redirects on the way, security headers missing.
-- One row for each page: url, status, the redirects that led there, the
-- security headers it lacks, and insecure where a chain passed through http.
-- @usage downpour run headers https://example.com/
-- @usage downpour run headers -a site=http://example.com/ -a depth=1 -o audit.csv
-- @arg site   where to start, if not on the command line
-- @arg depth  how many links deep (default 0)
crawl {
  seeds       = args.site,
  same_domain = true,
  max_depth   = args.depth,
}

local function is_https(url)
  return url:find("^https:") ~= nil
end

-- Each header, and when a page needs it.
local wanted = {
  { "strict-transport-security", is_https },
  { "content-security-policy" },
  { "x-content-type-options" },
  { "referrer-policy" },
  { "permissions-policy" },
}

-- A content security policy may say the same as X-Frame-Options, and better.
local function may_be_framed(headers)
  for _, policy in ipairs(headers["content-security-policy"] or {}) do
    if policy:find("frame-ancestors", 1, true) then return false end
  end
  return headers["x-frame-options"] == nil
end

local function missing(req)
  local names = {}
  for _, w in ipairs(wanted) do
    local name, needed = w[1], w[2]
    if not req.headers[name] and (not needed or needed(req.url)) then
      names[#names + 1] = name
    end
  end
  if may_be_framed(req.headers) then
    names[#names + 1] = "x-frame-options"
  end
  return names
end

-- "301 http://a.test/ -> 302 https://a.test/", and whether http was in between.
local function chain(req)
  local steps, insecure = {}, not is_https(req.url)
  for i, hop in ipairs(req.hops) do
    steps[i] = hop.status .. " " .. hop.url
    insecure = insecure or (i > 1 and not is_https(hop.url))
  end
  return table.concat(steps, " -> "), insecure
end

local function is_html(req)
  local kind = req.headers["content-type"]
  return kind ~= nil and kind[1]:find("html", 1, true) ~= nil
end

local function report(req, problem)
  local redirects, insecure = chain(req)
  emit {
    url       = req.url,
    status    = req.status,
    redirects = redirects,
    missing   = req.status and table.concat(missing(req), " ") or "",
    insecure  = insecure,
    error     = problem,
  }
end

function on_success(req)
  if is_html(req) then
    report(req)
    req:follow()
  end
end

function on_error(req, failure)
  report(req, tostring(failure))
end
