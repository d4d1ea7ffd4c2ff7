package extract

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// xtoken is a token of an expression (XPath 1.0 §3.7).
type xtoken struct {
	kind byte // 'n' name, 'd' number, 's' string, 'o' operator name, 0 end, else the symbol's first byte
	text string
}

func xtokens(s string) ([]xtoken, error) {
	var tokens []xtoken
	for i := 0; ; {
		for i < len(s) && class[s[i]]&isSpace != 0 {
			i++
		}
		if i == len(s) {
			return append(tokens, xtoken{}), nil
		}
		t, n, err := xtokenAt(s[i:], afterOperand(tokens))
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t)
		i += n
	}
}

// afterOperand says whether an operator must follow, which is how '*' and names
// such as "div" are told apart.
func afterOperand(tokens []xtoken) bool {
	if len(tokens) == 0 {
		return false
	}
	switch t := tokens[len(tokens)-1]; t.kind {
	case 'n', 'd', 's', ')', ']', '*':
		return true
	case '.':
		return true
	}
	return false
}

func xtokenAt(s string, operand bool) (t xtoken, n int, err error) {
	c := s[0]
	switch {
	case c == '"' || c == '\'':
		end := strings.IndexByte(s[1:], c)
		if end < 0 {
			return t, 0, errors.New("the closing quote is missing")
		}
		return xtoken{'s', s[1 : 1+end]}, end + 2, nil
	case isDigit(c) || c == '.' && len(s) > 1 && isDigit(s[1]):
		n = numberLen(s)
		return xtoken{'d', s[:n]}, n, nil
	case class[c]&isLetter != 0 || c == '_' || c >= 0x80:
		n = nameLen(s)
		name := s[:n]
		if operand && slices.Contains([]string{"and", "or", "div", "mod"}, name) {
			return xtoken{'o', name}, n, nil
		}
		if rest := s[n:]; len(rest) > 1 && rest[0] == ':' && rest[1] != ':' {
			if rest[1] == '*' {
				return xtoken{'n', s[:n+2]}, n + 2, nil
			}
			if m := nameLen(rest[1:]); m > 0 {
				n += 1 + m
			}
		}
		return xtoken{'n', s[:n]}, n, nil
	}
	for _, symbol := range []string{"//", "::", "..", "!=", "<=", ">="} {
		if strings.HasPrefix(s, symbol) {
			kind := c
			if symbol == "//" || symbol == "!=" || symbol == "<=" || symbol == ">=" {
				kind = 'o'
			}
			return xtoken{kind, symbol}, 2, nil
		}
	}
	switch c {
	case '*':
		if operand {
			return xtoken{'o', "*"}, 1, nil
		}
		return xtoken{'*', "*"}, 1, nil
	case '|', '+', '-', '=', '<', '>', '/':
		return xtoken{'o', s[:1]}, 1, nil
	case '(', ')', '[', ']', '@', ',', '.':
		return xtoken{c, s[:1]}, 1, nil
	case '$':
		return t, 0, errors.New("there are no variables")
	}
	return t, 0, fmt.Errorf("unexpected %q", s)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// numberLen is the length of a number; an exponent is read as libxml2 does.
func numberLen(s string) int {
	n := 0
	for n < len(s) && (isDigit(s[n]) || s[n] == '.' && !strings.Contains(s[:n], ".")) {
		n++
	}
	if n < len(s) && (s[n] == 'e' || s[n] == 'E') {
		m := n + 1
		if m < len(s) && (s[m] == '+' || s[m] == '-') {
			m++
		}
		if m < len(s) && isDigit(s[m]) {
			for n = m; n < len(s) && isDigit(s[n]); n++ {
			}
		}
	}
	return n
}

func nameLen(s string) int {
	n := 0
	for n < len(s) && (isAlnum(s[n]) || s[n] == '_' || s[n] >= 0x80 || n > 0 && (s[n] == '-' || s[n] == '.')) {
		n++
	}
	return n
}
