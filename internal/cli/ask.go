package cli

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"

	"downpour/engine/frontier"
	"downpour/internal/control"

	"github.com/spf13/pflag"
)

// An inquiry is a command line that asks about a crawl, or of it.
type inquiry struct {
	p     *process
	name  string
	state string
	redis string
	json  bool
	words []string
	asking
}

// inquire reads the command line of a verb. named says that its one word is
// the crawl's name; filters, that requests can be picked; more adds flags.
func inquire(p *process, verb string, named, filters bool, more ...func(*pflag.FlagSet)) (*inquiry, error) {
	q := &inquiry{p: p}
	set := pflag.NewFlagSet(verb, pflag.ContinueOnError)
	set.Usage = func() {}
	set.StringVar(&q.name, "name", q.env("DOWNPOUR_NAME", ""), "")
	set.StringVar(&q.state, "state", q.env("DOWNPOUR_STATE", ".downpour"), "")
	set.StringVar(&q.redis, "redis", q.env("DOWNPOUR_REDIS", ""), "")
	set.BoolVar(&q.json, "json", false, "")
	if filters {
		q.flags(set)
		set.IntVar(&q.Limit, "limit", 0, "")
		set.BoolVar(&q.Failed, "failed", false, "")
	}
	for _, add := range more {
		add(set)
	}
	if err := set.Parse(p.args); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			return nil, err
		}
		return nil, flagError(err, set)
	}
	if err := q.check(); err != nil {
		return nil, err
	}
	q.words = set.Args()
	if named {
		if len(q.words) > 1 {
			return nil, usagef("%s takes the name of one crawl", verb)
		}
		if len(q.words) == 1 {
			q.name = q.words[0]
		}
	}
	return q, nil
}

// takeName takes the crawl's name off the words, where one comes before URLs or
// settings.
func (q *inquiry) takeName() {
	if len(q.words) > 0 && nameForm.MatchString(q.words[0]) {
		q.name, q.words = q.words[0], q.words[1:]
	}
}

func (q *inquiry) env(name, otherwise string) string {
	if v, ok := q.p.getenv(name); ok && v != "" {
		return v
	}
	return otherwise
}

// ask carries a command out, in the process that runs the crawl if there is
// one, and passes on the rows of the answer.
func (q *inquiry) ask(ctx context.Context, do string, row func(json.RawMessage) error) error {
	if err := q.choose(ctx); err != nil {
		return err
	}
	if q.redis == "" {
		err := control.Call(ctx, filepath.Join(q.state, q.name), do, q.asking, row)
		if !errors.Is(err, control.ErrNobody) {
			return err
		}
	}
	d, err := q.desk(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = d.store.Close() }() // it was looked into
	args, err := json.Marshal(q.asking)
	if err != nil {
		return err
	}
	return d.handlers()[do](ctx, args, func(v any) error {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		return row(b)
	})
}

// choose names the crawl if nobody has: the only one that is there.
func (q *inquiry) choose(ctx context.Context) error {
	if q.name != "" {
		if !nameForm.MatchString(q.name) {
			return usagef("%q is not the name of a crawl", q.name)
		}
		return nil
	}
	names, err := q.names(ctx)
	if err != nil {
		return err
	}
	switch len(names) {
	case 0:
		if q.redis != "" {
			return usagef("no crawl in this Redis: name another with --redis, or a folder with --state")
		}
		return usagef("no crawl in %s: name another folder with --state, or --redis", q.state)
	case 1:
		q.name = names[0]
		return nil
	}
	return usagef("which crawl? there are %s: give its --name", strings.Join(names, ", "))
}

// names are the crawls that there are.
func (q *inquiry) names(ctx context.Context) ([]string, error) {
	if q.redis != "" {
		names, err := frontier.RedisNames(ctx, q.redis)
		return names, redisUsage(err)
	}
	segments, err := filepath.Glob(filepath.Join(q.state, "*", "00000001.seg"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, s := range segments {
		names = append(names, filepath.Base(filepath.Dir(s)))
	}
	return names, nil
}

// open opens the store of the crawl that is asked about.
func (q *inquiry) open(ctx context.Context, o frontier.Options) (lookable, error) {
	o.Name, o.Log = q.name, slog.New(slog.DiscardHandler)
	if q.redis == "" {
		j, err := frontier.OpenJournal(ctx, filepath.Join(q.state, q.name), o)
		if err != nil {
			return nil, err
		}
		return j, nil
	}
	r, err := openRedis(ctx, q.redis, o)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// desk opens the store for looking.
func (q *inquiry) desk(ctx context.Context) (*desk, error) {
	store, err := q.open(ctx, frontier.Options{Look: true})
	if err != nil {
		return nil, err
	}
	d := &desk{name: q.name, store: store}
	if r, ok := store.(*frontier.Redis); ok {
		d.steering = r
		d.workers, err = r.Live(ctx)
	}
	if err == nil {
		d.engine, err = ruled(store)
	}
	if err != nil {
		_ = store.Close() // the error to tell is the other
		return nil, err
	}
	return d, nil
}
