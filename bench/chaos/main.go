// Chaos crawls a site of its own while it kills what takes part, and accounts
// for every page by what the site saw. The crawl is that of the real command:
// with Redis, workers that share it, killed at random, and a server that is
// killed and restarted under them; with a journal, one process that is killed
// and goes on.
//
// It ends with exit status 1 if a page was lost, a host was asked too early, or
// a page was fetched again other than because the worker that had fetched it
// was killed before it could say so.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	status, err := command(ctx, os.Args[1:], os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
	}
	stop()
	os.Exit(status)
}

// command reads the arguments, runs the crawls they ask for and writes their
// accounts. It answers the exit status: 2 for arguments that say nothing, 1 for
// a broken promise or an error.
func command(ctx context.Context, args []string, out io.Writer) (status int, err error) {
	var c Chaos
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	store := flags.String("store", "both", "redis, journal or both")
	flags.IntVar(&c.Workers, "workers", 4, "processes that share the crawl in Redis")
	flags.IntVar(&c.Hosts, "hosts", 200, "hosts of the site")
	flags.IntVar(&c.Pages, "pages", 100, "pages of each host")
	flags.IntVar(&c.Restarts, "restarts", 10, "times the Redis server is killed")
	flags.DurationVar(&c.Every, "every", time.Second, "mean time between two kills of a worker")
	flags.DurationVar(&c.Delay, "delay", 250*time.Millisecond, "between two requests to a host")
	flags.DurationVar(&c.Limit, "limit", 10*time.Minute, "time one crawl may take")
	flags.Uint64Var(&c.Seed, "seed", uint64(time.Now().UnixNano()), "of the random choices")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0, nil
		}
		return 2, nil // the flag set has said what is wrong
	}
	stores, ok := map[string][]Store{"redis": {InRedis}, "journal": {InJournal}, "both": {InRedis, InJournal}}[*store]
	if !ok || c.Workers < 1 || c.Hosts < 1 || c.Pages < 1 || c.Every <= 0 || flags.NArg() > 0 {
		return 2, fmt.Errorf("-store is redis, journal or both, and sizes are at least 1")
	}
	dir, err := os.MkdirTemp("", "chaos")
	if err != nil {
		return 1, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // the system empties its folder anyway
	if c.Binary, err = build(dir); err != nil {
		return 1, err
	}
	for _, s := range stores {
		c.Store = s
		account, err := c.Run(ctx, dir)
		if err != nil {
			return 1, fmt.Errorf("%s, seed %d: %w", s, c.Seed, err)
		}
		account.Write(out)
		if len(account.Broken) > 0 {
			status = 1
		}
	}
	return status, nil
}
