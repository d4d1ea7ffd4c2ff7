// Soak crawls a site of its own for a long time with hooks that fail, wait, run
// out of time and memory and leave things lying about, and watches what the
// process holds: resident memory and goroutines.
//
// It ends with exit status 1 if the memory is not flat or a goroutine is left
// at the end.
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
		fmt.Fprintln(os.Stderr, "soak:", err)
	}
	stop()
	os.Exit(status)
}

// command reads the arguments, soaks and writes the account. It answers the
// exit status: 2 for arguments that say nothing, 1 for a broken promise or an
// error.
func command(ctx context.Context, args []string, out io.Writer) (status int, err error) {
	var s Soak
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.DurationVar(&s.Time, "time", 10*time.Minute, "how long to crawl")
	flags.DurationVar(&s.Every, "every", 10*time.Second, "between two looks at the process")
	flags.DurationVar(&s.Delay, "delay", 20*time.Millisecond, "between two requests to a host")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0, nil
		}
		return 2, nil // the flag set has said what is wrong
	}
	if s.Every <= 0 || s.Time < 8*s.Every || flags.NArg() > 0 {
		return 2, errors.New("-time is at least eight times -every")
	}
	account, err := s.Run(ctx, out)
	if err != nil {
		return 1, err
	}
	if err := account.Write(out); err != nil {
		return 1, err
	}
	if !account.Good() {
		return 1, nil
	}
	return 0, nil
}
