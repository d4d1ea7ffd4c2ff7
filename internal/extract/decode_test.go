package extract

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
	"unsafe"
)

func TestDecode(t *testing.T) {
	pad := strings.Repeat("<!-- padding -->", 250)
	tests := []struct {
		name, body, contentType string
		kind                    Kind
		text, encoding          string
	}{
		{"nothing said, ascii", "hi", "", HTML, "hi", "utf-8"},
		{"nothing said, utf-8", "h\u00e9", "", HTML, "h\u00e9", "utf-8"},
		{"nothing said, not utf-8", "h\xe9\x80", "", HTML, "h\u00e9\u20ac", "windows-1252"},
		{"empty", "", "", HTML, "", "utf-8"},
		{"header", "\xe9", "text/html; charset=ISO-8859-1", HTML, "\u00e9", "windows-1252"},
		{"header over meta", `<meta charset=utf-8>` + "\xcf", "text/html; charset=koi8-r", HTML, "<meta charset=utf-8>\u043e", "koi8-r"},
		{"mark over header", "\xef\xbb\xbfh\u00e9", "text/html; charset=koi8-r", HTML, "h\u00e9", "utf-8"},
		{"mark utf-16be", "\xfe\xff\x00h\x00i", "", Text, "hi", "utf-16be"},
		{"mark utf-16le", "\xff\xfeh\x00i\x00", "", Text, "hi", "utf-16le"},
		{"unknown header label", "<meta charset=koi8-r>\xcf", "text/html; charset=none", HTML, "<meta charset=koi8-r>\u043e", "koi8-r"},
		{"meta http-equiv", "<meta http-equiv=content-type content='text/html; charset=koi8-r'>\xcf", "", HTML, "<meta http-equiv=content-type content='text/html; charset=koi8-r'>\u043e", "koi8-r"},
		{"meta without its pragma", "<meta content='text/html; charset=koi8-r'>\xcf", "", HTML, "<meta content='text/html; charset=koi8-r'>\u00cf", "windows-1252"},
		{"meta past 4,000 bytes", pad + "<meta charset=koi8-r>\xcf", "", HTML, pad + "<meta charset=koi8-r>\u043e", "koi8-r"},
		{"meta in a comment", "<!-- <meta charset=koi8-r> -->\xcf", "", HTML, "<!-- <meta charset=koi8-r> -->\u00cf", "windows-1252"},
		{"meta says utf-16", "<meta charset=utf-16>\u00e9", "", HTML, "<meta charset=utf-16>\u00e9", "utf-8"},
		{"meta says x-user-defined", "<meta charset=x-user-defined>\xe9", "", HTML, "<meta charset=x-user-defined>\u00e9", "windows-1252"},
		{"first meta unknown", "<meta charset=bogus><meta charset=koi8-r>\xcf", "", HTML, "<meta charset=bogus><meta charset=koi8-r>\u043e", "koi8-r"},
		{"meta in an attribute", "<a title='<meta charset=koi8-r>'>\xcf", "", HTML, "<a title='<meta charset=koi8-r>'>\u00cf", "windows-1252"},
		{"xml declaration", "<?xml version='1.0' encoding='koi8-r'?><a>\xcf</a>", "", XML, "<?xml version='1.0' encoding='koi8-r'?><a>\u043e</a>", "koi8-r"},
		{"xml has no meta", "<meta charset=koi8-r>\xcf", "", XML, "<meta charset=koi8-r>\u00cf", "windows-1252"},
		{"xml declaration in html", "<?xml version='1.0' encoding='koi8-r'?><a>\xcf</a>", "", HTML, "<?xml version='1.0' encoding='koi8-r'?><a>\u043e</a>", "koi8-r"},
		{"xml in utf-16 without a mark", "<\x00?\x00x\x00", "", XML, "<?x", "utf-16le"},
		{"text declares nothing", "<meta charset=koi8-r>\xcf", "", Text, "<meta charset=koi8-r>\u00cf", "windows-1252"},
		{"shift_jis", "\x82\xa0", "text/html; charset=x-sjis", HTML, "\u3042", "shift_jis"},
		{"euc-jp", "\xa4\xa2", "text/html; charset=euc-jp", HTML, "\u3042", "euc-jp"},
		{"iso-2022-jp", "\x1b$B$\"\x1b(B", "text/html; charset=iso-2022-jp", HTML, "\u3042", "iso-2022-jp"},
		{"windows-1252 has all octets", "\x81\x8d\x80\xff", "text/html; charset=ascii", HTML, "\u0081\u008d\u20ac\u00ff", "windows-1252"},
		{"windows-1255 lacks some", "\x81\xd9\xe0", "text/html; charset=windows-1255", HTML, "\u0081\ufffd\u05d0", "windows-1255"},
		{"gbk with four octets", "\x80\x81\x30\x81\x30\x94\x39\xda\x33", "text/html; charset=gb2312", HTML, "\u20ac\u0080\U0001f4a9", "gbk"},
		{"big5", "\xa4\xa4", "text/html; charset=big5", HTML, "\u4e2d", "big5"},
		{"euc-kr", "\xb0\xa1", "text/html; charset=ks_c_5601-1987", HTML, "\uac00", "euc-kr"},
		{"broken utf-8", "a\xe3\xabb\xffc\xf0\x9f\x98", "text/html; charset=utf-8", HTML, "a\ufffdb\ufffdc\ufffd", "utf-8"},
		{"surrogate in utf-8", "\xed\xa0\x80", "text/html; charset=utf-8", HTML, "\ufffd\ufffd\ufffd", "utf-8"},
		{"quoted pair", "\xcf", `text/html; x="a\";charset=utf-8"; charset="koi8-r"`, HTML, "\u043e", "koi8-r"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text, encoding := Decode([]byte(tt.body), tt.contentType, tt.kind)
			if text != tt.text || encoding != tt.encoding {
				t.Errorf("got %q in %s, want %q in %s", text, encoding, tt.text, tt.encoding)
			}
		})
	}
}

