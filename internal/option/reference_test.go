package option

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the reference into the README")

// TestReadme holds the README's settings to the table.
func TestReadme(t *testing.T) {
	const name, begin, end = "../../README.md", "<!-- settings -->\n", "<!-- /settings -->"
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), begin)
	have, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no settings between %q and %q", name, begin, end)
	}
	want := Reference() + "\n"
	if *update {
		if err := os.WriteFile(name, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(want, have); d != "" {
		t.Errorf("the README's settings differ from the table (go generate ./internal/option writes them):\n%s", d)
	}
}
