package extract

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxSelectorDepth is how deep parentheses of a selector may nest.
const maxSelectorDepth = 32

// cssParser reads a list of selectors (Selectors Level 4, with :contains(),
// [a!=b], ::text and ::attr(name)).
type cssParser struct {
	s     string
	i     int
	depth int
}

func parseCSS(s string) ([]complexSelector, error) {
	p := &cssParser{s: s}
	list, err := p.list(false)
	if err == nil && p.i < len(p.s) {
		err = fmt.Errorf("unexpected %q", p.s[p.i:])
	}
	return list, err
}

func (p *cssParser) peek() byte {
	if p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}

func (p *cssParser) space() bool {
	from := p.i
	for p.i < len(p.s) && class[p.s[p.i]]&isSpace != 0 {
		p.i++
	}
	return p.i > from
}

// list reads selectors up to a ')' or the end.
func (p *cssParser) list(relative bool) ([]complexSelector, error) {
	if p.depth++; p.depth > maxSelectorDepth {
		return nil, errors.New("nested too deep")
	}
	defer func() { p.depth-- }()
	var list []complexSelector
	for {
		s, err := p.complex(relative)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
		if p.peek() != ',' {
			return list, nil
		}
		p.i++
	}
}

func (p *cssParser) complex(relative bool) (s complexSelector, err error) {
	p.space()
	if relative {
		s.compounds = []compound{{isAnchor}}
		s.combs = []byte{' '}
		if c := p.peek(); c == '>' || c == '+' || c == '~' {
			s.combs[0] = c
			p.i++
			p.space()
		}
	}
	for {
		c, err := p.compound(&s)
		if err != nil {
			return s, err
		}
		s.compounds = append(s.compounds, c)
		spaced := p.space()
		switch c := p.peek(); {
		case c == '>' || c == '+' || c == '~':
			p.i++
			p.space()
			s.combs = append(s.combs, c)
		case c == 0 || c == ',' || c == ')' || !spaced:
			return s, nil
		default:
			s.combs = append(s.combs, ' ')
		}
		if s.pseudo != "" {
			return s, fmt.Errorf("something after ::%s", s.pseudo)
		}
	}
}

// compound reads tests up to a space or combinator.
func (p *cssParser) compound(s *complexSelector) (compound, error) {
	c := compound{}
	any := false
	if strings.HasPrefix(p.s[p.i:], "::") { // "div ::text"
		any = true
	} else if p.peek() == '*' || p.nameStart() {
		test, err := p.tag()
		if err != nil {
			return nil, err
		}
		any = true
		if test != nil {
			c = append(c, test)
		}
	}
	for {
		var test cssTest
		var err error
		switch p.peek() {
		case '#':
			p.i++
			var id string
			id, err = p.name()
			test = attrTest("id", '=', id, false)
		case '.':
			p.i++
			var word string
			word, err = p.name()
			test = attrTest("class", '~', word, false)
		case '[':
			test, err = p.attribute()
		case ':':
			if strings.HasPrefix(p.s[p.i:], "::") {
				return c, p.pseudoElement(s)
			}
			test, err = p.pseudoClass()
		default:
			if !any {
				return nil, p.expected("a selector")
			}
			return c, nil
		}
		if err != nil {
			return nil, err
		}
		any = true
		c = append(c, test)
	}
}

func (p *cssParser) expected(what string) error {
	if p.i >= len(p.s) {
		return fmt.Errorf("%s is missing at the end", what)
	}
	return fmt.Errorf("%s is missing before %q", what, p.s[p.i:])
}

// tag reads a name or '*', of which a namespace before '|' does not count.
func (p *cssParser) tag() (cssTest, error) {
	for {
		name := "*"
		if p.peek() == '*' {
			p.i++
		} else {
			var err error
			if name, err = p.name(); err != nil {
				return nil, err
			}
		}
		if p.peek() == '|' && !strings.HasPrefix(p.s[p.i:], "|=") {
			p.i++
			continue
		}
		if name == "*" {
			return nil, nil
		}
		return tagTest(name), nil
	}
}

func isNameByte(c byte) bool { return isAlnum(c) || c == '-' || c == '_' || c >= 0x80 || c == '\\' }

func (p *cssParser) nameStart() bool {
	c := p.peek()
	return isNameByte(c) && (c < '0' || c > '9')
}

// name reads an identifier with its escapes.
func (p *cssParser) name() (string, error) {
	var b strings.Builder
	for p.i < len(p.s) && isNameByte(p.s[p.i]) {
		if p.s[p.i] == '\\' {
			p.escape(&b)
			continue
		}
		b.WriteByte(p.s[p.i])
		p.i++
	}
	if b.Len() == 0 {
		return "", p.expected("a name")
	}
	return b.String(), nil
}

// escape reads a backslash and what it stands for.
func (p *cssParser) escape(b *strings.Builder) {
	p.i++
	n := 0
	for n < 6 && p.i+n < len(p.s) && strings.IndexByte("0123456789abcdefABCDEF", p.s[p.i+n]) >= 0 {
		n++
	}
	if n == 0 {
		_, n = utf8.DecodeRuneInString(p.s[p.i:])
		b.WriteString(p.s[p.i : p.i+n])
		p.i += n
		return
	}
	code, _ := strconv.ParseUint(p.s[p.i:p.i+n], 16, 32)
	p.i += n
	if p.i < len(p.s) && class[p.s[p.i]]&isSpace != 0 {
		p.i++
	}
	if code == 0 || code > utf8.MaxRune {
		code = utf8.RuneError
	}
	b.WriteRune(rune(code))
}

// text reads a quoted string or an identifier.
func (p *cssParser) text() (string, error) {
	quote := p.peek()
	if quote != '"' && quote != '\'' {
		return p.name()
	}
	var b strings.Builder
	for p.i++; p.i < len(p.s); {
		switch c := p.s[p.i]; c {
		case quote:
			p.i++
			return b.String(), nil
		case '\\':
			if strings.HasPrefix(p.s[p.i:], "\\\n") {
				p.i += 2
				continue
			}
			p.escape(&b)
		default:
			b.WriteByte(c)
			p.i++
		}
	}
	return "", p.expected("the closing quote")
}

func (p *cssParser) attribute() (cssTest, error) {
	p.i++
	p.space()
	if strings.HasPrefix(p.s[p.i:], "*|") || strings.HasPrefix(p.s[p.i:], "|") {
		p.i = p.i + strings.IndexByte(p.s[p.i:], '|') + 1
	}
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	if p.peek() == '|' && !strings.HasPrefix(p.s[p.i:], "|=") {
		p.i++
		local, err := p.name()
		if err != nil {
			return nil, err
		}
		name += ":" + local
	}
	p.space()
	if p.peek() == ']' {
		p.i++
		return attrTest(name, 0, "", false), nil
	}
	op := p.peek()
	switch {
	case op == '=':
		p.i++
	case op != 0 && strings.IndexByte("~|^$*!", op) >= 0 && strings.HasPrefix(p.s[p.i+1:], "="):
		p.i += 2
	default:
		return nil, p.expected("an operator or ']'")
	}
	p.space()
	value, err := p.text()
	if err != nil {
		return nil, err
	}
	p.space()
	fold := false
	if c := p.peek(); c == 'i' || c == 'I' || c == 's' || c == 'S' {
		fold = c == 'i' || c == 'I'
		p.i++
		p.space()
	}
	if p.peek() != ']' {
		return nil, p.expected("']'")
	}
	p.i++
	return attrTest(name, op, value, fold), nil
}
