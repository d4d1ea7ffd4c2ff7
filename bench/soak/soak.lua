--- Everything a hook can do wrong, over and over: it fails, waits, runs out of
-- time and memory, and leaves things lying about.
local http, store, json, set = require "downpour.http", require "downpour.store", require "downpour.json", require "downpour.set"
local pages, turn = store.counter("pages"), 0

local function page() return ("http://h%d.test/p/%d"):format(math.random(20), math.random(200)) end

local deeds = {
  function() error("on purpose") end,
  function() error { of = "a table" } end,
  function() local none; return none.field end,
  function(req) return req.no_such_field end,
  function() while true do end end,                           -- the hook's time
  function() return ("a"):rep(200):find(("a*"):rep(12) .. "b") end, -- in a builtin
  function() local t = {} for i = 1, 2e5 do t[i] = { i } end end,
  function() local s = ("x"):rep(1e6) for _ = 1, 3 do s = s .. s end end,
  function() local t = {} while true do t[#t + 1] = ("x"):rep(1e6) .. #t end end, -- memory
  function() local function deeper() return 1 + deeper() end deeper() end,
  function() for _ = 1, 100 do coroutine.wrap(function() coroutine.yield() end)() end end, -- left where they are
  function(req) assert(http.get(page())) end,
  function(req)
    local kept = {}
    assert(pcall(function() kept[1] = http.get(page()) error("after a wait") end) == false)
  end,
  function() coroutine.wrap(function() store.incr("in a coroutine") http.get(page()) end)() end,
  function()
    table.sort({ 5, 3, 9, 1, 7 }, function(a, b) store.incr("in a sort") return a < b end)
  end,
  function()
    store.set("k" .. math.random(1000), { n = turn, text = ("v"):rep(100) }, { ttl = math.random() * 5 })
    store.set("big", ("b"):rep(1e5))
    store.get("k" .. math.random(1000))
  end,
  function(req) req:cancel("no more of it") end,
  function(req) req:retry { after = 0.05 } end,
  function(req, text)
    req.doc:all("a")
    req:links()
    json.decode(json.encode { text, { text } })
    text:gsub("<[^>]*>", "")
  end,
  function()
    local s = set.new()
    for i = 1, 1e4 do s:add("key " .. i) end
  end,
  function(req) for i = 1, 100 do req:emit { n = i, url = req.url } end end,
}

function on_success(req, text)
  turn = turn + 1
  pages:add()
  deeds[turn % #deeds + 1](req, text)
end

function on_headers(req, headers)
  if req.url:find("7$") then req:cancel("by its headers") end
  if req.url:find("9$") then error(headers["content-type"]) end
end

function on_done(req) enqueue(page(), { again = true, meta = { turn = turn } }) end

function on_idle(n)
  for _ = 1, math.min(n, 8) do enqueue(page(), { again = true }) end
end
