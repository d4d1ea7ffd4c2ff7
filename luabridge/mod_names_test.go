package luabridge

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// takesAny are the functions that no type of argument is wrong for.
var takesAny = []string{"inspect", "set.new", "test.equal", "test.ok"}

// A function that is called with what it does not take says its name, however
// it was called.
func TestMisuseNamesTheFunction(t *testing.T) {
	var script strings.Builder
	script.WriteString("local odd = coroutine.create(function() end)\nlocal function try(name, ok, why) print(name, ok, why) end\n")
	var want []string
	for _, m := range modules() {
		for _, d := range m.docs {
			s, ok := parseCall(d.call)
			if !ok || !s.call || s.sep == ":" || len(s.params) == 0 {
				continue
			}
			name := m.name + "." + s.name
			call := fmt.Sprintf("require(%q).%s", modulePrefix+m.name, s.name)
			if m.name == s.name {
				name, call = m.name, fmt.Sprintf("require(%q)", modulePrefix+m.name)
			}
			if slices.Contains(takesAny, name) {
				continue
			}
			// Called by pcall, a function has no name but its own.
			fmt.Fprintf(&script, "try(%q, pcall(%s, odd, odd, odd))\n", name, call)
			want = append(want, name)
		}
	}
	w := one(t, script.String())
	w.mustLoad()
	got := strings.Split(strings.TrimSpace(w.stdout.String()), "\n")
	if len(got) != len(want) || len(want) < 30 {
		t.Fatalf("%d answers for %d functions:\n%s", len(got), len(want), w.stdout.String())
	}
	for i, line := range got {
		f := strings.SplitN(line, "\t", 3)
		if f[0] != want[i] || f[1] != "false" || !strings.Contains(f[2], "'"+want[i]+"'") {
			t.Errorf("%s: %s", want[i], line)
		}
	}
}
