package policies

import (
	"regexp"
	"testing"
)

// A pattern is a Matcher.
type pattern struct{ *regexp.Regexp }

func (p pattern) Match(s string) bool { return p.MatchString(s) }

func patterns(list ...string) (ms []Matcher) {
	for _, s := range list {
		ms = append(ms, pattern{regexp.MustCompile(s)})
	}
	return ms
}

func TestScope(t *testing.T) {
	tests := []struct {
		name  string
		scope Scope
		from  string
		url   string
		rule  string // "" where it belongs to the crawl
	}{
		{"open", Scope{}, "http://a.test/", "http://b.test/", ""},
		{"same host", Scope{SameHost: true}, "http://a.test/x", "https://a.test/y", ""},
		{"another host", Scope{SameHost: true}, "http://a.test/", "http://www.a.test/", "same_host"},
		{"another port", Scope{SameHost: true}, "http://a.test/", "http://a.test:81/", "same_host"},
		{"a seed's host", Scope{SameHost: true, SameDomain: true}, "", "http://a.test/", ""},
		{"same domain", Scope{SameDomain: true}, "http://a.example.co.uk/", "http://b.example.co.uk:81/", ""},
		{"same suffix is no domain", Scope{SameDomain: true}, "http://a.co.uk/", "http://b.co.uk/", "same_domain"},
		{"same address", Scope{SameDomain: true}, "http://127.0.0.1:1/", "http://127.0.0.1:2/", ""},
		{"another address", Scope{SameDomain: true}, "http://127.0.0.1/", "http://127.0.0.2/", "same_domain"},
		{"domain", Scope{Domains: []string{"x.test", "a.test"}}, "", "http://a.test/", ""},
		{"below the domain", Scope{Domains: []string{"a.test"}}, "", "http://b.a.test/", ""},
		{"ends alike", Scope{Domains: []string{"a.test"}}, "", "http://ba.test/", "domains"},
		{"above the domain", Scope{Domains: []string{"b.a.test"}}, "", "http://a.test/", "domains"},
		{"domain with a dot", Scope{Domains: []string{".A.test"}}, "", "http://b.a.test/", ""},
		{"domain with a star", Scope{Domains: []string{"*.a.test"}}, "", "http://b.a.test/", ""},
		{"domain in Unicode", Scope{Domains: []string{"bücher.test"}}, "", "http://www.bücher.test/", ""},
		{"domain with a port", Scope{Domains: []string{"a.test:81"}}, "", "http://a.test:81/", ""},
		{"domain with another port", Scope{Domains: []string{"a.test:81"}}, "", "http://a.test/", "domains"},
		{"empty domain", Scope{Domains: []string{""}}, "", "http://a.test/", "domains"},
		{"allowed", Scope{Allow: patterns("^x", "/a/")}, "", "http://h.test/a/b", ""},
		{"not allowed", Scope{Allow: patterns("/a/")}, "", "http://h.test/b", "allow"},
		{"denied", Scope{Deny: patterns("^y", "/b")}, "", "http://h.test/b", "deny /b"},
		{"deny before allow", Scope{Allow: patterns("/b"), Deny: patterns("b$")}, "", "http://h.test/b", "deny b$"},
		{"fragment is not looked at", Scope{Deny: patterns("secret")}, "", "http://h.test/#secret", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var from URL
			if tt.from != "" {
				from = mustParse(t, tt.from)
			}
			ok, rule := tt.scope.Check(from, mustParse(t, tt.url))
			if rule != tt.rule || ok != (tt.rule == "") {
				t.Errorf("got %t, %q, want %q", ok, rule, tt.rule)
			}
		})
	}
}

func TestDomain(t *testing.T) {
	tests := map[string]string{
		"www.example.co.uk": "example.co.uk", "example.com": "example.com", "com": "com", "localhost": "localhost",
		"127.0.0.1": "127.0.0.1", "::1": "::1", "a.b.github.io": "b.github.io", "": "", "site.test": "site.test",
		"WWW.Example.COM.": "example.com",
	}
	for host, want := range tests {
		if got := Domain(host); got != want {
			t.Errorf("%q: got %q, want %q", host, got, want)
		}
	}
}

func TestDomainSuite(t *testing.T) {
	type row struct {
		Input       *string `json:"input"`
		Registrable *string `json:"registrable"`
	}
	for _, c := range cases[row](t, "psl-test_psl.json") {
		if c.Input == nil { // no host at all
			continue
		}
		got, ok := Registrable(*c.Input)
		switch {
		case ok != (c.Registrable != nil):
			t.Errorf("%q: got %q, %t", *c.Input, got, ok)
		case ok && got != *c.Registrable:
			t.Errorf("%q: got %q, want %q", *c.Input, got, *c.Registrable)
		}
	}
}
