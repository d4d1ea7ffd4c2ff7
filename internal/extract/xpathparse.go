package extract

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	// maxXPathLen is how long an expression may be, in bytes.
	maxXPathLen = 64 << 10
	// maxXPathDepth is how deep its parentheses, predicates and signs may nest.
	maxXPathDepth = 64
)

type xparser struct {
	tokens []xtoken
	i      int
	depth  int
}

func compileXPath(expr string) (xexpr, error) {
	if len(expr) > maxXPathLen {
		return nil, errors.New("too long")
	}
	tokens, err := xtokens(expr)
	if err != nil {
		return nil, err
	}
	p := &xparser{tokens: tokens}
	e, err := p.binary(0)
	if err == nil && p.peek().kind != 0 {
		err = p.unexpected()
	}
	return e, err
}

func (p *xparser) peek() xtoken { return p.tokens[p.i] }

func (p *xparser) at(i int) xtoken { return p.tokens[min(p.i+i, len(p.tokens)-1)] }

// accept takes the next token if it is that text.
func (p *xparser) accept(text string) bool {
	if t := p.peek(); t.kind == 0 || t.kind == 's' || t.kind == 'n' || t.text != text {
		return false
	}
	p.i++
	return true
}

func (p *xparser) expect(text string) error {
	if !p.accept(text) {
		return fmt.Errorf("%q is missing: %w", text, p.unexpected())
	}
	return nil
}

func (p *xparser) unexpected() error {
	if t := p.peek(); t.kind != 0 {
		return fmt.Errorf("unexpected %q", t.text)
	}
	return errors.New("unexpected end")
}

// xlevels are the binary operators, weakest first.
var xlevels = [][]string{{"or"}, {"and"}, {"=", "!="}, {"<", "<=", ">", ">="}, {"+", "-"}, {"*", "div", "mod"}}

func (p *xparser) binary(level int) (xexpr, error) {
	if level == len(xlevels) {
		return p.unary()
	}
	if level == 0 {
		if p.depth++; p.depth > maxXPathDepth {
			return nil, errors.New("nested too deep")
		}
		defer func() { p.depth-- }()
	}
	a, err := p.binary(level + 1)
	for err == nil {
		t := p.peek()
		if t.kind != 'o' || !slices.Contains(xlevels[level], t.text) {
			return a, nil
		}
		p.i++
		var b xexpr
		if b, err = p.binary(level + 1); err == nil {
			a = xbinary{t.text, a, b}
		}
	}
	return nil, err
}

func (p *xparser) unary() (xexpr, error) {
	minus := 0
	for p.accept("-") {
		minus++
	}
	e, err := p.union()
	if err == nil && minus > 0 {
		e = xnegate{e}
		if minus%2 == 0 {
			e = xnegate{e}
		}
	}
	return e, err
}

func (p *xparser) union() (xexpr, error) {
	a, err := p.path()
	for err == nil && p.accept("|") {
		var b xexpr
		if b, err = p.path(); err == nil {
			a = xbinary{"|", a, b}
		}
	}
	return a, err
}

// path reads a location path, or a primary expression and what follows it.
func (p *xparser) path() (xexpr, error) {
	var e xpathExpr
	switch {
	case p.primaryNext():
		from, err := p.primary()
		if err != nil {
			return nil, err
		}
		preds, err := p.predicates()
		if err != nil {
			return nil, err
		}
		e.from, e.preds = from, preds
		if t := p.peek(); t.text != "/" && t.text != "//" || t.kind != 'o' {
			if len(preds) == 0 {
				return from, nil
			}
			return e, nil
		}
	case p.accept("/"):
		e.root = true
		if !p.stepNext() {
			return e, nil
		}
		return p.steps(e)
	case p.peek().kind == 'o' && p.peek().text == "//":
		e.root = true
	default:
		return p.steps(e)
	}
	return p.moreSteps(e)
}

// moreSteps reads "/step" and "//step".
func (p *xparser) moreSteps(e xpathExpr) (xexpr, error) {
	for {
		double := false
		switch {
		case p.accept("//"):
			double = true
			e.steps = append(e.steps, xstep{axis: "descendant-or-self", test: xtest{kind: "node"}})
		case p.accept("/"):
		default:
			return e, nil
		}
		s, err := p.step()
		if err != nil {
			return nil, err
		}
		if double && s.axis == "child" && !slices.ContainsFunc(s.preds, positional) {
			e.steps = e.steps[:len(e.steps)-1] // the same, in one walk
			s.axis = "descendant"
		}
		e.steps = append(e.steps, s)
	}
}

func (p *xparser) steps(e xpathExpr) (xexpr, error) {
	s, err := p.step()
	if err != nil {
		return nil, err
	}
	e.steps = append(e.steps, s)
	return p.moreSteps(e)
}

