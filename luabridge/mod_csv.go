package luabridge

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
)

func csvModule() module {
	return module{
		name: "csv", text: "Comma-separated values (RFC 4180).",
		docs: []doc{
			{call: "parse(s, {header=, separator=}?) -> list | nil, message", text: "Rows as lists of strings; with header = true the first row names the fields of the others."},
			{call: "encode(rows, {header=, separator=}?) -> string", text: "Rows of lists, or with header = {names} of tables by name, that line first."},
		},
		open: func(h *Host, L *lua.LState) lua.LValue {
			return newModule(L, map[string]lua.LGFunction{"parse": h.csvParse, "encode": h.csvEncode})
		},
	}
}

func separator(L *lua.LState, opts *lua.LTable) rune {
	s := fieldText(L, opts, "separator")
	if s == "" {
		return ','
	}
	r, n := utf8.DecodeRuneInString(s)
	if n != len(s) || r == '"' || r == '\n' || r == '\r' || r == utf8.RuneError {
		L.RaiseError("separator is one character, not '%s'", s)
	}
	return r
}

// cellSize is about how many bytes a cell takes beside its text while it is read.
const cellSize = 80

// csvEnd is a row put behind those that are parsed: a quote that is not closed
// takes it in, and lenient reading of quotes would not say so.
const csvEnd = "\x00end\x00"

func (h *Host) csvParse(L *lua.LState) int {
	text := strings.TrimPrefix(argString(L, 1), "\ufeff")
	opts := h.fields(L, 2, "header", "separator")
	r := csv.NewReader(io.MultiReader(strings.NewReader(text), strings.NewReader("\n"+csvEnd)))
	r.Comma = separator(L, opts)
	r.FieldsPerRecord = -1
	h.std().room(L, cellSize*(strings.Count(text, string(r.Comma))+strings.Count(text, "\n")))
	r.LazyQuotes = true
	var names []string
	if opts != nil && lua.LVAsBool(opts.RawGetString("header")) {
		first, err := r.Read()
		if err != nil && !errors.Is(err, io.EOF) {
			return failed(L, err)
		}
		if len(first) == 1 && first[0] == csvEnd {
			return pushAll(L, L.NewTable())
		}
		names = first
	}
	rows := L.NewTable()
	s := h.std()
	line := 1
	for {
		row, err := r.Read()
		switch {
		case errors.Is(err, io.EOF):
			return failed(L, fmt.Errorf("line %d: a quote is not closed", line))
		case err != nil:
			return failed(L, err)
		case len(row) == 1 && row[0] == csvEnd:
			return pushAll(L, rows)
		}
		line, _ = r.FieldPos(len(row) - 1)
		s.halt(L)
		if names == nil {
			rows.Append(stringList(L, row))
			continue
		}
		t := L.CreateTable(0, len(names))
		for i, v := range row {
			if i < len(names) {
				t.RawSetString(names[i], lua.LString(v))
			} else {
				t.RawSetInt(i+1, lua.LString(v))
			}
		}
		rows.Append(t)
	}
}

func (h *Host) csvEncode(L *lua.LState) int {
	rows := argTable(L, 1)
	opts := h.fields(L, 2, "header", "separator")
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.Comma = separator(L, opts)
	var names []string
	if opts != nil && opts.RawGetString("header") != lua.LNil {
		t, ok := opts.RawGetString("header").(*lua.LTable)
		if !ok {
			argError(L, 2, "header is a list of names")
		}
		for i := 1; i <= t.Len(); i++ {
			names = append(names, cellText(L, t.RawGetInt(i)))
		}
		_ = w.Write(names) // nothing fails: the separator is checked, the rest is memory
	}
	s, size := h.std(), lineSize(names)
	for i := 1; i <= rows.Len(); i++ {
		row, ok := rows.RawGetInt(i).(*lua.LTable)
		if !ok {
			argError(L, 1, fmt.Sprintf("row %d is a %s, not a table", i, rows.RawGetInt(i).Type()))
		}
		var cells []string
		for _, name := range names {
			cells = append(cells, cellText(L, row.RawGetString(name)))
		}
		for k := 1; names == nil && k <= row.Len(); k++ {
			cells = append(cells, cellText(L, row.RawGetInt(k)))
		}
		size += lineSize(cells)
		s.fits(L, size)
		s.room(L, size)
		s.halt(L)
		_ = w.Write(cells)
	}
	w.Flush()
	return pushAll(L, lua.LString(b.String()))
}

// lineSize is how many bytes a line of CSV takes at most.
func lineSize(cells []string) int {
	n := 1
	for _, c := range cells {
		n += len(c) + strings.Count(c, `"`) + len(`"",`)
	}
	return n
}

// cellText is a value as a cell: nil and null are empty.
func cellText(L *lua.LState, v lua.LValue) string {
	switch v := v.(type) {
	case *lua.LNilType, *lua.LUserData:
		return ""
	case lua.LNumber:
		return numberText(float64(v))
	default:
		return toString(L, v)
	}
}
