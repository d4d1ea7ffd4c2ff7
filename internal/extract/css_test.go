package extract

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// cssMisses are the cases of the suite that are answered otherwise.
var cssMisses = map[string]string{
	":enabled": "links are no form controls, and a hidden input is one (WHATWG HTML, selector-enabled)",
}

func TestCSSSuite(t *testing.T) {
	var suite struct {
		Documents map[string]string
		Cases     []struct {
			Doc, CSS string
			HTMLOnly bool `json:"html_only"`
			IDs      []string
			Count    *int
		}
	}
	readJSON(t, filepath.Join(sharedDir(t, "suites"), "css-xpath-cssselect.json"), &suite)
	docs := map[string]*Node{}
	for name, text := range suite.Documents {
		doc, err := ParseXML(text)
		if err != nil {
			t.Fatal(err)
		}
		docs[name], docs[name+" as HTML"] = doc, Parse(text)
	}
	missed := 0
	for _, c := range suite.Cases {
		sel, err := ParseSelector(c.CSS)
		if err != nil {
			t.Error(err)
			continue
		}
		context := docs[c.Doc]
		if c.HTMLOnly {
			context = docs[c.Doc+" as HTML"]
		}
		if c.Count != nil && strings.Contains(c.CSS, ":scope") {
			context = mustFind(t, context, "body")
		}
		found, err := context.All(sel)
		if err != nil {
			t.Fatal(err)
		}
		if cssMisses[c.CSS] != "" {
			missed++
			continue
		}
		if c.Count != nil {
			if len(found) != *c.Count {
				t.Errorf("%s: %d elements, want %d", c.CSS, len(found), *c.Count)
			}
			continue
		}
		got := []string{}
		for _, n := range found {
			id, ok := n.Attr("id")
			if !ok {
				id = "nil"
			}
			got = append(got, id)
		}
		if diff := cmp.Diff(c.IDs, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.CSS, diff)
		}
	}
	if len(suite.Cases) == 0 || missed*50 > len(suite.Cases) {
		t.Errorf("missed %d of %d", missed, len(suite.Cases))
	}
}

