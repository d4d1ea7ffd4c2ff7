package engine

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// stored compares the fields of requests that are stored.
var stored = cmpopts.IgnoreUnexported(Request{})

// full is a request with every stored field set.
func full() *Request {
	return &Request{
		URL: "https://a.test/b?c=d", Original: "http://a.test/", Method: "POST",
		Body:   []byte("q=1\n\x00\"é"),
		Header: http.Header{"Accept": {"text/html", "a\\b"}, "X-Empty": {}, "A": {"é"}},
		Key:    "k\x00\t", Kind: "item", Meta: json.RawMessage(`{"a":[1,null,"\u00e9"]}`),
		Depth: 3, Priority: -100, Referrer: "http://a.test/page", Attempt: 2, Last: "503",
		Hops:  []Hop{{URL: "http://a.test/", Status: 301}, {URL: "https://a.test/", Status: 308}},
		Proxy: "http://p.test:3128", Jar: "ann", Timeout: 1500 * time.Millisecond, Buckets: []string{"192.0.2.1", "é"},
	}
}

func TestRequestStoredForm(t *testing.T) {
	tests := []struct {
		name string
		r    *Request
		want string
	}{
		{"defaults are left out", &Request{URL: "http://a.test/", Method: "GET", Queue: "q", Print: 1, Again: true, After: 1}, `{"url":"http://a.test/"}`},
		{"usual", &Request{URL: "http://a.test/x", Depth: 2, Referrer: "http://a.test/"}, `{"url":"http://a.test/x","depth":2,"referrer":"http://a.test/"}`},
		{"binary body", &Request{URL: "http://a.test/", Method: "PUT", Body: []byte{0xff, 0}}, `{"url":"http://a.test/","method":"PUT","body_base64":"/wA="}`},
		{"not UTF-8 is mended", &Request{URL: "http://a.test/", Kind: "\xff"}, `{"url":"http://a.test/","kind":"` + "\uFFFD" + `"}`},
		{"everything", full(), `{"url":"https://a.test/b?c=d","original":"http://a.test/","method":"POST","body":"q=1\n\u0000\"é",` +
			`"headers":{"A":["é"],"Accept":["text/html","a\\b"],"X-Empty":[]},"key":"k\u0000\u0009","kind":"item","meta":{"a":[1,null,"\u00e9"]},` +
			`"depth":3,"priority":-100,"referrer":"http://a.test/page","attempt":2,"last":"503",` +
			`"hops":[{"url":"http://a.test/","status":301},{"url":"https://a.test/","status":308}],"proxy":"http://p.test:3128","jar":"ann","timeout":"1.5s","buckets":["192.0.2.1","é"]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := string(tt.r.AppendJSON(nil))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Fatalf("AppendJSON (-want +got):\n%s", diff)
			}
			if !json.Valid([]byte(got)) {
				t.Fatalf("not JSON: %s", got)
			}
			back, err := ParseRequest([]byte(got))
			if err != nil {
				t.Fatal(err)
			}
			if again := string(back.AppendJSON(nil)); again != got {
				t.Errorf("parsed and written again: %s", again)
			}
		})
	}
}

func TestRequestRoundTrip(t *testing.T) {
	want := full()
	got, err := ParseRequest(want.AppendJSON([]byte("ahead"))[len("ahead"):])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, stored); diff != "" {
		t.Errorf("round trip (-want +got):\n%s", diff)
	}
}

func TestParseRequestAcceptsOtherJSON(t *testing.T) {
	got, err := ParseRequest([]byte(" {\n\"depth\" : 1 , \"meta\" : null, \"method\":\"GET\", \"url\":\"http:\\/\\/a.test\\/\\u00e9\" }\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&Request{URL: "http://a.test/é", Depth: 1}, got, stored); diff != "" {
		t.Error(diff)
	}
}

func TestParseRequestRefuses(t *testing.T) {
	const u = `{"url":"http://a.test/"`
	tests := []struct{ name, in, want string }{
		{"nothing", ``, "not an object"},
		{"no object", `[]`, "not an object"},
		{"cut", u, "no comma"},
		{"cut in a string", `{"url":"http://a`, "unterminated"},
		{"cut in an escape", `{"url":"http://a\`, "unterminated"},
		{"no url", `{}`, "absolute http"},
		{"relative", `{"url":"/a"}`, "absolute http"},
		{"no host", `{"url":"http:///a"}`, "absolute http"},
		{"other scheme", `{"url":"ftp://a.test/"}`, "absolute http"},
		{"fragment", `{"url":"http://a.test/#f"}`, `'#'`},
		{"space", `{"url":"http://a.test/ b"}`, `' '`},
		{"control", `{"url":"http://a.test/\u0000"}`, `'\x00'`},
		{"long url", `{"url":"http://a.test/` + strings.Repeat("a", maxURLBytes) + `"}`, "bytes long"},
		{"bad original", u + `,"original":"x"}`, "original"},
		{"bad hop", u + `,"hops":[{"url":"x","status":301}]}`, "hop"},
		{"unknown field", u + `,"dept":1}`, `unknown field "dept"`},
		{"field twice", u + `,"url":"http://b.test/"}`, "twice"},
		{"number for text", u + `,"kind":1}`, `field "kind": not a string`},
		{"text for number", u + `,"depth":"1"}`, `field "depth": not a whole number`},
		{"fraction", u + `,"depth":1.5}`, "comma"},
		{"leading zero", u + `,"depth":01}`, "whole number"},
		{"huge number", u + `,"depth":99999999999999999999}`, "whole number"},
		{"negative depth", u + `,"depth":-1}`, "depth -1"},
		{"negative attempt", u + `,"attempt":-1}`, "attempt -1"},
		{"bucket without a name", u + `,"buckets":["a",""]}`, "without a name"},
		{"many buckets", u + `,"buckets":["a","a","a","a","a","a","a","a","a"]}`, "9 buckets"},
		{"priority out of range", u + `,"priority":101}`, "priority 101"},
		{"lower case method", u + `,"method":"get"}`, "method"},
		{"two bodies", u + `,"body":"a","body_base64":"YQ=="}`, "second body"},
		{"bad base64", u + `,"body_base64":"*"}`, "base64"},
		{"bad meta", u + `,"meta":{]}`, "not JSON"},
		{"bad timeout", u + `,"timeout":"soon"}`, "duration"},
		{"negative timeout", u + `,"timeout":"-1s"}`, "duration"},
		{"header is no list", u + `,"headers":{"A":"b"}}`, "not a list"},
		{"header twice", u + `,"headers":{"A":[],"A":[]}}`, "twice"},
		{"not UTF-8", u + `,"kind":"` + "\xff" + `"}`, "UTF-8"},
		{"bad escape", u + `,"kind":"\x"}`, "malformed"},
		{"more behind", u + `}{}`, "more after"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := ParseRequest([]byte(tt.in))
			if err == nil {
				t.Fatalf("took it: %+v", r)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q does not say %q", err, tt.want)
			}
		})
	}
}

func TestParseRequestKeepsNothingOfItsInput(t *testing.T) {
	b := full().AppendJSON(nil)
	r, err := ParseRequest(b)
	if err != nil {
		t.Fatal(err)
	}
	clear(b)
	if diff := cmp.Diff(full(), r, stored); diff != "" {
		t.Error(diff)
	}
}

// Whatever ParseRequest takes, its stored form is JSON and stands for the same
// request.
func FuzzParseRequest(f *testing.F) {
	f.Add(full().AppendJSON(nil))
	f.Add([]byte(`{"url":"http://a.test/","meta":"\ud800","headers":{"":[""]}}`))
	f.Add([]byte(` { "url" : "https:\/\/a" , "hops" : [ ] , "meta" : [ { } ] } `))
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := ParseRequest(in)
		if err != nil {
			return
		}
		if !json.Valid(in) {
			t.Fatalf("took what is not JSON: %q", in)
		}
		b := r.AppendJSON(nil)
		if !json.Valid(b) {
			t.Fatalf("wrote what is not JSON: %q", b)
		}
		again, err := ParseRequest(b)
		if err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		if diff := cmp.Diff(r, again, stored); diff != "" {
			t.Error(diff)
		}
	})
}

var usual = &Request{URL: "http://www.site-0123.test/docs/section/page-4711.html", Depth: 4, Referrer: "http://www.site-0123.test/docs/section/"}

func BenchmarkAppendJSON(b *testing.B) {
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		buf = usual.AppendJSON(buf[:0])
	}
}

func BenchmarkParseRequest(b *testing.B) {
	b.ReportAllocs()
	in := usual.AppendJSON(nil)
	for b.Loop() {
		if _, err := ParseRequest(in); err != nil {
			b.Fatal(err)
		}
	}
}
