package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"downpour/internal/option"
	"downpour/luabridge"

	"github.com/spf13/pflag"
)

// docVerb prints the reference for scripts: all of it, or what a name finds.
func docVerb(ctx context.Context, p *process) error {
	set := pflag.NewFlagSet("doc", pflag.ContinueOnError)
	set.Usage = func() {}
	markdown := set.Bool("markdown", false, "")
	err := set.Parse(p.args)
	if errors.Is(err, pflag.ErrHelp) {
		p.args = []string{"doc"}
		return helpVerb(ctx, p)
	}
	if err != nil {
		return usagef("doc: %v; it takes a name and --markdown", err)
	}
	if set.NArg() > 1 {
		return usagef("doc takes one name")
	}
	sections := append(luabridge.Reference(), luabridge.Dialect())
	if name := set.Arg(0); name != "" {
		found := documented(sections, name)
		if len(found) == 0 {
			return undocumented(sections, name)
		}
		sections = found
	}
	write := writeSection
	if *markdown {
		write = writeMarkdown
	}
	var b strings.Builder
	for i, s := range sections {
		if i > 0 {
			b.WriteString("\n")
		}
		write(&b, s)
	}
	_, err = p.stdout.WriteString(b.String())
	return err
}

// documented is the section called name, or what is called so in any of them:
// "url", "downpour.url", "url.parse", "req:follow" and "follow".
func documented(sections []luabridge.Section, name string) []luabridge.Section {
	var found []luabridge.Section
	for _, s := range sections {
		if s.Name == name || s.Module && "downpour."+s.Name == name {
			return []luabridge.Section{s}
		}
		var entries []luabridge.Entry
		for _, e := range s.Entries {
			if e.Name() == name || plainName(e) == name {
				entries = append(entries, e)
			}
		}
		if len(entries) > 0 {
			s.Entries = entries
			found = append(found, s)
		}
	}
	return found
}

// plainName is an entry's name without the object or module before it.
func plainName(e luabridge.Entry) string {
	name := e.Name()
	return name[strings.LastIndexAny(name, ".:")+1:]
}

func undocumented(sections []luabridge.Section, name string) error {
	var all, names []string
	for _, s := range sections {
		names = append(names, s.Name)
		for _, e := range s.Entries {
			all = append(all, plainName(e), e.Name())
		}
	}
	if near, ok := option.Nearest(name, append(names, all...)); ok {
		return usagef("nothing is called %q (did you mean %q?)", name, near)
	}
	return usagef("nothing is called %q; the parts of the reference are %s", name, strings.Join(names, ", "))
}

// writeSection is a section for the terminal.
func writeSection(b *strings.Builder, s luabridge.Section) {
	for _, l := range wrap(strings.TrimSpace(heading(s)+": "+s.Text), 80) {
		b.WriteString(l + "\n")
	}
	for _, e := range s.Entries {
		b.WriteString("\n  " + e.Call + "\n")
		for _, l := range wrap(sentence(e), 74) {
			b.WriteString("      " + l + "\n")
		}
	}
}

func writeMarkdown(b *strings.Builder, s luabridge.Section) {
	fmt.Fprintf(b, "## %s\n\n%s\n", heading(s), s.Text)
	for _, e := range s.Entries {
		fmt.Fprintf(b, "\n### `%s`\n\n%s\n", e.Call, sentence(e))
	}
}

// heading names a section as a script would.
func heading(s luabridge.Section) string {
	if s.Title != "" {
		return s.Title
	}
	return s.Name
}

func sentence(e luabridge.Entry) string {
	if e.Waits {
		return e.Text + " It waits."
	}
	return e.Text
}
