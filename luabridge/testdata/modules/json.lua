local json = require "downpour.json"
local d, e = json.decode, json.encode
same("order kept", e(d('{"b":1,"a":[{"z":0,"y":1}],"c":{}}')))('{"b":1,"a":[{"z":0,"y":1}],"c":{}}')
same("empty list", e(d("[]")), e(d("{}")), e({}), e(json.array{}), e(json.array()))("[]", "{}", "{}", "[]", "[]")
same("null", d("null") == json.null, e(json.null), e(d('{"a":null}')), tostring(json.null))(true, "null", '{"a":null}', "null")
same("null in list", e(d("[1,null,2]")), #d("[1,null,2]"))("[1,null,2]", 3)
same("numbers", d("1e3"), d("-0.5"), d("12345678901"), e(0.1), e(1e21), e(3))(1000, -0.5, 12345678901, "0.1", "1e+21", "3")
same("strings", d([["a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"]]), d('"é"'), e("é\n\1"))("a\"\\/\b\f\n\r\té😀", "é", [["é\n\u0001"]])
same("lone surrogate", d([["\ud800x"]]))("\239\191\189x")
same("white space", d(" \n[ 1 , 2 ]\t")[2])(2)
same("byte order mark", d("\239\187\191[1]")[1])(1)
same("indent", e({a = json.array{1, 2}}, {indent = 2}))('{\n  "a": [\n    1,\n    2\n  ]\n}')
same("deep but fine", type(d(("["):rep(500) .. ("]"):rep(500))))("table")
fails("too deep", d(("["):rep(100000)))("nested too deeply")
for text, message in pairs{
  [""] = "ends too early", ["{"] = "belongs here", ["[1,]"] = "unexpected", ["[1 2]"] = "where", ['{"a" 1}'] = "where", ["{a:1}"] = "belongs here",
  ["01"] = "no number", ["1."] = "no number", [".5"] = "unexpected", ["-"] = "no number", ["+1"] = "unexpected", ["nul"] = "unexpected",
  ['"a'] = "no end", ['"\n"'] = "control character", [ [["\x"]] ] = "no escape", [ [["\u12"]] ] = "", ["1 2"] = "more text", ["[1]]"] = "more text",
  ['"\\u+123"'] = "no escape", ["'a'"] = "unexpected", ["[1}"] = "where", ["NaN"] = "unexpected",
} do
  fails("refused: " .. text:gsub("%c", "?"), d(text))(message)
end
fails("place of the fault", d('{\n"a": x}'))("line 2, byte 8")
fails("a function is no JSON", e({f = print}))("function")
fails("nor is NaN", e(0/0))("NaN")
local loop = {} loop[1] = loop
fails("nor a loop", e(loop))("inside itself")
misuse("no argument", d)("string expected")
misuse("bad option", e, {}, {indnt = 2})("did you mean 'indent'")
