-- Reads cases (a line "op init nsubject npattern nrepl", then the three texts) and
-- writes for each a line with what string.find, match, gmatch or gsub answers.
local function show(ok, ...)
  local out = {}
  if not ok then return "error " .. string.format("%q", ((...):gsub("^%S+:%d+: ", ""))) end
  for i = 1, select("#", ...) do
    local v = select(i, ...)
    out[i] = type(v) == "string"
      and (v:gsub("[^%w ]", function(c) return string.format("\\%02x", c:byte()) end) .. ".")
      or tostring(v)
  end
  return table.concat(out, ",")
end

local function all(s, p)
  local out, n = {}, 0
  for a, b, c in s:gmatch(p) do
    n = n + 1
    out[#out + 1] = show(true, a, b, c)
    if n == 50 then break end
  end
  return table.concat(out, ";")
end

local run = {
  find = function(s, p, _, init) return string.find(s, p, init) end,
  match = function(s, p, _, init) return string.match(s, p, init) end,
  gmatch = function(s, p) return all(s, p) end,
  gsub = function(s, p, r, init) return string.gsub(s, p, r, init ~= 1 and init or nil) end,
}

while true do
  local op, init, n1, n2, n3 = io.read("*l"), io.read("*n", "*n", "*n", "*n")
  if not op or op == "" then break end
  io.read("*l")
  local s, p, r = io.read(n1), io.read(n2), io.read(n3)
  io.read("*l")
  io.write((show(pcall(run[op], s or "", p or "", r or "", init)):gsub("\n", "n")), "\n")
end
