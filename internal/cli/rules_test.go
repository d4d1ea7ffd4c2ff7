package cli

import (
	"encoding/json"
	"testing"

	"downpour/internal/option"

	"github.com/google/go-cmp/cmp"
)

// TestRulesKept reads the rules of a crawl back from its description.
func TestRulesKept(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
	}{
		{"none set", nil},
		{"no limit", []string{"--max-depth=none", "--max-pages=none", "--max-per-host=none", "--per-host=none"}},
		{"no limit of time", []string{"--max-time=none"}},
		{"limits", []string{"--max-depth=0", "--max-pages=7", "--max-time=90"}},
		{"lists and switches", []string{"--same-host", "--robots=false", "--domains=a.test,b.test", "--deny=%.pdf$"}},
		{"durations and fractions", []string{"--delay=1.5s", "--delay-factor=0.25", "--max-delay=2m"}},
		{"texts", []string{"--policy=base", "--user-agent=probe/2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			flags, _, err := parseFlags(tt.args, func(option.Option) bool { return true })
			if err != nil {
				t.Fatal(err)
			}
			set, err := readSettings(flags, func(string) (string, bool) { return "", false })
			if err != nil {
				t.Fatal(err)
			}
			b, err := json.Marshal(note{Rules: rules(set)})
			if err != nil {
				t.Fatal(err)
			}
			var n note
			if err := json.Unmarshal(b, &n); err != nil {
				t.Fatal(err)
			}
			got, err := n.settings()
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(set, got); d != "" {
				t.Error(d)
			}
		})
	}
}
