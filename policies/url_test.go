package policies

import (
	"errors"
	"testing"
)

func TestURLParts(t *testing.T) {
	u := mustParse(t, "HTTPS://us%20er:pa:ss@WWW.Example.COM:8443/a/./b/../c?q=1#frag")
	tests := []struct{ name, got, want string }{
		{"href", u.Href(), "https://us%20er:pa%3Ass@www.example.com:8443/a/c?q=1#frag"},
		{"string", u.String(), "https://us%20er:pa%3Ass@www.example.com:8443/a/c?q=1"},
		{"scheme", u.Scheme(), "https"},
		{"host", u.Host(), "www.example.com:8443"},
		{"hostname", u.Hostname(), "www.example.com"},
		{"port", u.Port(), "8443"},
		{"path", u.Path(), "/a/c"},
		{"query", u.Query(), "q=1"},
		{"path and query", u.PathQuery(), "/a/c?q=1"},
		{"fragment", u.Fragment(), "frag"},
		{"username", u.Username(), "us%20er"},
		{"password", u.Password(), "pa%3Ass"},
		{"origin", u.Origin(), "https://www.example.com:8443"},
		{"without fragment", u.WithoutFragment().Href(), u.String()},
		{"without userinfo", u.WithoutUserinfo().Href(), "https://www.example.com:8443/a/c?q=1#frag"},
		{"hostname of an address", mustParse(t, "http://[1:0::8]:81/").Hostname(), "1::8"},
		{"host of an address", mustParse(t, "http://[1:0::8]:81/").Host(), "[1::8]:81"},
		{"origin of mail", mustParse(t, "mailto:a@b").Origin(), "null"},
		{"path of mail", mustParse(t, "mailto:a@b").Path(), "a@b"},
		{"octets that are no UTF-8", mustParse(t, "http://h/\xff?\xff").Href(), "http://h/%FF?%FF"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, tt.got, tt.want)
		}
	}
}

func TestZeroURL(t *testing.T) {
	var u URL
	if !u.IsZero() || u.IsHTTP() || u.HasFragment() {
		t.Error("the zero URL is something")
	}
	parts := u.Href() + u.String() + u.Scheme() + u.Host() + u.Hostname() + u.Port() + u.PathQuery() + u.Query() +
		u.Fragment() + u.Username() + u.Password()
	if parts != "" {
		t.Errorf("the zero URL has parts: %s", parts)
	}
	if _, err := u.Join("/x"); !errors.Is(err, ErrNoScheme) {
		t.Errorf("relative to nothing: %v", err)
	}
	if v, err := u.Join("http://h/x"); err != nil || v.Href() != "http://h/x" {
		t.Errorf("absolute: got %s, %v", v.Href(), err)
	}
}

func TestSameOrigin(t *testing.T) {
	tests := []struct {
		name, a, b string
		want       bool
	}{
		{"same", "http://h/a", "http://u@h:80/b", true},
		{"scheme", "http://h/", "https://h/", false},
		{"port", "http://h/", "http://h:81/", false},
		{"host", "http://h/", "http://i/", false},
		{"opaque", "mailto:a@b", "mailto:a@b", false},
	}
	for _, tt := range tests {
		if got := mustParse(t, tt.a).SameOrigin(mustParse(t, tt.b)); got != tt.want {
			t.Errorf("%s: got %t, want %t", tt.name, got, tt.want)
		}
	}
}

// TestPlainCostsNothing: what is written as it would be written is not copied.
func TestPlainCostsNothing(t *testing.T) {
	base := mustParse(t, "http://h/")
	for _, s := range []string{"http://h/", "https://www.example.com/a/b.html?c=d#e", "http://127.0.0.1:8080/x", "http://h:1/..x/%41"} {
		n := testing.AllocsPerRun(10, func() {
			if u, err := base.Join(s); err != nil || u.Href() != s {
				t.Errorf("%q: got %q, %v", s, u.Href(), err)
			}
		})
		if n != 0 {
			t.Errorf("%q costs %v allocations", s, n)
		}
	}
	for _, ref := range []string{"/x", "x.html", "../x", "#f", "?q", "//i/"} {
		n := testing.AllocsPerRun(10, func() { _, _ = base.Join(ref) })
		if n > 1 {
			t.Errorf("%q costs %v allocations", ref, n)
		}
	}
}

func TestUnicodeHost(t *testing.T) {
	tests := map[string]string{
		"xn--bcher-kva.example": "bücher.example", "Bücher.example": "bücher.example", "a.example": "a.example",
		"xn--fa-hia.de": "faß.de", "0x7f.1": "127.0.0.1", "xn--a": "", "a b": "", "": "",
	}
	for host, want := range tests {
		if got, ok := UnicodeHost(host); got != want || ok != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", host, got, ok, want)
		}
	}
}

func TestOrigin(t *testing.T) {
	tests := map[string]string{
		"http://u:p@a.test:81/x": "http://a.test:81", "ftp://a.test/": "ftp://a.test", "file:///x": "null", "mailto:x@a.test": "null",
		"blob:https://a.test:443/uuid": "https://a.test", "blob:ftp://a.test/": "null", "blob:x": "null", "blob:blob:https://a.test/": "null",
	}
	for s, want := range tests {
		if got := mustParse(t, s).Origin(); got != want {
			t.Errorf("%s: got %q, want %q", s, got, want)
		}
	}
}

func TestASCIIHost(t *testing.T) {
	tests := map[string]string{
		"Bücher.Example": "xn--bcher-kva.example", "EXAMPLE": "example", "0x7f.1": "127.0.0.1", "[1:0::2]": "[1::2]",
		"①②⑦.⓪.⓪.①": "127.0.0.1", "0177.0.0.1": "127.0.0.1", "2130706433": "127.0.0.1", "127.1.": "127.0.0.1",
		"[::ffff:127.0.0.1]": "[::ffff:7f00:1]", "localhost.": "localhost.", "127。0。0。1": "127.0.0.1", "%31%32%37.1": "127.0.0.1",
		"256.0.0.1": "", "1.2.3.4.5": "", "[fe80::1%25lo]": "", "[1.2.3.4]": "", "0x100000000": "",
		"": "", "a b": "", "a/b": "", "a:1": "", "h@x": "", "xn--\u00e9": "",
	}
	for host, want := range tests {
		if got, err := ASCIIHost(host); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", host, got, err, want)
		}
	}
}
