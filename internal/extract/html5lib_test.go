package extract

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

const (
	// minTrees is how many of a thousand trees the parser makes as browsers do.
	minTrees = 996
	// minAgreed is on how many of a thousand such pages scanner and tree find the
	// same links. They differ where a template's column group drops what follows,
	// and where HTML inside of foreign content is closed from outside.
	minAgreed = 992
)

// treeCase is a page and the tree that browsers make of it.
type treeCase struct{ data, tree string }

// treeCases reads the cases for whole pages without scripting.
func treeCases(t *testing.T) []treeCase {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(sharedDir(t, "suites"), "html5lib", "tree-construction", "*.dat"))
	var cases []treeCase
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range strings.Split("\n"+string(b), "\n#data\n")[1:] {
			data, rest, ok := strings.Cut(c, "\n#errors")
			head, tree, ok2 := strings.Cut(rest, "\n#document\n")
			if !ok || !ok2 || strings.Contains(head, "#document-fragment") || strings.Contains(head, "#script-on") {
				continue
			}
			cases = append(cases, treeCase{data, strings.TrimRight(tree, "\n")})
		}
	}
	if len(cases) == 0 {
		t.Fatal("no cases")
	}
	return cases
}

// TestHTML5LibTrees holds the parser to what it passes.
func TestHTML5LibTrees(t *testing.T) {
	cases := treeCases(t)
	passed := 0
	for _, c := range cases {
		var b strings.Builder
		for n := range Parse(c.data).raw.ChildNodes() {
			dumpTree(&b, n, 0)
		}
		if strings.TrimRight(b.String(), "\n") == c.tree {
			passed++
		}
	}
	t.Logf("%d of %d", passed, len(cases))
	if passed*1000 < len(cases)*minTrees {
		t.Errorf("%d of %d trees are as they should be", passed, len(cases))
	}
}

func dumpTree(b *strings.Builder, n *html.Node, depth int) {
	in := "| " + strings.Repeat("  ", depth)
	switch n.Type {
	case html.DoctypeNode:
		fmt.Fprintf(b, "%s<!DOCTYPE %s", in, n.Data)
		var public, system string
		for _, a := range n.Attr {
			if a.Key == "public" {
				public = a.Val
			} else {
				system = a.Val
			}
		}
		if len(n.Attr) > 0 {
			fmt.Fprintf(b, " %q %q", public, system)
		}
		b.WriteString(">\n")
	case html.TextNode:
		fmt.Fprintf(b, "%s\"%s\"\n", in, n.Data)
	case html.CommentNode:
		fmt.Fprintf(b, "%s<!-- %s -->\n", in, n.Data)
	case html.ElementNode:
		name := n.Data
		if n.Namespace != "" {
			name = n.Namespace + " " + name
		}
		fmt.Fprintf(b, "%s<%s>\n", in, name)
		var attrs []string
		for _, a := range n.Attr {
			key := a.Key
			if a.Namespace != "" {
				key = a.Namespace + " " + key
			}
			attrs = append(attrs, fmt.Sprintf("%s  %s=\"%s\"\n", in, key, a.Val))
		}
		slices.Sort(attrs)
		b.WriteString(strings.Join(attrs, ""))
		if n.Data == "template" && n.Namespace == "" {
			depth++
			b.WriteString("| " + strings.Repeat("  ", depth) + "content\n")
		}
	}
	for c := range n.ChildNodes() {
		dumpTree(b, c, depth+1)
	}
}

// TestHTML5LibLinks compares scanner and tree on pages of bad markup, each with
// a link in raw text and one outside appended, which shows in which state the
// scanner left the page.
func TestHTML5LibLinks(t *testing.T) {
	cases := treeCases(t)
	agreed := 0
	for _, c := range cases {
		if diff := scannerDiff(t, c.data+`<style><a href=raw></style><a href=end>`); diff == "" {
			agreed++
		} else {
			t.Logf("%q:\n%s", c.data, diff)
		}
	}
	t.Logf("%d of %d", agreed, len(cases))
	if agreed*1000 < len(cases)*minAgreed {
		t.Errorf("scanner and tree agree on %d of %d", agreed, len(cases))
	}
}
