package luabridge

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// maxRegexps is how many compiled expressions are kept.
const maxRegexps = 256

func reModule() module {
	return module{
		name: "re", text: "Regular expressions (RE2): alternatives, classes, no back-references, time linear in the text.",
		docs: []doc{
			{call: "match(s, pattern, init?) -> captures | nil", text: "The captures of the first match, or the whole match where the pattern has none; a group that took no part is nil."},
			{call: "find(s, pattern, init?) -> from, to, captures | nil", text: "Where the first match lies, and its captures."},
			{call: "gmatch(s, pattern) -> iterator", text: "Over all matches: what match would answer for each."},
			{call: "gsub(s, pattern, repl, n?) -> string, count", text: "Replaces matches: repl is a string with %0 to %9, a table or a function, as for string.gsub."},
			{call: "split(s, pattern) -> list", text: "What lies between the matches."},
			{call: "escape(s) -> string", text: "A pattern that matches s itself."},
		},
		open: func(h *Host, L *lua.LState) lua.LValue {
			r := &regexps{cache: map[string]*regexp.Regexp{}, s: h.std()}
			return newModule(L, map[string]lua.LGFunction{
				"match":  r.match,
				"find":   r.find,
				"gmatch": r.gmatch,
				"gsub":   r.gsub,
				"split":  r.split,
				"escape": textFunc(regexp.QuoteMeta),
			})
		},
	}
}

// regexps are a script's compiled expressions.
type regexps struct {
	cache map[string]*regexp.Regexp
	s     *std
}

// compile is argument 2 as an expression; a bad one is misuse.
func (r *regexps) compile(L *lua.LState) *regexp.Regexp {
	const n = 2
	source := argString(L, n)
	if re := r.cache[source]; re != nil {
		return re
	}
	re, err := regexp.Compile(source)
	if err != nil {
		message := strings.TrimPrefix(err.Error(), "error parsing regexp: ")
		argError(L, n, "regular expression: "+message)
	}
	if len(r.cache) >= maxRegexps {
		clear(r.cache)
	}
	r.cache[source] = re
	return re
}

// search finds the first match at or after argument 3, as byte offsets.
func (r *regexps) search(L *lua.LState) (text string, loc []int) {
	text = argString(L, 1)
	re := r.compile(L)
	from := min(max(from0(optInt(L, 3, 1), len(text))-1, 0), len(text))
	loc = re.FindStringSubmatchIndex(text[from:])
	for i := range loc {
		if loc[i] >= 0 {
			loc[i] += from
		}
	}
	return text, loc
}

// groups pushes the captures of a match, or the match itself.
func groups(L *lua.LState, text string, loc []int, whole bool) int {
	if len(loc) == 2 && whole {
		return pushAll(L, lua.LString(text[loc[0]:loc[1]]))
	}
	for i := 2; i < len(loc); i += 2 {
		L.Push(group(text, loc, i))
	}
	return len(loc)/2 - 1
}

func group(text string, loc []int, i int) lua.LValue {
	if i >= len(loc) || loc[i] < 0 {
		return lua.LNil
	}
	return lua.LString(text[loc[i]:loc[i+1]])
}

func (r *regexps) match(L *lua.LState) int {
	text, loc := r.search(L)
	if loc == nil {
		return pushAll(L, lua.LNil)
	}
	return groups(L, text, loc, true)
}

func (r *regexps) find(L *lua.LState) int {
	text, loc := r.search(L)
	if loc == nil {
		return pushAll(L, lua.LNil)
	}
	n := pushAll(L, lua.LNumber(loc[0]+1), lua.LNumber(loc[1]))
	return n + groups(L, text, loc, false)
}

func (r *regexps) gmatch(L *lua.LState) int {
	text, re := argString(L, 1), r.compile(L)
	next := r.each(text, re, -1)
	return pushAll(L, L.NewFunction(func(L *lua.LState) int {
		if loc := next(L); loc != nil {
			return groups(L, text, loc, true)
		}
		return pushAll(L, lua.LNil)
	}))
}

const (
	firstMatches = 64 // matches looked for at once, then twice as many
	matchSize    = 64 // bytes that a match and each of its captures take
)

