package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"downpour/engine/frontier"

	"github.com/spf13/pflag"
)

const exportHelp = `
The state of a crawl, of which nothing may run meanwhile, as lines of JSON: what
is queued, what has been seen, what failed, what each host is owed, what scripts
have stored. Without -o
they go to standard output. import makes a crawl of them, in the other kind of
store as well, which downpour run then goes on with. For example:
  downpour export spider -o spider.jsonl
  downpour import spider spider.jsonl --redis redis://127.0.0.1/
Flags:
      --state DIR                 folder for the state of crawls (default .downpour)
      --redis URL                 the crawl is, or is to be, kept in Redis
      --json                      tell what was done as JSON
  -o, --output FILE               export: write to a file
      --fresh                     import: in place of a crawl of that name
`

// A movedRow tells what an export or an import held.
type movedRow struct {
	Name string `json:"name"`
	frontier.EndRecord
}

// told writes the row, done being what was done.
func (q *inquiry) told(done string, all frontier.EndRecord) error {
	if q.json {
		return writeJSONRow(q.p.stdout, movedRow{q.name, all})
	}
	_, err := fmt.Fprintf(q.p.stdout, "%s: %s, %d queued, %d seen, %d failed\n", q.name, done, all.Requests, all.Seen, all.Failed)
	return err
}

// exportVerb writes a crawl's state.
func exportVerb(ctx context.Context, p *process) error {
	file := ""
	q, err := inquire(p, "export", true, false, func(set *pflag.FlagSet) { set.StringVarP(&file, "output", "o", "", "") })
	if err != nil {
		return explained(ctx, p, "export", err)
	}
	if err := q.choose(ctx); err != nil {
		return err
	}
	d, err := q.desk(ctx)
	if used, ok := errors.AsType[*frontier.InUseError](err); ok {
		return q.atWork("process " + used.PID)
	}
	if err != nil {
		return err
	}
	defer func() { _ = d.store.Close() }() // it was looked into
	if d.workers > 0 {
		return q.atWork(fmt.Sprintf("%d workers", d.workers))
	}
	if file == "" {
		_, err := d.export(ctx, p.stdout)
		return err
	}
	all, err := toFile(file, func(w io.Writer) (frontier.EndRecord, error) { return d.export(ctx, w) })
	if err != nil {
		return err
	}
	return q.told("exported to "+file, all)
}

// atWork is the error of who wants to export a crawl that others are at.
func (q *inquiry) atWork(who string) error {
	return fmt.Errorf("crawl %q is running (%s): end it with downpour stop %s, then export it", q.name, who, q.name)
}

// toFile lets write fill a file, which is there when all of it has been written.
func toFile(path string, write func(io.Writer) (frontier.EndRecord, error)) (all frontier.EndRecord, err error) {
	f, err := os.Create(path + ".tmp")
	if err != nil {
		return all, err
	}
	all, err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the error to tell is the other
	}
	return all, err
}

// export writes all records.
func (d *desk) export(ctx context.Context, to io.Writer) (all frontier.EndRecord, err error) {
	before, err := d.store.Counts(ctx)
	if err != nil {
		return all, err
	}
	if err := d.emptyInbox(ctx); err != nil {
		return all, err
	}
	w := bufio.NewWriterSize(to, 1<<16)
	var line []byte
	write := func(r frontier.Record) error {
		d.identify(r)
		all.Add(r)
		if line, err = r.AppendJSON(line[:0]); err == nil {
			_, err = w.Write(line)
		}
		return err
	}
	for r, err := range d.store.Export(ctx) {
		if err == nil {
			err = write(r)
		}
		if err != nil {
			return all, err
		}
	}
	if after, err := d.store.Counts(ctx); err != nil || after != before {
		return all, errors.Join(err, fmt.Errorf("crawl %q has gone on meanwhile: end it with downpour stop %s, then export it", d.name, d.name))
	}
	if err := write(frontier.Record{End: &all}); err != nil {
		return all, err
	}
	return all, w.Flush()
}

// identify gives a record the print that its store does not keep.
func (d *desk) identify(r frontier.Record) {
	if r.Request != nil && r.Request.Print == 0 {
		r.Request.Print = d.engine.Identity(r.Request)
	}
	if r.Failed != nil && r.Failed.Print == 0 {
		r.Failed.Print = d.engine.Identity(r.Failed.Request)
	}
}

// emptyInbox is an error if there is what no worker has taken in.
func (d *desk) emptyInbox(ctx context.Context) error {
	r, ok := d.store.(*frontier.Redis)
	if !ok {
		return nil
	}
	entries, err := r.Inbox(ctx)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("crawl %q has URLs that were pushed from outside and no worker has taken in: run it for a moment, then export it", d.name)
	}
	return err
}

