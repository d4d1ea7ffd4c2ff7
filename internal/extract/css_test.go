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
			context = context.Find(mustSelector(t, "body"))
		}
		found := context.All(sel)
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
		for _, n := range doc.All(mustSelector(t, tt.sel)) {
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
		for _, n := range doc.All(mustSelector(t, tt.sel)) {
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
	if got := len(doc.All(mustSelector(t, "ul > li:nth-child(3n+1)"))); got != 10_000 {
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
