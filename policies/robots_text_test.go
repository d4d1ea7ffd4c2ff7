package policies

import (
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestRulesAsText(t *testing.T) {
	tests := []struct{ name, file, want string }{
		{"none", "", ""},
		{
			"the agent's own lines, of all its groups",
			"User-agent: bot\nDisallow: /a\n\nUser-agent: *\nDisallow: /\n\nUser-agent: bot\nAllow: /a/b$\nDisallow: *?q=\nCrawl-delay: 2.5\n",
			"2 Disallow: /a\n8 Allow: /a/b$\n9 Disallow: *?q=\n0 Crawl-delay: 2.5\n",
		},
		{"a colon, a number sign", "User-agent: *\nDisallow: /a: b #c\n", "2 Disallow: /a: b\n"},
		{"octets that are no text", "User-agent: *\nDisallow: /\xe9\n", "2 Disallow: /%E9\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rules := ParseRobots([]byte(tt.file)).For("bot/1.0")
			if d := cmp.Diff(tt.want, rules.String()); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(rules.String(), ParseRules(rules.String()).String()); d != "" {
				t.Errorf("read and written again:\n%s", d)
			}
		})
	}
}

func TestRulesLine(t *testing.T) {
	rules := ParseRobots([]byte("User-agent: *\nCrawl-delay: 3\nDisallow: /a\nAllow: /a/\xe9\n")).For("bot")
	for line, want := range map[int]string{-1: "", 0: "", 1: "", 2: "", 3: "Disallow: /a", 4: "Allow: /a/%E9", 5: ""} {
		if got := rules.Line(line); got != want {
			t.Errorf("line %d is %q, want %q", line, got, want)
		}
	}
	if d, ok := ParseRules(rules.String()).CrawlDelay(); d != 3*time.Second || !ok {
		t.Errorf("crawl delay %v, %v; want 3s", d, ok)
	}
}

// FuzzRulesAsText: rules that have been stored say the same of every path.
func FuzzRulesAsText(f *testing.F) {
	f.Add("User-agent: *\nDisallow: /a*b$\nAllow: /%e9?x=*\n", "/a/b")
	f.Add("User-agent: bot\nDisallow: /\xff\nCrawl-delay: 1e9", "/%FF")
	f.Add("User-agent: *\nAllow: /x/index.html\nDisallow: /x/", "/x/")
	f.Fuzz(func(t *testing.T, file, path string) {
		rules := ParseRobots([]byte(file)).For("bot")
		text := rules.String()
		if !utf8.ValidString(text) {
			t.Fatalf("%q is no text", text)
		}
		stored := ParseRules(text)
		ok, line := rules.Allowed(path)
		if ok2, line2 := stored.Allowed(path); ok != ok2 || line != line2 {
			t.Errorf("%v by line %d, once stored %v by line %d", ok, line, ok2, line2)
		}
		d, has := rules.CrawlDelay()
		if d2, has2 := stored.CrawlDelay(); (d-d2).Abs() > time.Microsecond || has != has2 {
			t.Errorf("delay %v, once stored %v", d, d2)
		}
	})
}
