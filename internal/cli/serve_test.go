package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// folder makes files below a new folder; a name that ends in a slash is a
// folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o777); err != nil {
			t.Fatal(err)
		}
		if name[len(name)-1] == '/' {
			err = os.MkdirAll(at, 0o777)
		} else {
			err = os.WriteFile(at, []byte(text), 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func link(t *testing.T, to, name string) {
	t.Helper()
	if err := os.Symlink(to, name); err != nil {
		t.Fatal(err)
	}
}

func TestFiles(t *testing.T) {
	parent := folder(t, map[string]string{
		"site/index.html": "root", "site/sub/index.html": "sub", "site/bare/a.txt": "a", "site/b c.html": "b c", "secret.txt": "secret",
	})
	dir := filepath.Join(parent, "site")
	link(t, filepath.Join(dir, "sub"), filepath.Join(dir, "inside"))
	link(t, "../secret.txt", filepath.Join(dir, "outside.txt"))
	link(t, "nowhere", filepath.Join(dir, "dangling"))
	server := httptest.NewServer(files{dir})
	t.Cleanup(server.Close)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, tt := range []struct {
		name, method, path string
		status             int
		body, header       string // header: Location of a 301, Content-Type of a 200
	}{
		{"index of the root", "GET", "/", 200, "root", "text/html"},
		{"index by name is not redirected", "GET", "/index.html", 200, "root", "text/html"},
		{"index of a folder", "GET", "/sub/", 200, "sub", "text/html"},
		{"folder without slash", "GET", "/sub?a=b", 301, "301 Moved Permanently\n", "/sub/?a=b"},
		{"folder without index", "GET", "/bare/", 403, "403 Forbidden\n", ""},
		{"file", "GET", "/bare/a.txt?query", 200, "a", "text/plain"},
		{"encoded name", "GET", "/b%20c.html", 200, "b c", "text/html"},
		{"file with slash", "GET", "/index.html/", 404, "404 Not Found\n", ""},
		{"path through a file", "GET", "/index.html/x", 404, "404 Not Found\n", ""},
		{"missing", "GET", "/none.html", 404, "404 Not Found\n", ""},
		{"head", "HEAD", "/index.html", 200, "", "text/html"},
		{"post", "POST", "/index.html", 405, "405 Method Not Allowed\n", ""},
		{"double slash", "GET", "//bare//a.txt", 200, "a", "text/plain"},
		{"dots", "GET", "/sub/../../secret.txt", 404, "404 Not Found\n", ""},
		{"encoded dots", "GET", "/%2e%2e/secret.txt", 404, "404 Not Found\n", ""},
		{"encoded slash and dots", "GET", "/..%2fsecret.txt", 404, "404 Not Found\n", ""},
		{"backslash", "GET", "/%5C..%5Csecret.txt", 404, "404 Not Found\n", ""},
		{"nul", "GET", "/index.html%00.txt", 404, "404 Not Found\n", ""},
		{"link within", "GET", "/inside/index.html", 200, "sub", "text/html"},
		{"link to the outside", "GET", "/outside.txt", 404, "404 Not Found\n", ""},
		{"dangling link", "GET", "/dangling", 404, "404 Not Found\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req, err := http.NewRequest(tt.method, server.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.URL.Opaque = server.URL + tt.path // sent as it is
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tt.status || string(body) != tt.body {
				t.Errorf("got %d %q, want %d %q", resp.StatusCode, body, tt.status, tt.body)
			}
			header := ""
			switch tt.status {
			case 200:
				header = resp.Header.Get("Content-Type")
			case 301:
				header = resp.Header.Get("Location")
			}
			if header != tt.header {
				t.Errorf("header %q, want %q", header, tt.header)
			}
		})
	}
}

func TestStarts(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"root", map[string]string{"index.html": "", "a/index.html": ""}, []string{"http://site.test/index.html"}},
		{"next to the root", map[string]string{"b/index.html": "", "a b/index.html": "", "c/d/index.html": ""}, []string{"http://site.test/a%20b/index.html", "http://site.test/b/index.html"}},
		{"deeper", map[string]string{"a/x.html": "", "c/d/index.html": "", ".git/e/index.html": ""}, []string{"http://site.test/c/d/index.html"}},
		{"none", map[string]string{"a/x.html": ""}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &site{dir: folder(t, tt.files)}
			if d := cmp.Diff(tt.want, s.starts()); d != "" {
				t.Error(d)
			}
		})
	}
}
