package cli

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// hostileTitle would clear a terminal, name its window, turn the text around,
// forge a log line and end a JSON string.
const hostileTitle = "a\x1b]0;pwn\x07\x1b[2J\u009b31m\u202egpj\n2026-01-01 error forged\",\"level\":\"ERROR\"\r\x00b"

// telling brings what a site says to every place a person reads.
const telling = `
crawl{policy = "base"}
function on_success(req)
	local title = req.headers["x-title"] and req.text or "?"
	log.warn(title)
	log.info("page", {title = title})
	print((title:gsub("\n", " ")))
	emit{title = title}
	fail(title)
end
function on_done(req) error(req.text) end
`

func hostileSite(t *testing.T) *peer {
	return newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/robots.txt" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("X-Title", "\u009b31m\u202e")
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprint(w, hostileTitle)
	})
}

// TestLogInjection: what a site says stays within its line of the log.
func TestLogInjection(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			inFolder(t, telling)
			res := command(t, "run", "crawl.lua", hostileSite(t).URL+"/%1b[2J?\u202e", "--log-format", format, "-o", "out.jsonl")
			if res.status != statusVerdict {
				t.Errorf("exit status %d, want %d", res.status, statusVerdict)
			}
			if format == "json" && !strings.HasPrefix(res.stderr, "{") {
				t.Errorf("no log in JSON: %q", res.stderr)
			}
			for line := range strings.Lines(res.stderr) {
				if strings.HasPrefix(line, "2026-01-01") || strings.HasPrefix(line, "error forged") {
					t.Errorf("a line of the site's own: %q", line)
				}
				if format == "json" && strings.HasPrefix(line, "{") {
					var row struct{ Level string }
					if err := json.Unmarshal([]byte(line), &row); err != nil || row.Level == "ERROR" && strings.Contains(line, `"forged`) {
						t.Errorf("line %q: %v", line, err)
					}
				}
			}
			for _, r := range res.stderr {
				if r < ' ' && r != '\n' && r != '\t' {
					t.Errorf("control character %q in the log", r)
				}
			}
			data, err := os.ReadFile("out.jsonl")
			if err != nil {
				t.Fatal(err)
			}
			var row struct{ Title string }
			if err := json.Unmarshal(data, &row); err != nil || row.Title != hostileTitle {
				t.Errorf("row %q, %v: a file keeps what the site said", data, err)
			}
		})
	}
}

// TestHeaderInjection: a line break in a header is an error where it is set,
// and nothing is sent.
func TestHeaderInjection(t *testing.T) {
	s := pages(t, "text/html", map[string]string{"/": "home", "/next": "next"})
	inFolder(t, `
crawl{policy = "base"}
function on_success(req)
	local ok, problem = pcall(function()
		return req:enqueue("/next", {headers = {X = "a\r\nB: c"}})
	end)
	emit{ok = ok, problem = tostring(problem)}
end
function on_error(req, failure) emit{kind = failure.kind} end
`)
	res := command(t, "run", "crawl.lua", s.URL+"/")
	if diff := cmp.Diff([]string{"/"}, s.requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if !strings.Contains(res.stdout, `"ok":false`) && !strings.Contains(res.stdout, `"kind":"invalid"`) {
		t.Errorf("rows %q, want an error", res.stdout)
	}
	for _, flag := range [][]string{{"--user-agent", "a\r\nB: c"}, {"--headers", "X: a\r\nB: c"}, {"--headers", "X\r\nB: c"}} {
		if res := command(t, append([]string{"run", "crawl.lua", s.URL + "/other"}, flag...)...); res.status != statusUsage {
			t.Errorf("%q: exit status %d, want %d; %s", flag, res.status, statusUsage, res.stderr)
		}
	}
	if got := s.requests(); len(got) != 1 {
		t.Errorf("requests %q, want none more", got)
	}
}

// TestHostHeader: another Host header changes nothing about whom a request is
// for: robots.txt is that of the server asked.
func TestHostHeader(t *testing.T) {
	var hosts []string
	s := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		hosts = append(hosts, r.URL.Path+" "+r.Host)
		if r.URL.Path == "/robots.txt" {
			fmt.Fprint(w, "User-agent: *\nDisallow: /secret\n")
		}
	})
	inFolder(t, `
crawl{delay = 0}
function on_success(req)
	if req.depth == 0 then
		req:enqueue("/secret", {headers = {Host = "other.test"}})
		req:enqueue("/open", {headers = {Host = "other.test"}})
	end
end
`)
	command(t, "run", "crawl.lua", s.URL+"/")
	own := strings.TrimPrefix(s.URL, "http://")
	want := []string{"/robots.txt " + own, "/ " + own, "/open other.test"}
	if diff := cmp.Diff(want, hosts); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// TestFileNames: a script that names files after URLs and headers writes below
