package luabridge

import (
	"fmt"
	"regexp"
	"strings"
)

// Stubs are files for editors that read Lua (LuaLS, its ---@ annotations) by
// path: downpour.lua has the globals and types, downpour/NAME.lua a module, at
// the place where require "downpour.NAME" is looked for.
func Stubs() map[string]string {
	files := map[string]string{}
	var b strings.Builder
	b.WriteString("---@meta\n")
	for _, s := range Reference() {
		switch {
		case s.Module:
			files["downpour/"+s.Name+".lua"] = moduleStub(s)
		case s.Name == "hooks":
			writeHooks(&b, s)
		case s.Name == "globals":
			writeGlobals(&b, s)
		default:
			writeClass(&b, s)
		}
	}
	files["downpour.lua"] = b.String()
	return files
}

// objects are the names of the values in calls, with their classes.
var objects = map[string]string{
	"req": "downpour.request", "request": "downpour.request", "response": "downpour.request", "element": "downpour.element",
}

// A signature is a call taken apart.
type signature struct {
	owner  string // "url" of url.parse, "req" of req:follow; "" for none
	sep    string // between owner and name
	name   string
	params []string // as written: "s", "base?", "{header=}?"; nil for none
	rets   []string
	typ    string // of a field
	call   bool
}

var callForm = regexp.MustCompile(`^(?:(\w+)([.:]))?(\w+)(?:\((.*?)\))?(?:: (.+)|\s*->\s*(.+))?$`)

// parseCall takes a call apart; ok is false for an operator such as #set.
func parseCall(call string) (s signature, ok bool) {
	m := callForm.FindStringSubmatch(call)
	if m == nil {
		return s, false
	}
	s = signature{owner: m[1], sep: m[2], name: m[3], typ: m[5], call: strings.Contains(call, "(")}
	if m[5] == "" && !s.call {
		s.typ = "any"
	}
	s.params = commas(m[4])
	s.rets = returns(m[6])
	return s, true
}

// commas splits at the commas outside braces.
func commas(s string) (parts []string) {
	depth, start := 0, 0
	for i, c := range s {
		switch {
		case c == '{':
			depth++
		case c == '}':
			depth--
		case c == ',' && depth == 0:
			parts = append(parts, strings.TrimSpace(s[start:i]))
			start = i + 1
		}
	}
	if rest := strings.TrimSpace(s[start:]); rest != "" {
		parts = append(parts, rest)
	}
	return parts
}

// returns are the types that "value | nil, message" says.
func returns(s string) []string {
	if s == "" {
		return nil
	}
	full, _, fails := strings.Cut(s, " | nil")
	message := strings.HasSuffix(s, "| nil, message") || strings.HasSuffix(s, "| nil, seconds")
	var types []string
	for i, word := range commas(full) {
		t := typeOf(word)
		if fails && i == 0 && t != "any" {
			t += "?"
		}
		types = append(types, t)
	}
	if message && len(types) == 1 {
		types = append(types, typeOf(s[strings.LastIndex(s, " ")+1:])+"?")
	}
	return types
}

// words are what the reference calls values, with their types.
var words = map[string]string{
	"string": "string", "number": "number", "boolean": "boolean", "true": "true", "table": "table", "list": "any[]",
	"iterator": "fun(): ...", "seconds": "number", "message": "string", "reason": "string", "line": "integer", "count": "integer",
	"from": "integer", "to": "integer", "text": "string", "encoding": "string", "boolean|number": "boolean|number",
	"s": "string", "url": "string", "name": "string", "path": "string", "pattern": "string", "selector": "string", "expr": "string",
	"base": "string", "ref": "string", "host": "string", "agent": "string", "bytes": "string", "layout": "string", "body": "string",
	"version": "string", "status": "string", "key": "string", "detail": "string", "n": "number", "init": "integer", "f": "function",
	"t": "table", "item": "table", "rows": "table", "functions": "table", "headers": "table<string, string[]>", "failure": "table",
	"summary": "table", "settings": "downpour.crawl", "opts": "downpour.options",
	"set": "downpour.set", "counter": "downpour.counter", "robots": "downpour.robots",
}

func typeOf(word string) string {
	if strings.HasPrefix(word, "{") {
		return "table"
	}
	if class, ok := objects[word]; ok {
		return class
	}
	if t, ok := words[word]; ok {
		return t
	}
	return "any"
}

// typed is a parameter's name and "name type" for the annotation.
func typed(param string) (name, annotation string) {
	if param == "..." {
		return param, "... any"
	}
	bare := strings.TrimSuffix(param, "?")
	mark := param[len(bare):]
	name = bare
	if strings.HasPrefix(bare, "{") {
		name = "opts"
	}
	return name, name + mark + " " + typeOf(bare)
}

