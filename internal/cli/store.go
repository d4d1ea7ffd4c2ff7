package cli

import (
	"context"
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"

	"downpour/engine/frontier"
)

var (
	nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)
	nameRest = regexp.MustCompile(`[^A-Za-z0-9._-]+`)
)

// crawlName is the name the crawl was given, or its scripts' file names.
func (r *runner) crawlName() (string, error) {
	if name := r.set.text("name"); name != "" {
		if !nameForm.MatchString(name) {
			return "", usagef("--name %q: use letters, digits, '.', '_' and '-', at most 100, a letter or digit first", name)
		}
		return name, nil
	}
	var names []string
	for _, s := range r.scripts {
		names = append(names, strings.TrimSuffix(filepath.Base(s), ".lua"))
	}
	name := nameRest.ReplaceAllString(strings.Join(names, "-"), "-")
	name = strings.TrimLeft(name, "._-")
	if name == "" {
		name = "crawl"
	}
	return name[:min(len(name), 100)], nil
}

func (r *runner) openStore(ctx context.Context) error {
	o := frontier.Options{
		Name: r.name, Fresh: r.set.bool("fresh"), Log: r.log,
		MaxPages: r.set.limit("max-pages"), MaxPerQueue: r.set.limit("max-per-host"),
	}
	var err error
	if url := r.set.text("redis"); url != "" {
		r.parts.store, err = opened(frontier.OpenRedis(ctx, url, o))
	} else {
		dir := r.set.text("state")
		if dir == "" {
			dir = ".downpour"
		}
		r.parts.store, err = opened(frontier.OpenJournal(ctx, filepath.Join(dir, r.name), o))
	}
	if err != nil {
		return err
	}
	return r.checkNote(ctx)
}

// opened keeps a nil pointer from becoming a store.
func opened[S frontier.Store](s S, err error) (frontier.Store, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// A note is what a crawl is, so that another is not taken for its continuation.
type note struct {
	Scripts []string          `json:"scripts"`
	Args    map[string]string `json:"args,omitempty"`
	Seeds   []string          `json:"seeds,omitempty"` // of the command line, files of them, and the folder served
}

func (r *runner) checkNote(ctx context.Context) error {
	n := note{Args: r.host.Args()}
	for _, s := range r.scripts {
		n.Scripts = append(n.Scripts, filepath.Base(s))
	}
	n.Seeds = append(n.Seeds, r.urls...)
	n.Seeds = append(n.Seeds, r.asked.list("seeds")...)
	if r.parts.site != nil {
		n.Seeds = append(n.Seeds, "serve "+r.parts.site.dir)
	}
	if r.set.text("redis") != "" {
		n.Seeds = nil // each worker may bring some of its own
	}
	b, err := json.Marshal(n)
	if err != nil {
		return err
	}
	before := r.parts.store.Note()
	if r.parts.store.Resumed() && len(before) > 0 {
		if string(before) == string(b) {
			return nil
		}
		return usagef("an unfinished crawl %s is there with other %s: give this one another name with --name, or forget that one with --fresh",
			r.name, difference(before, n))
	}
	return r.parts.store.SetNote(ctx, b)
}

// difference says in which way two crawls differ.
func difference(before []byte, n note) string {
	var b note
	if err := json.Unmarshal(before, &b); err != nil {
		return "scripts"
	}
	var words []string
	for _, w := range []struct {
		word string
		a, b any
	}{{"scripts", b.Scripts, n.Scripts}, {"arguments", b.Args, n.Args}, {"seeds", b.Seeds, n.Seeds}} {
		x, _ := json.Marshal(w.a)
		y, _ := json.Marshal(w.b)
		if string(x) != string(y) {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, " and ")
}
