package cli

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"downpour/internal/option"
	"downpour/luabridge"
	"downpour/scripts"
)

// shippedNames are the names of the scripts that ship, snippets left out.
func shippedNames() []string {
	files, err := fs.Glob(scripts.FS, "*.lua")
	if err != nil {
		return nil
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(f, ".lua")
	}
	return files
}

func shipped(name string) bool {
	for _, n := range shippedNames() {
		if n == name {
			return true
		}
	}
	return false
}

// source is the text of a script file, or of a script or snippet that ships.
func source(name string) ([]byte, error) {
	if st, err := os.Stat(name); err == nil && st.Mode().IsRegular() {
		return os.ReadFile(name)
	}
	base := strings.TrimSuffix(name, ".lua")
	for _, file := range []string{base + ".lua", path.Join("snippets", base+".lua")} {
		if b, err := fs.ReadFile(scripts.FS, file); err == nil {
			return b, nil
		}
	}
	return nil, noScript(name)
}

// scriptsVerb lists what ships, or prints one.
func scriptsVerb(_ context.Context, p *process) error {
	switch {
	case len(p.args) == 0:
		return listScripts(p)
	case p.args[0] == "show" && len(p.args) == 2:
		text, err := source(p.args[1])
		if err != nil {
			return err
		}
		_, err = p.stdout.Write(text)
		return err
	case p.args[0] == "show":
		return usagef("scripts show takes the name of one script")
	}
	if near, ok := option.Nearest(p.args[0], []string{"show"}); ok {
		return usagef("unknown word %q after scripts (did you mean %q?)", p.args[0], near)
	}
	return usagef("unknown word %q after scripts: there is show NAME", p.args[0])
}

func listScripts(p *process) error {
	var b strings.Builder
	for _, part := range []struct{ title, glob string }{
		{"Scripts, for downpour run NAME:", "*.lua"},
		{"Snippets, for use(\"NAME\") in a script:", "snippets/*.lua"},
	} {
		files, err := fs.Glob(scripts.FS, part.glob)
		if err != nil {
			return err
		}
		fmt.Fprintln(&b, part.title)
		for _, f := range files {
			text, err := fs.ReadFile(scripts.FS, f)
			if err != nil {
				return err
			}
			name := strings.TrimSuffix(path.Base(f), ".lua")
			fmt.Fprintf(&b, "  %-12s %s\n", name, luabridge.ReadHeader(text).Summary)
		}
	}
	b.WriteString("\ndownpour help NAME explains one, downpour scripts show NAME prints it.\n")
	_, err := p.stdout.WriteString(b.String())
	return err
}
