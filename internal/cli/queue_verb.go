package cli

import (
	"context"
	"fmt"
	"io"

	"downpour/engine"
	"downpour/internal/option"
)

// queueVerbs are what queue can do.
var queueVerbs = []string{"ls", "add", "drop", "requeue"}

// queueVerb lists, adds, takes out and puts back requests.
func queueVerb(ctx context.Context, p *process) error {
	if len(p.args) == 0 {
		return usagef("queue what? ls, add, drop or requeue")
	}
	do := p.args[0]
	p.args = p.args[1:]
	q, err := inquire(p, "queue", false, do != "add")
	if err != nil {
		return explained(ctx, p, "queue", err)
	}
	if do != "add" { // whose word without a scheme is a URL
		q.takeName()
	}
	if len(q.words) > 0 || do == "add" {
		if q.URLs, err = q.urls(); err != nil {
			return err
		}
	}
	switch do {
	case "ls":
		return show(ctx, q, "ls", writeWaiting)
	case "add":
		return show(ctx, q, "add", writeAdded)
	case "drop":
		if q.Failed {
			return usagef("drop --failed: what failed waits no longer; there is nothing to take out")
		}
		if q.empty() {
			return usagef("drop which? name URLs, or pick with --host, --kind, --status, --error or --match; --match . is all")
		}
		return show(ctx, q, "drop", func(w io.Writer, r struct{ Dropped int }) {
			fmt.Fprintf(w, "%d dropped\n", r.Dropped)
		})
	case "requeue":
		return show(ctx, q, "requeue", writeRequeued)
	}
	if near, ok := option.Nearest(do, queueVerbs); ok {
		return usagef("unknown queue %q (did you mean %q?)", do, near)
	}
	return usagef("unknown queue %q: there are ls, add, drop and requeue", do)
}

func writeWaiting(w io.Writer, row waitingRow) {
	r, err := engine.ParseRequest(row.Request)
	if err != nil {
		return // of another version
	}
	fmt.Fprintf(w, "%s  %s", pad(row.State, 7), r.URL)
	switch {
	case row.State == "failed":
		fmt.Fprintf(w, "  attempts %d, %s, %s", row.Attempts, row.At.Local().Format("2006-01-02 15:04:05"),
			failureText(word(row.Error, row.Status), row.Message))
	case r.Last != "":
		fmt.Fprintf(w, "  attempt %d, last: %s", r.Attempt+1, r.Last)
	}
	fmt.Fprintln(w)
}

// word is a failure in a word.
func word(kind string, status int) string {
	f := engine.Failure{Kind: engine.FailureKind(kind), Status: status}
	return f.Word()
}

func writeRequeued(w io.Writer, r requeueRow) {
	fmt.Fprintf(w, "%d requeued", r.Requeued)
	if r.Requeued > 0 && !r.Running {
		fmt.Fprint(w, ": the next downpour run goes on with them")
	}
	fmt.Fprintln(w)
}

func writeAdded(w io.Writer, r addRow) {
	if r.Posted > 0 {
		fmt.Fprintf(w, "%d handed to the workers\n", r.Posted)
		return
	}
	fmt.Fprintf(w, "%d added\n", r.Added)
	for _, s := range r.Skipped {
		fmt.Fprintf(w, "skipped %s\n", s)
	}
}