func TestDecodeDoesNotCopy(t *testing.T) {
	for _, header := range []string{"", "text/html; charset=utf-8", "text/html; charset=iso-8859-1"} {
		body := []byte("<p>plain text</p>")
		text, _ := Decode(body, header, HTML)
		if unsafe.StringData(text) != &body[0] {
			t.Errorf("%q: the text is a copy", header)
		}
	}
}

func TestEncodingLabels(t *testing.T) {
	var groups []struct {
		Encodings []struct {
			Name   string
			Labels []string
		}
	}
	readJSON(t, filepath.Join(sharedDir(t, "suites"), "encoding-labels.json"), &groups)
	n := 0
	for _, g := range groups {
		for _, e := range g.Encodings {
			for _, label := range e.Labels {
				n++
				for _, l := range []string{label, strings.ToUpper(label), "\t" + label + " "} {
					if got := resolve(l, nil); got != strings.ToLower(e.Name) {
						t.Errorf("%q: got %q, want %q", l, got, e.Name)
					}
				}
			}
		}
	}
	if n == 0 {
		t.Error("no labels")
	}
}

// vector is a call of a function of w3lib's and what it answers. Bytes come as
// {"bytes": ...}, a character a byte.
type vector struct {
	Fn    string
	Test  string
	Args  []json.RawMessage
	Value json.RawMessage
	Kw    map[string]json.RawMessage `json:"kwargs"`
}

func vectors(t *testing.T, file string) []vector {
	t.Helper()
	var v []vector
	readJSON(t, filepath.Join(sharedDir(t, "suites"), file), &v)
	if len(v) == 0 {
		t.Fatal("no cases in " + file)
	}
	return v
}

// bytesOf reads an argument that is a string, null or bytes.
func bytesOf(t *testing.T, raw json.RawMessage) []byte {
	t.Helper()
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return []byte(s)
	}
	var b struct{ Bytes string }
	if err := json.Unmarshal(raw, &b); err != nil {
		t.Fatalf("argument %s: %v", raw, err)
	}
	var out []byte
	for _, r := range b.Bytes {
		out = append(out, byte(r))
	}
	return out
}