// writeFunction writes a function, called as in name, with its annotations.
func writeFunction(b *strings.Builder, s signature, name string, e Entry) {
	fmt.Fprintf(b, "\n---%s\n", e.Text)
	if e.Waits {
		b.WriteString("---@async\n")
	}
	var names []string
	for _, p := range s.params {
		param, annotation := typed(p)
		names = append(names, param)
		b.WriteString("---@param " + annotation + "\n")
	}
	if len(s.rets) > 0 {
		b.WriteString("---@return " + strings.Join(s.rets, ", ") + "\n")
	}
	fmt.Fprintf(b, "function %s(%s) end\n", name, strings.Join(names, ", "))
}

// writeHooks writes the hooks as globals of a function type, so that an
// editor knows the parameters of those that a script defines.
func writeHooks(b *strings.Builder, section Section) {
	for _, e := range section.Entries {
		s, _ := parseCall(e.Call)
		fmt.Fprintf(b, "\n---%s\n---@type %s\n%s = nil\n", e.Text, functionType(s), s.name)
	}
}

func functionType(s signature) string {
	var params []string
	for _, p := range s.params {
		name, annotation := typed(p)
		params = append(params, name+": "+strings.TrimPrefix(annotation, name+" "))
	}
	t := "fun(" + strings.Join(params, ", ") + ")"
	if len(s.rets) > 0 {
		t += ": any"
	}
	return t
}

func writeGlobals(b *strings.Builder, section Section) {
	b.WriteString("\nlog = {}\n")
	for _, e := range section.Entries {
		s, _ := parseCall(e.Call)
		switch {
		case s.name == "require": // editors know it
		case !s.call:
			fmt.Fprintf(b, "\n---%s\n---@type %s\n%s = {}\n", e.Text, s.typ, s.name)
		default:
			writeFunction(b, s, s.owner+s.sep+s.name, e)
		}
	}
}

// writeClass writes a section whose entries are the fields and methods of one
// type.
func writeClass(b *strings.Builder, section Section) {
	fmt.Fprintf(b, "\n---%s\n---@class downpour.%s\n", section.Text, section.Name)
	optional := ""
	if section.Name == "crawl" || section.Name == "options" || section.Name == "policy" {
		optional = "?"
	}
	for _, e := range section.Entries {
		s, _ := parseCall(e.Call)
		switch {
		case s.call && s.owner == "":
			fmt.Fprintf(b, "---@field %s? %s %s\n", s.name, functionType(s), e.Text)
		case !s.call:
			fmt.Fprintf(b, "---@field %s%s %s %s\n", s.name, optional, s.typ, e.Text)
		}
	}
	fmt.Fprintf(b, "local %s = {}\n", section.Name)
	for _, e := range section.Entries {
		if s, _ := parseCall(e.Call); s.call && s.owner != "" {
			writeFunction(b, s, section.Name+":"+s.name, e)
		}
	}
}

// moduleStub is the file of a module: its functions, and the classes of the
// objects they answer.
func moduleStub(section Section) string {
	var b strings.Builder
	b.WriteString("---@meta\n")
	classes := map[string]bool{}
	result := section.Name
	fmt.Fprintf(&b, "\n---%s\nlocal %s = {}\n", section.Text, section.Name)
	for _, e := range section.Entries {
		s, ok := parseCall(e.Call)
		switch {
		case !ok:
			continue
		case s.owner == "": // the module is the function
			b.Reset()
			b.WriteString("---@meta\n")
			writeFunction(&b, s, "local "+s.name, e)
			continue
		case s.sep == ":" || s.owner != section.Name || !s.call && section.Name == "robots":
			class := s.owner + "_object"
			if !classes[s.owner] {
				classes[s.owner] = true
				fmt.Fprintf(&b, "\n---@class downpour.%s\nlocal %s = {}\n", s.owner, class)
			}
			if s.call {
				writeFunction(&b, s, class+":"+s.name, e)
			} else {
				fmt.Fprintf(&b, "\n---%s\n%s.%s = {}\n", e.Text, class, s.name)
			}
		case !s.call:
			fmt.Fprintf(&b, "\n---%s\n%s.%s = {}\n", e.Text, s.owner, s.name)
		default:
			writeFunction(&b, s, s.owner+"."+s.name, e)
		}
	}
	fmt.Fprintf(&b, "\nreturn %s\n", result)
	return strings.Replace(b.String(), "function local ", "local function ", 1)
}
