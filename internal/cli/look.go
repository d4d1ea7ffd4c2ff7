package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"downpour/engine/frontier"
	"downpour/internal/monitor"
	"downpour/internal/option"

	"github.com/spf13/pflag"
)

// show asks and writes each row of the answer: as JSON, or by text.
func show[T any](ctx context.Context, q *inquiry, do string, text func(w io.Writer, row T)) error {
	return q.ask(ctx, do, func(b json.RawMessage) error {
		if q.json {
			_, err := fmt.Fprintf(q.p.stdout, "%s\n", b)
			return err
		}
		var row T
		if err := json.Unmarshal(b, &row); err != nil {
			return fmt.Errorf("the answer of the running crawl: %w", err)
		}
		var s strings.Builder
		text(&s, row)
		_, err := io.WriteString(q.p.stdout, monitor.EscapeLines(s.String()))
		return err
	})
}

// explained is nil for a request for help, which has then been met.
func explained(ctx context.Context, p *process, verb string, err error) error {
	if errors.Is(err, pflag.ErrHelp) {
		p.args = []string{verb}
		return helpVerb(ctx, p)
	}
	return err
}

func statusVerb(ctx context.Context, p *process) error {
	q, err := inquire(p, "status", true, false)
	if err != nil {
		return explained(ctx, p, "status", err)
	}
	return show(ctx, q, "status", func(w io.Writer, s statusRow) {
		fmt.Fprintf(w, "%s: %s", s.Name, s.State)
		if s.Workers > 1 {
			fmt.Fprintf(w, ", %d workers", s.Workers)
		}
		c := s.Counts
		on := "hosts"
		if c.Queues == 1 {
			on = "host"
		}
		fmt.Fprintf(w, "\n%d done, %d queued on %d %s, %d under way, %d seen\n", c.Finished, c.Queued, c.Queues, on, c.Leased, c.Seen)
		if c.Aside > 0 {
			fmt.Fprintf(w, "%d set aside: they ended three workers\n", c.Aside)
		}
		if c.Failed > 0 {
			fmt.Fprintf(w, "%d failed: downpour queue ls %s --failed lists them, queue requeue %[2]s puts them back\n", c.Failed, s.Name)
		}
		switch {
		case c.Queued == 0:
			return
		case s.State == "over":
			fmt.Fprintln(w, "what is queued was left when it ended")
			return
		}
		fmt.Fprintf(w, "at least %s left; the end waits for\n", seconds(s.ETA))
		for _, h := range s.Waiting {
			writeHost(w, h)
		}
	})
}

// seconds is a time in words.
func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}

func writeHost(w io.Writer, h hostRow) {
	fmt.Fprintf(w, "  %s  %6d queued  %8s  %s\n", pad(h.Host, 30), h.Queued, seconds(h.ETA), h.Cause)
}

func hostsVerb(ctx context.Context, p *process) error {
	q, err := inquire(p, "hosts", true, false)
	if err != nil {
		return explained(ctx, p, "hosts", err)
	}
	return show(ctx, q, "hosts", writeHost)
}

func whyVerb(ctx context.Context, p *process) error {
	q, err := inquire(p, "why", false, false)
	if err != nil {
		return explained(ctx, p, "why", err)
	}
	if q.URLs, err = q.urls(); err != nil {
		return err
	}
	return show(ctx, q, "why", writeWhy)
}

// urls are the words of the command line, which must be URLs.
func (q *inquiry) urls() ([]string, error) {
	if len(q.words) == 0 {
		return nil, usagef("which URL?")
	}
	var urls []string
	for _, w := range q.words {
		u, err := seedURL(w)
		if err != nil {
			return nil, &usageError{err.Error()}
		}
		urls = append(urls, u)
	}
	return urls, nil
}

