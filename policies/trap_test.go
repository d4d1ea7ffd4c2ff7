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
	tests := []struct {
		url, template string
		numbers       int
	}{
		{"http://h1.test/cal/2026/3", "h1.test/cal/{n}/{n}", 2},
		{"http://h/a12b?page=3&x=%20%31y", "h/a{n}b?page={n}&x=%20%31y", 2},
		{"http://h:81/100%", "h:81/{n}%", 1},
		{"http://h/1%2", "h/{n}%{n}", 2},
		{"http://h/", "h/", 0},
	}
	for _, tt := range tests {
		template, numbers := mustParse(t, tt.url).Template()
		if template != tt.template || numbers != tt.numbers {
			t.Errorf("%s: got %s with %d numbers, want %s with %d", tt.url, template, numbers, tt.template, tt.numbers)
		}
	}
}
