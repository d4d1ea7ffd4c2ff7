package luabridge

import (
	"strings"

	"downpour/internal/option"
)

// A Section is a part of the reference: a module, a type, the hooks.
type Section struct {
	Name    string // "hooks", "request", a module's name without "downpour."
	Title   string // "require \"downpour.url\""; what it is called in a script
	Text    string // what it is for
	Module  bool   // require answers it
	Entries []Entry
}

// An Entry is one function, field, hook or key of a Section.
type Entry struct {
	Call  string // as one writes it: "url.parse(s, base?) -> table | nil, message", "depth: number"
	Text  string // what it does, in one or two sentences
	Waits bool   // other hooks may run before it returns
}

// Name is what comes first in Call: "url.parse", "req:follow", "depth".
func (e Entry) Name() string {
	if i := strings.IndexAny(e.Call, "( "); i >= 0 {
		return strings.TrimSuffix(e.Call[:i], ":")
	}
	return e.Call
}

// Reference is all that scripts can use, in the order one learns it.
func Reference() []Section {
	all := []Section{
		section("hooks", "Global functions that the crawl calls. All are optional; one that is not defined costs nothing. Several scripts are called in the order they were loaded.", hookDocs),
		section("request", "What hooks receive first, req: what was asked for and what came back. Fields are nil before they can be known.", requestDocs),
		section("element", "req.doc and what is found in it. What is missing is nil.", elementDocs),
		section("options", "The options of enqueue, req:enqueue and req:follow.", optionDocs),
		section("globals", "What every script has besides Lua 5.1's own.", globalDocs),
		{Name: "crawl", Text: "The keys of crawl{}. A flag goes before the variable DOWNPOUR_FLAG, that before crawl{}, that before the default. Durations are seconds or text such as \"1.5s\", sizes bytes or text such as \"10MB\".", Entries: crawlEntries()},
		section("policy", "The functions of policy{}. The first five decide about requests one by one, each in place of the polite policy; a nil answer leaves it to that. Those from push on bring queues of the script's own: they serve one process, and what waits in them is gone when it ends.", policyDocs),
	}
	for _, m := range modules() {
		s := Section{Name: m.name, Title: "require \"" + modulePrefix + m.name + "\"", Text: m.text, Module: true}
		for _, d := range m.docs {
			s.Entries = append(s.Entries, Entry{m.qualified(d.call), d.text, d.waits})
		}
		all = append(all, s)
	}
	return all
}

func section(name, text string, docs []doc) Section {
	s := Section{Name: name, Text: text}
	for _, d := range docs {
		s.Entries = append(s.Entries, Entry{d.call, d.text, d.waits})
	}
	return s
}

// qualified is a call with the module's name in front, but for what belongs to
// an object of it.
func (m module) qualified(call string) string {
	name, _, _ := strings.Cut(call, "(")
	if strings.ContainsAny(name, ":.#") || name == m.name {
		return call
	}
	return m.name + "." + call
}

// crawlEntries are the keys of crawl{} out of the table of options.
func crawlEntries() []Entry {
	var entries []Entry
	for _, o := range option.Table {
		if o.Key == "" {
			continue
		}
		text := strings.ToUpper(o.Help[:1]) + o.Help[1:]
		if o.Default != "" {
			text += " (default " + o.Default + ")"
		}
		if len(o.Choices) > 0 {
			text += "; one of " + strings.Join(o.Choices, ", ")
		}
		entries = append(entries, Entry{Call: o.Key + ": " + optionType(o), Text: text + "."})
	}
	return entries
}

// optionType is the type of an option's values as editors write it.
func optionType(o option.Option) string {
	t := map[option.Kind]string{
		option.Bool: "boolean", option.Int: "number", option.Float: "number", option.Duration: "number|string",
		option.Size: "number|string", option.String: "string", option.List: "string|string[]", option.Words: "string|string[]",
	}[o.Kind]
	if t == "" {
		t = "table"
	}
	if o.Limit && !strings.Contains(t, "string") {
		t += "|string"
	}
	if o.Table {
		t += "|table"
	}
	if o.Func {
		t += "|function"
	}
	return t
}
