package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"downpour/internal/option"
)

// settings are the values of the options, by flag. What is not in there is at
// its default.
type settings map[string]any

// readSettings merges flags over the environment.
func readSettings(flags map[string]*flagValue, getenv func(string) (string, bool)) (settings, error) {
	s := settings{}
	for flag, v := range flags {
		if len(v.given) > 0 {
			value, err := v.value()
			if err != nil {
				return nil, usagef("--%s %v", flag, err)
			}
			s[flag] = value
			continue
		}
		if v.option.Env == "" {
			continue
		}
		text, ok := getenv(v.option.Env)
		if !ok || text == "" {
			continue
		}
		value, err := v.option.Check(text)
		if err != nil {
			return nil, usagef("%s %v", v.option.Env, err)
		}
		s[flag] = value
	}
	return s, nil
}

// addScript lays what crawl{} says below the rest.
func (s settings) addScript(keys map[string]any) {
	for key, v := range keys {
		o, ok := option.Lookup(key)
		if _, set := s[o.Flag]; ok && !set {
			s[o.Flag] = v
		}
	}
}

// has reports whether anybody has set the option.
func (s settings) has(flag string) bool { _, ok := s[flag]; return ok }

// value is the option's value, or the default of the table.
func value[T any](s settings, flag string) T {
	var zero T
	if v, ok := s[flag].(T); ok {
		return v
	}
	o, ok := option.ByFlag(flag)
	if !ok || o.Default == "" {
		return zero
	}
	if v, err := o.Check(o.Default); err == nil {
		if v, ok := v.(T); ok {
			return v
		}
	}
	return zero
}

func (s settings) bool(flag string) bool              { return value[bool](s, flag) }
func (s settings) float(flag string) float64          { return value[float64](s, flag) }
func (s settings) duration(flag string) time.Duration { return value[time.Duration](s, flag) }

// number is the option's number; option.None for a limit that is none.
func (s settings) number(flag string) int64 {
	if o, _ := option.ByFlag(flag); o.Limit && !s.has(flag) && o.Default == "none" {
		return option.None
	}
	return value[int64](s, flag)
}

// limit is a number of which zero and none mean no limit, as zero.
func (s settings) limit(flag string) int64 { return max(0, s.number(flag)) }

// text is what was set, "" for nothing: the defaults of texts are words.
func (s settings) text(flag string) string { v, _ := s[flag].(string); return v }

func (s settings) list(flag string) []string { v, _ := s[flag].([]string); return v }

// unknownVariables reports variables that look like options and are none.
func unknownVariables(environ []string) []string {
	known := []string{"DOWNPOUR_PATH", "DOWNPOUR_SUITES"}
	for _, o := range option.Table {
		if o.Env != "" {
			known = append(known, o.Env)
		}
	}
	var found []string
	for _, e := range environ {
		name, _, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, "DOWNPOUR_") || slices.Contains(known, name) {
			continue
		}
		text := fmt.Sprintf("unknown variable %s", name)
		if near, ok := option.Nearest(name, known); ok {
			text += fmt.Sprintf(" (did you mean %s?)", near)
		}
		found = append(found, text)
	}
	return found
}
