local sitemap = require "downpour.sitemap"
local m = sitemap.parse([[<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc> http://a.test/x </loc><lastmod>2020-01-01</lastmod><priority>0.5</priority></url></urlset>]], {url = "http://a.test/sitemap.xml"})
same("urlset", m.urls, #m.sitemaps)({{loc = "http://a.test/x", lastmod = "2020-01-01", priority = "0.5"}}, 0)
local i = sitemap.parse([[<sitemapindex><sitemap><loc>http://a.test/s1.xml</loc></sitemap></sitemapindex>]], {url = "http://a.test/sitemap.xml"})
same("index", i.sitemaps)({{loc = "http://a.test/s1.xml"}})
misuse("option", sitemap.parse, "x", {uri = "y"})("did you mean 'url'")