func mustSelector(t testing.TB, sel string) *Selector {
	t.Helper()
	s, err := ParseSelector(sel)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustAll(t testing.TB, n *Node, sel string) []*Node {
	t.Helper()
	found, err := n.All(mustSelector(t, sel))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func mustFind(t testing.TB, n *Node, sel string) *Node {
	t.Helper()
	found, err := n.Find(mustSelector(t, sel))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestSelectorWork: a chain of combinators that fails costs no more than its
// length for each element around; what costs more than any page is worth ends.
func TestSelectorWork(t *testing.T) {
	deep := Parse("<main>" + strings.Repeat("<div>", 400))
	wide := Parse("<main>" + strings.Repeat("<i></i>", 5_000))
	wider := Parse("<main>" + strings.Repeat("<i></i>", 50_000))
	for _, tt := range []struct {
		name, sel string
		doc       *Node
		want      int
		gaveUp    bool
	}{
		{"descendants that are not there", "nav" + strings.Repeat(" div", 30), deep, 0, false},
		{"descendants that are there", "main" + strings.Repeat(" div", 30), deep, 371, false},
		{"children among descendants", "nav > div" + strings.Repeat(" div", 30) + " > div", deep, 0, false},
		{"siblings that are not there", "b" + strings.Repeat(" ~ i", 10), wide, 0, false},
		{"has in has", "div:has(div:has(div:has(div:has(nav))))", deep, 0, true},
		{"places from the end", "i:nth-last-of-type(2n)", wider, 25_000, false},
		{"all siblings for each", "i:nth-last-child(2n of i)", wider, 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.doc.All(mustSelector(t, tt.sel))
			if len(got) != tt.want || (err != nil) != tt.gaveUp {
				t.Errorf("%d elements, %v; want %d, gave up: %t", len(got), err, tt.want, tt.gaveUp)
			}
		})
	}
}

func TestSelectors(t *testing.T) {
	const page = `<html><body><div id=a class="x y"><p id=b>one <b>two</b></p><p id=c lang=de-AT data-x="1">three</p></div>
		<ul id=d><li id=e class=X>1<li id=f>2<li id=g class="X y">3</ul><svg id=h><a id=i xlink:href="z"></a><foreignObject id=j></foreignObject></svg></body>`
	tests := []struct{ sel, want string }{
		{"div > p", "b c"},
		{"p:not(:has(b))", "c"},
		{"div:has(> p + p)", "a"},
		{"p:has(+ p)", "b"},
		{":is(ul, div) > :where(#b, #f)", "b f"},
		{"li:nth-child(2 of .X)", "g"},
		{"li:nth-last-child(-n + 2)", "f g"},
		{"[class='x' i]", "e"},
		{"[class~=y]", "a g"},
		{"*|li.X", "e g"},
		{"foreignobject", "j"},
		{"[xlink|href]", "i"},
		{`#\64`, "d"},
		{`p:contains("thr")`, "c"},
		{"p:lang(de)", "c"},
		{"p:lang(en, de)", "c"},
		{"div p, ul li:first-child, p", "b c e"},
		{":scope > body > div", "a"},
		{"P[DATA-X]", "c"},
		{"#nothing", ""},
	}
	doc := Parse(page)
	for _, tt := range tests {
		var got []string
		for _, n := range mustAll(t, doc, tt.sel) {
			id, _ := n.Attr("id")
			got = append(got, id)
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s: got %q, want %q", tt.sel, s, tt.want)
		}
	}
}

func TestPseudoElements(t *testing.T) {
	doc := Parse(`<p title=T>one <b>two</b> three<p>four`)
	tests := []struct {
		sel  string
		want []string
	}{
		{"p::text", []string{"one ", " three", "four"}},
		{"p ::text", []string{"two"}},
		{"p::attr(title)", []string{"T"}},
		{"p::attr(none)", nil},
		{"b::text, p::attr(title)", []string{"T", "two"}},
	}
	for _, tt := range tests {
		var got []string
		for _, n := range mustAll(t, doc, tt.sel) {
			got = append(got, n.Text())
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.sel, got, tt.want)
		}
	}
}

func TestSelectorErrors(t *testing.T) {
	for _, sel := range []string{
		"", " ", "a,", ",a", "a >", "> a", "a[", "a[b", "a[b=]", "a[b=c", "a[b='c]", "#", ".", ":", "a:", "a:none", "a:none(b)", "a:not(", "a:not()", "a:nth-child(x)",
		"a:nth-child(2n3)", "a::before", "a::text b", "a::attr", "a::attr()", "a)", "a]", "a & b", "a{}", strings.Repeat(":not(", 40) + "a" + strings.Repeat(")", 40),
	} {
		if s, err := ParseSelector(sel); err == nil {
			t.Errorf("%q: no error but %v", sel, s.list)
		}
	}
}

func TestLongLists(t *testing.T) {
	doc := Parse("<ul>" + strings.Repeat("<li>x", 30_000) + "</ul>")
	if got := len(mustAll(t, doc, "ul > li:nth-child(3n+1)")); got != 10_000 {
		t.Errorf("%d elements, want 10000", got)
	}
}

func FuzzParseSelector(f *testing.F) {
	for _, s := range []string{"a[href], area[href]", "ol > li:nth-child(2n+1 of .x):not(:has(+ b))", `di\a0 v`, "p::attr('x')", ":lang(de, 'en')"} {
		f.Add(s)
	}
	doc := Parse("<div class=a><p id=b lang=de>x</p><ul><li>1<li>2</ul></div>")
	f.Fuzz(func(t *testing.T, sel string) {
		if s, err := ParseSelector(sel); err == nil {
			doc.All(s)
			Links("<a href=x>", s)
		}
	})
}
