// Package cli is the command: its verbs, its options and its exit status. It
// alone reads the command line and the environment.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"downpour/internal/monitor"
	"downpour/internal/option"
	"downpour/luabridge"
)

// Version is the program's version.
const Version = "0.1.0"

// The exit statuses.
const (
	statusDone        = 0
	statusFailed      = 1   // store, output, disk
	statusUsage       = 2   // usage, or a script that does not load
	statusVerdict     = 3   // fail() was called
	statusStrict      = 4   // an error of a script under --strict
	statusInterrupted = 130 // resumable
)

// A process is what a verb works with: all it knows of the world.
type process struct {
	args    []string // of the verb
	command []string // the whole command line, to show how to resume
	stdin   io.Reader
	stdout  *os.File
	stderr  *os.File
	getenv  func(string) (string, bool)
	environ []string
}

// A verb is one thing the command can do.
type verb struct {
	name    string
	usage   string // its arguments
	summary string
	run     func(ctx context.Context, p *process) error
}

// verbs lists them in the order of the help text. It is a function because
// help is one of them.
func verbs() []verb {
	return []verb{
		{"run", "SCRIPT… [URL…]", "run a crawl", runVerb},
		{"status", "[NAME]", "tell how a crawl stands and what its end waits for", statusVerb},
		{"hosts", "[NAME]", "list the hosts that a crawl has left", hostsVerb},
		{"why", "URL", "tell what becomes of a URL", whyVerb},
		{"queue", "ls|add|drop|requeue", "list, add or take out requests, or put failed ones back", queueVerb},
		{"pause", "[NAME]", "let a running crawl start nothing", pauseVerb},
		{"resume", "[NAME]", "let a paused crawl go on", resumeVerb},
		{"stop", "[NAME]", "end a running crawl in order; it can be resumed", stopVerb},
		{"set", "delay=SECONDS [host=HOST]", "change the delay of a running crawl", setVerb},
		{"verify", "[NAME]", "check a crawl's state", verifyVerb},
		{"export", "[NAME] [-o FILE]", "write a crawl's state as lines of JSON", exportVerb},
		{"import", "NAME FILE", "make a crawl of an export", importVerb},
		{"url", "URL…", "show what becomes of a URL, step by step", urlVerb},
		{"robots", "URL…", "tell whether robots.txt allows a URL, and by which line", robotsVerb},
		{"check", "FILE…", "load scripts without crawling and say what is wrong", checkVerb},
		{"doc", "[NAME] [--markdown]", "print the reference for scripts, or a part of it", docVerb},
		{"types", "[DIR]", "write type stubs for editors and luacheck into a folder of scripts", typesVerb},
		{"scripts", "[show NAME]", "list the scripts that ship with downpour, or print one", scriptsVerb},
		{"help", "[VERB|SCRIPT]", "explain a verb or a script", helpVerb},
		{"version", "", "print the version", versionVerb},
	}
}

// A usageError is a command line that cannot be understood.
type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...)}
}

// A statusError carries the exit status of what has been told already.
type statusError struct{ status int }

func (e *statusError) Error() string { return fmt.Sprintf("exit status %d", e.status) }

// Main runs the command line and returns the exit status. A first SIGINT or
// SIGTERM lets the verb end in order; at a second Main returns at once.
func Main() int {
	// A write to a pipe nobody reads fails instead of killing the process.
	signal.Ignore(syscall.SIGPIPE)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	p := &process{
		command: os.Args, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		getenv: os.LookupEnv, environ: os.Environ(),
	}
	done := make(chan int, 1)
	go func() { done <- p.main(ctx, os.Args[1:]) }()
	var first time.Time
	for {
		select {
		case status := <-done:
			return status
		case <-signals:
			if ctx.Err() == nil {
				first = time.Now()
			} else if time.Since(first) > sameSignal {
				fmt.Fprintln(os.Stderr, "\nleft at once; the same command, without --fresh, goes on where it stopped")
				return statusInterrupted
			}
			cancel()
		}
	}
}

// sameSignal is how soon after the first a signal is taken for the same one:
// timeout(1) sends it to the process and again to its group.
const sameSignal = 50 * time.Millisecond

// main runs the verb that args name and tells its error.
func (p *process) main(ctx context.Context, args []string) int {
	err := p.dispatch(ctx, args)
	if err == nil {
		return statusDone
	}
	var status *statusError
	if errors.As(err, &status) {
		return status.status
	}
	fmt.Fprintln(p.stderr, "downpour: "+monitor.EscapeLines(describe(err)))
	return statusOf(err)
}

// describe is the error with the place in the script, if there is one.
func describe(err error) string {
	var script *luabridge.ScriptError
	if errors.As(err, &script) {
		return script.Detail()
	}
	return err.Error()
}

func statusOf(err error) int {
	var usage *usageError
	var script *luabridge.ScriptError
	if errors.As(err, &usage) || errors.As(err, &script) {
		return statusUsage
	}
	return statusFailed
}

func (p *process) dispatch(ctx context.Context, args []string) error {
	if len(args) == 0 {
		fmt.Fprint(p.stderr, overview())
		return &statusError{statusUsage}
	}
	switch args[0] {
	case "--version", "-V":
		return versionVerb(ctx, p)
	case "--help", "-h":
		args = append([]string{"help"}, args[1:]...)
	}
	for _, v := range verbs() {
		if v.name == args[0] {
			p.args = args[1:]
			return v.run(ctx, p)
		}
	}
	return unknownVerb(args[0])
}

func unknownVerb(word string) error {
	if strings.HasPrefix(word, "-") {
		return usagef("the verb comes first: downpour run %s …; see downpour help", word)
	}
	var names []string
	for _, v := range verbs() {
		names = append(names, v.name)
	}
	if near, ok := option.Nearest(word, names); ok {
		return usagef("unknown verb %q (did you mean %q?)", word, near)
	}
	if _, err := source(word); err == nil {
		return usagef("unknown verb %q (did you mean \"run %s\"?)", word, word)
	}
	return usagef("unknown verb %q: there are %s", word, strings.Join(names, ", "))
}

func versionVerb(_ context.Context, p *process) error {
	_, err := fmt.Fprintln(p.stdout, "downpour "+Version)
	return err
}
