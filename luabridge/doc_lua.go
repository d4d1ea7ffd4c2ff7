package luabridge

// A difference is something that scripts see otherwise than Lua 5.1 shows it.
type difference struct {
	what  string            // in a few words
	text  string            // how it is here, in a sentence or two
	cases map[string]string // code that shows it, with its answer here; the tests run it
}

// differences are all that are known. Those of code are found by a table of
// behaviours that the tests compare with the real lua5.1.
var differences = []difference{
	{
		what: "numbers as text",
		text: "Integers are written in full up to 2^53, where Lua 5.1 goes over to 1e+15.",
		cases: map[string]string{
			`return 0.1, 1/3, 1e100, 123456, -0.5, 1e14, 2^31, 100, 1e-10`:                           "0.1 0.33333333333333 1e+100 123456 -0.5 100000000000000 2147483648 100 1e-10",
			`return tostring(nil), tostring(true), tostring(12), tostring("x"), tostring(1e15 / 10)`: "'nil' 'true' '12' 'x' '100000000000000'",
		},
	},
	{
		what: "messages of errors",
		text: "The interpreter words its own errors differently, such as those about an operation on nil. The place in front of them is the same.",
		cases: map[string]string{
			`return pcall(function() local t = nil; return t.x end)`:                                  "false 't:1: attempt to index a non-table object(nil) with key 'x''",
			`return pcall(function() return 1 + {} end)`:                                              "false 't:1: cannot perform add operation between number and table'",
			`return pcall(function() return {} < {} end)`:                                             "false 't:1: attempt to compare table with table'",
			`return pcall(function() return #nil end)`:                                                "false 't:1: __len undefined'",
			`return pcall(function() local a = "x" return a() end)`:                                   "false 't:1: attempt to call a non-function object'",
			`return coroutine.wrap(function() return pcall(function() coroutine.yield(1) end) end)()`: "false 't:1: attempt to yield across metamethod/C-call boundary'",
		},
	},
	{what: "order of pairs", text: "pairs and next go through a table's fields in the order they were set."},
	{what: "undefined globals", text: "Reading a global that nobody has set is an error; rawget(_G, name) asks without one. Each file has globals of its own."},
	{what: "goto, escapes", text: "goto and labels work as in Lua 5.2, and \"\\x41\" in strings."},
	{what: "xpcall(f, handler, ...)", text: "It takes arguments for f, as Lua 5.2's does."},
	{what: "collectgarbage", text: "It answers as Lua 5.1's does; memory is collected by itself, so the calls change nothing."},
	{what: "tail calls", text: "They take no stack, and an error's traceback does not list them."},
	{what: "limits", text: "Calls through library functions nest 200 deep, coroutines are at most 20,000 at a time, and a string that a library function makes is at most an eighth of --script-memory."},
	{what: "what is closed", text: "io, os but for time, date, clock and difftime, debug but for traceback, package, dofile, loadfile, string.dump, precompiled code, newproxy, module and gcinfo are not there; --allow opens io, os and env."},
}

// Dialect is the section of the reference about Lua itself.
func Dialect() Section {
	s := Section{Name: "lua", Text: "Scripts are Lua 5.1 with its base, string, table, math and coroutine libraries. What is otherwise than there:"}
	for _, d := range differences {
		s.Entries = append(s.Entries, Entry{Call: d.what, Text: d.text})
	}
	return s
}
