--- Audit the answers of a site: redirects on the way, headers that are missing.
crawl {
  serve     = "site",
  same_host = true,
  delay     = 0,
}

local wanted = { "content-security-policy", "x-content-type-options", "referrer-policy" }

function on_headers(req, headers)
  -- Only pages are audited; the body of anything else is not worth fetching.
  local kind = (headers["content-type"] or { "" })[1]
  if req.status == 200 and not kind:find("text/html", 1, true) then
    req:cancel("not a page")
  end
end

function on_success(req)
  local missing = {}
  for _, name in ipairs(wanted) do
    if not req.headers[name] then missing[#missing + 1] = name end
  end
  local via = {}
  for _, hop in ipairs(req.hops) do via[#via + 1] = hop.status .. " " .. hop.url end
  emit { url = req.url, status = req.status, via = table.concat(via, ", "), missing = table.concat(missing, " ") }
  req:follow()
end
