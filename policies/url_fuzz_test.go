package policies

import (
	"strings"
	"testing"

	whatwg "github.com/nlnwa/whatwg-url/url"
)

var urlSeeds = []string{
	"http://example.com/", "https://example.com/a/b/../c?d=e#f", "http://EXAMPLE.com:80", "http://1.2.3.4:8080/x",
	"http://0x7f.1/", "http://[::1]:81/", "http://[1::8.9.10.11]/%2e%2E/x", "http://u:p@h/", "http://h/a b?c'd#e`f",
	"http:\\\\h\\x", "//h/x", "/x", "x.html", "../x", "#f", "?q", "", "mailto:a@b", "javascript:void(0)",
	"file:///C|/x/..", "a:/..//b", "non-special://h/..//x", "data: x #y", "http://bücher.example/ü?ü#ü", "http://h/\xff",
	"http://h:99999/", "http://a.b.1/", "http://xn--/", "http:/x", "http:x", "//", "///x", "\t http://h/ \n", "http://h/%zz%41",
}

// FuzzParseURL: the shortcut for plain URLs answers as the whole parser does,
// what is parsed reads the same again, and its parts are where a plain search
// finds them.
func FuzzParseURL(f *testing.F) {
	for _, s := range urlSeeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := parse(s, URL{})
		if v, ok := parsePlain(s); ok && (err != nil || v != u) {
			t.Fatalf("%q: plain %+v, whole %+v, %v", s, v, u, err)
		}
		if err != nil {
			return
		}
		if again, err := ParseURL(u.Href()); err != nil || again != u {
			t.Fatalf("%q: %+v reads again as %+v, %v", s, u, again, err)
		}
		checkParts(t, u)
	})
}

// checkParts checks what every URL promises.
func checkParts(t *testing.T, u URL) {
	t.Helper()
	if v := locate(u.Href()); v != u {
		t.Fatalf("parts of %q: %+v, want %+v", u.Href(), v, u)
	}
	for i := range len(u.Href()) {
		if c := u.Href()[i]; c < ' ' || c > '~' {
			t.Fatalf("%q is not ASCII", u.Href())
		}
	}
	if !u.IsHTTP() {
		return
	}
	if u.Hostname() == "" || !strings.HasPrefix(u.Path(), "/") {
		t.Fatalf("%q lacks host or path", u.Href())
	}
	_, _, _, _ = u.Origin(), u.Username(), u.Password(), u.Port()
	key := Canonical{}.Key(u)
	v, err := ParseURL(key)
	if err != nil {
		t.Fatalf("key %q of %q: %v", key, u, err)
	}
	if again := (Canonical{}).Key(v); again != key {
		t.Fatalf("key %q of %q has the key %q", key, u, again)
	}
}

// FuzzJoin: resolving gives a URL that reads the same again, an absolute
// reference is what it is without a base, and a URL resolves to itself.
func FuzzJoin(f *testing.F) {
	for _, base := range []string{"http://example.com/a/b?c#d", "file:///C:/x/y", "a:b", "non-special://h/x", "https://h:1"} {
		for _, s := range urlSeeds {
			f.Add(base, s)
		}
	}
	f.Fuzz(func(t *testing.T, b, ref string) {
		base, err := ParseURL(b)
		if err != nil {
			return
		}
		u, err := base.Join(ref)
		if err != nil {
			return
		}
		checkParts(t, u)
		if again, err := base.Join(u.Href()); err != nil || again != u {
			t.Fatalf("%q on %q: %q resolves to %q, %v", ref, base, u.Href(), again.Href(), err)
		}
		if whole, err := parse(ref, base); err != nil || whole != u {
			t.Fatalf("%q on %q: %q, without the shortcut %q, %v", ref, base, u.Href(), whole.Href(), err)
		}
	})
}

// FuzzURLAgainstLibrary: another implementation of the standard agrees. It is
// asked about printable ASCII alone, and not about what it has not followed
// the standard in: see sameStandard.
func FuzzURLAgainstLibrary(f *testing.F) {
	for _, s := range urlSeeds {
		f.Add("http://example.com/a/b?c#d", s)
	}
	f.Fuzz(func(t *testing.T, b, ref string) {
		base, err := ParseURL(b)
		if err != nil || !base.IsHTTP() || !sameStandard(b) || !sameStandard(ref) {
			return
		}
		u, err := base.Join(ref)
		if err == nil && !u.IsHTTP() {
			return
		}
		w, werr := whatwg.ParseRef(base.Href(), ref)
		switch {
		case (err == nil) != (werr == nil):
			t.Fatalf("%q on %q: %q, %v; library: %v", ref, b, u.Href(), err, werr)
		case err == nil && w.Href(false) != u.Href():
			t.Fatalf("%q on %q: %q; library: %q", ref, b, u.Href(), w.Href(false))
		}
	})
}

// sameStandard reports whether s holds nothing that the standard has changed
// since the library was written ("^" in paths, Punycode labels taken as they
// are) and no sign, which the library takes for part of an address's number.
func sameStandard(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e || strings.IndexByte("^+-_", s[i]) >= 0 {
			return false
		}
	}
	return !strings.Contains(strings.ToLower(s), "xn--")
}
