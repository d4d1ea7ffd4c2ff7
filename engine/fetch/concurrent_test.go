package fetch

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"downpour/engine"
)

// TestConcurrent: bodies read at the same time through pooled buffers and
// decoders stay apart, also after they have been handed over.
func TestConcurrent(t *testing.T) {
	page := func(path string) string { return strings.Repeat(path+" ", 100+len(path)*2000) }
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		coding := r.URL.Query().Get("coding")
		if coding == "" {
			io.WriteString(w, page(r.URL.Path))
			return
		}
		w.Header().Set("Content-Encoding", coding)
		w.Write(pack(t, coding, []byte(page(r.URL.Path))))
	}))
	defer srv.Close()
	f := newFetcher(t, Config{})
	codings := []string{"", "gzip", "deflate", "br", "zstd"}
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			kept := map[string]*engine.Response{}
			for i := range 10 {
				path := "/" + strings.Repeat(fmt.Sprint(w), 1+i%4) + fmt.Sprint(i)
				resp, err := f.Fetch(t.Context(), &engine.Request{URL: srv.URL + path + "?coding=" + codings[(w+i)%len(codings)]}, nil)
				if err != nil {
					t.Error(err)
					return
				}
				kept[path] = resp
			}
			for path, resp := range kept {
				if string(resp.Body) != page(path) {
					t.Errorf("%s: another body of %d octets", path, len(resp.Body))
				}
			}
		})
	}
	wg.Wait()
}
