package cli

import (
	"context"
	"errors"
	"maps"
	"path/filepath"

	"downpour/internal/output"
	"downpour/luabridge"
	"downpour/scripts"
)

func (r *runner) loadScripts(ctx context.Context) error {
	host, err := loadHost(ctx, r.p, r.set, r.scripts, luabridge.Options{Log: r.log, Stdout: r.stdout})
	if err != nil {
		return err
	}
	r.host = host
	r.asked = maps.Clone(r.set)
	r.set.addScript(host.Settings())
	host.UseOutput(output.Folder(r.set.list("output")))
	return nil
}

// loadHost loads scripts within what the settings allow. Every error is one of
// usage or a *luabridge.ScriptError.
func loadHost(ctx context.Context, p *process, set settings, files []string, o luabridge.Options) (*luabridge.Host, error) {
	o.Files, o.Sources, o.Path = files, scripts.FS, searchPath(p.getenv)
	o.Args, _ = set["arg"].(map[string]string)
	o.Timeout, o.Memory = set.duration("script-timeout"), set.number("script-memory")
	o.Allow, o.Strict = set.list("allow"), set.bool("strict")
	host, err := luabridge.Load(ctx, o)
	var script *luabridge.ScriptError
	if err != nil && !errors.As(err, &script) && ctx.Err() == nil {
		err = &usageError{err.Error()}
	}
	return host, err
}

// searchPath is where use and require look after the script's own folder.
func searchPath(getenv func(string) (string, bool)) []string {
	var dirs []string
	list, _ := getenv("DOWNPOUR_PATH")
	for _, d := range filepath.SplitList(list) {
		if d != "" {
			dirs = append(dirs, d)
		}
	}
	if data, ok := getenv("XDG_DATA_HOME"); ok && data != "" {
		return append(dirs, filepath.Join(data, "downpour"))
	}
	if home, ok := getenv("HOME"); ok && home != "" {
		return append(dirs, filepath.Join(home, ".local", "share", "downpour"))
	}
	return dirs
}
