package cli

import (
	"slices"
	"strconv"
	"strings"

	"downpour/engine"
	"downpour/internal/option"
	"downpour/policies"

	"github.com/spf13/pflag"
)

// A filter picks requests. What is left out picks all.
type filter struct {
	URLs   []string `json:"urls,omitempty"`
	Host   string   `json:"host,omitempty"`
	Kind   string   `json:"kind,omitempty"`
	Match  string   `json:"match,omitempty"`  // Lua pattern for the URL
	Status []string `json:"status,omitempty"` // "404" or "5xx", of the last failure
	Error  []string `json:"error,omitempty"`  // kinds of the last failure
}

// flags are the flags of a filter; check them when they have been read.
func (f *filter) flags(set *pflag.FlagSet) {
	set.StringVar(&f.Host, "host", "", "")
	set.StringVar(&f.Kind, "kind", "", "")
	set.StringVar(&f.Match, "match", "", "")
	set.StringSliceVar(&f.Status, "status", nil, "")
	set.StringSliceVar(&f.Error, "error", nil, "")
}

// empty reports whether the filter picks everything.
func (f *filter) empty() bool {
	return f.Host+f.Kind+f.Match == "" && len(f.URLs)+len(f.Status)+len(f.Error) == 0
}

// failureKinds are the words that --error knows.
var failureKinds = []string{
	string(engine.FailDNS), string(engine.FailConnect), string(engine.FailTimeout), string(engine.FailTLS),
	string(engine.FailReset), string(engine.FailProtocol), string(engine.FailEncoding), string(engine.FailTooLarge),
	string(engine.FailStatus), string(engine.FailRedirect), string(engine.FailBlocked), string(engine.FailProxy),
	string(engine.FailInvalid), string(engine.FailOffline), string(engine.FailHostDown), string(engine.FailSetAside),
	engine.SkipRobots, engine.SkipScope,
}

func (f *filter) check() error {
	for _, s := range f.Status {
		n, err := strconv.Atoi(strings.Replace(s, "xx", "00", 1))
		if err != nil || len(s) != 3 || n < 100 || n > 999 || strings.Contains(s[:1], "x") {
			return usagef("--status %s: want a status such as 404, or a class such as 5xx", s)
		}
	}
	for _, e := range f.Error {
		if slices.Contains(failureKinds, e) {
			continue
		}
		if near, ok := option.Nearest(e, failureKinds); ok {
			return usagef("--error %s: no failure is of that kind (did you mean %q?)", e, near)
		}
		return usagef("--error %s: no failure is of that kind; there are %s", e, strings.Join(failureKinds, ", "))
	}
	return nil
}

// A picker is a filter at work.
type picker struct {
	filter
	patterns []policies.Matcher
}

func (f filter) picker() (*picker, error) {
	ms, err := patterns(nonEmpty(f.Match))
	if err != nil {
		return nil, err
	}
	return &picker{f, ms}, nil
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// waiting reports whether a request that waits is picked: by status and error
// is meant how it failed last.
func (p *picker) waiting(r *engine.Request) bool {
	status, err := strconv.Atoi(r.Last)
	kind := engine.FailureKind(r.Last)
	if err == nil {
		kind = engine.FailStatus
	}
	return p.is(r, kind, status)
}

// failed reports whether a failure is picked.
func (p *picker) failed(f *engine.Failed) bool { return p.is(f.Request, f.Kind, f.Status) }

func (p *picker) is(r *engine.Request, kind engine.FailureKind, status int) bool {
	is := func(s string) bool {
		if class, ok := strings.CutSuffix(s, "xx"); ok {
			return strconv.Itoa(status/100) == class
		}
		return strconv.Itoa(status) == s
	}
	return (p.Host == "" || r.Queue == p.Host) &&
		(p.Kind == "" || r.Kind == p.Kind) &&
		(len(p.patterns) == 0 || p.patterns[0].Match(r.URL)) &&
		(len(p.URLs) == 0 || slices.Contains(p.URLs, r.URL) || slices.Contains(p.URLs, r.OriginalURL())) &&
		(len(p.Status) == 0 || slices.ContainsFunc(p.Status, is)) &&
		(len(p.Error) == 0 || slices.Contains(p.Error, string(kind)))
}
