package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"downpour/engine"
	"downpour/internal/monitor"
	"downpour/internal/option"
	"downpour/luabridge"

	"github.com/spf13/pflag"
)

// runVerb runs a crawl: parse, put together, run, sum up.
func runVerb(ctx context.Context, p *process) error {
	flags, words, err := parseFlags(p.args, func(option.Option) bool { return true })
	if errors.Is(err, pflag.ErrHelp) {
		p.args = []string{"run"}
		return helpVerb(ctx, p)
	}
	if err != nil {
		return err
	}
	set, err := readSettings(flags, p.getenv)
	if err != nil {
		return err
	}
	scripts, urls, err := sort(words)
	if err != nil {
		return err
	}
	if len(scripts) == 0 {
		return usagef("run what? name a script: a file, or one of those that downpour scripts lists")
	}
	r := newRunner(p, set, scripts, urls)
	defer r.close()
	if err := r.assemble(ctx); err != nil {
		if ctx.Err() != nil {
			return &statusError{statusInterrupted}
		}
		return err
	}
	return r.run(ctx)
}

// sort tells scripts from URLs. A script is a file, a word that ends in .lua or
// the name of a shipped script; anything else has to be a URL or a host.
func sort(words []string) (scripts, urls []string, err error) {
	for _, w := range words {
		st, statErr := os.Stat(w)
		switch {
		case strings.Contains(w, "://"):
			u, err := seedURL(w)
			if err != nil {
				return nil, nil, &usageError{err.Error()}
			}
			urls = append(urls, u)
		case statErr == nil && st.Mode().IsRegular(), shipped(w):
			scripts = append(scripts, w)
		case !isHost(w):
			return nil, nil, noScript(w)
		default:
			u, err := seedURL(w)
			if err != nil {
				return nil, nil, &usageError{err.Error()}
			}
			urls = append(urls, u)
		}
	}
	return scripts, urls, nil
}

var hostForm = regexp.MustCompile(`^(localhost|[^/\s]*\.[^/\s]*|\[[0-9a-fA-F:.]+\])(:[0-9]+)?([/?#].*)?$`)

// isHost reports whether a word looks like a host with or without a path.
func isHost(w string) bool {
	return hostForm.MatchString(w) && !strings.HasSuffix(w, ".lua") && !strings.HasPrefix(w, ".") && !strings.HasPrefix(w, "/")
}

func noScript(w string) error {
	if w == "true" || w == "false" {
		return usagef("no script %q: a switch takes its value after an equals sign, as in --robots=%s", w, w)
	}
	among := shippedNames()
	if files, err := filepath.Glob(filepath.Join(filepath.Dir(w), "*.lua")); err == nil {
		for _, f := range files {
			if !strings.ContainsRune(w, filepath.Separator) || strings.HasPrefix(w, filepath.Dir(w)) {
				among = append(among, f)
			}
		}
	}
	if near, ok := option.Nearest(w, among); ok {
		return usagef("no script %q (did you mean %q?)", w, near)
	}
	return usagef("no script %q: name a file, or one of those that downpour scripts lists", w)
}

// A runner is one run of a crawl.
type runner struct {
	p       *process
	set     settings // flags, environment and crawl{}
	asked   settings // flags and environment alone
	scripts []string
	urls    []string // seeds of the command line

	log     *slog.Logger
	monitor *monitor.Monitor
	stdout  io.Writer

	name   string
	note   note
	host   *luabridge.Host
	parts  parts
	engine *engine.Engine
	delays delays // set while it runs

	serving string // what to say of a folder that is served and seeded; "" for nothing
}

func newRunner(p *process, set settings, scripts, urls []string) *runner {
	r := &runner{p: p, set: set, scripts: scripts, urls: urls}
	tty := isTerminal(p.stderr)
	quiet := set.bool("quiet")
	r.monitor = monitor.New(monitor.Options{Out: p.stderr, Terminal: tty, Width: columns(p.stderr), Quiet: quiet})
	level := slog.LevelInfo
	if quiet {
		level = slog.LevelWarn
	}
	if set.bool("verbose") {
		level = slog.LevelDebug
	}
	_, plain := p.getenv("NO_COLOR")
	stderr := r.monitor.Writer(p.stderr)
	if set.text("log-format") == "json" {
		r.log = slog.New(slog.NewJSONHandler(stderr, &slog.HandlerOptions{Level: level}))
	} else {
		r.log = monitor.NewLog(stderr, level, tty && !plain)
	}
	r.stdout = p.stdout
	if isTerminal(p.stdout) {
		r.stdout = r.monitor.Writer(safe{p.stdout})
	}
	return r
}

// run crawls and sums up.
func (r *runner) run(ctx context.Context) error {
	if r.parts.store.Resumed() {
		r.sayResumed(ctx)
	}
	if r.serving != "" {
		r.say("%s", r.serving)
	}
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	steered := r.steered(ctx, leave)
	r.monitor.Watch(r.engine.Summary, r.parts.store.Counts)
	watch, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() { r.monitor.Run(watch) })
	wg.Go(func() { r.sayInterrupted(ctx, watch) })
	sum, err := r.engine.Run(ctx)
	steered()
	stop()
	wg.Wait()
	return r.end(ctx, sum, err)
}

