// Downpour is a polite, crash-proof web crawler that one scripts in Lua.
package main

import (
	"os"

	"downpour/internal/cli"
)

func main() { os.Exit(cli.Main()) }
