--- Follow every link of a site; one row for each page.
-- Rows have url, status, title and depth, and the error of a page that could
-- not be had. Start with URLs on the command line or with
-- -a site=URL.
-- @usage downpour run spider https://example.com/ -o pages.jsonl
-- @usage downpour run spider -a site=https://example.com/ -a depth=2
-- @arg site   where to start, if not on the command line
-- @arg depth  how many links deep (default none)
local null = require("downpour.json").null

crawl {
  seeds     = args.site,
  same_host = true,
  max_depth = args.depth,
}

-- Every row has every column: a CSV file takes its header from the first.
local function row(req, problem)
  emit {
    url    = req.url,
    status = req.status or null,
    title  = not problem and req.title or null,
    depth  = req.depth,
    error  = problem or null,
  }
end

function on_success(req)
  row(req)
  req:follow()
end

function on_error(req, failure)
  row(req, tostring(failure))
end
