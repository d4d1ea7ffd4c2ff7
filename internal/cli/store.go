package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"downpour/engine/frontier"
	"downpour/luabridge"
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
	url := r.set.text("redis")
	switch {
	case r.host.OwnQueues() && url != "":
		return usagef("policy{} with a pop of its own keeps its queues in one process: it cannot run with --redis")
	case r.host.OwnQueues():
		r.parts.store, err = opened(r.host.Queue(ctx, luabridge.QueueOptions{
			Concurrency: int(r.set.number("concurrency")), MaxPages: o.MaxPages, MaxPerQueue: o.MaxPerQueue,
		}))
	case url != "":
		r.parts.store, err = opened(openRedis(ctx, url, o))
	default:
		r.parts.store, err = opened(frontier.OpenJournal(ctx, r.stateFolder(), o))
	}
	if err != nil {
		return err
	}
	if err := r.host.UseValues(ctx, r.parts.store.Values()); err != nil {
		return err
	}
	return r.checkNote(ctx)
}

// stateFolder is where the crawl keeps what is not in Redis.
func (r *runner) stateFolder() string {
	dir := r.set.text("state")
	if dir == "" {
		dir = ".downpour"
	}
	return filepath.Join(dir, r.name)
}

// opened keeps a nil pointer from becoming a store.
func opened[S frontier.Store](s S, err error) (frontier.Store, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// A note is what a crawl is, so that another is not taken for its continuation,
// and what its scripts found before it was interrupted.
type note struct {
	Scripts  []string          `json:"scripts"`
	Args     map[string]string `json:"args,omitempty"`
	Seeds    []string          `json:"seeds,omitempty"`     // of the command line, files of them, and the folder served
	AnySeeds bool              `json:"any_seeds,omitempty"` // it was imported, and nobody knows its seeds
	Verdicts []string          `json:"verdicts,omitempty"`
	Rules    map[string]any    `json:"rules,omitempty"` // options by flag, for commands that explain or add a URL
}

// checkNote refuses to go on with another crawl than this one.
func (r *runner) checkNote(ctx context.Context) error {
	n := note{Args: r.host.Args(), Rules: rules(r.set)}
	for _, s := range r.scripts {
		n.Scripts = append(n.Scripts, filepath.Base(s))
	}
	if r.set.text("redis") == "" { // there each worker may bring seeds of its own
		n.Seeds = append(n.Seeds, r.urls...)
		n.Seeds = append(n.Seeds, r.asked.list("seeds")...)
		if r.parts.site != nil {
			n.Seeds = append(n.Seeds, "serve "+r.parts.site.dir)
		}
	}
	before := r.parts.store.Note()
	if !r.parts.store.Resumed() || len(before) == 0 {
		r.note = n
		return r.saveNote(ctx)
	}
	if err := json.Unmarshal(before, &r.note); err != nil {
		return fmt.Errorf("the state of %s is damaged: %w; --fresh starts over", r.name, err)
	}
	if d := difference(r.note, n); d != "" {
		return usagef("an unfinished crawl %s is there with other %s: give this one another name with --name, or forget that one with --fresh", r.name, d)
	}
	return nil
}

func (r *runner) saveNote(ctx context.Context) error {
	b, err := json.Marshal(r.note)
	if err != nil {
		return err
	}
	return r.parts.store.SetNote(ctx, b)
}

// difference says in which way two crawls differ; "" for not at all.
func difference(b, n note) string {
	var words []string
	for _, w := range []struct {
		word string
		same bool
	}{
		{"scripts", slices.Equal(b.Scripts, n.Scripts)},
		{"arguments", maps.Equal(b.Args, n.Args)},
		{"seeds", b.AnySeeds || slices.Equal(b.Seeds, n.Seeds)},
	} {
		if !w.same {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, " and ")
}

// openRedis opens a crawl in Redis.
func openRedis(ctx context.Context, url string, o frontier.Options) (*frontier.Redis, error) {
	store, err := frontier.OpenRedis(ctx, url, o)
	return store, redisUsage(err)
}

// redisUsage tells an error in the URL of a Redis apart, which is the user's to
// repair.
func redisUsage(err error) error {
	if errors.Is(err, frontier.ErrRedisURL) {
		return usagef("%s", err)
	}
	return err
}
