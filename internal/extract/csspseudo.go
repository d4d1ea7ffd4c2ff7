package extract

import (
	"fmt"
	"strconv"
	"strings"
)

func (p *cssParser) pseudoElement(s *complexSelector) error {
	p.i += 2
	name, err := p.name()
	if err != nil {
		return err
	}
	switch strings.ToLower(name) {
	case "text":
		s.pseudo = "text"
		return nil
	case "attr":
		s.pseudo = "attr"
		if p.peek() != '(' {
			return p.expected("'('")
		}
		p.i++
		p.space()
		if s.attr, err = p.text(); err != nil {
			return err
		}
		return p.closeParen()
	}
	return fmt.Errorf("no pseudo-element ::%s, there are ::text and ::attr(name)", name)
}

func (p *cssParser) closeParen() error {
	p.space()
	if p.peek() != ')' {
		return p.expected("')'")
	}
	p.i++
	return nil
}

func (p *cssParser) pseudoClass() (cssTest, error) {
	p.i++
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	name = strings.ToLower(name)
	if p.peek() != '(' {
		if test := pseudoClasses[name]; test != nil {
			return test, nil
		}
		return nil, fmt.Errorf("no pseudo-class :%s", name)
	}
	p.i++
	test, err := p.function(name)
	if err != nil {
		return nil, err
	}
	return test, p.closeParen()
}

// function reads the arguments of a pseudo-class.
func (p *cssParser) function(name string) (cssTest, error) {
	switch name {
	case "is", "where", "matches", "any", "not":
		list, err := p.list(false)
		if name == "not" {
			return notTest(list), err
		}
		return isTest(list), err
	case "has":
		list, err := p.list(true)
		return hasTest(list), err
	case "contains", "-soup-contains", "lang":
		return p.texts(name)
	case "nth-child", "nth-last-child", "nth-of-type", "nth-last-of-type":
		n, err := p.nth()
		if err != nil {
			return nil, err
		}
		ofType, last := strings.HasSuffix(name, "type"), strings.Contains(name, "last")
		p.space()
		var of []complexSelector
		if !ofType && len(p.s)-p.i > 2 && strings.EqualFold(p.s[p.i:p.i+2], "of") {
			p.i += 2
			if of, err = p.list(false); err != nil {
				return nil, err
			}
		}
		return nthTest(n, last, ofType, of), nil
	}
	return nil, fmt.Errorf("no pseudo-class :%s()", name)
}

// texts reads the strings of :lang and :contains.
func (p *cssParser) texts(name string) (cssTest, error) {
	var texts []string
	for {
		p.space()
		text, err := p.text()
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
		if p.space(); p.peek() != ',' {
			break
		}
		p.i++
	}
	if name == "lang" {
		return langTest(texts), nil
	}
	return containsTest(texts[0]), nil
}

// nth reads an+b, "even" or "odd".
func (p *cssParser) nth() (nth, error) {
	p.space()
	from := p.i
	for p.i < len(p.s) && (isAlnum(p.s[p.i]) || strings.IndexByte("+- \t\n", p.s[p.i]) >= 0) {
		if p.s[p.i] == ' ' && strings.HasPrefix(strings.ToLower(strings.TrimLeft(p.s[p.i:], " ")), "of") {
			break
		}
		p.i++
	}
	written := strings.ToLower(p.s[from:p.i])
	s := strings.Join(strings.Fields(written), "")
	switch s {
	case "even":
		return nth{2, 0}, nil
	case "odd":
		return nth{2, 1}, nil
	}
	bad := fmt.Errorf("%q is no an+b", written)
	a, b, hasN := strings.Cut(s, "n")
	if !hasN {
		n, err := strconv.Atoi(s)
		if err != nil {
			return nth{}, bad
		}
		return nth{0, n}, nil
	}
	var r nth
	var err error
	switch a {
	case "", "+":
		r.a = 1
	case "-":
		r.a = -1
	default:
		if r.a, err = strconv.Atoi(a); err != nil {
			return nth{}, bad
		}
	}
	if b != "" {
		if r.b, err = strconv.Atoi(b); err != nil || b[0] != '+' && b[0] != '-' {
			return nth{}, bad
		}
	}
	return r, nil
}
