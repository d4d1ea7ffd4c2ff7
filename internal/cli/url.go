package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"downpour/engine"
	"downpour/internal/monitor"
	"downpour/internal/option"
	"downpour/policies"

	"github.com/spf13/pflag"
)

// forURL lets through the options that say which URLs are one, and which belong
// to a crawl.
func forURL(o option.Option) bool {
	switch o.Flag {
	case "same-host", "same-domain", "domains", "allow-url", "deny", "drop-params":
		return true
	}
	return o.Group == option.GroupScript
}

const urlHelp = `
It takes a URL as it would be found on a page and shows what becomes of it: what
is fetched, what it is compared by, what it belongs to, and whether the scope
that the options describe holds it. With a script, a file that ends in .lua, it
goes by the script's settings and policy too. Flags besides:
      --base URL                  the page it was found on
      --json                      one JSON object a line
`

// A urlRow is what becomes of one URL.
type urlRow struct {
	Found    string `json:"found"`
	Error    string `json:"error,omitempty"`
	Resolved string `json:"resolved,omitempty"`
	Fetched  string `json:"fetched,omitempty"`
	Identity string `json:"identity,omitempty"`
	Scheme   string `json:"scheme,omitempty"`
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
	Host     string `json:"host,omitempty"`
	Unicode  string `json:"unicode,omitempty"` // the host as people write it, where that is another
	Port     string `json:"port,omitempty"`
	Path     string `json:"path,omitempty"`
	Query    string `json:"query,omitempty"`
	Fragment string `json:"fragment,omitempty"`
	Origin   string `json:"origin,omitempty"`
	Domain   string `json:"domain,omitempty"`
	Robots   string `json:"robots,omitempty"`
	Scope    string `json:"scope,omitempty"`
	Queue    string `json:"queue,omitempty"`
	Policy   string `json:"policy,omitempty"`
}

// urlVerb shows each step that a URL goes through.
func urlVerb(ctx context.Context, p *process) error {
	var base string
	var asJSON bool
	flags, words, err := parseFlags(p.args, forURL, func(set *pflag.FlagSet) {
		set.StringVar(&base, "base", "", "")
		set.BoolVar(&asJSON, "json", false, "")
	})
	if err != nil {
		return explained(ctx, p, "url", err)
	}
	files, words := scriptFiles(words)
	if len(words) == 0 {
		return usagef("url takes the URLs to explain")
	}
	set, err := readSettings(flags, p.getenv)
	if err != nil {
		return err
	}
	var x urlSteps
	if len(files) > 0 {
		host, mine, err := loadQuietly(ctx, p, set, files)
		if err != nil {
			return err
		}
		defer host.Close()
		set, x.identity, x.policy = mine, host.Identity(), host.Policy(engine.NewPolicy(engine.Config{}))
	}
	x.canonical.DropParams = set.list("drop-params")
	if x.scope, err = scope(set); err != nil {
		return err
	}
	if base != "" {
		if x.base, err = policies.ParseURL(base); err != nil {
			return usagef("--base %s: %v", base, err)
		}
	}
	bad := false
	for i, w := range words {
		row := x.explain(ctx, w)
		bad = bad || row.Error != ""
		if err := row.write(p.stdout, asJSON, i > 0); err != nil {
			return err
		}
	}
	if bad {
		return &statusError{statusUsage}
	}
	return nil
}

// urlSteps is what a URL is looked at with.
type urlSteps struct {
	base      policies.URL // zero for none
	scope     policies.Scope
	canonical policies.Canonical
	identity  engine.Identity // the script's; nil for none
	policy    engine.Policy   // with the script's; nil without a script
}

// scriptFiles takes the scripts out of a command line's words: the files that
// end in .lua.
func scriptFiles(words []string) (files, others []string) {
	for _, w := range words {
		if st, err := os.Stat(w); err == nil && st.Mode().IsRegular() && strings.HasSuffix(w, ".lua") {
			files = append(files, w)
		} else {
			others = append(others, w)
		}
	}
	return files, others
}

func (x *urlSteps) explain(ctx context.Context, found string) urlRow {
	row := urlRow{Found: found}
	parse := policies.ParseURL
	if !x.base.IsZero() {
		parse = x.base.Join
	}
	u, err := parse(found)
	if err != nil {
		row.Error = err.Error()
		return row
	}
	row.Resolved, row.Fetched, row.Identity = u.Href(), u.String(), x.canonical.Key(u)
	row.Scheme, row.Username, row.Password = u.Scheme(), u.Username(), u.Password()
	row.Host, row.Port, row.Path, row.Query, row.Fragment = u.Hostname(), u.Port(), u.Path(), u.Query(), u.Fragment()
	row.Origin = u.Origin()
	if !u.IsHTTP() {
		row.Fetched, row.Scope = "", "never fetched: only http and https are"
		return row
	}
	row.Domain, row.Robots, row.Scope = policies.Domain(u.Hostname()), policies.RobotsURL(u), "in"
	if text, ok := policies.UnicodeHost(u.Hostname()); ok && text != u.Hostname() {
		row.Unicode = text
	}
	if ok, rule := x.scope.Check(x.base, u); !ok {
		row.Scope = "out: " + rule
	}
	x.ask(ctx, &row)
	return row
}

// ask adds what the script's policy says.
func (x *urlSteps) ask(ctx context.Context, row *urlRow) {
	r := &engine.Request{URL: row.Fetched}
	if x.identity != nil {
		if name := x.identity(ctx, r); name != "" {
			row.Identity = name
		}
	}
	if x.policy == nil {
		return
	}
	row.Policy = "allowed"
	row.Queue, _ = x.policy.Key(ctx, r)
	if ok, why := x.policy.Allow(ctx, r); !ok {
		row.Policy = strings.TrimSuffix("forbidden: "+why, ": ")
	}
}

// write writes the row as JSON, or as lines of those values that there are.
func (r urlRow) write(w io.Writer, asJSON, further bool) error {
	if asJSON {
		return writeJSONRow(w, r)
	}
	var b strings.Builder
	if further {
		b.WriteByte('\n')
	}
	for _, f := range [...]struct{ name, value string }{
		{"found", r.Found},
		{"error", r.Error},
		{"resolved", r.Resolved},
		{"fetched", r.Fetched},
		{"identity", r.Identity},
		{"scheme", r.Scheme},
		{"username", r.Username},
		{"password", r.Password},
		{"host", r.Host},
		{"unicode", r.Unicode},
		{"port", r.Port},
		{"path", r.Path},
		{"query", r.Query},
		{"fragment", r.Fragment},
		{"origin", r.Origin},
		{"domain", r.Domain},
		{"robots", r.Robots},
		{"scope", r.Scope},
		{"queue", r.Queue},
		{"policy", r.Policy},
	} {
		if f.value != "" {
			fmt.Fprintf(&b, "%-9s %s\n", f.name, monitor.Escape(f.value))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeJSONRow writes v as one line.
func writeJSONRow(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
