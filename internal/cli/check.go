package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"

	"downpour/internal/monitor"
	"downpour/internal/option"
	"downpour/luabridge"

	"github.com/spf13/pflag"
)

// forCheck lets through the options that have to do with loading a script.
func forCheck(o option.Option) bool { return o.Group == option.GroupScript }

// checkVerb loads each file by itself and says what is wrong with it.
func checkVerb(ctx context.Context, p *process) error {
	flags, files, err := parseFlags(p.args, forCheck)
	if errors.Is(err, pflag.ErrHelp) {
		p.args = []string{"check"}
		return helpVerb(ctx, p)
	}
	if err != nil {
		return err
	}
	set, err := readSettings(flags, p.getenv)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return usagef("check takes the scripts to check")
	}
	bad := false
	for _, f := range files {
		if err := checkFile(ctx, p, set, f); err != nil {
			for _, e := range each(err) {
				fmt.Fprintln(p.stderr, monitor.EscapeLines(describe(e)))
			}
			bad = true
			continue
		}
		fmt.Fprintf(p.stdout, "%s: ok\n", f)
	}
	if bad {
		return &statusError{statusUsage}
	}
	return nil
}

// checkFile loads one script and examines what loading does not run; its prints and logs go nowhere.
func checkFile(ctx context.Context, p *process, set settings, file string) error {
	host, mine, err := loadQuietly(ctx, p, set, []string{file})
	if err != nil {
		return err
	}
	defer host.Close()
	var found []error
	for _, e := range host.Examine() {
		found = append(found, e)
	}
	if len(found) > 0 {
		return errors.Join(found...)
	}
	_, err = scope(mine)
	return err
}

// loadQuietly loads scripts for a look at them: what they print and log goes
// nowhere, and arguments that they require and nobody gave are filled in. The
// settings are theirs below set.
func loadQuietly(ctx context.Context, p *process, set settings, files []string) (*luabridge.Host, settings, error) {
	args := map[string]string{}
	for _, file := range files {
		text, err := source(file)
		if err != nil {
			return nil, nil, err
		}
		for _, a := range luabridge.ReadHeader(text).Args {
			if a.Required {
				args[a.Name] = "http://" + siteHost + "/"
			}
		}
	}
	given, _ := set["arg"].(map[string]string)
	maps.Copy(args, given)
	mine := settings{"arg": args}
	mine.addFlags(set)
	host, err := loadHost(ctx, p, mine, files, luabridge.Options{Log: slog.New(slog.DiscardHandler), Stdout: io.Discard})
	if err != nil {
		return nil, nil, err
	}
	mine.addScript(host.Settings())
	return host, mine, nil
}

// each takes joined errors apart.
func each(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// addFlags lays other settings below these.
func (s settings) addFlags(other settings) {
	for flag, v := range other {
		if !s.has(flag) {
			s[flag] = v
		}
	}
}
