package policies

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzRobots: no file is an error, line ends are all alike, a comment changes
// nothing, /robots.txt is open, and what For says is what the file says.
func FuzzRobots(f *testing.F) {
	f.Add([]byte("User-agent: *\nDisallow: /x*y$\nAllow: /x%2f\nCrawl-delay: 1.5\n"), "/x/y?z")
	f.Add([]byte("user-agent: a\nuser-agent: b\n\ndisallow:\nSitemap: http://h/s.xml"), "/")
	f.Add([]byte("\xff\xfeU\x00"), "")
	f.Add([]byte("<html>\x00\r\r\n:::"), "/%zz")
	f.Fuzz(func(t *testing.T, file []byte, url string) {
		if len(file) > RobotsMaxSize/2 {
			return
		}
		r := ParseRobots(file)
		for _, agent := range []string{"a", "*", ""} {
			ok, line := r.Allowed(agent, url)
			if ok2, line2 := r.For(agent).Allowed(pathOf(url)); ok2 != ok || line2 != line {
				t.Fatalf("%t by line %d, its group %t by %d", ok, line, ok2, line2)
			}
			if line < 0 || line > bytes.Count(file, []byte("\n"))+bytes.Count(file, []byte("\r"))+1 {
				t.Fatalf("line %d of a shorter file", line)
			}
			if d, _ := r.CrawlDelay(agent); d < 0 || d > maxWait {
				t.Fatalf("delay %v", d)
			}
			if open, _ := r.For(agent).Allowed("/robots.txt"); !open {
				t.Fatal("/robots.txt is forbidden")
			}
			if bytes.IndexByte(file, '\r') >= 0 || bytes.HasPrefix(file, []byte("\xff\xfe")) || bytes.HasPrefix(file, []byte("\xfe\xff")) {
				continue
			}
			dos := ParseRobots(bytes.ReplaceAll(file, []byte("\n"), []byte("\r\n")))
			if ok2, line2 := dos.Allowed(agent, url); ok2 != ok || line2 != line {
				t.Fatalf("%t by line %d, with CR LF %t by %d", ok, line, ok2, line2)
			}
			noted := ParseRobots(append(bytes.Clone(file), "\n# note"...))
			if ok2, line2 := noted.Allowed(agent, url); ok2 != ok || line2 != line {
				t.Fatalf("%t by line %d, with a comment %t by %d", ok, line, ok2, line2)
			}
		}
	})
}

// FuzzRuleMatch: the linear matcher finds what trying everything finds.
func FuzzRuleMatch(f *testing.F) {
	for _, pattern := range []string{"/", "/x*", "/x*y$", "*", "$", "*$", "/**a*b$", "/a$b", "/*a*a*a"} {
		f.Add(pattern, "/xaay")
		f.Add(pattern, "/a$b")
	}
	f.Fuzz(func(t *testing.T, pattern, path string) {
		if len(pattern) > 30 || len(path) > 60 || strings.ContainsAny(pattern+path, "%") {
			return
		}
		r, _ := compile(directive{value: pattern}, false)
		whole := strings.HasSuffix(pattern, "$")
		want := slowMatch(strings.TrimSuffix(pattern, "$"), path, whole)
		if got := r.match(path); got != want {
			t.Fatalf("%q on %q: got %t, want %t", pattern, path, got, want)
		}
	})
}

// slowMatch fills a table of which prefixes of the pattern match which of the
// path.
func slowMatch(pattern, path string, whole bool) bool {
	row := make([]bool, len(path)+1)
	row[0] = true
	for i := range len(pattern) {
		next := make([]bool, len(path)+1)
		for j := range next {
			if pattern[i] == '*' {
				next[j] = row[j] || j > 0 && next[j-1]
			} else {
				next[j] = j > 0 && row[j-1] && path[j-1] == pattern[i]
			}
		}
		row = next
	}
	if whole {
		return row[len(path)]
	}
	for _, ok := range row {
		if ok {
			return true
		}
	}
	return false
}

func BenchmarkRobotsAllowed(b *testing.B) {
	var file strings.Builder
	file.WriteString("User-agent: *\n")
	for c := 'a'; c <= 'z'; c++ {
		file.WriteString("Disallow: /" + strings.Repeat(string(c), 4) + "/\nDisallow: /*/" + string(c) + "x?session=\n")
	}
	rules := ParseRobots([]byte(file.String())).For("downpour")
	b.ReportAllocs()
	for b.Loop() {
		if ok, _ := rules.Allowed("/docs/reference/index.html?version=2"); !ok {
			b.Fatal("forbidden")
		}
	}
}
