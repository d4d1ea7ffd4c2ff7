--- Go deep first: follow a branch to its end before the next one begins.
-- The queue is a stack in this script; it serves one process and is gone with
-- it, so an interrupted crawl starts over. With a concurrency of 1 each page's
-- links are on the stack before the next page is taken from it.
crawl {
  serve       = "site",
  same_host   = true,
  delay       = 0,
  concurrency = 1,
}

local stack = {}

policy {
  extend = function(list)
    for i = #list, 1, -1 do -- a page's first link comes off first
      table.insert(stack, list[i])
    end
  end,
  pop = function() return table.remove(stack) end,
  len = function() return #stack end,
}

local place = 0

function on_success(req)
  place = place + 1
  emit { place = place, depth = req.depth, title = req.title }
  req:follow()
end
