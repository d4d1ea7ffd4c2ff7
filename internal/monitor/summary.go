package monitor

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"downpour/engine"
)

// A Place is where items went.
type Place struct {
	Path  string `json:"path"` // "-" for standard output
	Items int64  `json:"items"`
}

// A Report is the summary of a crawl with what surrounds it, as --report writes
// it.
type Report struct {
	engine.Summary
	Fetched int64    `json:"fetched"` // pages of this run, whatever became of them
	Total   int64    `json:"total"`   // pages since the crawl began, those before an interruption included
	Lua     float64  `json:"lua"`     // the share of Elapsed in which hooks ran, of which one runs at a time: 0 to 1
	Outputs []Place  `json:"outputs"`
	Version string   `json:"version"`
	Exit    int      `json:"exit"` // the exit status
	Advice  string   `json:"-"`    // what to do next, such as how to resume
	Notes   []string `json:"-"`    // further lines for people
}

// WriteText writes the summary for people.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s in %s", r.end(), plural(r.Pages, "page", "pages"), took(r.Elapsed))
	if s := r.Elapsed.Seconds(); s > 0 && r.Pages > 1 {
		fmt.Fprintf(&b, " (%s/s)", rate(float64(r.Pages)/s))
	}
	fmt.Fprintf(&b, ", %s, %s\n", plural(r.Hosts, "host", "hosts"), size(r.Bytes))
	row := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "  %-9s %s\n", name, text)
		}
	}
	row("fetched", r.fetched())
	row("failed", tally(r.Failed, r.Failures))
	row("changes", changes(r.Changes, r.Unlinked))
	row("skipped", tally(sum(r.Skips), r.Skips))
	if r.Same >= sameShown && r.Same >= r.Pages/10 {
		row("same", plural(r.Same, "page", "pages")+" like one before on the same host")
	}
	for _, t := range r.Traps[:min(len(r.Traps), trapsShown)] {
		row("trap", number(t.Skipped)+" URLs collapsed under "+Escape(t.Template))
	}
	if r.Errors > 0 {
		row("script", plural(r.Errors, "error", "errors"))
	}
	row("script", r.bottleneck())
	for _, p := range r.Outputs {
		row("items", p.String())
	}
	if r.Left > 0 {
		row("left", number(r.Left)+" queued")
	}
	for _, v := range r.Verdicts {
		row("verdict", Escape(v))
	}
	for _, n := range r.Notes {
		row("note", Escape(n))
	}
	if r.Advice != "" {
		b.WriteString(EscapeLines(r.Advice) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// changes is what a recrawl found: "2 changed, 40 unchanged; nothing links to 1
// of them any more".
func changes(m map[string]int64, unlinked int64) string {
	var parts []string
	for _, word := range [...]string{"new", "changed", "unchanged", "gone"} {
		if n := m[word]; n > 0 {
			parts = append(parts, number(n)+" "+word)
		}
	}
	text := strings.Join(parts, ", ")
	if unlinked > 0 {
		text += "; nothing links to " + number(unlinked) + " of them any more"
	}
	return text
}

// A crawl of at least slowElapsed whose hooks ran for more than slowLua of the
// time would have been faster with faster hooks.
const (
	slowLua     = 0.7
	slowElapsed = time.Second
)

// bottleneck says so when the hooks are what the crawl waited for.
func (r *Report) bottleneck() string {
	if r.Lua <= slowLua || r.Elapsed < slowElapsed {
		return ""
	}
	return fmt.Sprintf("the bottleneck: its hooks, which run one at a time, ran for %.0f %% of the crawl", 100*min(r.Lua, 1))
}

// trapsShown is how many traps the summary for people names.
const trapsShown = 5

// sameShown is from how many pages on the summary for people says that they are
// the same, if they are a tenth of all.
const sameShown = 10

// String says how many rows are where.
func (p Place) String() string {
	where := Escape(p.Path)
	if p.Path == "-" {
		where = "standard output"
	}
	return plural(p.Items, "row", "rows") + " in " + where
}

// end is how the crawl ended, in words.
func (r *Report) end() string {
	word := map[string]string{
		"": "done", "drained": "done", "budget": "done, limit reached", "stopped": "stopped",
		"interrupted": "interrupted", "failed": "failed",
	}[r.End]
	if word == "" {
		word = r.End
	}
	if r.Reason != "" {
		word += " (" + Escape(r.Reason) + ")"
	}
	return word
}

// fetched is what went well, and what it took.
func (r *Report) fetched() string {
	parts := []string{number(r.Success) + " well"}
	if r.Redirects > 0 {
		parts = append(parts, plural(r.Redirects, "redirect", "redirects"))
	}
	if r.Retries > 0 {
		parts = append(parts, plural(r.Retries, "retry", "retries"))
	}
	if r.Robots > 0 {
		parts = append(parts, number(r.Robots)+" robots.txt")
	}
	if r.Total > r.Pages {
		parts = append(parts, number(r.Total)+" since the crawl began")
	}
	return strings.Join(parts, ", ")
}

func sum(m map[string]int64) (n int64) {
	for _, v := range m {
		n += v
	}
	return n
}

// tally lists counts, the greatest first.
func tally(n int64, by map[string]int64) string {
	if n == 0 {
		return ""
	}
	keys := slices.SortedFunc(maps.Keys(by), func(a, b string) int {
		return cmp.Or(cmp.Compare(by[b], by[a]), cmp.Compare(a, b))
	})
	var parts []string
	for _, k := range keys {
		parts = append(parts, Escape(k)+" "+number(by[k]))
	}
	return number(n) + ": " + strings.Join(parts, ", ")
}

// WriteFile writes the report as JSON. A file is replaced whole or not at all.
func (r *Report) WriteFile(path string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	b = append(b, '\n')
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		return os.WriteFile(path, b, 0o666)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".report-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Chmod(f.Name(), 0o644)
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
