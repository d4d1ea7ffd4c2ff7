local inspect = require "downpour.inspect"
same("values", inspect(nil), inspect(true), inspect(1.5), inspect("a\n\"\\\27[2Jé"), inspect("\255"))("nil", "true", "1.5", [["a\n\"\\\027[2Jé"]], [["\255"]])
same("list", inspect({1, "a"}), inspect({}))('{ 1, "a" }', "{}")
same("fields", inspect({b = 1, ["x y"] = 2, ["end"] = 3}))('{\n  b = 1,\n  ["x y"] = 2,\n  ["end"] = 3\n}')
same("mixed", inspect({1, a = {2}}))("{ 1,\n  a = { 2 }\n}")
local loop = {} loop.me = loop
same("loop", inspect(loop))("{\n  me = <cycle>\n}")
same("others", inspect(print), inspect(coroutine.create(function() end)))("<function>", "<thread>")
misuse("nothing", inspect)("value expected")
