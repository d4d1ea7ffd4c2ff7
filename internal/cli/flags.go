package cli

import (
	"errors"
	"strings"

	"downpour/internal/option"

	"github.com/spf13/pflag"
)

// A flagValue is one flag of the command line, as the options table describes
// it.
type flagValue struct {
	option option.Option
	given  []string
}

var _ pflag.Value = (*flagValue)(nil)

// String implements pflag.Value.
func (v *flagValue) String() string { return strings.Join(v.given, ",") }

// Type implements pflag.Value.
func (v *flagValue) Type() string { return v.option.Value }

// Set implements pflag.Value: it refuses at once what the option does not take.
func (v *flagValue) Set(s string) error {
	if _, err := v.option.Check(s); err != nil {
		return err
	}
	v.given = append(v.given, s)
	return nil
}

// value is what the flag says: the last one given, or all for lists.
func (v *flagValue) value() (any, error) {
	if v.option.Kind >= option.List {
		return v.option.Check(v.given)
	}
	return v.option.Check(v.given[len(v.given)-1])
}

// aliases are other names of flags.
var aliases = map[string]string{"private-addresses": "allow-private", "args": "arg"}

// parseFlags reads args by the options table, only those that keep lets
// through and those that own adds, and returns what is no flag. A request for help is pflag.ErrHelp.
func parseFlags(args []string, keep func(option.Option) bool, own ...func(*pflag.FlagSet)) (map[string]*flagValue, []string, error) {
	set := pflag.NewFlagSet("downpour", pflag.ContinueOnError)
	set.Usage = func() {}
	set.SortFlags = false
	set.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		name = strings.ReplaceAll(name, "_", "-")
		if to, ok := aliases[name]; ok {
			name = to
		}
		return pflag.NormalizedName(name)
	})
	values := map[string]*flagValue{}
	for _, o := range option.Table {
		if !keep(o) {
			continue
		}
		v := &flagValue{option: o}
		values[o.Flag] = v
		f := set.VarPF(v, o.Flag, o.Short, o.Help)
		if o.Kind == option.Bool {
			f.NoOptDefVal = "true"
		}
	}
	for _, add := range own {
		add(set)
	}
	if err := set.Parse(args); err != nil {
		return nil, nil, flagError(err, set)
	}
	return values, set.Args(), nil
}

// flagError says which flag was meant.
func flagError(err error, set *pflag.FlagSet) error {
	if errors.Is(err, pflag.ErrHelp) {
		return err
	}
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		var bad *pflag.InvalidValueError
		if errors.As(err, &bad) {
			return usagef("--%s %v", bad.GetFlag().Name, errors.Unwrap(bad))
		}
		return usagef("%v", err)
	}
	if unknown.GetSpecifiedShortnames() != "" {
		return usagef("unknown flag -%s; see downpour help run", unknown.GetSpecifiedName())
	}
	name := unknown.GetSpecifiedName()
	var names []string
	set.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if f := set.Lookup(strings.TrimPrefix(name, "no-")); f != nil && f.NoOptDefVal != "" && strings.HasPrefix(name, "no-") {
		return usagef("unknown flag --%s (did you mean --%s=false?)", name, f.Name)
	}
	if near, ok := option.Nearest(name, names); ok {
		return usagef("unknown flag --%s (did you mean --%s?)", name, near)
	}
	return usagef("unknown flag --%s; see downpour help run", name)
}
