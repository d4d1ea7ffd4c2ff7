--- Take the sections of a site side by side, and stay polite to its host.
-- Every section waits in a queue of its own, so a large one does not hold up
-- the others. They share the host as a bucket: no two requests to it start
-- closer than its delay, whatever their queues and however many workers crawl.
-- The same goes for what several hosts share, such as an address or an API key.
crawl {
  serve = "site",
}

policy {
  key = function(req)
    local section = req.url:match("^%w+://[^/]+(/[^/]+/)") or "/"
    return { req.host .. section, "host " .. req.host }
  end,
  delay = function(key)
    return key:find("^host ") and 0.05 or 0
  end,
}

function on_success(req)
  req:follow()
  emit { url = req.url, title = req.title }
end

function on_finish(summary)
  emit { spaced = summary.seconds >= 0.05 * (summary.pages - 1) }
end
