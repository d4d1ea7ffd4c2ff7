package luabridge

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"downpour/internal/option"
)

// maxScript is the size in bytes above which a file is no script.
const maxScript = 16 << 20

// A folder is a place where scripts may lie. Nothing outside it can be read
// through it, not by "..", nor by a symbolic link.
type folder struct {
	dir  string // on disk; "" for the shipped scripts
	sub  string // inside them
	ship fs.FS
}

func (f folder) String() string {
	if f.ship != nil {
		return "the shipped scripts"
	}
	return f.dir
}

// read answers the file at name, a valid slash path, and fs.ErrNotExist where
// there is none.
func (f folder) read(name string) ([]byte, error) {
	if f.ship != nil {
		return fs.ReadFile(f.ship, path.Join(f.sub, name))
	}
	root, err := os.OpenRoot(f.dir)
	if err != nil {
		return nil, fs.ErrNotExist
	}
	defer root.Close()
	info, err := root.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fs.ErrNotExist
	case err != nil:
		return nil, fmt.Errorf("%s lies outside %s", name, f.dir)
	case !info.Mode().IsRegular():
		return nil, fs.ErrNotExist
	case info.Size() > maxScript:
		return nil, fmt.Errorf("%s is larger than %d MiB", name, maxScript>>20)
	}
	return root.ReadFile(name)
}

// A source is a script's text and where it came from.
type source struct {
	name    string // for messages
	text    []byte
	folders []folder // where its own use and require look first
	shipped bool
}

// openScript reads a script named on the command line: a file, or the name of
// a shipped script.
func (h *Host) openScript(name string) (*source, error) {
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return nil, fmt.Errorf("%s is a folder, not a script", name)
	case err == nil && info.Size() > maxScript:
		return nil, fmt.Errorf("%s is larger than %d MiB", name, maxScript>>20)
	case err == nil:
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read script: %w", err)
		}
		return &source{name: name, text: text, folders: []folder{{dir: filepath.Dir(name)}}}, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("read script: %w", err)
	}
	base := strings.TrimSuffix(name, ".lua")
	if h.opt.Sources != nil && fs.ValidPath(base) {
		if text, err := fs.ReadFile(h.opt.Sources, base+".lua"); err == nil {
			return &source{name: base + ".lua", text: text, shipped: true}, nil
		}
	}
	if near, ok := option.Nearest(base, h.shipped(".")); ok {
		return nil, fmt.Errorf("no script %q: neither a file nor a shipped script (did you mean %q?)", name, near)
	}
	return nil, fmt.Errorf("no script %q: neither a file nor a shipped script", name)
}

// shipped lists the shipped scripts of a folder by name.
func (h *Host) shipped(dir string) []string {
	if h.opt.Sources == nil {
		return nil
	}
	entries, err := fs.ReadDir(h.opt.Sources, dir)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if base, ok := strings.CutSuffix(e.Name(), ".lua"); ok {
			names = append(names, base)
		}
	}
	return names
}

// search finds what use and require name, for a script whose own folders are
// own.
func (h *Host) search(name string, own []folder) (*source, error) {
	file, err := modulePath(name)
	if err != nil {
		return nil, err
	}
	folders := append([]folder{}, own...)
	for _, dir := range h.opt.Path {
		if dir != "" {
			folders = append(folders, folder{dir: dir})
		}
	}
	if h.opt.Sources != nil {
		folders = append(folders, folder{ship: h.opt.Sources})
	}
	for _, f := range folders {
		for _, try := range []string{file + ".lua", file + "/init.lua", "snippets/" + file + ".lua"} {
			text, err := f.read(try)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("%q: %w", name, err)
			}
			return found(f, try, text, own), nil
		}
	}
	return nil, h.notFound(name, folders)
}

// found is the source of a file at rel in f. It finds its neighbours first,
// then what the script that asked for it would find.
func found(f folder, rel string, text []byte, own []folder) *source {
	s := &source{text: text, shipped: f.ship != nil}
	if f.ship != nil {
		s.name = path.Join(f.sub, rel)
		s.folders = append(s.folders, folder{ship: f.ship, sub: path.Join(f.sub, path.Dir(rel))})
	} else {
		s.name = filepath.Join(f.dir, filepath.FromSlash(rel))
		s.folders = append(s.folders, folder{dir: filepath.Dir(s.name)})
	}
	s.folders = append(s.folders, own...)
	return s
}

func (h *Host) notFound(name string, folders []folder) error {
	var where []string
	for _, f := range folders {
		if s := f.String(); len(where) == 0 || where[len(where)-1] != s {
			where = append(where, s)
		}
	}
	near, ok := modulePrefix+name, slices.Contains(moduleNames(), modulePrefix+name)
	if !ok {
		near, ok = option.Nearest(name, append(h.shipped("snippets"), moduleNames()...))
	}
	if ok {
		return fmt.Errorf("no %q in %s (did you mean %q?)", name, strings.Join(where, ", "), near)
	}
	return fmt.Errorf("no %q in %s", name, strings.Join(where, ", "))
}

// modulePath turns the name of a module into a slash path without extension.
func modulePath(name string) (string, error) {
	file := strings.TrimSuffix(strings.TrimPrefix(name, "./"), ".lua")
	if !strings.Contains(file, "/") {
		file = strings.ReplaceAll(file, ".", "/")
	}
	if file == "." || !fs.ValidPath(file) || strings.ContainsAny(file, "\x00\\:") || !filepath.IsLocal(filepath.FromSlash(file)) {
		return "", fmt.Errorf("%q is no name of a module: it may not be absolute nor contain \"..\"", name)
	}
	return file, nil
}