// the output folder, or gets an error; nothing else comes to be.
func TestFileNames(t *testing.T) {
	names := []string{
		"/etc/x", `\\srv\x`, "C:/x", "../out", "a/../../out", "..", ".", "", "a\x00.html", "a\n\x1b[2J", "con", "nul.txt", "aux",
		"A", "a", "\u00e9", "e\u0301", "clash", "clash/under", "x?f=../../y", "../../.bashrc", "link/x", "link", "file-link", ".git/config", ".wgetrc",
		"$(touch pwned)", "`touch pwned`", ";touch pwned", strings.Repeat("n", 300), strings.Repeat("d/", 200) + "x",
	}
	list, err := json.Marshal(names)
	if err != nil {
		t.Fatal(err)
	}
	s := pages(t, "application/json", map[string]string{"/": string(list)})
	dir := inFolder(t, `
local file = require "downpour.file"
crawl{policy = "base"}
function on_success(req)
	for i, name in ipairs(req:json()) do
		local ok, problem = file.write(name, "body " .. i)
		emit{name = name, ok = ok == true, problem = problem}
		if ok and file.read(name) ~= "body " .. i then error("not what was written: " .. name) end
	end
end
`)
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "kept"), []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("output", 0o700); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"output/link": outside, "output/file-link": filepath.Join(outside, "kept")} {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	res := command(t, "run", "crawl.lua", s.URL+"/")
	if strings.Contains(res.stderr, "script error") {
		t.Errorf("stderr %s", res.stderr)
	}
	for line := range strings.Lines(res.stdout) {
		var row struct {
			Name, Problem string
			OK            bool
		}
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		refused := strings.HasPrefix(row.Name, "/") || strings.HasPrefix(row.Name, "..") || strings.HasPrefix(row.Name, "a/..") ||
			strings.HasPrefix(row.Name, "link") || row.Name == "file-link" || row.Name == "" || row.Name == "." ||
			row.Name == "clash/under" || strings.Contains(row.Name, "\x00") || strings.HasPrefix(row.Name, "nnn")
		if row.OK == refused || !row.OK && row.Problem == "" {
			t.Errorf("%.60q: written %v, %s", row.Name, row.OK, row.Problem)
		}
	}
	if n := strings.Count(res.stdout, "\n"); n != len(names) {
		t.Errorf("%d rows, want %d", n, len(names))
	}
	if diff := cmp.Diff([]string{"crawl.lua"}, below(t, dir, ".downpour", "output")); diff != "" {
		t.Errorf("files outside the output folder (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"kept"}, below(t, outside)); diff != "" {
		t.Errorf("files where the link leads (-want +got):\n%s", diff)
	}
	if data, err := os.ReadFile(filepath.Join(outside, "kept")); err != nil || string(data) != "kept" {
		t.Errorf("the file where the link leads: %q, %v", data, err)
	}
}

// below lists the regular files below dir, those of some folders left out.
func below(t *testing.T, dir string, without ...string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains(without, rel):
			return filepath.SkipDir
		case !d.IsDir():
			list = append(list, rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