func writeWhy(w io.Writer, y whyRow) {
	fmt.Fprintln(w, y.URL)
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(w, "  %s %s\n", pad(name, 10), text)
		}
	}
	line("canonical", y.Canonical)
	line("host", y.Host)
	line("scope", map[bool]string{true: "skipped: " + y.Skip, false: "in scope"}[y.Skip != ""])
	line("robots", y.Robots)
	switch y.State {
	case "new":
		line("state", "never pushed")
	case "fetched":
		line("state", "fetched: pushed before, not queued and not failed")
	case "failed":
		line("state", "failed at "+y.At.Local().Format(time.DateTime)+"; downpour queue requeue puts it back")
		line("failure", failureText(y.Last, y.Message))
	case "waiting":
		line("state", fmt.Sprintf("waiting, %d of its host before it", y.Ahead))
	case "leased":
		line("state", "under way, or next")
	}
	if y.Attempts > 0 {
		line("attempts", strconv.Itoa(y.Attempts))
	}
	if y.State != "failed" {
		line("last", y.Last)
	}
	line("found on", y.Referrer)
	if y.Depth > 0 {
		line("depth", strconv.Itoa(y.Depth))
	}
	line("waits for", y.Cause)
}

// failureText is a failure in a word and what it says besides.
func failureText(word, message string) string {
	if rest, ok := strings.CutPrefix(message, word); ok { // "404 Not Found"
		return word + rest
	}
	return word + ": " + message
}

// steerVerb is a verb that tells a running crawl something.
func steerVerb(ctx context.Context, p *process, verb string) error {
	q, err := inquire(p, verb, true, false)
	if err != nil {
		return explained(ctx, p, verb, err)
	}
	return q.steer(ctx, verb)
}

func (q *inquiry) steer(ctx context.Context, do string) error {
	return show(ctx, q, do, func(w io.Writer, r struct{ Done string }) { fmt.Fprintf(w, "%s: %s\n", q.name, r.Done) })
}

func pauseVerb(ctx context.Context, p *process) error  { return steerVerb(ctx, p, "pause") }
func resumeVerb(ctx context.Context, p *process) error { return steerVerb(ctx, p, "resume") }
func stopVerb(ctx context.Context, p *process) error   { return steerVerb(ctx, p, "stop") }

// setVerb changes the delay of a running crawl.
func setVerb(ctx context.Context, p *process) error {
	q, err := inquire(p, "set", false, false)
	if err != nil {
		return explained(ctx, p, "set", err)
	}
	q.takeName()
	given := false
	for _, w := range q.words {
		key, value, _ := strings.Cut(w, "=")
		switch key {
		case "delay":
			d, err := option.ParseDuration(value)
			if err != nil || d < 0 {
				return usagef("set delay=%s: want seconds, or a duration such as 1.5s", value)
			}
			q.Delay, given = d.Seconds(), true
		case "host":
			q.Host = value
		default:
			return usagef("set %s: there are delay=SECONDS and host=HOST", w)
		}
	}
	if !given {
		return usagef("set what? delay=SECONDS, for all hosts or with host=HOST for one")
	}
	return q.steer(ctx, "set")
}

// verifyVerb checks a crawl's state; its exit status is 1 if something is wrong.
func verifyVerb(ctx context.Context, p *process) error {
	q, err := inquire(p, "verify", true, false)
	if err != nil {
		return explained(ctx, p, "verify", err)
	}
	bad := false
	err = q.ask(ctx, "verify", func(b json.RawMessage) error {
		var f frontier.Findings
		if err := json.Unmarshal(b, &f); err != nil {
			return err
		}
		bad = len(f.Problems) > 0
		if q.json {
			_, err := fmt.Fprintf(p.stdout, "%s\n", b)
			return err
		}
		for _, problem := range f.Problems {
			fmt.Fprintln(p.stdout, monitor.Escape(problem))
		}
		if !bad {
			fmt.Fprintf(p.stdout, "%s: sound; %d requests read, %d done, %d failed, %d seen\n",
				q.name, f.Requests, f.Counts.Finished, f.Failed, f.Counts.Seen)
		}
		return nil
	})
	if err == nil && bad {
		return &statusError{statusFailed}
	}
	return err
}
