package option

import (
	"fmt"
	"strings"
)

//go:generate go test . -run TestReadme -update

// Reference is the table as Markdown, a heading and a table a group: what the
// README shows.
func Reference() string {
	var b strings.Builder
	for _, g := range Groups {
		fmt.Fprintf(&b, "\n### %s\n\n| key | flag | default | |\n|---|---|---|---|\n", g)
		for _, o := range Table {
			if o.Group == g {
				fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", code(o.Key), o.flags(), o.Default, cell(o.Help))
			}
		}
	}
	return b.String()
}

// flags is the option's flag as one writes it, with its value.
func (o Option) flags() string {
	if o.Flag == "" {
		return ""
	}
	s := "--" + o.Flag
	if o.Short != "" {
		s = "-" + o.Short + ", " + s
	}
	if o.Value != "" {
		s += " " + o.Value
	}
	return code(s)
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + cell(s) + "`"
}

// cell keeps a bar from ending its cell.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
