package extract

import (
	"math"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// xpathMisses are the cases of the suite that are answered otherwise.
var xpathMisses = map[string]string{
	"string(-12345678901234567890)": "the standard writes numbers without exponent (XPath 1.0 §4.2)",
	"number('-')":                   "a sign alone is no number (XPath 1.0 §4.4)",
}

func TestXPathSuite(t *testing.T) {
	var suite struct {
		Documents map[string]string
		Cases     []struct {
			Doc, Expr, Error string
			Expect           struct {
				Type    string
				Count   int
				Strings []string
				Value   any
			}
		}
	}
	readJSON(t, filepath.Join(sharedDir(t, "suites"), "css-xpath-libxml2_xpath.json"), &suite)
	missed := 0
	for _, c := range suite.Cases {
		if xpathMisses[c.Expr] != "" {
			missed++
			continue
		}
		doc := Parse("")
		if c.Doc != "" {
			var err error
			if doc, err = ParseXML(suite.Documents[c.Doc]); err != nil {
				t.Fatal(err)
			}
			doc = wrap(rootElement(doc.raw))
		}
		got, err := doc.XPath(c.Expr)
		if c.Error != "" {
			if err == nil {
				t.Errorf("%s: no error", c.Expr)
			}
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		if nodes, ok := got.([]*Node); ok {
			strings := []string{}
			for _, n := range nodes {
				if n.raw.Parent != nil { // the document is left out there
					strings = append(strings, n.Text())
				}
			}
			if diff := cmp.Diff(c.Expect.Strings, strings); diff != "" || c.Expect.Type != "nodeset" {
				t.Errorf("%s (-want +got):\n%s", c.Expr, diff)
			}
			continue
		}
		if c.Expect.Type == "number" {
			want, _ := strconv.ParseFloat(c.Expect.Value.(string), 64)
			f, ok := got.(float64)
			same := f == want || math.IsNaN(f) && math.IsNaN(want) || math.Abs(f-want) < math.Abs(want)*1e-14
			if !ok || !same || math.Signbit(f) != math.Signbit(want) && !math.IsNaN(f) {
				t.Errorf("%s: got %v, want %v", c.Expr, got, want)
			}
			continue
		}
		if got != c.Expect.Value {
			t.Errorf("%s: got %#v, want %#v", c.Expr, got, c.Expect.Value)
		}
	}
	if len(suite.Cases) == 0 || missed*50 > len(suite.Cases) {
		t.Errorf("missed %d of %d", missed, len(suite.Cases))
	}
}

func TestXPath(t *testing.T) {
	doc := Parse(`<html lang=en><body><div id=a class="x y"><p>one <b>two</b></p><p lang=de>three</p><!--c--></div><ul><li>1<li>2<li>3</ul><a href=/q title="T">L</a></body></html>`)
	tests := []struct {
		expr string
		want any
	}{
		{"//li/text()", []string{"1", "2", "3"}},
		{"//LI[2]", []string{"2"}},
		{"//li[last()]", []string{"3"}},
		{"//li[position()>1]", []string{"2", "3"}},
		{"//a/@href", []string{"/q"}},
		{"//a/@*", []string{"/q", "T"}},
		{"//b/ancestor::div/@id", []string{"a"}},
		{"//li[3]/preceding-sibling::li[1]", []string{"2"}},
		{"(//li)[last()]/preceding::p", []string{"one two", "three"}},
		{"//b/following::li[1]", []string{"1"}},
		{"//p[b]", []string{"one two"}},
		{"//p[not(b)]", []string{"three"}},
		{"//p[b='two']/following-sibling::p", []string{"three"}},
		{"//comment()", []string{"c"}},
		{"//*[lang('de')]", []string{"three"}},
		{"//li[. > 1]", []string{"2", "3"}},
		{"//li[.=//li[2]]", []string{"2"}},
		{"//ul//li | //b", []string{"two", "1", "2", "3"}},
		{"//div/*[1]/..//b", []string{"two"}},
		{"id('a')/p[2]", []string{"three"}},
		{"//li[position()=count(//p)]", []string{"2"}},
		{"//p[contains(concat(' ', ../@class, ' '), ' y ')][1]", []string{"one two"}},
		{"//nothing", []string(nil)},
		{"string(//a/@title)", "T"},
		{"count(//li)", 3.0},
		{"sum(//li)", 6.0},
		{"name(//a/@href)", "href"},
		{"local-name(/*)", "html"},
		{"normalize-space(//p)", "one two"},
		{"translate('bar','abc','AB')", "BAr"},
		{"substring-after('1999/04/01','/')", "04/01"},
		{"string-length('h\u00e9')", 2.0},
		{"//li = 2", true},
		{"//li != 2", true},
		{"boolean(//nothing)", false},
		{"2 + 3 * 4 - 6 div 2", 11.0},
		{"--1", 1.0},
		{"ends-with('abc', 'bc') and lower-case('A') = 'a'", true},
	}
	for _, tt := range tests {
		got, err := doc.XPath(tt.expr)
		if err != nil {
			t.Error(err)
			continue
		}
		if nodes, ok := got.([]*Node); ok {
			var texts []string
			for _, n := range nodes {
				texts = append(texts, n.Text())
			}
			got = texts
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.expr, diff)
		}
	}
}

func TestXPathErrors(t *testing.T) {
	for _, expr := range []string{"", "//", "/a/", "a[", "a[]", "a]", "(a", "a b", "f()", "count()", "count(1)", "'x", "$x", "x::a", "1|2", "@", "a::", "#", "a[1", "!a", "'a'/b"} {
		if got, err := Parse("<a>").XPath(expr); err == nil {
			t.Errorf("%q: no error but %v", expr, got)
		}
	}
}

func TestParseXML(t *testing.T) {
	doc, err := ParseXML(`<?xml version="1.0"?><Root a="1 &amp; 2"><m:Item xmlns:m="x">t&lt;<![CDATA[<raw>]]>&unknown;</m:Item><e/><open></Root>`)
	if err != nil {
		t.Fatal(err)
	}
	want := `<Root a="1 &amp; 2"><m:Item xmlns:m="x">t&lt;&lt;raw&gt;</m:Item><e/><open/></Root>`
	if got := doc.HTML(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	item := mustFind(t, doc, "m|Item")
	if got := item.Tag(); got != "m:Item" {
		t.Errorf("tag %q", got)
	}
	if item != nil && mustFind(t, item, "x") != nil {
		t.Error("found an element that is not there")
	}
	if got := len(mustAll(t, doc, "Item, e")); got != 2 {
		t.Errorf("%d elements by local name, want 2", got)
	}
	nodes, err := doc.XPath("//m:Item")
	if n, _ := nodes.([]*Node); err != nil || len(n) != 1 {
		t.Errorf("xpath with prefix: %v, %v", nodes, err)
	}
	if _, err := ParseXML("no xml"); err == nil {
		t.Error("text: no error")
	}
}

func FuzzXPath(f *testing.F) {
	for _, s := range []string{"//a[@href][1]/..", "count(//li) * 2 div -3", "substring('abc', 2, 1) | 'x'", "ancestor-or-self::*[position()=last()]", "a:b/@*"} {
		f.Add(s)
	}
	doc := Parse("<div class=a><p id=b lang=de>x</p><ul><li>1<li>2</ul></div>")
	f.Fuzz(func(t *testing.T, expr string) {
		_, _ = doc.XPath(expr)
	})
}
