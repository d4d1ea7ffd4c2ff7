package policies

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// canonicalMisses are the calls of the suite that ask for something else than
// the canonical form of a URL.
var canonicalMisses = map[string]string{
	"a#frag":     "no absolute URL",
	"a?b=1#frag": "no absolute URL",
	"?b=1":       "no absolute URL",
}

func TestCanonicalSuite(t *testing.T) {
	type call struct {
		Args   []json.RawMessage `json:"args"`
		Kwargs map[string]any    `json:"kwargs"`
		Value  string            `json:"value"`
	}
	plain := 0
	for _, c := range cases[call](t, "url-w3lib_canonicalize_url.json") {
		input, ok := textOrBytes(c.Args[0])
		if !ok || len(c.Kwargs) > 0 { // a parsed URL, or options that we do not have
			continue
		}
		plain++
		u, err := ParseURL(input)
		if err != nil {
			if canonicalMisses[input] == "" {
				t.Errorf("%q: %v", input, err)
			}
			continue
		}
		if got := (Canonical{}).Key(u); got != c.Value {
			t.Errorf("%q: got %s, want %s", input, got, c.Value)
		}
	}
	if plain < 30 {
		t.Errorf("only %d plain calls", plain)
	}
}

// textOrBytes reads an argument that is a string, or {"bytes": "…"} with a
// character for each octet.
func textOrBytes(raw json.RawMessage) (string, bool) {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s, true
	}
	var b struct{ Bytes *string }
	if json.Unmarshal(raw, &b) != nil || b.Bytes == nil {
		return "", false
	}
	var octets strings.Builder
	for _, r := range *b.Bytes {
		octets.WriteByte(byte(r))
	}
	return octets.String(), true
}

func TestCanonical(t *testing.T) {
	tests := []struct {
		name string
		c    Canonical
		url  string
		want string
	}{
		{"as it is", Canonical{}, "http://h/a?b=c", "http://h/a?b=c"},
		{"no path", Canonical{}, "http://h", "http://h/"},
		{"empty query", Canonical{}, "http://h/?", "http://h/"},
		{"only separators", Canonical{}, "http://h/?&&", "http://h/"},
		{"fragment", Canonical{}, "http://h/a#b", "http://h/a"},
		{"default port", Canonical{}, "https://h:443/", "https://h/"},
		{"sorted by name, then value", Canonical{}, "http://h/?b=2&a=2&b=1&a-=0", "http://h/?a=2&a-=0&b=1&b=2"},
		{"without a value", Canonical{}, "http://h/?b&a", "http://h/?a=&b="},
		{"second equals sign", Canonical{}, "http://h/?a=b=c", "http://h/?a=b%3Dc"},
		{"lower-case escapes", Canonical{}, "http://h/%c3%a9?q=%c3%a9", "http://h/%C3%A9?q=%C3%A9"},
		{"needless escapes", Canonical{}, "http://h/%7Ea%2Db?q=%7E", "http://h/~a-b?q=~"},
		{"escaped slash is no slash", Canonical{}, "http://h/a%2fb", "http://h/a%2Fb"},
		{"escaped percent is no percent", Canonical{}, "http://h/a%2541", "http://h/a%2541"},
		{"no escape", Canonical{}, "http://h/100%/%zz", "http://h/100%/%zz"},
		{"user stays", Canonical{}, "http://u:p@h/a", "http://u:p@h/a"},
		{"keep order", Canonical{KeepOrder: true}, "http://h/?b=1&a=2", "http://h/?b=1&a=2"},
		{"keep order, encode", Canonical{KeepOrder: true}, "http://h/?b=%20&a", "http://h/?b=+&a="},
		{"drop a name", Canonical{DropParams: []string{"sid"}}, "http://h/?sid=1&a=2&sid2=3", "http://h/?a=2&sid2=3"},
		{"drop the last", Canonical{DropParams: []string{"sid"}}, "http://h/?sid=1", "http://h/"},
		{"drop a prefix", Canonical{DropParams: []string{"utm_*"}}, "http://h/?utm_source=1&a=2&utm=3", "http://h/?a=2&utm=3"},
		{"drop an escaped name", Canonical{DropParams: []string{"a b"}}, "http://h/?a%20b=1&c=2", "http://h/?c=2"},
		{"other schemes", Canonical{}, "mailto:a@b?c#d", "mailto:a@b?c"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u, err := ParseURL(tt.url)
			if err != nil {
				t.Fatal(err)
			}
			if got := tt.c.Key(u); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestParseQuery(t *testing.T) {
	tests := map[string][]Param{
		"":                {},
		"a=1&b=2":         {{"a", "1"}, {"b", "2"}},
		"&a&&b=":          {{"a", ""}, {"b", ""}},
		"a+b=c%20d%26&=x": {{"a b", "c d&"}, {"", "x"}},
		"a=b=c&%zz":       {{"a", "b=c"}, {"%zz", ""}},
	}
	for query, want := range tests {
		if diff := cmp.Diff(want, ParseQuery(query)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", query, diff)
		}
	}
}
