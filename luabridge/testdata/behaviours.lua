-- Reads pieces of Lua, one a line, and writes what each returns: its values,
-- or its error.
local function show(...)
  local out = {}
  for i = 1, select("#", ...) do
    local v = select(i, ...)
    local s = tostring(v)
    if type(v) == "table" or type(v) == "function" or type(v) == "thread" or type(v) == "userdata" then
      s = type(v)
    elseif type(v) == "string" then
      s = "'" .. s .. "'"
    end
    out[i] = s:gsub("[%c\\]", function(c) return ("\\%d"):format(c:byte()) end):gsub("0x%x+", "ADDR")
  end
  return table.concat(out, " ")
end

function answer(code)
  local f, message = loadstring(code, "=t")
  if not f then return "syntax error" end
  return show(f())
end
