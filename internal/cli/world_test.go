package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// A result is what a command left behind.
type result struct {
	status         int
	stdout, stderr string
}

// A peer is a server that notes what it is asked for.
type peer struct {
	*httptest.Server
	mu    sync.Mutex // guards asked
	asked []string   // URIs, in order
}

func newPeer(t *testing.T, h http.HandlerFunc) *peer {
	t.Helper()
	s := &peer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r.RequestURI)
		s.mu.Unlock()
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// requests is what has been asked for so far, robots.txt left out.
func (s *peer) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for _, uri := range s.asked {
		if uri != "/robots.txt" {
			list = append(list, uri)
		}
	}
	return list
}

// pages is a site of pages by path; all others are not found.
func pages(t *testing.T, contentType string, byPath map[string]string) *peer {
	t.Helper()
	return newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		body, ok := byPath[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", contentType)
		io.WriteString(w, body)
	})
}

// inFolder makes an empty folder the current one and puts a script there.
func inFolder(t *testing.T, script string) string {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile("crawl.lua", []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// command runs a command line without an environment, its outputs to files.
func command(t *testing.T, args ...string) result {
	t.Helper()
	dir := t.TempDir()
	var files [2]*os.File
	for i, name := range []string{"stdout", "stderr"} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[i] = f
	}
	p := &process{
		command: append([]string{"downpour"}, args...), stdin: http.NoBody, stdout: files[0], stderr: files[1],
		getenv: func(string) (string, bool) { return "", false },
	}
	res := result{status: p.main(t.Context(), args)}
	for i, text := range []*string{&res.stdout, &res.stderr} {
		data, err := os.ReadFile(files[i].Name())
		if err != nil {
			t.Fatal(err)
		}
		*text = string(data)
	}
	return res
}
