package luabridge

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConcat(t *testing.T) {
	meta := `local t = setmetatable({}, {__concat = function(a, b)
  return (type(a) == "table" and "T" or a) .. "+" .. (type(b) == "table" and "T" or b)
end}) `
	var many []string
	for i := range 230 {
		many = append(many, fmt.Sprintf("x[%d]", i))
	}
	tests := []struct{ name, code, want string }{
		{"strings", `local a, b = "a", "b" return a .. b`, "ab"},
		{"many", `local a = "a" return a .. 1 .. a .. 2.5 .. a .. -0 .. a`, "a1a2.5a-0a"},
		{"numbers as tostring has them", `return 2^53 .. " " .. 1e300 .. " " .. 1/0`, "9007199254740992 1e+300 inf"},
		{"in a loop", `local s = "" for i = 1, 5 do s = s .. i end return s`, "12345"},
		{"in a condition", `local a = "x" if a .. a == "xx" and a .. "y" ~= "xx" then return "yes" end`, "yes"},
		{"in a while", `local s = "" while #(s .. s) < 8 do s = s .. "ab" end return s`, "abab"},
		{"as an argument among open results", `local function f() return "b", "c" end return table.concat({"a" .. 1, f()}, ",")`, "a1,b,c"},
		{"of varargs", `local function f(...) local a = ... return a .. select("#", ...) end return f("x", "y")`, "x2"},
		{"in an inner function", `local a = "a" local function f(b) return function(c) return a .. b .. c end end return f("b")("c")`, "abc"},
		{"in a long list", `local t = {} local a = "a" return #{` + strings.Repeat(`a .. "b", `, 120) + `}`, "120"},
		{"more than registers allow", `local x = {} for i = 0, 229 do x[i] = i % 10 end return (` + strings.Join(many[:190], " .. ") + `):sub(-3)`, "789"},
		{"in a coroutine", `local f = coroutine.wrap(function(a) a = a .. "1" a = a .. coroutine.yield(a) return a end) return f("x") .. f("y")`, "x1x1y"},
		{"metamethod of the left", meta + `return t .. "b"`, "T+b"},
		{"metamethod of the right", meta + `return "a" .. t`, "a+T"},
		{"metamethod from the right", meta + `return "a" .. "b" .. t .. "c" .. "d"`, "abT+cd"},
		{"boolean", `return select(2, pcall(function() return "a" .. true end))`, "t:1: attempt to concatenate a boolean value"},
		{"nil on its line", "return select(2, pcall(function()\n local x\n return x .. 'a'\nend))", "t:3: attempt to concatenate a nil value"},
		{"what was loaded", `return loadstring("local a = ... return a .. a")("x")`, "xx"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := run(t, newStdHost(t), tt.code)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, v[0].String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestConcatIsBounded(t *testing.T) {
	tests := []struct{ name, code string }{
		{"doubling", `local s = "x" while true do s = s .. s end`},
		{"of many at once", `local s = ("x"):rep(2^20) return ` + strings.Repeat("s .. ", 99) + `s`},
		{"in a loaded chunk", `return loadstring("local s = 'x' while true do s = s .. s end")()`},
		{"by a metamethod", `local t = setmetatable({}, {__concat = function(a, b) local s = "x" while true do s = s .. s end end}) return t .. t`},
		{"beside a metamethod", `local t = setmetatable({}, {__concat = function(a) return a end}) local s = "x" while true do s = s .. s .. t end`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := run(t, newStdHost(t), tt.code); err == nil || !strings.Contains(err.Error(), "resulting string too large") {
				t.Errorf("error %v", err)
			}
		})
	}
}
