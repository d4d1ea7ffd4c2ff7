package cli

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// hookLines prints what each hook is called with.
const hookLines = `
crawl { retries = 0 }
function on_url(req, url) print("url", url) end
function on_status(req, version, status, message) print("status", type(version), version, type(status), status, message) end
function on_headers(req, headers)
  print("headers", headers["content-type"][1], headers["Content-Length"][1], headers.location and headers.location[1] or "-")
end
function on_success(req, text) print("success", text, req.original_url, req.url) end
function on_error(req, failure) print("error", failure.kind, failure.status) end
function on_done(req) print("done") end
`

// TestAsis serves the replies of the public vectors byte by byte, their lines
// ended by LF alone, and looks at what the hooks are told.
func TestAsis(t *testing.T) {
	folder := asisFolder(t)
	host := serveAsis(t, folder)
	files, err := filepath.Glob(filepath.Join(folder, "*.asis"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no replies in %s: %v", folder, err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			inFolder(t, hookLines)
			got := command(t, "run", "crawl.lua", "http://"+host+"/asis/"+name, "--policy", "base", "-q")
			if got.status != 0 {
				t.Fatalf("exit status %d\n%s", got.status, got.stderr)
			}
			if d := cmp.Diff(asisWant(t, host, file), got.stdout); d != "" {
				t.Error(d)
			}
		})
	}
}

// asisWant is what the hooks have to be told of a reply.
func asisWant(t *testing.T, host, file string) string {
	t.Helper()
	first := "http://" + host + "/asis/" + filepath.Base(file)
	hop := func(url, file string) (lines string, status int, body, to string) {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		head, body, _ := strings.Cut(string(raw), "\n\n")
		status, _ = strconv.Atoi(head[len("HTTP/1.1 ") : len("HTTP/1.1 ")+3])
		h := http.Header{}
		for _, line := range strings.Split(head, "\n")[1:] {
			name, value, _ := strings.Cut(line, ": ")
			h.Add(name, value)
		}
		_, message, _ := strings.Cut(strings.SplitN(head, "\n", 2)[0], strconv.Itoa(status)+" ")
		to = h.Get("Location")
		shown := to
		if shown == "" {
			shown = "-"
		}
		return fmt.Sprintf("url\t%s\nstatus\tstring\tHTTP/1.1\tstring\t%d\t%s\nheaders\t%s\t%s\t%s\n",
			url, status, message, h.Get("Content-Type"), h.Get("Content-Length"), shown), status, body, to
	}
	lines, status, body, to := hop(first, file)
	last := first
	if to != "" {
		var more string
		last = "http://" + host + to
		more, status, body, _ = hop(last, filepath.Join(filepath.Dir(file), path.Base(to)))
		lines += more
	}
	if status == http.StatusOK {
		return lines + fmt.Sprintf("success\t%s\t%s\t%s\ndone\n", body, first, last)
	}
	return lines + fmt.Sprintf("error\tstatus\t%d\ndone\n", status)
}

func asisFolder(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("DOWNPOUR_SUITES")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared", "suites")
	}
	folder, err := filepath.Abs(filepath.Join(folder, "asis"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("the public vectors are not here: %v", err)
	}
	return folder
}

// serveAsis answers each request with the file it names, and closes.
func serveAsis(t *testing.T, folder string) (host string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				b, _ := os.ReadFile(filepath.Join(folder, path.Base(r.URL.Path)))
				c.Write(b)
			}
			c.Close()
		}
	}()
	return l.Addr().String()
}
