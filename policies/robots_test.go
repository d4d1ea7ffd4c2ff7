package policies

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRobotsAllowed(t *testing.T) {
	tests := []struct {
		name  string
		file  string
		agent string
		url   string
		ok    bool
		line  int
	}{
		{"no file", "", "a", "/x", true, 0},
		{"no rule", "User-agent: *\nDisallow:\n", "a", "/x", true, 0},
		{"disallowed", "User-agent: *\nDisallow: /x\n", "a", "/x/y", false, 2},
		{"line numbers count every line", "# one\n\nUser-agent: *\n\nDisallow: /a\nDisallow: /x # six\n", "a", "/x", false, 6},
		{"CR LF is one line end", "User-agent: *\r\nDisallow: /x\r\n", "a", "/x", false, 2},
		{"CR alone is one", "User-agent: *\rDisallow: /x\r", "a", "/x", false, 2},
		{"longest wins", "User-agent: *\nDisallow: /x\nAllow: /x/y\n", "a", "/x/y", true, 3},
		{"longest wins whatever the order", "User-agent: *\nAllow: /x/y\nDisallow: /x\n", "a", "/x/y", true, 2},
		{"allow among equals", "User-agent: *\nDisallow: /x\nAllow: /x\n", "a", "/x", true, 3},
		{"own group alone", "User-agent: *\nDisallow: /x\nUser-agent: a\nDisallow: /y\n", "a", "/x", true, 0},
		{"groups of one agent are one", "User-agent: a\nDisallow: /x\nUser-agent: b\nDisallow: /\nUser-agent: A\nDisallow: /y\n", "a", "/y", false, 6},
		{"agents share a group", "User-agent: a\nUser-agent: b\nDisallow: /x\n", "a", "/x", false, 3},
		{"whole User-Agent", "User-agent: mybot\nDisallow: /x\n", "MyBot/1.0 (+http://h/)", "/x", false, 2},
		{"version in the file", "User-agent: mybot/2.1\nDisallow: /x\n", "mybot", "/x", false, 2},
		{"prefix of a token is another", "User-agent: mybot-news\nDisallow: /x\n", "mybot", "/x", true, 0},
		{"digits count", "User-agent: bot1\nDisallow: /x\n", "bot2", "/x", true, 0},
		{"no token falls to all", "User-agent: *\nDisallow: /x\n", "(none)", "/x", false, 2},
		{"rules before any agent", "Disallow: /x\nUser-agent: *\nDisallow: /y\n", "a", "/x", true, 0},
		{"robots.txt itself", "User-agent: *\nDisallow: /\n", "a", "/robots.txt", true, 0},
		{"robots.txt below is a page", "User-agent: *\nDisallow: /\n", "a", "/x/robots.txt", false, 2},
		{"absolute URL", "User-agent: *\nDisallow: /x\n", "a", "https://h.test:8080/x?y#z", false, 2},
		{"URL in the query", "User-agent: *\nDisallow: /?u=http://\n", "a", "/?u=http://h/", false, 2},
		{"no path", "User-agent: *\nDisallow: /\n", "a", "http://h.test", false, 2},
		{"query without a path", "User-agent: *\nDisallow: /?q\n", "a", "http://h.test?q=1", false, 2},
		{"star", "User-agent: *\nDisallow: /*.gif\n", "a", "/a/b.gif?x", false, 2},
		{"star and end", "User-agent: *\nDisallow: /*.gif$\n", "a", "/a/b.gif?x", true, 0},
		{"end", "User-agent: *\nDisallow: /x$\n", "a", "/x", false, 2},
		{"end is the end", "User-agent: *\nDisallow: /x$\n", "a", "/xy", true, 0},
		{"last piece from the end", "User-agent: *\nDisallow: /*aa$\n", "a", "/aaa", false, 2},
		{"dollar inside is a dollar", "User-agent: *\nDisallow: /x$y\n", "a", "/x$y", false, 2},
		{"escaped star is a star", "User-agent: *\nDisallow: /x%2Ay\n", "a", "/xzy", true, 0},
		{"escaped star matches one", "User-agent: *\nDisallow: /x%2ay\n", "a", "/x*y", false, 2},
		{"escaped dollar is a dollar", "User-agent: *\nDisallow: /x%24\n", "a", "/x", true, 0},
		{"escaped dollar matches one", "User-agent: *\nDisallow: /x%24\n", "a", "/x$y", false, 2},
		{"escape against octet", "User-agent: *\nDisallow: /%C3%A9\n", "a", "/é", false, 2},
		{"octet against escape", "User-agent: *\nDisallow: /é\n", "a", "/%c3%a9", false, 2},
		{"escaped unreserved", "User-agent: *\nDisallow: /%7Ejoe\n", "a", "/~joe", false, 2},
		{"escaped slash is no slash", "User-agent: *\nDisallow: /a%2Fb\n", "a", "/a/b", true, 0},
		{"escaped slash in a query is one", "User-agent: *\nDisallow: /?u=https://h\n", "a", "/?u=https%3A%2F%2Fh", false, 2},
		{"the same behind a star", "User-agent: *\nDisallow: *u=https%3A%2F%2Fh\n", "a", "/?u=https%3A%2F%2Fh", false, 2},
		{"escaped ampersand in a query is none", "User-agent: *\nDisallow: /?a&b\n", "a", "/?a%26b", true, 0},
		{"broken escape", "User-agent: *\nDisallow: /%zz%4\n", "a", "/%zz%4", false, 2},
		{"index allows its folder", "User-agent: *\nDisallow: /\nAllow: /x/index.html\n", "a", "/x/", true, 3},
		{"no slash before the rule", "User-agent: *\nDisallow: x\n", "a", "/x", true, 0},
		{"mark before the text", "\ufeffUser-agent: *\nDisallow: /x\n", "a", "/x", false, 2},
		{"half a mark", "\xef\xbbUser-agent: *\nDisallow: /x\n", "a", "/x", false, 2},
		{"UTF-16", "\xff\xfeU\x00s\x00e\x00r\x00-\x00a\x00g\x00e\x00n\x00t\x00:\x00*\x00\n\x00D\x00i\x00s\x00a\x00l\x00l\x00o\x00w\x00:\x00/\x00x\x00", "a", "/x", false, 2},
		{"NUL around a value", "User-agent: *\x00\nDisallow: /x\x00\n", "a", "/x", false, 2},
		{"binary", "\x00\x01\x02\xff\xfe\x80:\x80\n\x7fELF\x02", "a", "/x", true, 0},
		{"HTML in its place", "<!DOCTYPE html><html><body>Not found: see /x</body></html>", "a", "/x", true, 0},
		{"unknown lines end no group", "User-agent: a\nX: y\nUser-agent: b\nDisallow: /x\n", "a", "/x", false, 4},
		{"neither do sitemaps", "User-agent: a\nSitemap: http://h/s\nDisallow: /x\n", "a", "/x", false, 3},
		{"an empty rule ends the agents", "User-agent: a\nDisallow:\nUser-agent: b\nDisallow: /x\n", "a", "/x", true, 0},
		{"colon forgotten", "User-agent *\nDisallow /x\n", "a", "/x", false, 2},
		{"spaces before the colon", "User-agent : *\nDisallow\t:\t/x\n", "a", "/x", false, 2},
		{"misspelt", "Useragent: *\nDissallow: /x\n", "a", "/x", false, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ok, line := ParseRobots([]byte(tt.file)).Allowed(tt.agent, tt.url)
			if ok != tt.ok || line != tt.line {
				t.Errorf("got %t by line %d, want %t by line %d", ok, line, tt.ok, tt.line)
			}
		})
	}
}

