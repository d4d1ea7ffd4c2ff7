package extract

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// benchPages are pages of some 8 MB in all, or one made up where no
// documentation is installed.
func benchPages(b *testing.B) (pages []string, size int64) {
	files, _ := filepath.Glob("/usr/share/doc/sqlite3/*.html")
	for _, f := range files {
		body, err := os.ReadFile(f)
		if err != nil {
			b.Fatal(err)
		}
		pages = append(pages, string(body))
		if size += int64(len(body)); size > 8<<20 {
			break
		}
	}
	if pages == nil {
		p := strings.Repeat(`<p class="x">Some text that goes <i>on</i> and on, <a href="/a?b=1&amp;c=2" title='t'>to</a> here.`, 10_000)
		pages, size = []string{p}, int64(len(p))
	}
	return pages, size
}

func BenchmarkRefs(b *testing.B) {
	pages, size := benchPages(b)
	b.SetBytes(size)
	n := 0
	for b.Loop() {
		for _, p := range pages {
			Refs(p, nil, func(string, bool, bool) bool { n++; return true })
		}
	}
}

func BenchmarkLinks(b *testing.B) {
	pages, size := benchPages(b)
	b.SetBytes(size)
	for b.Loop() {
		for _, p := range pages {
			Links(p, nil)
		}
	}
}

func BenchmarkTitle(b *testing.B) {
	pages, _ := benchPages(b)
	for b.Loop() {
		for _, p := range pages {
			Title(p)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	pages, size := benchPages(b)
	b.SetBytes(size)
	for b.Loop() {
		for _, p := range pages {
			Parse(p)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	pages, size := benchPages(b)
	b.SetBytes(size)
	bodies := make([][]byte, len(pages))
	for i, p := range pages {
		bodies[i] = []byte(p)
	}
	for b.Loop() {
		for _, p := range bodies {
			Decode(p, "text/html", HTML)
		}
	}
}
