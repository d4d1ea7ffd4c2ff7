// Package luabridge runs crawls written in Lua: it loads the scripts, finds
// their hooks and calls them as an engine.Handler. Everything that knows
// gopher-lua is in this package.
//
// All scripts of a crawl live in one Lua state under one lock. Each hook runs
// on a Lua thread of its own; Go work that waits or burns CPU gives the lock
// up meanwhile (Host.Blocking).
package luabridge

import (
	"io"
	"io/fs"
	"log/slog"
	"time"
)

// Options says which scripts to load and what they may do. The zero value of
// a field is its default.
type Options struct {
	Files   []string          // script files or names of shipped scripts, in the order their hooks are called
	Sources fs.FS             // the shipped scripts: NAME.lua and snippets/NAME.lua; nil for none
	Args    map[string]string // the scripts' arguments
	Path    []string          // folders that use and require search after the script's own, before Sources
	Expose  map[string]any    // Go values every script sees as globals, as by Host.Expose
	Log     *slog.Logger      // nil discards
	Stdout  io.Writer         // where print writes; nil discards
	Timeout time.Duration     // of Lua time a hook may take; 0 is 5 s, negative is no limit
	Memory  int64             // bytes of heap above which the running hook fails; 0 is 1 GiB, negative is no limit
	Allow   []string          // parts of the sandbox to open: "env", "os", "io"
	Strict  bool              // the first error of a hook ends the crawl
}

const (
	defaultTimeout = 5 * time.Second
	defaultMemory  = 1 << 30
)
