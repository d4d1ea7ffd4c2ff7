// Package option is the one table of what can be set: it gives the flags, the
// DOWNPOUR_* variables, the keys of crawl{}, the help text and the reference.
package option

import (
	"fmt"
	"strings"
)

// A Kind says what values an option takes, and as which Go type Check answers
// them.
type Kind int

// The kinds, with the Go type of their values.
const (
	Bool     Kind = iota // bool
	Int                  // int64; None where the option may be "none"
	Float                // float64
	Duration             // time.Duration; seconds, or a number with a unit
	Size                 // int64 bytes; a number, or a number with a unit
	String               // string
	List                 // []string; one a flag
	Words                // []string; commas separate them as well
	Headers              // map[string][]string; "Name: value" as text
	Logins               // map[string]Login; "HOST=USER:PASSWORD" or "HOST=Bearer TOKEN" as text
	Args                 // map[string]string; "KEY=VALUE" as text
)

// None is the value of a limit that is set to "none".
const None int64 = -1

// A Login is what auth says of one host: user and password, or a token.
type Login struct{ User, Password, Token string }

// A Group is a heading of the help text.
type Group string

// The groups, in the order of the help text.
const (
	GroupCrawl      Group = "The crawl"
	GroupScope      Group = "Scope and limits"
	GroupPoliteness Group = "Politeness"
	GroupFetch      Group = "Fetching"
	GroupOutput     Group = "Output"
	GroupScript     Group = "The script"
)

// Groups lists the groups in the order of the help text.
var Groups = []Group{GroupCrawl, GroupScope, GroupPoliteness, GroupFetch, GroupOutput, GroupScript}

// An Option is one thing that can be set. An empty Key, Flag, Short or Env
// means that it cannot be set that way.
type Option struct {
	Key     string // of crawl{}
	Flag    string // without dashes
	Short   string // one letter
	Env     string
	Kind    Kind
	Value   string // what the help text calls the value, such as FILE
	Default string // in words
	Help    string
	Group   Group

	Choices []string // for String: the words allowed; nil for any
	Min     float64  // for numbers: the least allowed, in the kind's own unit
	Max     float64  // for numbers: the greatest allowed; 0 for no bound
	Limit   bool     // "none" is allowed
	Func    bool     // crawl{} may give a function
	Table   bool     // crawl{} may give a table of its own meaning, handed over unchecked
}

// Lookup finds the option of a key of crawl{}.
func Lookup(key string) (Option, bool) {
	for _, o := range Table {
		if o.Key == key && key != "" {
			return o, true
		}
	}
	return Option{}, false
}

// ByFlag finds the option of a flag, named without dashes.
func ByFlag(flag string) (Option, bool) {
	for _, o := range Table {
		if o.Flag == flag && flag != "" {
			return o, true
		}
	}
	return Option{}, false
}

// Keys lists the keys of crawl{}, in the table's order.
func Keys() []string {
	var keys []string
	for _, o := range Table {
		if o.Key != "" {
			keys = append(keys, o.Key)
		}
	}
	return keys
}

// Check turns what crawl{} said for key into a value of the option's type. v
// is a bool, float64, string, []any, map[string]any or a function. The error
// names the key, what it takes, and for an unknown key the nearest right one.
func Check(key string, v any) (any, error) {
	o, ok := Lookup(key)
	if !ok {
		if near, ok := Nearest(key, Keys()); ok {
			return nil, fmt.Errorf("unknown setting %q (did you mean %q?)", key, near)
		}
		return nil, fmt.Errorf("unknown setting %q", key)
	}
	got, err := o.Check(v)
	if err != nil {
		return nil, fmt.Errorf("setting %q: %w", key, err)
	}
	return got, nil
}

// Label names the option as a person would set it: "--delay", or the key where
// there is no flag.
func (o Option) Label() string {
	if o.Flag != "" {
		return "--" + o.Flag
	}
	return o.Key
}

// env is the variable that sets flag.
func env(flag string) string {
	return "DOWNPOUR_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}
