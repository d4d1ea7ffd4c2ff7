--- Follow every link of a site; one row for each page.
-- Rows have url, status, title and depth; a page that could not be had has an
-- error in place of its title. Start with URLs on the command line or with
-- -a site=URL.
-- @usage downpour run spider https://example.com/ -o pages.jsonl
-- @usage downpour run spider -a site=https://example.com/ -a depth=2
-- @arg site   where to start, if not on the command line
-- @arg depth  how many links deep (default none)
crawl {
  seeds     = args.site,
  same_host = true,
  max_depth = args.depth,
}

function on_success(req)
  emit { url = req.url, status = req.status, title = req.title, depth = req.depth }
  req:follow()
end

function on_error(req, failure)
  emit { url = req.url, status = failure.status, depth = req.depth, error = tostring(failure) }
end
