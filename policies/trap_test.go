package policies

import (
	"strings"
	"testing"
)

func TestRepeats(t *testing.T) {
	tests := []struct {
		name, url string
		want      int
	}{
		{"no segment", "http://h/", 0},
		{"all different", "http://h/a/b/c", 1},
		{"in a row", "http://h/a/a/a", 3},
		{"in turns", "http://h/a/b/a/b/a", 3},
		{"empty ones do not count", "http://h/a////b", 1},
		{"query does not count", "http://h/a?/a/a", 1},
		{"more than are compared", "http://h/" + strings.Repeat("x/", 300), 302},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := mustParse(t, tt.url).Repeats(); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

func TestTemplate(t *testing.T) {
	tests := map[string]string{
		"http://h1.test/cal/2026/3":      "h1.test/cal/{n}/{n}",
		"http://h/a12b?page=3&x=%20%31y": "h/a{n}b?page={n}&x=%20%31y",
		"http://h:81/100%":               "h:81/{n}%",
		"http://h/1%2":                   "h/{n}%{n}",
		"http://h/":                      "h/",
	}
	for s, want := range tests {
		if got := mustParse(t, s).Template(); got != want {
			t.Errorf("%s: got %s, want %s", s, got, want)
		}
	}
}
