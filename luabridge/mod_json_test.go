package luabridge

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	lua "github.com/yuin/gopher-lua"
)

func newJSONHost(tb testing.TB) *Host {
	tb.Helper()
	h := newHost(Options{})
	tb.Cleanup(func() { h.Close() })
	return h
}

// FuzzJSON: what encoding/json takes for valid is read, all else refused, and
// what was read is written back with the same meaning.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,2.5e-3,"x\u00e9\n",null,true,{}],"b":[]}`, `[]`, `"\ud83d\ude00"`, `-0`, `1E400`, `[1,]`, `{"a" :1}`, "\ufeff[1]", `{"a":1,"a":2}`, `""`,
	} {
		f.Add(s)
	}
	h := newJSONHost(f)
	f.Fuzz(func(t *testing.T, s string) {
		if strings.HasPrefix(s, "\ufeff") || strings.Count(s, "[")+strings.Count(s, "{") > 50 {
			return
		}
		d := jsonReader{h: h, text: s}
		v, err := d.document()
		if valid := json.Valid([]byte(s)); valid != (err == nil) {
			t.Fatalf("%q: valid %v, error %v", s, valid, err)
		}
		if err != nil || !utf8.ValidString(s) {
			return
		}
		out, err := h.appendJSON(nil, v, 0)
		if err != nil {
			return // a number that overflows
		}
		d = jsonReader{h: h, text: string(out)}
		again, err := d.document()
		if err != nil {
			t.Fatalf("%q was written as %q: %v", s, out, err)
		}
		if twice, err := h.appendJSON(nil, again, 0); err != nil || !bytes.Equal(out, twice) {
			t.Fatalf("%q was written as %q, then as %q, %v", s, out, twice, err)
		}
	})
}

func BenchmarkJSONDecode(b *testing.B) {
	h := newJSONHost(b)
	text := "[" + strings.Repeat(`{"id":12345,"name":"some product","tags":["a","b"],"price":12.5,"stock":null},`, 1000) + "{}]"
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		d := jsonReader{h: h, text: text}
		if v, err := d.document(); err != nil || v.(*lua.LTable).Len() != 1001 {
			b.Fatal(err)
		}
	}
}

func TestOneJSONReader(t *testing.T) {
	tests := []struct{ name, body, want string }{
		{"value", `{"a": [1, null, []]}`, `{"a":[1,null,[]]}`},
		{"more after it", `1]`, "nil\tjson: line 1, byte 2: more text after the value"},
		{"two values", `1 2`, "nil\tjson: line 1, byte 3: more text after the value"},
		{"nothing", ` `, "nil\tjson: line 1, byte 2: the text ends too early"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := one(t, `
local json = require "downpour.json"
function on_success(req)
  local v, err = req:json()
  if err then print(v, err) else print((json.encode(v))) end
end`)
			w.pages["http://site.test/"] = "200\nContent-Type: application/json\n\n" + tt.body
			w.seeds = []string{"http://site.test/"}
			w.run()
			if diff := cmp.Diff([]string{tt.want}, w.printed()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
