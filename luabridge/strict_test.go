package luabridge

import "testing"

func TestStrictly(t *testing.T) {
	rows := []struct {
		name, ref, want string
		ok              bool
	}{
		{"plain", "a/b.html?x=1#y", "a/b.html?x=1#y", true},
		{"absolute", "http://a.test:80/x", "http://a.test:80/x", true},
		{"empty", "", "", true},
		{"backslash is an octet", `\`, "%5C", true},
		{"escape", "a%20b", "a%20b", true},
		{"lone percent", "operator%.html", "", false},
		{"percent at the end", "a%2", "", false},
		{"lone percent in the query", "a?b=100%", "a?b=100%", true},
		{"lone percent in the fragment", "a#%", "", false},
		{"scheme behind a bracket", "(http://a.test/x", "", false},
		{"colon first", ":x", "", false},
		{"colon in a later segment", "x/y:z", "x/y:z", true},
		{"control character", "a\x01b", "", false},
		{"other scheme", "mailto:me@a.test", "mailto:me@a.test", true},
		{"digit first", "1a:b", "", false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got, ok := strictly(row.ref)
			if got != row.want || ok != row.ok {
				t.Errorf("strictly(%q) = %q, %v; want %q, %v", row.ref, got, ok, row.want, row.ok)
			}
		})
	}
}
