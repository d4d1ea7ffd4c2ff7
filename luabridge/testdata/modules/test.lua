test.case("equal", function() test.equal({a = {1, 2}, b = "x"}, {b = "x", a = {1, 2}}) test.equal(1, 1) test.equal(nil, nil) end)
test.case("unequal", function()
  for _, pair in ipairs{{1, 2}, {{1}, {1, 2}}, {{a = 1}, {a = 1, b = 2}}, {{}, 1}, {"1", 1}} do
    test.raises(function() test.equal(pair[1], pair[2]) end, "want")
  end
end)
test.case("ok", function() test.ok(0) test.raises(function() test.ok(false, "this") end, "this: got false") end)
test.case("match", function() test.match("abc", "b.") test.raises(function() test.match("abc", "x") end, "does not match") end)
test.case("raises", function()
  test.raises(function() test.raises(function() end) end, "no error was raised")
  test.raises(function() test.raises(function() error("a") end, "b") end, "without")
end)
