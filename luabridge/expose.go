package luabridge

import (
	"reflect"
	"strings"
	"unicode"

	lua "github.com/yuin/gopher-lua"
	luar "layeh.com/gopher-luar"
)

// Expose makes a Go value a global of every script, by reflection: the fields
// and methods of structs, functions, maps and slices. Values that scripts need
// at their top level belong in Options.Expose. Methods are called with the Lua
// state held and must not wait.
func (h *Host) Expose(name string, value any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := h.expose(value)
	h.base.RawSetString(name, v)
	for _, env := range h.envs {
		env.RawSetString(name, v)
	}
}

func (h *Host) expose(value any) lua.LValue {
	cfg := luar.GetConfig(h.L)
	if cfg.FieldNames == nil {
		cfg.FieldNames, cfg.MethodNames = fieldNames, methodNames
	}
	return luar.New(h.L, value)
}

// fieldNames names a struct's fields as scripts see them.
func fieldNames(_ reflect.Type, f reflect.StructField) []string {
	switch tag := f.Tag.Get("luar"); tag {
	case "-":
		return nil
	case "":
		return []string{snake(f.Name)}
	default:
		return []string{tag}
	}
}

func methodNames(_ reflect.Type, m reflect.Method) []string { return []string{snake(m.Name)} }

// snake turns MixedCaps into mixed_caps: HTTPServer is http_server.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
