package luabridge

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/parse"
)

const (
	maxTrace   = 10   // frames of a traceback
	maxSame    = 5    // errors of one line told apart by their message
	maxMessage = 1000 // bytes of an error's message
)

// faults keeps the errors of hooks: each is logged once and counted.
type faults struct {
	sources map[string][]byte // the text of each file, by the name in messages

	mu     sync.Mutex // guards all below
	counts map[string]*ErrorCount
	lines  map[string]int // errors told apart, by file and line
}

// Errors are the errors of hooks so far, the most frequent first.
func (h *Host) Errors() []ErrorCount {
	h.faults.mu.Lock()
	defer h.faults.mu.Unlock()
	var all []ErrorCount
	for _, c := range h.faults.counts {
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b ErrorCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Error.Error(), b.Error.Error()))
	})
	return all
}

// report logs an error of a hook the first time it happens and counts it.
func (h *Host) report(e *ScriptError) {
	f := &h.faults
	f.mu.Lock()
	if f.counts == nil {
		f.counts, f.lines = map[string]*ErrorCount{}, map[string]int{}
	}
	place := e.File + ":" + strconv.Itoa(e.Line) + ":" + e.Hook
	key := place + ":" + e.Message
	if f.counts[key] == nil && f.lines[place] >= maxSame {
		key = place
	}
	c := f.counts[key]
	if c != nil {
		c.Count++
		f.mu.Unlock()
		return
	}
	f.counts[key] = &ErrorCount{e, 1}
	f.lines[place]++
	f.mu.Unlock()
	h.log.Warn("script error", h.attrs(e)...)
}

func (h *Host) attrs(e *ScriptError) []any {
	attrs := []any{slog.String("error", e.Message), slog.String("file", e.File), slog.Int("line", e.Line)}
	for _, a := range []struct{ name, value string }{
		{"hook", e.Hook},
		{"url", e.URL},
		{"source", strings.TrimSpace(e.Source)},
		{"trace", strings.Join(e.Trace, " < ")},
	} {
		if a.value != "" {
			attrs = append(attrs, slog.String(a.name, a.value))
		}
	}
	return append(attrs, slog.String("detail", e.Detail()))
}

// scriptError makes what Lua raised readable. The lock is held.
func (h *Host) scriptError(err error, hook, url string) *ScriptError {
	if e := asScriptError(err); e != nil {
		return e
	}
	e := &ScriptError{Hook: hook, URL: url, Message: err.Error()}
	if c := h.gate.cur; c != nil && c.unit != nil {
		e.File = c.unit.name
	}
	var answer *answerError
	if errors.As(err, &answer) && answer.fn.Proto != nil {
		e.File, e.Line = answer.fn.Proto.SourceName, answer.fn.Proto.LineDefined
		h.point(e, "")
		return e
	}
	var api *lua.ApiError
	if !errors.As(err, &api) {
		return e
	}
	e.Trace = traceLines(api.StackTrace)
	e.File, e.Line, e.Message = h.place(e.File, h.text(api.Object))
	if e.Line == 0 && len(e.Trace) > 0 {
		if file, line, _ := h.place("", e.Trace[0]+" "); file != "" {
			e.File, e.Line = file, line
		}
	}
	var limit *limitError
	if c := h.gate.cur; c != nil && errors.As(c.over(), &limit) {
		e.Message = limit.Error()
	}
	if len(e.Message) > maxMessage {
		e.Message = e.Message[:maxMessage] + "…"
	}
	if len(e.Trace) == 1 {
		e.Trace = nil
	}
	if e.Message == "__len undefined" { // the interpreter's words
		e.Message = "attempt to get the length of what has none, such as nil"
	}
	h.nameCall(e)
	h.point(e, "")
	return e
}

// An answerError is that of what a function of the script's answered or left
// behind: its place is where the function is.
type answerError struct {
	fn  *lua.LFunction
	err error
}

// answered gives an error of what fn answered its place; nil stays nil.
func answered(fn *lua.LFunction, err error) error {
	if err == nil {
		return nil
	}
	return &answerError{fn, err}
}

func (e *answerError) Error() string { return e.err.Error() }

func (e *answerError) Unwrap() error { return e.err }

var calls = regexp.MustCompile(`([A-Za-z_]\w*(?:[.:][A-Za-z_]\w*)*)\s*[({"']`)

// nameCall says of a call of what is no function what it was, where the line
// has only one call.
func (h *Host) nameCall(e *ScriptError) {
	if e.Message != "attempt to call a non-function object" {
		return
	}
	name := ""
	for _, m := range calls.FindAllStringSubmatch(sourceLine(h.faults.sources[e.File], e.Line), -1) {
		switch {
		case slices.Contains(luaWords, m[1]) || m[1] == name:
		case name != "":
			return
		default:
			name = m[1]
		}
	}
	if name == "" {
		return
	}
	e.Message = fmt.Sprintf("attempt to call '%s', which is no function", name)
	if lib, _, ok := strings.Cut(name, "."); ok && lib == "os" {
		e.Message += " here: the rest of os is closed to scripts (open it with --allow os)"
	}
}

