local robots = require "downpour.robots"
local r = robots.parse("User-agent: *\nDisallow: /x\nCrawl-delay: 2\n\nUser-agent: good\nAllow: /\nSitemap: http://a.test/s.xml\n")
same("disallowed", r:allowed("any", "http://a.test/x/y"))(false, 2)
same("allowed", (r:allowed("any", "http://a.test/y")), (r:allowed("good", "http://a.test/x")))(true, true)
same("delay", r:crawl_delay("any"), r:crawl_delay("good"))(2)
same("sitemaps", r.sitemaps)({"http://a.test/s.xml"})
misuse("no such method", function() return r:alowed("a", "b") end)("did you mean 'allowed'")
misuse("without colon", r.allowed, "a", "b")("colon")
misuse("cannot be set", function() r.x = 1 end)("cannot be set")
