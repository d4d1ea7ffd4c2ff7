package extract

import (
	"strings"
	"testing"
)

// TestHostilePages reads pages made to be slow or deep; that it ends at once is
// what is tested, besides that no link is lost.
func TestHostilePages(t *testing.T) {
	const link = "<a href=/x>x</a>"
	tests := []struct {
		name, page string
		links      int
	}{
		{"513 open elements", strings.Repeat("<div>", 513) + link, 1},
		{"50,000 bold", strings.Repeat("<b>", 50_000) + link, 1},
		{"50,000 links left open", strings.Repeat("<a href=/x>", 50_000), 50_000},
		{"italics and paragraphs", strings.Repeat("<i><p>", 20_000) + link, 1},
		{"table cells", strings.Repeat("<table><td>", 20_000) + link, 1},
		{"long comment", link + "<!--" + strings.Repeat("-", 5<<20), 1},
		{"less-than signs", strings.Repeat("<", 5<<20) + "a href=/x>", 1},
		{"deep svg and end tags", "<svg>" + strings.Repeat("<g>", 50_000) + strings.Repeat("</x>", 50_000) + link, 1},
		{"many attributes", "<a " + strings.Repeat("x=1 ", 1_000_000) + ">" + link, 1},
		{"comments in a script", "<script>" + strings.Repeat("<!--<script", 200_000) + link, 0},
		{"framesets", strings.Repeat("<frameset", 1) + ">" + strings.Repeat("<frameset><frame src=x>", 5_000) + link, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			links, _, _ := Links(tt.page, nil)
			if len(links) != tt.links {
				t.Errorf("%d links, want %d", len(links), tt.links)
			}
			doc := Parse(tt.page)
			if doc == nil {
				t.Fatal("no tree")
			}
			_ = doc.Text()
			_ = Title(tt.page)
		})
	}
}

func TestTooDeep(t *testing.T) {
	doc := Parse("<title>T</title>" + strings.Repeat("<div>", 600) + "<a href=/x>text</a><script><a href=y></script>")
	if got, _ := mustFind(t, doc, "a").Attr("href"); got != "/x" {
		t.Errorf("href %q", got)
	}
	if got := len(mustAll(t, doc, "div")); got != 600 {
		t.Errorf("%d elements, want 600", got)
	}
	if got := mustFind(t, doc, "title").Text(); got != "T" {
		t.Errorf("title %q", got)
	}
}
