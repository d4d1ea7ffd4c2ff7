package luabridge

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

func hashModule() module {
	return module{
		name: "hash", text: "Digests, as lower-case hexadecimal text.",
		docs: []doc{
			{call: "md5(s) -> string", text: "MD5, for matching what others publish; not for secrets."},
			{call: "sha1(s) -> string", text: "SHA-1, likewise."},
			{call: "sha256(s) -> string", text: "SHA-256."},
			{call: "sha512(s) -> string", text: "SHA-512."},
			{call: "crc32(s) -> string", text: "CRC-32 (IEEE), eight digits."},
		},
		open: func(h *Host, L *lua.LState) lua.LValue {
			return newModule(L, map[string]lua.LGFunction{
				"md5":    textFunc(func(s string) string { d := md5.Sum([]byte(s)); return hex.EncodeToString(d[:]) }),
				"sha1":   textFunc(func(s string) string { d := sha1.Sum([]byte(s)); return hex.EncodeToString(d[:]) }),
				"sha256": textFunc(func(s string) string { d := sha256.Sum256([]byte(s)); return hex.EncodeToString(d[:]) }),
				"sha512": textFunc(func(s string) string { d := sha512.Sum512([]byte(s)); return hex.EncodeToString(d[:]) }),
				"crc32":  textFunc(func(s string) string { return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(s))) }),
			})
		},
	}
}

func base64Module() module {
	return module{
		name: "base64", text: "Base64 (RFC 4648).",
		docs: []doc{
			{call: "encode(s, {url=}?) -> string", text: "With padding; with url the alphabet for URLs, without."},
			{call: "decode(s) -> string | nil, message", text: "Either alphabet, padding and white space optional."},
		},
		open: func(h *Host, L *lua.LState) lua.LValue {
			return newModule(L, map[string]lua.LGFunction{
				"encode": func(L *lua.LState) int {
					enc := base64.StdEncoding
					if opts := h.fields(L, 2, "url"); opts != nil && lua.LVAsBool(opts.RawGetString("url")) {
						enc = base64.RawURLEncoding
					}
					return pushAll(L, lua.LString(enc.EncodeToString([]byte(argString(L, 1)))))
				},
				"decode": base64Decode,
			})
		},
	}
}

func base64Decode(L *lua.LState) int {
	s := strings.Map(func(r rune) rune {
		switch r {
		case ' ', '\t', '\n', '\r':
			return -1
		case '-':
			return '+'
		case '_':
			return '/'
		}
		return r
	}, argString(L, 1))
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
	if err != nil {
		return pushAll(L, lua.LNil, lua.LString("not base64: "+err.Error()))
	}
	return pushAll(L, lua.LString(b))
}