// positional says whether a predicate may depend on the node's position.
func positional(e xexpr) bool {
	switch e := e.(type) {
	case xliteral:
		_, number := e.v.(float64)
		return number
	case xpathExpr:
		return e.from != nil && (positional(e.from) || len(e.preds)+len(e.steps) == 0)
	case xbinary:
		switch e.op {
		case "or", "and", "=", "!=", "<", "<=", ">", ">=":
			return usesPosition(e.a) || usesPosition(e.b)
		}
		return e.op != "|"
	case xcall:
		switch e.name {
		case "not", "boolean", "contains", "starts-with", "ends-with", "true", "false", "lang", "string", "normalize-space", "concat":
			return slices.ContainsFunc(e.args, usesPosition)
		}
	}
	return true
}

// usesPosition says whether the value depends on the context's position.
func usesPosition(e xexpr) bool {
	switch e := e.(type) {
	case xliteral:
		return false
	case xnegate:
		return usesPosition(e.a)
	case xbinary:
		return usesPosition(e.a) || usesPosition(e.b)
	case xcall:
		return e.name == "position" || e.name == "last" || slices.ContainsFunc(e.args, usesPosition)
	case xpathExpr:
		return e.from != nil && usesPosition(e.from)
	}
	return true
}

func (p *xparser) primaryNext() bool {
	switch t := p.peek(); t.kind {
	case 's', 'd', '(':
		return true
	case 'n':
		return p.at(1).kind == '(' && !nodeTypes[t.text]
	}
	return false
}

var nodeTypes = map[string]bool{"node": true, "text": true, "comment": true, "processing-instruction": true}

func (p *xparser) primary() (xexpr, error) {
	t := p.peek()
	p.i++
	switch t.kind {
	case 's':
		return xliteral{t.text}, nil
	case 'd':
		f, _ := strconv.ParseFloat(t.text, 64) // out of range is infinity
		return xliteral{f}, nil
	case '(':
		e, err := p.binary(0)
		if err != nil {
			return nil, err
		}
		return xpathExpr{from: e}, p.expect(")")
	}
	return p.call(t.text)
}

func (p *xparser) call(name string) (xexpr, error) {
	f, ok := xfunctions[name]
	if !ok {
		return nil, fmt.Errorf("no function %s()", name)
	}
	p.i++ // (
	e := xcall{name: name}
	for !p.accept(")") {
		if len(e.args) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		a, err := p.binary(0)
		if err != nil {
			return nil, err
		}
		e.args = append(e.args, a)
	}
	if len(e.args) < f.min || len(e.args) > f.max {
		return nil, fmt.Errorf("%s() does not take %d arguments", name, len(e.args))
	}
	return e, nil
}

func (p *xparser) stepNext() bool {
	switch p.peek().kind {
	case 'n', '*', '@', '.':
		return true
	}
	return false
}

var xaxes = []string{
	"ancestor", "ancestor-or-self", "attribute", "child", "descendant", "descendant-or-self", "following", "following-sibling",
	"namespace", "parent", "preceding", "preceding-sibling", "self",
}

func (p *xparser) step() (s xstep, err error) {
	s.axis = "child"
	switch t := p.peek(); {
	case t.text == "." && t.kind == '.':
		p.i++
		s.axis, s.test.kind = "self", "node"
		return s, nil
	case t.text == ".." && t.kind == '.':
		p.i++
		s.axis, s.test.kind = "parent", "node"
		return s, nil
	case p.accept("@"):
		s.axis = "attribute"
	case t.kind == 'n' && p.at(1).text == "::" && p.at(1).kind == ':':
		if !slices.Contains(xaxes, t.text) {
			return s, fmt.Errorf("%s:: is no axis", t.text)
		}
		s.axis = t.text
		p.i += 2
	}
	if s.test, err = p.nodeTest(); err != nil {
		return s, err
	}
	s.preds, err = p.predicates()
	return s, err
}

func (p *xparser) nodeTest() (xtest, error) {
	t := p.peek()
	if t.kind == '*' {
		p.i++
		return xtest{kind: "name", name: "*"}, nil
	}
	if t.kind != 'n' {
		return xtest{}, p.unexpected()
	}
	p.i++
	if nodeTypes[t.text] && p.accept("(") {
		if p.peek().kind == 's' && t.text == "processing-instruction" {
			p.i++
		}
		return xtest{kind: t.text}, p.expect(")")
	}
	test := xtest{kind: "name", name: t.text}
	if i := strings.IndexByte(t.text, ':'); i >= 0 {
		test.prefix, test.name = t.text[:i], t.text[i+1:]
	}
	return test, nil
}

func (p *xparser) predicates() ([]xexpr, error) {
	var preds []xexpr
	for p.accept("[") {
		e, err := p.binary(0)
		if err != nil {
			return nil, err
		}
		preds = append(preds, e)
		if err := p.expect("]"); err != nil {
			return nil, err
		}
	}
	return preds, nil
}
