local xml = require "downpour.xml"
local doc = xml.parse([[<?xml version="1.0"?><list><Item id="1">a &amp; b</Item><Item id="2"/></list>]])
same("names keep their case", #doc:xpath("//Item"), #doc:xpath("//item"), doc:xpath("string(//Item[1])"))(2, 0, "a & b")
same("attributes", doc:xpath("//Item")[2]:attr("id"))("2")
local bomb = [[<!DOCTYPE x [<!ENTITY a "lol"><!ENTITY b "&a;&a;">]><x>&b;</x>]]
test.case("no entity is expanded", function()
  local d = xml.parse(bomb)
  test.ok(d == nil or not d:text():find("lol"))
end)
