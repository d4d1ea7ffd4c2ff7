package option

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Check turns v into a value of the option's type. v is a bool, float64,
// string, []any, []string, map[string]any or a function; text is read as a
// flag's would be. The error says what the option takes.
func (o Option) Check(v any) (any, error) {
	if reflect.ValueOf(v).Kind() == reflect.Func {
		if !o.Func {
			return nil, o.wrong(v)
		}
		return v, nil
	}
	if m, ok := v.(map[string]any); ok && o.Table {
		return m, nil
	}
	switch o.Kind {
	case Bool:
		return o.bool(v)
	case Int, Float, Duration, Size:
		return o.number(v)
	case String:
		return o.string(v)
	case List, Words:
		return o.list(v)
	case Headers:
		return o.headers(v)
	case Logins:
		return o.logins(v)
	default:
		return o.args(v)
	}
}

// takes says in words what the option takes.
func (o Option) takes() string {
	what := map[Kind]string{
		Bool: "true or false", Int: "a whole number", Float: "a number", Duration: `seconds or text such as "1.5s"`,
		Size: `bytes or text such as "10MB"`, String: "text", List: "text or a list of texts", Words: "text or a list of texts",
		Headers: "a table of header names and values", Logins: "a table of hosts and {user=, password=} or {token=}",
		Args: "KEY=VALUE",
	}[o.Kind]
	if len(o.Choices) > 0 {
		what = strings.Join(o.Choices[:len(o.Choices)-1], ", ") + " or " + o.Choices[len(o.Choices)-1]
	}
	if o.Limit {
		what += `, or "none"`
	}
	if o.Func {
		what += ", or a function"
	}
	return what
}

func (o Option) wrong(v any) error {
	switch v := v.(type) {
	case string:
		return fmt.Errorf("takes %s, not %q", o.takes(), v)
	case bool, float64:
		return fmt.Errorf("takes %s, not %v", o.takes(), v)
	case nil:
		return fmt.Errorf("takes %s, not nil", o.takes())
	}
	if reflect.ValueOf(v).Kind() == reflect.Func {
		return fmt.Errorf("takes %s, not a function", o.takes())
	}
	return fmt.Errorf("takes %s, not a table", o.takes())
}

func (o Option) bool(v any) (any, error) {
	switch v := v.(type) {
	case bool:
		return v, nil
	case string:
		switch strings.ToLower(v) {
		case "true", "yes", "on", "1":
			return true, nil
		case "false", "no", "off", "0":
			return false, nil
		}
	}
	return nil, o.wrong(v)
}

func (o Option) number(v any) (any, error) {
	if s, ok := v.(string); ok {
		if o.Limit && s == "none" {
			return o.none(), nil
		}
		return o.parse(s)
	}
	n, ok := v.(float64)
	if !ok || math.IsNaN(n) {
		return nil, o.wrong(v)
	}
	if o.Limit && math.IsInf(n, 1) {
		return o.none(), nil
	}
	switch o.Kind {
	case Duration:
		return o.bounded(n, seconds(n))
	case Float:
		return o.bounded(n, n)
	}
	if n != math.Trunc(n) || math.Abs(n) > 1<<53 {
		return nil, o.wrong(v)
	}
	return o.bounded(n, int64(n))
}

func (o Option) none() any {
	if o.Kind == Duration {
		return time.Duration(0)
	}
	return None
}

// parse reads a number's text.
func (o Option) parse(s string) (any, error) {
	switch o.Kind {
	case Duration:
		if d, err := ParseDuration(s); err == nil {
			return o.bounded(d.Seconds(), d)
		}
	case Size:
		if n, err := ParseSize(s); err == nil {
			return o.bounded(float64(n), n)
		}
	case Float:
		if f, err := strconv.ParseFloat(s, 64); err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
			return o.bounded(f, f)
		}
	default:
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return o.bounded(float64(n), n)
		}
	}
	return nil, o.wrong(s)
}

func (o Option) bounded(n float64, v any) (any, error) {
	if n < o.Min {
		return nil, fmt.Errorf("is at least %v, not %v", o.Min, n)
	}
	if o.Max > 0 && n > o.Max {
		return nil, fmt.Errorf("is at most %v, not %v", o.Max, n)
	}
	return v, nil
}

