package luabridge

import (
	"bytes"
	"regexp"
	"strings"
)

// A Header is what the comment at the top of a script says about it.
type Header struct {
	Summary string   // its first line
	Prose   string   // the lines after it, paragraphs apart by an empty line
	Usage   []string // each @usage
	Args    []Arg    // each @arg, in order
	Author  string
	License string
}

// An Arg is one argument a script declares.
type Arg struct {
	Name     string
	Text     string // what it is, without the mark of its default
	Default  string // its value when none is given; "" for none
	Required bool
}

// ReadHeader reads the comment that starts with "---" at the top of a script,
// without running it. A script without one has a zero Header.
func ReadHeader(src []byte) Header {
	var h Header
	var prose []string
	last := "" // the tag that lines without one carry on with
	for _, line := range headerLines(src) {
		tag, rest, _ := strings.Cut(line, " ")
		rest = strings.TrimSpace(rest)
		switch tag {
		case "@usage":
			h.Usage = append(h.Usage, rest)
		case "@arg":
			h.Args = append(h.Args, readArg(rest))
		case "@author":
			h.Author = rest
		case "@license":
			h.License = rest
		default:
			if last == "" {
				prose = append(prose, line)
			} else {
				h.goOn(last, strings.TrimSpace(line))
			}
			continue
		}
		last = tag
	}
	if len(prose) > 0 {
		h.Summary = prose[0]
		h.Prose = strings.TrimSpace(strings.Join(prose[1:], "\n"))
	}
	return h
}

// goOn takes a line that carries on with a tag.
func (h *Header) goOn(tag, line string) {
	switch {
	case line == "":
	case tag == "@usage":
		h.Usage[len(h.Usage)-1] = strings.TrimSpace(h.Usage[len(h.Usage)-1] + "\n" + line)
	case tag == "@arg":
		a := &h.Args[len(h.Args)-1]
		more := readArg(a.Name + " " + line)
		a.Text = strings.TrimSpace(a.Text + " " + more.Text)
		a.Required = a.Required || more.Required
		if more.Default != "" {
			a.Default = more.Default
		}
	}
}

// headerLines are the lines of the header, without comment marks.
func headerLines(src []byte) []string {
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
	var lines []string
	for l := range bytes.Lines(src) {
		line := strings.TrimRight(string(l), " \t\r\n")
		if len(lines) == 0 {
			if strings.HasPrefix(line, "#!") || line == "" {
				continue
			}
			first, ok := strings.CutPrefix(line, "---")
			if !ok {
				return nil
			}
			lines = append(lines, strings.TrimSpace(first))
			continue
		}
		text, ok := strings.CutPrefix(line, "--")
		if !ok || strings.HasPrefix(text, "[[") {
			break
		}
		text = strings.TrimPrefix(text, "-")
		lines = append(lines, strings.TrimPrefix(text, " "))
	}
	return lines
}

var (
	argDefault  = regexp.MustCompile(`\s*\(default:? ([^)]*)\)`)
	argRequired = regexp.MustCompile(`\s*\(required\)`)
)

// readArg reads "name text (default v)" or "name text (required)".
func readArg(s string) Arg {
	name, text, _ := strings.Cut(s, " ")
	a := Arg{Name: name, Text: strings.TrimSpace(text)}
	if m := argDefault.FindStringSubmatch(a.Text); m != nil {
		a.Default = strings.Trim(m[1], `"'`)
		a.Text = strings.TrimSpace(argDefault.ReplaceAllString(a.Text, ""))
	}
	if argRequired.MatchString(a.Text) {
		a.Required = true
		a.Text = strings.TrimSpace(argRequired.ReplaceAllString(a.Text, ""))
	}
	return a
}