func TestRobotsSize(t *testing.T) {
	rule := "Disallow: /x\n"
	fill := strings.Repeat("#", RobotsMaxSize-len("User-agent: *\n\n")-len(rule)) + "\n"
	inside := "User-agent: *\n" + fill + rule
	if ok, _ := ParseRobots([]byte(inside+"Disallow: /y\n")).Allowed("a", "/x"); ok {
		t.Error("the last line within the limit is not read")
	}
	if ok, _ := ParseRobots([]byte(inside+"Disallow: /y\n")).Allowed("a", "/y"); !ok {
		t.Error("a line beyond the limit is read")
	}
	if ok, _ := ParseRobots([]byte("User-agent: *\n"+fill+"#\n"+rule)).Allowed("a", "/"); !ok {
		t.Error("a line that the limit cuts is read")
	}
}

// TestRobotsHostile: a file made to be slow is not. Its worst case is work in
// the size of the file for each URL, which the deadline of a test run bounds.
func TestRobotsHostile(t *testing.T) {
	var agents, rules strings.Builder
	for i := range 10000 {
		fmt.Fprintf(&agents, "User-agent: bot-%d\n", i)
		fmt.Fprintf(&rules, "Disallow: *a*a*a*a*%d$\n", i)
	}
	path := "/" + strings.Repeat("a", 2000)
	if ok, _ := ParseRobots([]byte(agents.String()+rules.String())).Allowed("bot-9999", path); !ok {
		t.Error("nothing matches, and yet it is forbidden")
	}
	delays := strings.Repeat("Crawl-delay: 1\n", 15000) + "Crawl-delay: 3\nCrawl-delay: 2\n"
	if d, _ := ParseRobots([]byte(agents.String() + delays)).CrawlDelay("bot-9999"); d != 3*time.Second {
		t.Errorf("delay %v, want the longest, 3s", d)
	}
	star := "User-agent: *\nDisallow: /*a*a*a*a*a*a*a*a*a*b\n"
	if ok, _ := ParseRobots([]byte(star)).Allowed("a", "/"+strings.Repeat("a", 1<<20)); !ok {
		t.Error("a pattern with many stars matches what it should not")
	}
}

