package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"downpour/luabridge"
)

// stubFolder is where the stubs lie beside the scripts.
const stubFolder = "downpour-types"

const luarc = `{
  "runtime.version": "Lua 5.1",
  "workspace.library": ["` + stubFolder + `"],
  "diagnostics.disable": ["lowercase-global"]
}
`

// typesVerb writes what editors and luacheck need to know of scripts.
func typesVerb(_ context.Context, p *process) error {
	dir := "."
	switch {
	case len(p.args) > 1, len(p.args) == 1 && strings.HasPrefix(p.args[0], "-"):
		return usagef("types takes the folder of your scripts")
	case len(p.args) == 1:
		dir = p.args[0]
	}
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return usagef("types %s: no such folder", dir)
	}
	stubs := luabridge.Stubs()
	for _, name := range slices.Sorted(maps.Keys(stubs)) {
		path := filepath.Join(dir, stubFolder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(stubs[name]), 0o644); err != nil {
			return err
		}
	}
	fmt.Fprintf(p.stdout, "%s: %d files\n", filepath.Join(dir, stubFolder), len(stubs))
	for _, f := range []struct{ name, text string }{{".luarc.json", luarc}, {".luacheckrc", luacheckrc()}} {
		said, err := writeNew(filepath.Join(dir, f.name), f.text)
		if err != nil {
			return err
		}
		fmt.Fprintln(p.stdout, said)
	}
	return nil
}

// writeNew writes a file unless it is there: a person may have changed it.
func writeNew(path, text string) (said string, err error) {
	before, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return path, os.WriteFile(path, []byte(text), 0o644)
	case err != nil || string(before) == text:
		return path, err
	}
	return path + ": left as it is; new it would be\n" + text, nil
}

// luacheckrc tells luacheck which globals there are.
func luacheckrc() string {
	names := map[string][]string{}
	for _, s := range luabridge.Reference() {
		for _, e := range s.Entries {
			name, _, _ := strings.Cut(e.Name(), ".")
			if name = fmt.Sprintf("%q", name); !slices.Contains(names[s.Name], name) {
				names[s.Name] = append(names[s.Name], name)
			}
		}
	}
	return "std = \"lua51\"\nunused_args = false\nself = false\n" +
		"globals = { " + strings.Join(names["hooks"], ", ") + " }\n" +
		"read_globals = { " + strings.Join(names["globals"], ", ") + " }\n"
}