// luaWords are the keywords that a parenthesis may follow.
var luaWords = []string{"and", "elseif", "function", "if", "in", "not", "or", "return", "until", "while"}

// text is an error value as people read it.
func (h *Host) text(v lua.LValue) string {
	switch v := v.(type) {
	case lua.LString:
		return string(v)
	case *lua.LTable, *lua.LUserData:
		if fn, ok := h.L.GetMetaField(v, "__tostring").(*lua.LFunction); ok {
			if rets, err := h.invoke(fn, 1, v); err == nil {
				return rets[0].String()
			}
		}
		return "error object is a " + v.Type().String()
	case *lua.LNilType, nil:
		return "nil"
	}
	return v.String()
}

// place cuts "file:line:" off a message, for files that have been loaded.
func (h *Host) place(file, msg string) (string, int, string) {
	for name := range h.faults.sources {
		rest, ok := strings.CutPrefix(msg, name+":")
		if !ok {
			continue
		}
		digits, text, ok := strings.Cut(rest, ":")
		if line, err := strconv.Atoi(digits); ok && err == nil {
			return name, line, strings.TrimPrefix(text, " ")
		}
	}
	return file, 0, msg
}

// luaFrames says where the Lua calls of a thread are that an error ended, a
// line each.
func (h *Host) luaFrames(th *lua.LState) string {
	var frames []string
	for _, f := range h.std().frames(th, 0, 2*maxTrace) {
		if !strings.HasPrefix(f, "[library]") && f != "?" && f != "..." && len(frames) < maxTrace {
			frames = append(frames, f)
		}
	}
	return strings.Join(frames, "\n")
}

// traceLines are the frames of luaFrames.
func traceLines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}

var quoted = regexp.MustCompile(`['"]([^'"]+)['"]`)

// point fills in the source line and, where word or the first quoted name of
// the message is on it, the column.
func (h *Host) point(e *ScriptError, word string) {
	e.Source = sourceLine(h.faults.sources[e.File], e.Line)
	if word == "" {
		if m := quoted.FindStringSubmatch(e.Message); m != nil {
			word = m[1]
		}
	}
	if word == "" || e.Source == "" || e.Column > 0 {
		return
	}
	found := regexp.MustCompile(`(^|\W)(` + regexp.QuoteMeta(word) + `)(\W|$)`).FindStringSubmatchIndex(e.Source)
	if found != nil {
		e.Column = found[4] + 1
	}
}

// maxTable is how many lines below a call the key of its table is looked for.
const maxTable = 200

// raiseKey raises err at the line where the table that the caller wrote sets
// key, at the caller's own where that is not found.
func (h *Host) raiseKey(L *lua.LState, key string, err error) {
	file, line, _ := h.place("", strings.TrimSpace(L.Where(1))+" ")
	if line > 0 {
		set := regexp.MustCompile(`(^|\W)` + regexp.QuoteMeta(key) + `\W*=`)
		for i := line; i < line+maxTable; i++ {
			if set.MatchString(sourceLine(h.faults.sources[file], i)) {
				L.Error(lua.LString(fmt.Sprintf("%s:%d: %s", file, i, err.Error())), 0)
			}
		}
	}
	L.RaiseError("%s", err.Error())
}

// sourceLine is a line of a text, without what ends it.
func sourceLine(text []byte, line int) string {
	if line < 1 {
		return ""
	}
	for l := range bytes.Lines(text) {
		if line--; line == 0 {
			return strings.TrimRight(string(l), "\r\n")
		}
	}
	return ""
}

// syntaxError makes what the compiler says readable.
func (h *Host) syntaxError(file string, err error) *ScriptError {
	e := &ScriptError{File: file, Message: err.Error()}
	var api *lua.ApiError
	if errors.As(err, &api) && api.Cause != nil {
		err = api.Cause
	}
	var syntax *parse.Error
	var late *lua.CompileError
	switch {
	case errors.As(err, &late):
		e.Line, e.Message = late.Line, late.Message
	case !errors.As(err, &syntax):
	case syntax.Pos.Line < 1: // the end of the file
		text := h.faults.sources[file]
		e.Line = max(1, bytes.Count(bytes.TrimRight(text, "\r\n\t "), []byte("\n"))+1)
		e.Message = "unexpected end of the file" + leftOpen(text)
	default:
		e.Line, e.Column = syntax.Pos.Line, max(1, syntax.Pos.Column-len(syntax.Token)+1)
		e.Message = fmt.Sprintf("%s near '%s'", syntax.Message, syntax.Token)
	}
	h.point(e, "")
	return e
}
