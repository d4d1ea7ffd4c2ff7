package cli

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"downpour/internal/monitor"
	"downpour/internal/option"
	"downpour/luabridge"
)

// overview is the help text of the whole command.
func overview() string {
	var b strings.Builder
	b.WriteString("Downpour crawls the web politely, and a Lua script says what for.\n\n")
	for _, v := range verbs() {
		fmt.Fprintf(&b, "  downpour %s  %s\n", pad(strings.TrimSpace(v.name+" "+v.usage), 22), v.summary)
	}
	b.WriteString(`
For example:
  downpour run spider https://example.com/ -o pages.jsonl
  downpour run linkcheck --serve public/

downpour help run lists the options, downpour scripts the scripts that ship.
`)
	return b.String()
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

// helpVerb explains the command, a verb or a script.
func helpVerb(_ context.Context, p *process) error {
	text := overview()
	if len(p.args) > 0 {
		word := p.args[0]
		if len(p.args) > 1 {
			return usagef("help takes one verb or script")
		}
		about, ok := verbHelp(word)
		if !ok {
			script, err := source(word)
			if err != nil {
				return helpError(word)
			}
			about = scriptHelp(word, luabridge.ReadHeader(script))
		}
		text = about
	}
	_, err := p.stdout.WriteString(text)
	return err
}

func helpError(word string) error {
	var names []string
	for _, v := range verbs() {
		names = append(names, v.name)
	}
	if near, ok := option.Nearest(word, append(names, shippedNames()...)); ok {
		return usagef("no verb or script %q (did you mean %q?)", word, near)
	}
	return usagef("no verb or script %q", word)
}

func verbHelp(word string) (string, bool) {
	for _, v := range verbs() {
		if v.name != word {
			continue
		}
		head := fmt.Sprintf("downpour %s: %s\n", strings.TrimSpace(v.name+" "+v.usage), v.summary)
		switch word {
		case "run":
			return head + runHelp(), true
		case "check":
			return head + optionsHelp(forCheck), true
		case "url":
			return head + urlHelp + optionsHelp(forURL), true
		case "robots":
			return head + robotsHelp + optionsHelp(forRobots), true
		case "export", "import":
			return head + exportHelp, true
		}
		if about, ok := crawlHelp[word]; ok {
			return head + "\n" + about + inquiryHelp, true
		}
		return head, true
	}
	return "", false
}

func runHelp() string {
	return `
A script is a file or the name of one that ships; several run as a chain. A URL
is a seed; a host alone gets http:// in front. What crawl{} of the script can
set has its key in braces. A flag goes before the variable DOWNPOUR_FLAG, that
before crawl{}, that before the default. Durations are seconds or text such as
1.5s and 2m, sizes bytes or text such as 10MB and 10MiB.
` + optionsHelp(func(option.Option) bool { return true }) + `
Exit status: 0 done, 1 the crawl failed, 2 usage or a script that does not load,
3 the script's verdict, 4 a script's error under --strict, 130 interrupted.
`
}

// optionsHelp lists the options that keep lets through, by group.
func optionsHelp(keep func(option.Option) bool) string {
	var b strings.Builder
	for _, g := range option.Groups {
		first := true
		for _, o := range option.Table {
			if o.Group != g || !keep(o) {
				continue
			}
			if first {
				fmt.Fprintf(&b, "\n%s\n", g)
				first = false
			}
			writeOption(&b, o)
		}
	}
	return b.String()
}

const helpIndent = 34

func writeOption(b *strings.Builder, o option.Option) {
	left := "      --" + o.Flag
	if o.Short != "" {
		left = "  -" + o.Short + ", --" + o.Flag
	}
	if o.Value != "" {
		left += " " + o.Value
	}
	text := o.Help
	if o.Default != "" && (o.Kind != option.Bool || o.Default != "false") {
		text += " (default " + o.Default + ")"
	}
	if o.Key != "" {
		text += " {" + o.Key + "}"
	}
	lines := wrap(text, 80-helpIndent)
	if utf8.RuneCountInString(left) > helpIndent-2 {
		b.WriteString(left + "\n")
		left = ""
	}
	for _, l := range lines {
		b.WriteString(pad(left, helpIndent) + l + "\n")
		left = ""
	}
}

// wrap breaks text into lines of at most width columns.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// scriptHelp is what a script's header says.
func scriptHelp(name string, h luabridge.Header) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", name, h.Summary)
	if h.Prose != "" {
		b.WriteString("\n" + strings.TrimRight(h.Prose, "\n") + "\n")
	}
	for i, u := range h.Usage {
		if i == 0 {
			b.WriteString("\nUsage:\n")
		}
		b.WriteString("  " + u + "\n")
	}
	for i, a := range h.Args {
		if i == 0 {
			b.WriteString("\nArguments, as -a NAME=VALUE:\n")
		}
		text := a.Text
		switch {
		case a.Required:
			text += " (required)"
		case a.Default != "":
			text += " (default " + a.Default + ")"
		}
		fmt.Fprintf(&b, "  %s  %s\n", pad(a.Name, 10), text)
	}
	for _, l := range []struct{ name, text string }{{"Author", h.Author}, {"License", h.License}} {
		if l.text != "" {
			fmt.Fprintf(&b, "\n%s: %s\n", l.name, l.text)
		}
	}
	return monitor.EscapeLines(b.String())
}
