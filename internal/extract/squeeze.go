package extract

import (
	"unicode"
	"unicode/utf8"
)

// Squeeze trims s and turns each run of white space in it into one space.
func Squeeze(s string) string { return string(appendSqueezed(make([]byte, 0, len(s)), s)) }

// squeezeText squeezes a text that may be cut in the middle of a character.
func squeezeText(s string) string {
	for n := 0; n < utf8.UTFMax && s != ""; n++ {
		if r, size := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || size != 1 {
			break
		}
		s = s[:len(s)-1]
	}
	return Squeeze(s)
}

// appendSqueezed appends s squeezed.
func appendSqueezed(b []byte, s string) []byte {
	from := len(b)
	for i := 0; i < len(s); {
		end := i
		for end < len(s) && s[end] > ' ' && s[end] < utf8.RuneSelf {
			end++
		}
		if end == i {
			r, n := utf8.DecodeRuneInString(s[i:])
			if unicode.IsSpace(r) {
				i += n
				if len(b) > from && b[len(b)-1] != ' ' {
					b = append(b, ' ')
				}
				continue
			}
			end = i + n
		}
		b = append(b, s[i:end]...)
		i = end
	}
	if len(b) > from && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return b
}