func TestCrawlDelay(t *testing.T) {
	tests := []struct {
		name string
		file string
		want time.Duration
		ok   bool
	}{
		{"none", "User-agent: *\nDisallow: /x\n", 0, false},
		{"seconds", "User-agent: *\nCrawl-delay: 10\n", 10 * time.Second, true},
		{"fractions", "User-agent: *\nCrawl-delay: 0.25\n", 250 * time.Millisecond, true},
		{"zero", "User-agent: *\nCrawl-delay: 0\n", 0, true},
		{"a unit", "User-agent: *\nCrawl-delay: 5s\n", 5 * time.Second, true},
		{"a word", "User-agent: *\nCrawl-delay: soon\n", 0, false},
		{"negative", "User-agent: *\nCrawl-delay: -1\n", 0, false},
		{"absurd", "User-agent: *\nCrawl-delay: 1" + strings.Repeat("0", 400) + "\n", 0, false},
		{"long", "User-agent: *\nCrawl-delay: 99999999999\n", maxWait, true},
		{"another agent's", "User-agent: *\nDisallow:\nUser-agent: b\nCrawl-delay: 1\n", 0, false},
		{"own instead of all's", "User-agent: *\nCrawl-delay: 1\nDisallow:\nUser-agent: a\nDisallow: /\n", 0, false},
		{"longest of two groups", "User-agent: a\nCrawl-delay: 3\nDisallow:\nUser-agent: a\nCrawl-delay: 2\n", 3 * time.Second, true},
		{"agents before it", "User-agent: a\nUser-agent: b\nCrawl-delay: 3\nUser-agent: c\nCrawl-delay: 7\n", 3 * time.Second, true},
		{"after the rules", "User-agent: a\nDisallow: /x\nCrawl-delay: 3\n", 3 * time.Second, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := ParseRobots([]byte(tt.file)).CrawlDelay("a")
			if got != tt.want || ok != tt.ok {
				t.Errorf("got %v, %t, want %v, %t", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestSitemaps(t *testing.T) {
	file := "Sitemap: http://h/1.xml\nUser-agent: a\nsitemap:http://h/2.xml # two\nDisallow: /\nSitemap:\nSITEMAPS: /3.xml\n"
	want := []string{"http://h/1.xml", "http://h/2.xml", "/3.xml"}
	if diff := cmp.Diff(want, ParseRobots([]byte(file)).Sitemaps); diff != "" {
		t.Errorf("sitemaps (-want +got):\n%s", diff)
	}
}

func TestRules(t *testing.T) {
	var none *Rules
	tests := []struct {
		name  string
		rules *Rules
		path  string
		ok    bool
	}{
		{"nil", none, "/x", true},
		{"allow all", AllowAll, "/x", true},
		{"disallow all", DisallowAll, "/x", false},
		{"disallow all but the file", DisallowAll, "/robots.txt", true},
		{"path with two slashes", ParseRobots([]byte("User-agent: *\nDisallow: /b\n")).For("a"), "//a/b", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if ok, line := tt.rules.Allowed(tt.path); ok != tt.ok || line != 0 {
				t.Errorf("got %t by line %d, want %t by none", ok, line, tt.ok)
			}
		})
	}
	if d, ok := none.CrawlDelay(); d != 0 || ok || none.Size() != 0 {
		t.Errorf("nil rules have a delay %v or a size", d)
	}
	small := ParseRobots([]byte("User-agent: *\nDisallow: /x\n")).For("a").Size()
	large := ParseRobots([]byte("User-agent: *\nDisallow: /" + strings.Repeat("x", 1000) + "*y\n")).For("a").Size()
	if small <= 0 || large-small < 1000 {
		t.Errorf("sizes %d and %d do not tell a rule of 1000 bytes", small, large)
	}
}

func TestRobotsStatus(t *testing.T) {
	tests := map[int]RobotsVerdict{
		0: RobotsDisallowAll, 200: RobotsParse, 204: RobotsParse, 301: RobotsAllowAll, 304: RobotsAllowAll,
		400: RobotsAllowAll, 401: RobotsAllowAll, 403: RobotsAllowAll, 404: RobotsAllowAll, 410: RobotsAllowAll,
		429: RobotsDisallowAll, 500: RobotsDisallowAll, 503: RobotsDisallowAll, 599: RobotsDisallowAll, 999: RobotsDisallowAll,
	}
	for status, want := range tests {
		if got := RobotsStatus(status); got != want {
			t.Errorf("%d: got %d, want %d", status, got, want)
		}
	}
}

func TestProductToken(t *testing.T) {
	tests := map[string]string{
		"downpour/1.0 (+http://h/)": "downpour", "Mozilla/5.0 (compatible; x)": "Mozilla", "my_bot-x y": "my_bot-x",
		"": "", "/1.0": "", "bot2": "bot2", "*": "",
	}
	for agent, want := range tests {
		if got := ProductToken(agent); got != want {
			t.Errorf("%q: got %q, want %q", agent, got, want)
		}
	}
}

func TestRobotsURL(t *testing.T) {
	tests := map[string]string{
		"http://h.test/a?b#c":         "http://h.test/robots.txt",
		"https://u:p@h.test:8443/a/b": "https://h.test:8443/robots.txt",
		"http://[::1]/":               "http://[::1]/robots.txt",
	}
	for s, want := range tests {
		u, err := ParseURL(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := RobotsURL(u); got != want {
			t.Errorf("%s: got %s, want %s", s, got, want)
		}
	}
}
