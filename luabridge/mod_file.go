package luabridge

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// defaultOutput is the folder into which scripts write when none is named. It
// is one of its own, so that a script cannot replace the user's files.
const defaultOutput = "output"

// UseOutput names the folder under which the file module writes; it is made
// when it is first needed. It is called before the crawl's first hook.
func (h *Host) UseOutput(dir string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.std().output = dir
}

func fileModule() module {
	return module{
		name: "file", text: "Files: read under the script's folder, written under the output folder.",
		docs: []doc{
			{call: "read(path) -> string | nil, message", text: "A whole file, of the script's folder or else of the output folder.", waits: true},
			{call: "lines(path) -> iterator | nil, message", text: "Over its lines without their ends; the file is read as they are asked for.", waits: true},
			{call: "write(path, s) -> true | nil, message", text: "Replaces a file of the output folder; missing folders are made.", waits: true},
			{call: "append(path, s) -> true | nil, message", text: "Adds to its end.", waits: true},
		},
		open: func(h *Host, L *lua.LState) lua.LValue {
			return newModule(L, map[string]lua.LGFunction{
				"read":   h.fileRead,
				"lines":  h.fileLines,
				"write":  h.fileWriter(os.O_WRONLY | os.O_CREATE | os.O_TRUNC),
				"append": h.fileWriter(os.O_WRONLY | os.O_CREATE | os.O_APPEND),
			})
		},
	}
}

// places are the folders from which the calling script may read.
func (h *Host) places(L *lua.LState) []folder {
	list := []folder{}
	if u := h.unitOf(L); u != nil && len(u.folders) > 0 {
		list = append(list, u.folders[0])
	}
	return append(list, folder{dir: h.outputDir()})
}

func (h *Host) outputDir() string {
	if dir := h.std().output; dir != "" {
		return dir
	}
	return defaultOutput
}

// localPath is a path inside a folder, with slashes.
func localPath(name string) (string, error) {
	slash := path.Clean(filepath.ToSlash(name))
	if name == "" || strings.ContainsAny(name, "\x00") || !filepath.IsLocal(filepath.FromSlash(slash)) || slash == "." {
		return "", fmt.Errorf("%q is no path inside a folder: it may not be absolute nor lead out with \"..\"", name)
	}
	return slash, nil
}

// openIn opens a regular file in the first of places that has it. It runs
// without the lock.
func openIn(places []folder, name string) (fs.File, int64, error) {
	rel, err := localPath(name)
	if err != nil {
		return nil, 0, err
	}
	for _, p := range places {
		f, err := p.open(rel)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, 0, tidy(err, name)
		}
		info, err := f.Stat()
		if err != nil || !info.Mode().IsRegular() {
			f.Close()
			return nil, 0, fmt.Errorf("%s is no regular file", name)
		}
		return f, info.Size(), nil
	}
	return nil, 0, fmt.Errorf("%s: no such file", name)
}

// open opens a file of the folder; symbolic links cannot lead out of it.
func (f folder) open(rel string) (fs.File, error) {
	if f.ship != nil {
		return f.ship.Open(path.Join(f.sub, rel))
	}
	root, err := os.OpenRoot(f.dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Stat(rel)
	if err == nil && !info.Mode().IsRegular() {
		return nil, errors.New("no regular file") // opening a pipe would wait for its writer
	}
	return root.Open(rel)
}

// tidy is a file error that names the path as the script did.
func tidy(err error, name string) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return fmt.Errorf("%s: %w", name, pe.Err)
	}
	return fmt.Errorf("%s: %w", name, err)
}

func (h *Host) fileRead(L *lua.LState) int {
	name, places, most := argString(L, 1), h.places(L), int64(h.std().maxString)
	var text []byte
	var err error
	h.Working(func() {
		var f fs.File
		var size int64
		if f, size, err = openIn(places, name); err != nil {
			return
		}
		defer f.Close()
		if size > most {
			err = fmt.Errorf("%s has more than %d MiB; use lines", name, most>>20)
			return
		}
		text, err = io.ReadAll(io.LimitReader(f, most))
	})
	if err != nil {
		return failed(L, err)
	}
	return pushAll(L, lua.LString(bytesText(text)))
}

func (h *Host) fileLines(L *lua.LState) int {
	name, places, most := argString(L, 1), h.places(L), h.std().maxString
	var f fs.File
	var err error
	h.Working(func() { f, _, err = openIn(places, name) })
	if err != nil {
		return failed(L, err)
	}
	r := bufio.NewReaderSize(f, 64<<10)
	return pushAll(L, L.NewFunction(func(L *lua.LState) int {
		if r == nil {
			return pushAll(L, lua.LNil)
		}
		line, err := readLine(r, most)
		if err == nil {
			return pushAll(L, lua.LString(line))
		}
		r = nil
		f.Close()
		if !errors.Is(err, io.EOF) {
			L.RaiseError("%s", tidy(err, name).Error())
		}
		return pushAll(L, lua.LNil)
	}))
}

var errLongLine = errors.New("a line is too long")

// readLine reads a line of at most most bytes, without its end.
func readLine(r *bufio.Reader, most int) (string, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > most {
			return "", errLongLine
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && (len(line) == 0 || !errors.Is(err, io.EOF)):
			return "", err
		}
		text := strings.TrimSuffix(bytesText(line), "\n")
		return strings.TrimSuffix(text, "\r"), nil
	}
}

// fileWriter is write and append.
func (h *Host) fileWriter(flags int) lua.LGFunction {
	return func(L *lua.LState) int {
		name, text, dir := argString(L, 1), argString(L, 2), h.outputDir()
		var err error
		h.Working(func() { err = writeFile(dir, name, text, flags) })
		if err != nil {
			return failed(L, err)
		}
		return pushAll(L, lua.LTrue)
	}
}

func writeFile(dir, name, text string, flags int) error {
	rel, err := localPath(name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the output folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.MkdirAll(path.Dir(rel), 0o755); err != nil {
		return tidy(err, name)
	}
	if info, err := root.Stat(rel); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file", name)
	}
	f, err := root.OpenFile(rel, flags, 0o644)
	if err != nil {
		return tidy(err, name)
	}
	_, err = io.WriteString(f, text)
	return errors.Join(err, f.Close())
}
