package option

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCheck(t *testing.T) {
	iterator := func() string { return "" }
	for _, tt := range []struct {
		name string
		key  string
		in   any
		want any
		err  string // part of the error; "" for none
	}{
		{name: "seconds", key: "delay", in: 1.5, want: 1500 * time.Millisecond},
		{name: "seconds as text", key: "delay", in: "0.2", want: 200 * time.Millisecond},
		{name: "duration with unit", key: "delay", in: "2m", want: 2 * time.Minute},
		{name: "negative duration", key: "delay", in: -1.0, err: "at least 0"},
		{name: "nonsense duration", key: "delay", in: "soon", err: `setting "delay": takes seconds`},
		{name: "zero timeout", key: "timeout", in: 0.0, err: "at least 0.001"},
		{name: "size", key: "max_body", in: 1024.0, want: int64(1024)},
		{name: "size with unit", key: "max_body", in: "10MB", want: int64(10_000_000)},
		{name: "number from an argument", key: "max_depth", in: "5", want: int64(5)},
		{name: "no limit", key: "max_depth", in: "none", want: None},
		{name: "no limit of time", key: "max_time", in: "none", want: time.Duration(0)},
		{name: "half a page", key: "max_pages", in: 1.5, err: "whole number"},
		{name: "no workers", key: "concurrency", in: 0.0, err: "at least 1"},
		{name: "true", key: "robots", in: true, want: true},
		{name: "true as text", key: "robots", in: "false", want: false},
		{name: "number for a switch", key: "robots", in: 1.0, err: "takes true or false, not 1"},
		{name: "one text for a list", key: "deny", in: "%.pdf$", want: []string{"%.pdf$"}},
		{name: "a list", key: "deny", in: []any{"a,b", "c"}, want: []string{"a,b", "c"}},
		{name: "words", key: "domains", in: "a.test, b.test", want: []string{"a.test", "b.test"}},
		{name: "list with a number", key: "deny", in: []any{"a", 1.0}, err: "list of texts"},
		{name: "headers", key: "headers", in: map[string]any{"X-A": "b", "X-C": []any{"d", 1.0}}, want: map[string][]string{"X-A": {"b"}, "X-C": {"d", "1"}}},
		{name: "headers as text", key: "headers", in: []string{"X-A: b:c"}, want: map[string][]string{"X-A": {"b:c"}}},
		{name: "logins", key: "auth", in: map[string]any{"a.test": map[string]any{"user": "u", "password": "p"}}, want: map[string]Login{"a.test": {User: "u", Password: "p"}}},
		{name: "token", key: "auth", in: map[string]any{"a.test": map[string]any{"token": "t"}}, want: map[string]Login{"a.test": {Token: "t"}}},
		{name: "token as text", key: "auth", in: []string{"a.test=Bearer t"}, want: map[string]Login{"a.test": {Token: "t"}}},
		{name: "token and user", key: "auth", in: map[string]any{"a.test": map[string]any{"token": "t", "user": "u", "password": "p"}}, err: "or {token=}"},
		{name: "logins as text", key: "auth", in: []string{"a.test=u:p:q"}, want: map[string]Login{"a.test": {User: "u", Password: "p:q"}}},
		{name: "login without password", key: "auth", in: map[string]any{"a.test": map[string]any{"user": "u"}}, err: "a.test takes {user=, password=}"},
		{name: "policy", key: "policy", in: "base", want: "base"},
		{name: "misspelt policy", key: "policy", in: "polit", err: `did you mean "polite"?`},
		{name: "policy table", key: "policy", in: map[string]any{"key": 1.0}, want: map[string]any{"key": 1.0}},
		{name: "function where none is taken", key: "delay", in: iterator, err: "not a function"},
		{name: "misspelt key", key: "max_page", in: 1.0, err: `unknown setting "max_page" (did you mean "max_pages"?)`},
		{name: "unknown key", key: "zzzzzz", in: 1.0, err: `unknown setting "zzzzzz"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Check(tt.key, tt.in)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want one with %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestFunctionPasses(t *testing.T) {
	got, err := Check("seeds", func() string { return "seed" })
	if f, ok := got.(func() string); !ok || err != nil || f() != "seed" {
		t.Errorf("got %T, %v", got, err)
	}
}

func TestParseSize(t *testing.T) {
	for s, want := range map[string]int64{
		"0": 0, "1024": 1024, "10MB": 10_000_000, "10MiB": 10 << 20, "10m": 10 << 20, "1.5 kB": 1500, "1GiB": 1 << 30,
	} {
		if got, err := ParseSize(s); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v, want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "MB", "-1", "1XB", "1e30", "NaN"} {
		if got, err := ParseSize(s); err == nil {
			t.Errorf("ParseSize(%q) = %d, want an error", s, got)
		}
	}
}

func TestNearest(t *testing.T) {
	words := []string{"delay", "delay_factor", "deny", "max_depth", "max_delay", "max_pages", "concurrency", "same_host", "run"}
	for _, tt := range []struct{ word, want string }{
		{"dealy", "delay"},
		{"maxpages", "max_pages"},
		{"conc", "concurrency"},
		{"max_deth", "max_depth"},
		{"same_hots", "same_host"},
		{"rnu", "run"},
		{"max", ""},
		{"frobnicate", ""},
	} {
		if got, _ := Nearest(tt.word, words); got != tt.want {
			t.Errorf("Nearest(%q) = %q, want %q", tt.word, got, tt.want)
		}
	}
}

func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range Table {
		for _, name := range []string{"--" + o.Flag, "$" + o.Env, "-" + o.Short, "." + o.Key} {
			if len(name) > 2 || strings.HasPrefix(name, "-") && len(name) == 2 {
				if seen[name] && name != "--" {
					t.Errorf("%s is there twice", name)
				}
				seen[name] = true
			}
		}
		if o.Help == "" || o.Group == "" || o.Flag == "" {
			t.Errorf("%+v lacks a flag, a help text or a group", o)
		}
		if o.Default != "" && o.Kind <= Size && o.Kind != Bool {
			if _, err := o.Check(o.Default); err != nil {
				t.Errorf("%s: default: %v", o.Label(), err)
			}
		}
	}
}