// importVerb makes a crawl of an export.
func importVerb(ctx context.Context, p *process) error {
	fresh := false
	q, err := inquire(p, "import", false, false, func(set *pflag.FlagSet) { set.BoolVar(&fresh, "fresh", false, "") })
	if err != nil {
		return explained(ctx, p, "import", err)
	}
	if len(q.words) != 2 {
		return usagef("import takes the name of the crawl to make, and a file that export has written")
	}
	q.name = q.words[0]
	if err := q.choose(ctx); err != nil {
		return err
	}
	f, err := os.Open(q.words[1])
	if err != nil {
		return err
	}
	defer f.Close()
	head, all, err := checkExport(f)
	if err != nil {
		return err
	}
	if head.Note, err = movedNote(head, q.redis != ""); err != nil {
		return fmt.Errorf("%s:1: %w", f.Name(), err)
	}
	if err := q.free(ctx, fresh); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := q.take(ctx, head, all, exportLines(f)); err != nil {
		return err
	}
	return q.told("imported", all)
}

// free is an error if a crawl is where another is to be made.
func (q *inquiry) free(ctx context.Context, fresh bool) error {
	s, err := q.open(ctx, frontier.Options{Look: true})
	if errors.Is(err, frontier.ErrNoCrawl) {
		return nil
	}
	if err == nil {
		err = s.Close()
		if !fresh {
			return usagef("there is a crawl %q: import under another name, or in its place with --fresh", q.name)
		}
	}
	return err
}

// take makes the crawl. Until it is complete it counts as over, so that nobody
// goes on with a part of it.
func (q *inquiry) take(ctx context.Context, head *frontier.CrawlRecord, all frontier.EndRecord, records iter.Seq2[frontier.Record, error]) error {
	s, err := q.open(ctx, frontier.Options{Fresh: true})
	if err != nil {
		return err
	}
	if err = s.End(ctx); err == nil {
		err = s.Import(ctx, all, func(yield func(frontier.Record, error) bool) {
			for r, err := range records {
				if r.Crawl != nil {
					r.Crawl = head
				}
				if r.End == nil && !yield(r, err) {
					return
				}
			}
		})
	}
	if err == nil && !head.Over {
		err = s.Revive(ctx)
	}
	if err != nil {
		return errors.Join(err, s.Discard(context.WithoutCancel(ctx)))
	}
	return s.Close()
}

// movedNote is the description of a crawl for another store: in Redis seeds are
// each worker's own.
func movedNote(head *frontier.CrawlRecord, toRedis bool) (json.RawMessage, error) {
	var n note
	if err := json.Unmarshal(head.Note, &n); err != nil {
		return nil, fmt.Errorf("the crawl's description: %w", err)
	}
	n.AnySeeds = n.AnySeeds || len(n.Seeds) == 0
	if toRedis {
		n.Seeds, n.AnySeeds = nil, false
	}
	return json.Marshal(n)
}

// exportLines yields the records of a file.
func exportLines(f *os.File) iter.Seq2[frontier.Record, error] {
	return func(yield func(frontier.Record, error) bool) {
		lines := bufio.NewScanner(f)
		lines.Buffer(make([]byte, 0, 1<<16), frontier.MaxRecord)
		n := 0
		for lines.Scan() {
			n++
			r, err := frontier.ParseRecord(lines.Bytes())
			if err != nil {
				err = fmt.Errorf("%s:%d: %w", f.Name(), n, err)
			}
			if !yield(r, err) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(frontier.Record{}, fmt.Errorf("%s:%d: %w", f.Name(), n+1, err))
		}
	}
}

// checkExport reads an export through, so that one that is bad is refused before
// anything is made of it.
func checkExport(f *os.File) (head *frontier.CrawlRecord, all frontier.EndRecord, err error) {
	n, last := 0, 0
	for r, err := range exportLines(f) {
		if err != nil {
			return nil, all, err
		}
		n++
		bad := func(format string, args ...any) error {
			return fmt.Errorf("%s:%d: %s", f.Name(), n, fmt.Sprintf(format, args...))
		}
		switch kind := order(r); {
		case n == 1 && r.Crawl == nil:
			return nil, all, bad("not an export: its first line is no crawl")
		case n > 1 && (r.Crawl != nil || kind < last || last == orderEnd):
			return nil, all, bad("out of order: crawl, values, queues, seen, requests, failures, end")
		case r.End != nil && *r.End != all:
			return nil, all, bad("lines are missing: the end tells of %+v, there are %+v", *r.End, all)
		case r.Crawl != nil:
			head = r.Crawl
		default:
			last = kind
		}
		all.Add(r)
	}
	if last != orderEnd {
		return nil, all, fmt.Errorf("%s:%d: cut off: the line with the end is missing", f.Name(), n+1)
	}
	return head, all, nil
}

const orderEnd = 6

// order is where in an export records of a kind are.
func order(r frontier.Record) int {
	switch {
	case r.Value != nil:
		return 1
	case r.Queue != nil:
		return 2
	case r.Seen != nil:
		return 3
	case r.Request != nil:
		return 4
	case r.Failed != nil:
		return 5
	case r.End != nil:
		return orderEnd
	}
	return 0
}
