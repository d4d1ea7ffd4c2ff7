package extract

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
)

// lacked is a character that an encoding lacks, as EncodeQuery writes it.
var lacked = regexp.MustCompile(`&#[0-9]+;`)

// FuzzEncodeQuery: what is sent for a page's query is what the page's encoding
// reads back as the same text, path and fragment stay, and no octet is sent
// that a URL cannot hold.
func FuzzEncodeQuery(f *testing.F) {
	for _, s := range []string{"/p?q=\u00e9", "?\u65e5\u672c\u8a9e=\uff76\uff9e#\u30c6", "/?\u20ac\u0434", "?a=%E9&b=\\~\u00a5\u203e", "?\u2212\u1f600", "?\U00020000\ue5e5"} {
		for _, label := range []string{"windows-1252", "shift_jis", "euc-jp", "iso-2022-jp", "gbk", "gb18030", "big5", "euc-kr", "koi8-r", "windows-1255", "x-user-defined"} {
			f.Add(s, label)
		}
	}
	f.Fuzz(func(t *testing.T, ref, label string) {
		got := EncodeQuery(ref, label)
		if got == ref || !utf8.ValidString(ref) {
			return
		}
		rest, fragment, _ := strings.Cut(ref, "#")
		path, query, _ := strings.Cut(rest, "?")
		gotRest, gotFragment, _ := strings.Cut(got, "#")
		gotPath, gotQuery, _ := strings.Cut(gotRest, "?")
		if gotPath != path || gotFragment != fragment {
			t.Fatalf("%q in %s becomes %q: more than its query changed", ref, label, got)
		}
		if strings.ContainsFunc(gotQuery, func(r rune) bool { return r > 0x7e }) {
			t.Fatalf("%q in %s becomes %q", ref, label, got)
		}
		octets, err := url.PathUnescape(gotQuery)
		if strings.ContainsFunc(query, func(r rune) bool { return unicode.Is(unicode.Co, r) }) {
			return // package encoding's decoders lack many of these
		}
		if err != nil || strings.ContainsAny(query, "%\x1b\x0e\x0f") || lacked.MatchString(octets) {
			return // escapes of the page's own, or a character that the encoding lacks
		}
		e, err := htmlindex.Get(label)
		if err != nil {
			t.Fatalf("%q is no label, and %q became %q", label, ref, got)
		}
		name, _ := htmlindex.Name(e) // a label may have blanks around it
		back, _ := Decode([]byte(octets), "text/plain; charset="+name, Text)
		if back != same(query, name) {
			t.Fatalf("%q in %s is sent as %q and read as %q", query, label, gotQuery, back)
		}
	})
}

// same is text as it comes back from an encoding whose encoder takes some
// characters for others (WHATWG Encoding, §12 and §13).
func same(text, name string) string {
	switch name {
	case "iso-2022-jp":
		var b strings.Builder
		for _, r := range text {
			b.WriteString(wide(r))
		}
		text = b.String() // package encoding reads the Roman set as ASCII
	case "shift_jis", "euc-jp":
	default:
		return text
	}
	return strings.NewReplacer("\u00a5", "\\", "\u203e", "~", "\u2212", "\uff0d").Replace(text)
}
