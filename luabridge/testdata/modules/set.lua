local set = require "downpour.set"
local s = set.new{"a"}
same("add", s:add("b"), s:add("b"), #s)(true, false, 2)
same("has", s:has("a"), s:has("c"))(true, false)
same("remove", s:remove("a"), s:remove("a"), #s)(true, false, 1)
same("bytes", s:add("\0\255"), s:has("\0\255"))(true, true)
for i = 1, 5000 do s:add(i) end
for i = 1, 5000 do s:remove(tostring(i)) end
same("many", #s)(2)
misuse("no string", s.add, s, {})("string expected")
misuse("list of others", set.new, {{}})("list of strings")
