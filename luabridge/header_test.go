package luabridge

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadHeader(t *testing.T) {
	rows := []struct {
		name, src string
		want      Header
	}{
		{"none", "print(1)\n", Header{}},
		{"a plain comment is none", "-- Not a header.\n", Header{}},
		{"all of it", `#!/usr/bin/env downpour
--- Find broken links.
-- Two lines
-- of prose.
--
-- A paragraph.
-- @usage downpour run linkcheck -a site=URL
-- @arg site   where to start (required)
-- @arg depth  how many links deep,
--   counted from the seed (default 5)
-- @arg mode (default "fast") how to look
-- @author A. Writer
-- @license MIT

-- not part of it
print(1)
`, Header{
			Summary: "Find broken links.",
			Prose:   "Two lines\nof prose.\n\nA paragraph.",
			Usage:   []string{"downpour run linkcheck -a site=URL"},
			Args: []Arg{
				{Name: "site", Text: "where to start", Required: true},
				{Name: "depth", Text: "how many links deep, counted from the seed", Default: "5"},
				{Name: "mode", Text: "how to look", Default: "fast"},
			},
			Author: "A. Writer", License: "MIT",
		}},
		{"three dashes on every line, CRLF", "--- One.\r\n--- @arg a b\r\n", Header{Summary: "One.", Args: []Arg{{Name: "a", Text: "b"}}}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if diff := cmp.Diff(row.want, ReadHeader([]byte(row.src))); diff != "" {
				t.Error(diff)
			}
		})
	}
}
