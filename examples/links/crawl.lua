--- Find broken links and the pages that carry them, in twenty lines.
-- The shipped script `linkcheck` does more; this one shows how little it takes.
crawl {
  serve     = "site",
  same_host = true,
  delay     = 0,
}

function on_success(req)
  req:follow("a[href], img[src], link[href]")
end

function on_error(req, failure)
  emit { url = req.url, problem = tostring(failure), found_on = req.referrer }
end

function on_finish(summary)
  if summary.failed > 0 then
    fail(summary.failed .. " broken links")
  end
end
