--- Follow every link of one small site; one row a page.
-- The site lies beside this script and is served for the length of the run.
crawl {
  serve     = "site",
  same_host = true,
  delay     = 0.1,
}

function on_success(req, text)
  emit { url = req.url, title = req.doc:text("title"), depth = req.depth }
  req:follow("a[href]")
end