// each answers the matches of re one by one, up to limit (below 0: all), then
// nil. It looks for them in growing batches, from the start each time, so that
// anchors mean what they do: a text may hold more matches than fit into memory.
func (r *regexps) each(text string, re *regexp.Regexp, limit int) func(L *lua.LState) []int {
	if limit < 0 {
		limit = len(text) + 1
	}
	var found [][]int
	at, want := 0, min(limit, firstMatches)
	return func(L *lua.LState) []int {
		if at == len(found) {
			if at > 0 && (at < want || at == limit) {
				return nil
			}
			if at > 0 {
				want = min(limit, 2*want)
			}
			r.s.halt(L)
			found = nil
			r.s.room(L, matchSize*(re.NumSubexp()+1)*want)
			if found = re.FindAllStringSubmatchIndex(text, want); len(found) <= at {
				return nil
			}
		}
		at++
		return found[at-1]
	}
}

func (r *regexps) gsub(L *lua.LState) int {
	text, re := argString(L, 1), r.compile(L)
	limit := optInt(L, 4, -1)
	if limit < 0 {
		limit = -1
	}
	replace := r.replacement(L)
	var b strings.Builder
	done, count := 0, 0
	next := r.each(text, re, limit)
	for loc := next(L); loc != nil; loc = next(L) {
		b.WriteString(text[done:loc[0]])
		piece, err := replace(loc, text)
		if err != nil {
			L.RaiseError("%s", err.Error())
		}
		b.WriteString(piece)
		r.s.fits(L, b.Len())
		done = loc[1]
		count++
	}
	b.WriteString(text[done:])
	return pushAll(L, lua.LString(b.String()), lua.LNumber(count))
}

// replacement is what gsub's third argument makes of a match.
func (r *regexps) replacement(L *lua.LState) func(loc []int, text string) (string, error) {
	first := func(loc []int, text string) lua.LValue { return group(text, loc, min(2, len(loc)-2)) }
	switch v := L.Get(3).(type) {
	case lua.LString, lua.LNumber:
		repl := argString(L, 3)
		return func(loc []int, text string) (string, error) { return expandGroups(repl, loc, text) }
	case *lua.LTable:
		return func(loc []int, text string) (string, error) {
			defer r.s.nest(L)()
			key := first(loc, text)
			if key == lua.LNil {
				return text[loc[0]:loc[1]], nil
			}
			return replaced(L.GetTable(v, key), loc, text)
		}
	case *lua.LFunction:
		return func(loc []int, text string) (string, error) {
			defer r.s.nest(L)()
			L.Push(v)
			L.Call(groups(L, text, loc, true), 1)
			result := L.Get(-1)
			L.Pop(1)
			return replaced(result, loc, text)
		}
	}
	argError(L, 3, "string/function/table expected")
	return nil
}

func replaced(v lua.LValue, loc []int, text string) (string, error) {
	switch v := v.(type) {
	case lua.LString:
		return string(v), nil
	case lua.LNumber:
		return numberText(float64(v)), nil
	case lua.LBool, *lua.LNilType:
		if v != lua.LTrue {
			return text[loc[0]:loc[1]], nil
		}
	}
	return "", errors.New("invalid replacement value (a " + v.Type().String() + ")")
}

// expandGroups puts captures in place of %0 to %9.
func expandGroups(repl string, loc []int, text string) (string, error) {
	if !strings.Contains(repl, "%") {
		return repl, nil
	}
	var b strings.Builder
	for i := 0; i < len(repl); i++ {
		if repl[i] != '%' || i+1 == len(repl) {
			b.WriteByte(repl[i])
			continue
		}
		i++
		if !isDigitByte(repl[i]) {
			b.WriteByte(repl[i])
			continue
		}
		k := 2 * int(repl[i]-'0')
		if len(loc) == 2 && k == 2 {
			k = 0
		}
		if k >= len(loc) {
			return "", errors.New("invalid capture index %" + strconv.Itoa(k/2))
		}
		b.WriteString(lua.LVAsString(group(text, loc, k)))
	}
	return b.String(), nil
}

func (r *regexps) split(L *lua.LState) int {
	text, re := argString(L, 1), r.compile(L)
	list := L.NewTable()
	if text == "" && re.String() != "" {
		list.Append(lua.LString(""))
		return pushAll(L, list)
	}
	from, end := 0, 0
	next := r.each(text, re, -1)
	for loc := next(L); loc != nil; loc = next(L) {
		if loc[1] > 0 { // an empty match at the start parts nothing
			list.Append(lua.LString(text[from:loc[0]]))
		}
		from, end = loc[1], loc[0]
	}
	if end < len(text) {
		list.Append(lua.LString(text[from:]))
	}
	return pushAll(L, list)
}