func (o Option) string(v any) (any, error) {
	s, ok := v.(string)
	if !ok {
		return nil, o.wrong(v)
	}
	return s, o.choice(s)
}

func (o Option) choice(s string) error {
	if len(o.Choices) == 0 || slices.Contains(o.Choices, s) {
		return nil
	}
	if near, ok := Nearest(s, o.Choices); ok {
		return fmt.Errorf("%w (did you mean %q?)", o.wrong(s), near)
	}
	return o.wrong(s)
}

func (o Option) list(v any) (any, error) {
	var list []string
	switch v := v.(type) {
	case string:
		list = []string{v}
	case []string:
		list = v
	case []any:
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return nil, o.wrong(e)
			}
			list = append(list, s)
		}
	case map[string]any:
		if len(v) > 0 {
			return nil, o.wrong(v)
		}
	default:
		return nil, o.wrong(v)
	}
	if o.Kind == Words {
		list = split(list)
	}
	for _, s := range list {
		if err := o.choice(s); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// split separates at commas and drops what is empty.
func split(list []string) []string {
	var words []string
	for _, s := range list {
		for w := range strings.SplitSeq(s, ",") {
			if w = strings.TrimSpace(w); w != "" {
				words = append(words, w)
			}
		}
	}
	return words
}

// texts is v as a list of texts, as a flag gives them, or false.
func texts(v any) ([]string, bool) {
	switch v := v.(type) {
	case string:
		return []string{v}, true
	case []string:
		return v, true
	}
	return nil, false
}

func (o Option) headers(v any) (any, error) {
	h := map[string][]string{}
	if list, ok := texts(v); ok {
		for _, s := range list {
			name, value, ok := strings.Cut(s, ":")
			if !ok || strings.TrimSpace(name) == "" {
				return nil, fmt.Errorf("takes 'Name: value', not %q", s)
			}
			name = strings.TrimSpace(name)
			h[name] = append(h[name], strings.TrimSpace(value))
		}
		return h, nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		if list, ok := v.([]any); ok && len(list) == 0 {
			return h, nil
		}
		return nil, o.wrong(v)
	}
	for name, e := range m {
		for _, e := range listOf(e) {
			s, ok := scalar(e)
			if !ok {
				return nil, fmt.Errorf("header %s is text, not %T", name, e)
			}
			h[name] = append(h[name], s)
		}
	}
	return h, nil
}

// listOf is v's elements if it is a list, else v alone.
func listOf(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	return []any{v}
}

// scalar is v as text if it is text or a number.
func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}

func (o Option) logins(v any) (any, error) {
	logins := map[string]Login{}
	if list, ok := texts(v); ok {
		for _, s := range list {
			host, login, ok := strings.Cut(s, "=")
			if token, bearer := strings.CutPrefix(login, "Bearer "); bearer && host != "" {
				logins[host] = Login{Token: token}
				continue
			}
			user, password, ok2 := strings.Cut(login, ":")
			if !ok || !ok2 || host == "" {
				return nil, fmt.Errorf("takes HOST=USER:PASSWORD or 'HOST=Bearer TOKEN'")
			}
			logins[host] = Login{User: user, Password: password}
		}
		return logins, nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		if list, ok := v.([]any); ok && len(list) == 0 {
			return logins, nil
		}
		return nil, o.wrong(v)
	}
	for host, e := range m {
		entry, _ := e.(map[string]any)
		if token, ok := scalar(entry["token"]); ok && len(entry) == 1 {
			logins[host] = Login{Token: token}
			continue
		}
		user, ok := scalar(entry["user"])
		password, ok2 := scalar(entry["password"])
		if !ok || !ok2 || len(entry) != 2 {
			return nil, fmt.Errorf("%s takes {user=, password=} or {token=}", host)
		}
		logins[host] = Login{User: user, Password: password}
	}
	return logins, nil
}

func (o Option) args(v any) (any, error) {
	list, ok := texts(v)
	if !ok {
		return nil, o.wrong(v)
	}
	args := map[string]string{}
	for _, s := range list {
		key, value, ok := strings.Cut(s, "=")
		if !ok || key == "" {
			return nil, o.wrong(s)
		}
		args[key] = value
	}
	return args, nil
}
