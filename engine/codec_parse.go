package engine

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A parser reads a stored request. It knows the few shapes that occur and
// leaves the rare ones, escapes and meta, to encoding/json. Strings without
// escapes are parts of s.
type parser struct {
	s string
	i int
}

// The stored fields, in the order AppendJSON writes them.
var storedFields = [...]string{
	"url", "original", "method", "body", "body_base64", "headers", "key", "kind", "meta",
	"depth", "priority", "referrer", "attempt", "last", "hops", "proxy", "jar", "timeout", "buckets",
}

func (p *parser) request(r *Request) error {
	seen, next := 0, 0
	err := p.object(func(name string) error {
		i := fieldNumber(name, next)
		if i < 0 {
			return fmt.Errorf("unknown field %.40q", name)
		}
		if seen&(1<<i) != 0 {
			return fmt.Errorf("field %q twice", name)
		}
		seen |= 1 << i
		next = i + 1
		if err := p.field(r, name); err != nil {
			return fmt.Errorf("field %q: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if p.space(); p.i < len(p.s) {
		return errors.New("more after the object")
	}
	return nil
}

// fieldNumber is the place of a name among the stored fields, -1 if it is none
// of them. It is looked for from next on first: fields come in their order.
func fieldNumber(name string, next int) int {
	for i := next; i < len(storedFields); i++ {
		if storedFields[i] == name {
			return i
		}
	}
	return slices.Index(storedFields[:next], name)
}

func (p *parser) field(r *Request, name string) (err error) {
	switch name {
	case "url":
		r.URL, err = p.text()
	case "original":
		r.Original, err = p.text()
	case "method":
		if r.Method, err = p.text(); r.Method == http.MethodGet {
			r.Method = ""
		}
	case "body", "body_base64":
		err = p.body(r, name)
	case "headers":
		r.Header, err = p.header()
	case "key":
		r.Key, err = p.text()
	case "kind":
		r.Kind, err = p.text()
	case "meta":
		r.Meta, err = p.meta()
	case "depth":
		r.Depth, err = p.number()
	case "priority":
		r.Priority, err = p.number()
	case "referrer":
		r.Referrer, err = p.text()
	case "attempt":
		r.Attempt, err = p.number()
	case "last":
		r.Last, err = p.text()
	case "hops":
		r.Hops, err = p.hops()
	case "proxy":
		r.Proxy, err = p.text()
	case "jar":
		r.Jar, err = p.text()
	case "timeout":
		var s string
		if s, err = p.text(); err == nil {
			r.Timeout, err = parseTimeout(s)
		}
	case "buckets":
		r.Buckets, err = p.texts()
	}
	return err
}

func (p *parser) space() {
	for p.i < len(p.s) && strings.IndexByte(" \t\r\n", p.s[p.i]) >= 0 {
		p.i++
	}
}

// next skips space and reports whether c follows, which it then takes.
func (p *parser) next(c byte) bool {
	if p.i < len(p.s) && p.s[p.i] != c {
		p.space()
	}
	if p.i < len(p.s) && p.s[p.i] == c {
		p.i++
		return true
	}
	return false
}

// object reads an object and calls field at each value.
func (p *parser) object(field func(name string) error) error {
	if !p.next('{') {
		return errors.New("not an object")
	}
	if p.next('}') {
		return nil
	}
	for {
		name, err := p.text()
		if err != nil {
			return err
		}
		if !p.next(':') {
			return errors.New("no colon after a name")
		}
		if err := field(name); err != nil {
			return err
		}
		if p.next('}') {
			return nil
		}
		if !p.next(',') {
			return errors.New("no comma between fields")
		}
	}
}

// list reads an array and calls element at each of its values.
func (p *parser) list(element func() error) error {
	if !p.next('[') {
		return errors.New("not a list")
	}
	if p.next(']') {
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		if p.next(']') {
			return nil
		}
		if !p.next(',') {
			return errors.New("no comma between elements")
		}
	}
}

func (p *parser) text() (string, error) {
	if !p.next('"') {
		return "", errors.New("not a string")
	}
	start := p.i
	rest := p.s[start:]
	for i := range len(rest) {
		if c := rest[i]; plain[c] {
			continue
		} else if c == '"' {
			p.i += i + 1
			return rest[:i], nil
		}
		p.i += i
		break
	}
	for p.i < len(p.s) && p.s[p.i] != '"' {
		if p.s[p.i] == '\\' {
			p.i++
		}
		p.i++
	}
	if p.i >= len(p.s) {
		p.i = len(p.s)
		return "", errors.New("unterminated string")
	}
	p.i++
	raw := p.s[start-1 : p.i]
	if !utf8.ValidString(raw) {
		return "", errors.New("string is not UTF-8")
	}
	var s string
	if json.Unmarshal([]byte(raw), &s) != nil {
		return "", errors.New("malformed string")
	}
	return s, nil
}

func (p *parser) number() (int, error) {
	p.space()
	start := p.i
	for p.i < len(p.s) && (p.s[p.i] == '-' || '0' <= p.s[p.i] && p.s[p.i] <= '9') {
		p.i++
	}
	digits := strings.TrimPrefix(p.s[start:p.i], "-")
	n, err := strconv.ParseInt(p.s[start:p.i], 10, 32)
	if err != nil || len(digits) > 1 && digits[0] == '0' {
		return 0, errors.New("not a whole number of 32 bits")
	}
	return int(n), nil
}

func (p *parser) body(r *Request, name string) error {
	if r.Body != nil {
		return errors.New("a second body")
	}
	s, err := p.text()
	if err != nil {
		return err
	}
	if name == "body" {
		r.Body = []byte(s)
	} else if r.Body, err = base64.StdEncoding.DecodeString(s); err != nil {
		return errors.New("not base64")
	}
	if len(r.Body) == 0 {
		r.Body = nil
	}
	return nil
}

func (p *parser) header() (http.Header, error) {
	var h http.Header
	err := p.object(func(name string) error {
		if h == nil {
			h = make(http.Header)
		}
		if _, ok := h[name]; ok {
			return fmt.Errorf("name %.40q twice", name)
		}
		values, err := p.texts()
		h[name] = values
		return err
	})
	return h, err
}

func (p *parser) texts() ([]string, error) {
	values := []string{}
	err := p.list(func() error {
		v, err := p.text()
		values = append(values, v)
		return err
	})
	return values, err
}

func (p *parser) hops() ([]Hop, error) {
	var hops []Hop
	err := p.list(func() error {
		var h Hop
		err := p.object(func(name string) (err error) {
			switch name {
			case "url":
				h.URL, err = p.text()
			case "status":
				h.Status, err = p.number()
			default:
				err = fmt.Errorf("unknown field %.40q", name)
			}
			return err
		})
		hops = append(hops, h)
		return err
	})
	return hops, err
}

// meta takes one JSON value as it stands, but null, which is none.
func (p *parser) meta() (json.RawMessage, error) {
	d := json.NewDecoder(strings.NewReader(p.s[p.i:]))
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return nil, errors.New("not JSON")
	}
	p.i += int(d.InputOffset())
	if string(raw) == "null" {
		return nil, nil
	}
	return raw, nil
}
