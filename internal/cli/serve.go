package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// siteHost is the name under which a served folder is reached.
const siteHost = "site.test"

// A site is a folder served on a loopback port.
type site struct {
	dir    string
	addr   string // where it listens
	server *http.Server
	done   chan struct{} // closed when the server has ended
}

// serve serves dir until Close.
func serve(dir string) (*site, error) {
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return nil, usagef("--serve %s: no such folder", dir)
	}
	real, err := filepath.Abs(dir)
	if err == nil {
		real, err = filepath.EvalSymlinks(real)
	}
	if err != nil {
		return nil, fmt.Errorf("serve %s: %w", dir, err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serve %s: %w", dir, err)
	}
	s := &site{dir: dir, addr: l.Addr().String(), done: make(chan struct{})}
	s.server = &http.Server{
		Handler:           files{real},
		ErrorLog:          log.New(io.Discard, "", 0),
		ReadHeaderTimeout: 10 * time.Second,
	}
	go func() {
		defer close(s.done)
		_ = s.server.Serve(l) // always ErrServerClosed, after Close
	}()
	return s, nil
}

// Close ends the server.
func (s *site) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if s.server.Shutdown(ctx) != nil {
		_ = s.server.Close()
	}
	<-s.done
}

// files answers for the files of a folder as a plain web server does. A
// symbolic link is followed within the folder; what lies outside is not there.
type files struct{ dir string } // without symbolic links itself

// ServeHTTP implements http.Handler.
func (h files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed)
		return
	}
	name, ok := h.file(r.URL.Path)
	if !ok {
		refuse(w, http.StatusNotFound)
		return
	}
	f, st, err := h.open(name)
	if err != nil {
		refuse(w, errorStatus(err))
		return
	}
	defer f.Close()
	slash := strings.HasSuffix(r.URL.Path, "/")
	switch {
	case st.IsDir() && !slash:
		to := url.URL{Path: r.URL.Path + "/", RawQuery: r.URL.RawQuery}
		w.Header().Set("Location", to.String())
		refuse(w, http.StatusMovedPermanently)
	case st.IsDir():
		h.index(w, r, name)
	case slash || !st.Mode().IsRegular():
		refuse(w, http.StatusNotFound)
	default:
		send(w, r, f, st)
	}
}

// file is the file a path names, below the folder.
func (h files) file(p string) (string, bool) {
	if !strings.HasPrefix(p, "/") || strings.ContainsRune(p, 0) ||
		slices.Contains(strings.FieldsFunc(p, func(r rune) bool { return r == '/' || r == filepath.Separator }), "..") {
		return "", false
	}
	return filepath.Join(h.dir, filepath.FromSlash(path.Clean(p))), true
}

func (h files) open(name string) (*os.File, fs.FileInfo, error) {
	real, err := filepath.EvalSymlinks(name)
	if err != nil {
		return nil, nil, err
	}
	if rel, err := filepath.Rel(h.dir, real); err != nil || !filepath.IsLocal(rel) {
		return nil, nil, fs.ErrNotExist
	}
	// Asked before it is opened: to open a named pipe would wait for its writer.
	st, err := os.Stat(real)
	if err != nil {
		return nil, nil, err
	}
	if !st.Mode().IsRegular() && !st.IsDir() {
		return nil, nil, fs.ErrNotExist
	}
	f, err := os.Open(real)
	return f, st, err
}

// index answers for a folder: with its index.html, else it is not shown.
func (h files) index(w http.ResponseWriter, r *http.Request, dir string) {
	f, st, err := h.open(filepath.Join(dir, "index.html"))
	if err != nil || st.IsDir() {
		if f != nil {
			f.Close()
		}
		refuse(w, http.StatusForbidden)
		return
	}
	defer f.Close()
	send(w, r, f, st)
}

func send(w http.ResponseWriter, r *http.Request, f *os.File, st fs.FileInfo) {
	w.Header().Set("Content-Type", contentType(st.Name()))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "", st.ModTime(), f)
}

func errorStatus(err error) int {
	if errors.Is(err, fs.ErrPermission) {
		return http.StatusForbidden
	}
	return http.StatusNotFound // not there, or a path through a file
}

func refuse(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, "%d %s\n", status, http.StatusText(status))
}

// types are content types by extension. They are fixed, so that a site is the
// same on every machine; pages say their encoding themselves.
var types = map[string]string{
	".html": "text/html", ".htm": "text/html", ".shtml": "text/html", ".xhtml": "application/xhtml+xml", ".xht": "application/xhtml+xml",
	".css": "text/css", ".js": "text/javascript", ".mjs": "text/javascript", ".json": "application/json", ".map": "application/json",
	".txt": "text/plain", ".md": "text/markdown", ".csv": "text/csv", ".xml": "application/xml", ".xsl": "application/xml",
	".rss": "application/rss+xml", ".atom": "application/atom+xml", ".svg": "image/svg+xml",
	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp", ".avif": "image/avif",
	".ico": "image/x-icon", ".bmp": "image/bmp", ".pdf": "application/pdf", ".wasm": "application/wasm",
	".woff": "font/woff", ".woff2": "font/woff2", ".ttf": "font/ttf", ".otf": "font/otf",
	".mp3": "audio/mpeg", ".ogg": "audio/ogg", ".wav": "audio/wav", ".mp4": "video/mp4", ".webm": "video/webm",
	".zip": "application/zip", ".gz": "application/gzip", ".tar": "application/x-tar",
}

func contentType(name string) string {
	if t, ok := types[strings.ToLower(filepath.Ext(name))]; ok {
		return t
	}
	return "application/octet-stream"
}

// How far starts looks.
const (
	startDepth   = 6      // folders below the root
	startFolders = 10_000 // folders in all
)

// starts are the URLs at which to start on the site: index.html of the root,
// else every index.html of the least depth that has one.
func (s *site) starts() []string {
	level, seen := []string{"."}, 0
	for depth := 0; depth <= startDepth && len(level) > 0; depth++ {
		var found, next []string
		for _, rel := range level {
			if st, err := os.Stat(filepath.Join(s.dir, rel, "index.html")); err == nil && st.Mode().IsRegular() {
				found = append(found, siteURL(path.Join(filepath.ToSlash(rel), "index.html")))
			}
		}
		if len(found) > 0 {
			slices.Sort(found)
			return found
		}
		for _, rel := range level {
			next = append(next, s.folders(rel)...)
			if seen += len(next); seen > startFolders {
				return nil
			}
		}
		level = next
	}
	return nil
}

// folders are the folders in one, hidden ones left out.
func (s *site) folders(rel string) []string {
	entries, err := os.ReadDir(filepath.Join(s.dir, rel))
	if err != nil {
		return nil
	}
	var found []string
	for _, e := range entries {
		name := filepath.Join(rel, e.Name())
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if e.IsDir() {
			found = append(found, name)
		} else if e.Type()&fs.ModeSymlink != 0 {
			if st, err := os.Stat(filepath.Join(s.dir, name)); err == nil && st.IsDir() {
				found = append(found, name)
			}
		}
	}
	return found
}

func siteURL(p string) string {
	u := url.URL{Scheme: "http", Host: siteHost, Path: "/" + p}
	return u.String()
}
