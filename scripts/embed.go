// Package scripts holds the crawls and snippets that ship with Downpour.
package scripts

import "embed"

// FS holds NAME.lua for each script and snippets/NAME.lua for each snippet.
//
//go:embed *.lua snippets/*.lua
var FS embed.FS
