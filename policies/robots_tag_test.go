package policies

import "testing"

func TestReadDirectives(t *testing.T) {
	both := Directives{NoIndex: true, NoFollow: true}
	tests := []struct {
		name   string
		values []string
		want   Directives
	}{
		{"none at all", nil, Directives{}},
		{"all", []string{"all"}, Directives{}},
		{"none", []string{"none"}, both},
		{"two words", []string{"NoIndex , nofollow"}, both},
		{"two headers", []string{"noindex", "nofollow"}, both},
		{"own name", []string{"MyBot: nofollow"}, Directives{NoFollow: true}},
		{"another's name", []string{"otherbot: noindex, nofollow"}, Directives{}},
		{"all, then another", []string{"noindex, otherbot: nofollow"}, Directives{NoIndex: true}},
		{"another, then own", []string{"otherbot: noindex, mybot: nofollow"}, Directives{NoFollow: true}},
		{"directive with a value", []string{"max-snippet: 5, noindex"}, Directives{NoIndex: true}},
		{"directive with a date", []string{"unavailable_after: Fri, 25 Jun 2010 15:00:00 GMT, nofollow"}, Directives{NoFollow: true}},
		{"unknown", []string{"noarchive, nosnippet"}, Directives{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ReadDirectives("mybot/1.0", tt.values...); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}
