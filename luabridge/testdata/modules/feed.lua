local feed = require "downpour.feed"
local f = feed.parse([[<rss version="2.0"><channel><title>T</title><link>http://a.test/</link><item><title>One</title><link>http://a.test/1</link><guid>1</guid><category>c</category></item></channel></rss>]], {url = "http://a.test/feed"})
same("rss", f.type, f.title, #f.entries, f.entries[1].title, f.entries[1].link, f.entries[1].categories)("rss", "T", 1, "One", "http://a.test/1", {"c"})
local a = feed.parse([[<feed xmlns="http://www.w3.org/2005/Atom"><title>A</title><entry><title>E</title><id>x</id><link href="/e"/></entry></feed>]], {url = "http://a.test/feed"})
same("atom", a.type, a.title, a.entries[1].link)("atom", "A", "http://a.test/e")
fails("no feed", feed.parse("<p>"))("")