// say writes a line for people, unless they want quiet.
func (r *runner) say(format string, args ...any) {
	if !r.set.bool("quiet") {
		fmt.Fprintf(r.monitor.Writer(r.p.stderr), format+"\n", args...)
	}
}

func (r *runner) sayResumed(ctx context.Context) {
	c, err := r.parts.store.Counts(ctx)
	if err != nil {
		return
	}
	where := ""
	if r.set.text("redis") != "" {
		where = ", shared through Redis"
	}
	r.say("resuming %s%s: %d done, %d queued", r.name, where, c.Finished, c.Queued)
}

func (r *runner) sayInterrupted(ctx, watch context.Context) {
	select {
	case <-ctx.Done():
		r.say("interrupted: finishing what is under way; once more to leave at once")
	case <-watch.Done():
	}
}

// end closes the outputs, ends the crawl in the store unless it is to go on,
// sums up and says the exit status.
func (r *runner) end(ctx context.Context, sum engine.Summary, err error) error {
	ctx = context.WithoutCancel(ctx)
	sum.Verdicts = slices.Compact(append(r.note.Verdicts, sum.Verdicts...))
	report := &monitor.Report{Summary: sum, Fetched: sum.Pages, Version: Version}
	report.Resumed = r.parts.store.Resumed()
	if sum.Elapsed > 0 {
		report.Lua = min(r.host.LuaTime().Seconds()/sum.Elapsed.Seconds(), 1)
	}
	if c, cerr := r.parts.store.Counts(ctx); cerr == nil {
		report.Left, report.Total = c.Queued, c.Charged
	}
	for _, p := range r.parts.output.Places() {
		report.Outputs = append(report.Outputs, monitor.Place(p))
	}
	if cerr := r.parts.output.Close(); err == nil {
		err = cerr
	}
	if cerr := r.exportCookies(); err == nil {
		err = cerr
	}
	status := exitStatus(sum, err)
	if status == statusDone && sum.End == "drained" && report.Left > 0 {
		status = statusInterrupted // somebody added to the queue at the last moment
	}
	if err == nil && status != statusInterrupted {
		if eerr := r.parts.store.End(ctx); eerr != nil {
			err, status = fmt.Errorf("end the crawl: %w", eerr), statusFailed
		}
	}
	if status == statusInterrupted && len(sum.Verdicts) > 0 {
		r.note.Verdicts = sum.Verdicts
		if nerr := r.saveNote(ctx); nerr != nil {
			r.log.Warn("verdicts not kept", "error", nerr)
		}
	}
	report.Exit = status
	if err == nil && r.idle(sum) {
		r.say("nothing to fetch: name a URL on the command line, in a file with --seeds, or in the script's crawl{seeds = …}")
	}
	r.explain(report, err)
	r.tell(report, err)
	if path := r.set.text("report"); path != "" {
		if werr := report.WriteFile(path); werr != nil {
			r.log.Error("report not written", "file", path, "error", werr)
			status = max(status, statusFailed)
		}
	}
	if status == statusDone {
		return nil
	}
	return &statusError{status}
}

// idle reports a crawl that had pages to look at in mind, and no seed.
func (r *runner) idle(sum engine.Summary) bool {
	return sum.Pushed == 0 && !r.parts.store.Resumed() && len(sum.Skips) == 0 &&
		(r.host.Wants(engine.EventSuccess, "") || r.host.Wants(engine.EventError, ""))
}

// exitStatus is the exit status of a crawl that ended so.
func exitStatus(sum engine.Summary, err error) int {
	var script *luabridge.ScriptError
	switch {
	case errors.As(err, &script):
		return statusStrict
	case err != nil:
		return statusFailed
	case sum.End == "interrupted":
		return statusInterrupted
	case len(sum.Verdicts) > 0:
		return statusVerdict
	}
	return statusDone
}

// explain adds what to do next, and the errors of scripts.
func (r *runner) explain(report *monitor.Report, err error) {
	for _, e := range r.host.Errors() {
		if len(report.Notes) == 5 {
			report.Notes = append(report.Notes, "and more errors of scripts")
			break
		}
		report.Notes = append(report.Notes, fmt.Sprintf("%d × %s", e.Count, e.Error))
	}
	if (report.Exit == statusInterrupted || err != nil) && !r.host.OwnQueues() {
		report.Advice = "the crawl is kept; the same command goes on with it:\n  " + resumeLine(r.p.command)
	}
}

func (r *runner) tell(report *monitor.Report, err error) {
	if !r.set.bool("quiet") {
		if werr := report.WriteText(r.p.stderr); werr != nil {
			return
		}
	}
	var script *luabridge.ScriptError
	switch {
	case errors.As(err, &script):
		fmt.Fprintln(r.p.stderr, "downpour: "+monitor.EscapeLines(script.Detail()))
	case err != nil:
		fmt.Fprintln(r.p.stderr, "downpour: "+monitor.Escape(err.Error()))
	}
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// resumeLine is the command that goes on with the crawl that words have begun.
func resumeLine(words []string) string {
	return commandLine(slices.DeleteFunc(slices.Clone(words), func(w string) bool {
		return w == "--fresh" || strings.HasPrefix(w, "--fresh=")
	}))
}

// commandLine is a command as one would type it.
func commandLine(words []string) string {
	var quoted []string
	for _, w := range words {
		if !plainWord.MatchString(w) {
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		quoted = append(quoted, w)
	}
	return strings.Join(quoted, " ")
}
