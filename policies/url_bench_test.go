package policies

import "testing"

var sink URL

func BenchmarkParseURL(b *testing.B) {
	for _, c := range []struct{ name, url string }{
		{"plain", "https://www.example.com/docs/reference/index.html?version=2&lang=en#top"},
		{"port", "http://127.0.0.1:8080/docs/reference/index.html"},
		{"bare", "https://www.example.com"},
		{"spaces", "https://www.example.com/a b/résumé.html"},
		{"idna", "https://www.bücher.example/a"},
		{"mailto", "mailto:someone@example.com"},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sink, _ = ParseURL(c.url)
			}
		})
	}
}

func BenchmarkJoin(b *testing.B) {
	base, err := ParseURL("https://www.example.com/docs/reference/index.html?version=2")
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct{ name, ref string }{
		{"absolute", "https://www.example.com/docs/"},
		{"rooted", "/docs/tutorial/first.html"},
		{"sibling", "functions.html#abs"},
		{"parent", "../tutorial/first.html"},
		{"fragment", "#top"},
		{"query", "?version=3"},
		{"script", "javascript:void(0)"},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sink, _ = base.Join(c.ref)
			}
		})
	}
}

func BenchmarkKey(b *testing.B) {
	var key string
	for _, c := range []struct{ name, url string }{
		{"plain", "https://www.example.com/docs/reference/index.html"},
		{"sorted", "https://www.example.com/docs?a=1&b=2&c=3"},
		{"unsorted", "https://www.example.com/docs?c=3&a=1&b=2"},
		{"escaped", "https://www.example.com/a%20b/%7Euser?q=r%c3%a9sum%c3%a9"},
	} {
		u, err := ParseURL(c.url)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				key = Canonical{}.Key(u)
			}
		})
	}
	_ = key
}