// codecs gives the standard's name for names of Python's.
var codecs = map[string]string{
	"cp1252": "windows-1252", "utf8": "utf-8", "gb18030": "gb18030", "utf-16-be": "utf-16be", "utf-16-le": "utf-16le",
	"utf-32-be": "utf-32be", "utf-32-le": "utf-32le", "utf-8": "utf-8", "iso8859-4": "iso-8859-4",
}

func codec(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	if s != "" && codecs[s] == "" {
		t.Fatalf("codec %q has no name here", s)
	}
	return codecs[s]
}

func TestEncodingSuites(t *testing.T) {
	for _, v := range vectors(t, "encoding-w3lib_html_body_declared_encoding.json") {
		want := codec(t, v.Value)
		if want == "" {
			want = "utf-8" // the bodies are ASCII
		}
		body := bytesOf(t, v.Args[0])
		if _, got := Decode(body, "", HTML); got != want {
			t.Errorf("%q: declared %q, want %q", body, got, want)
		}
	}
	for _, v := range vectors(t, "encoding-w3lib_http_content_type_encoding.json") {
		header := string(bytesOf(t, v.Args[0]))
		if got, want := resolve(headerCharset(header), nil), codec(t, v.Value); got != want {
			t.Errorf("%q: header says %q, want %q", header, got, want)
		}
	}
	for _, v := range vectors(t, "encoding-w3lib_read_bom.json") {
		var want []json.RawMessage
		if err := json.Unmarshal(v.Value, &want); err != nil {
			t.Fatal(err)
		}
		body := bytesOf(t, v.Args[0])
		if got, n := byteOrderMark(body); got != codec(t, want[0]) || n > 0 && string(body[:n]) != string(bytesOf(t, want[1])) {
			t.Errorf("%q: mark says %q, %d bytes, want %s", body, got, n, v.Value)
		}
	}
	for _, v := range vectors(t, "encoding-w3lib_resolve_encoding.json") {
		label := string(bytesOf(t, v.Args[0]))
		if got, want := resolve(label, nil), codec(t, v.Value); got != want {
			t.Errorf("label %q is %q, want %q", label, got, want)
		}
	}
}

func TestToUnicodeSuites(t *testing.T) {
	for _, v := range vectors(t, "encoding-w3lib_to_unicode.json") {
		body, label := bytesOf(t, v.Args[0]), string(bytesOf(t, v.Args[1]))
		want := string(bytesOf(t, v.Value))
		if got := transcode(body, resolve(label, nil)); got != want {
			t.Errorf("%q in %s: got %q, want %q", body, label, got, want)
		}
	}
	for _, v := range vectors(t, "encoding-w3lib_html_to_unicode.json") {
		var want []json.RawMessage
		if err := json.Unmarshal(v.Value, &want); err != nil {
			t.Fatal(err)
		}
		header, body := string(bytesOf(t, v.Args[0])), bytesOf(t, v.Args[1])
		text, encoding := Decode(body, header, HTML)
		// There all of GB is decoded as its largest member, which is also what
		// the standard does; it only names them apart.
		if encoding == "gbk" {
			encoding = "gb18030"
		}
		if wantText := string(bytesOf(t, want[1])); text != wantText || encoding != codec(t, want[0]) {
			t.Errorf("%q, %q: got %q in %s, want %q in %s", header, body, text, encoding, wantText, want[0])
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"hi", "\xef\xbb\xbfx", "<meta charset=gbk>\x81\x30", "<?xml encoding='utf-16'?>", "\x1b$B"} {
		for _, h := range []string{"", "text/html; charset=shift_jis", `text/html; charset="`, "a;charset=iso-2022-jp", "a;charset=utf-32"} {
			f.Add([]byte(s), h, 0)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, contentType string, kind int) {
		text, encoding := Decode(body, contentType, Kind(kind))
		if !utf8.ValidString(text) {
			t.Errorf("not UTF-8: %q", text)
		}
		if encoding == "" {
			t.Error("no encoding")
		}
	})
}
