--- Many workers, one crawl: run it as often as you like, on as many machines.
-- `downpour run crawl.lua --redis redis://localhost/ -o pages.jsonl`
-- The frontier lives in Redis; each worker takes the hosts that are due, so no
-- two of them ask the same host at once and none is asked faster than delay.
crawl {
  serve     = "site",
  name      = "workers",
  same_host = true,
  delay     = 0,
}

function on_success(req)
  emit { url = req.url, title = req.title }
  req:follow()
end
