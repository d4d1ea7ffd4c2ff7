package extract

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheckXML(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"an element", `<a/>`, ""},
		{"all there is", "\uFEFF<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<!DOCTYPE a [<!ENTITY e \"x\"><!ENTITY % p 'y'>]>\n<!-- c --><a x='1' m:x='2' xmlns:m='u'>&e;&amp;&#65;<![CDATA[<]]><?p i?></a>\n", ""},
		{"an undeclared prefix", `<m:a/>`, ""},
		{"an element left open", "<a>", "line 1: it ends where <a> is still open"},
		{"one left open inside", "<a>\n<b>\n</a>", "line 3: element <b> closed by </a>"},
		{"an end without a start", "<a/></b>", "line 1: unexpected end element </b>"},
		{"a tag cut off", "<a>\n<b x='", "line 2: it ends where <a> is still open"},
		{"an attribute without quotes", "<a x=1/>", "line 1: unquoted or missing attribute value in element"},
		{"an attribute twice", "<a>\n<b x='1' x='2'/></a>", "line 2: <b> has the attribute x twice"},
		{"an ampersand", "<a>\n\nx & y</a>", "line 3: invalid character entity & (no semicolon)"},
		{"an entity that is none", "<a>&nbsp;</a>", "line 1: invalid character entity &nbsp;"},
		{"two elements", "<a/>\n<b/>", "line 2: a second element <b> beside the first"},
		{"text beside the element", "<a/>\nx", "line 2: text outside of the element"},
		{"no element", "<?xml version='1.0'?>\n", "line 2: no element in it"},
		{"nothing", "", "line 1: no element in it"},
		{"not XML", "no xml", "line 1: text outside of the element"},
		{"a control character", "<a>\x01</a>", "line 1: illegal character code U+0001"},
		{"deep", strings.Repeat("<a>", 1e5), "line 1: it ends where <a> is still open"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if err := CheckXML(tt.text); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzCheckXML(f *testing.F) {
	f.Add(`<!DOCTYPE a [<!ENTITY e "x">]><a x="1">&e;<b/></a>`)
	f.Add("<a></b>")
	f.Fuzz(func(t *testing.T, text string) {
		if CheckXML(text) != nil {
			return
		}
		if _, err := ParseXML(text); err != nil {
			t.Errorf("well-formed, and has no tree: %v", err)
		}
	})
}
