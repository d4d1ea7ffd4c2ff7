// Package output writes the items of a crawl as JSON Lines or CSV, to files and
// to standard output.
//
// A file's rows are those of finished pages: Flush says where each file ends,
// the frontier keeps that beside the pages it finishes, and when a crawl is
// resumed what lies behind is cut off, so that no row is there twice.
package output

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"downpour/engine"
)

// A Set is the outputs of a crawl; each gets every item. It is used by one
// goroutine at a time.
type Set struct {
	// Log receives what a person should know of the rows; nil discards.
	Log *slog.Logger
	// Closed is called once when the reader of standard output has gone away;
	// from then on what would be written there is dropped.
	Closed func()

	outs []*out
}

var _ engine.Output = (*Set)(nil)

// A UsageError is a specification that names no output.
type UsageError struct{ Message string }

func (e *UsageError) Error() string { return e.Message }

// bufferMax is how many bytes an output keeps before it writes them without
// waiting for Flush.
const bufferMax = 1 << 20

// Open opens the outputs that specs name: a path whose extension says the
// format, "format:path", or "-" for stdout as JSON Lines; none at all is "-".
// A crawl that starts has its files made anew. One that is resumed goes on
// where marks say, and at the end of files they do not name. The error is a
// *UsageError when a specification names no output.
func Open(specs []string, stdout io.Writer, marks engine.Marks, resumed bool) (*Set, error) {
	if len(specs) == 0 {
		specs = []string{"-"}
	}
	s := &Set{}
	named := map[string]bool{}
	for _, spec := range specs {
		format, path, err := parse(spec)
		if err == nil && named[path] {
			err = &UsageError{fmt.Sprintf("output %s is given twice", path)}
		}
		if err != nil {
			_ = s.Close()
			return nil, err
		}
		named[path] = true
		o := &out{name: path, format: format}
		if path == "-" {
			o.stream = stdout
		} else if err := o.open(marks, resumed); err != nil {
			_ = s.Close()
			return nil, fmt.Errorf("output %s: %w", path, err)
		}
		s.outs = append(s.outs, o)
	}
	return s, nil
}

// Check reports whether specs can be understood, without opening anything.
func Check(specs []string) error {
	for _, spec := range specs {
		if _, _, err := parse(spec); err != nil {
			return err
		}
	}
	return nil
}

// Folder is where files that scripts write go: output, in the folder of the
// first of specs that is a file, else in the working directory. It is one of its
// own, so that no script replaces the files beside the items.
func Folder(specs []string) string {
	for _, spec := range specs {
		if _, path, err := parse(spec); err == nil && path != "-" {
			return filepath.Join(filepath.Dir(path), "output")
		}
	}
	return "output"
}

// formats are the names of the formats, which are their extensions too.
var formats = []string{"jsonl", "csv"}

func parse(spec string) (format, path string, err error) {
	if spec == "-" || spec == "" {
		return "jsonl", "-", nil
	}
	for _, f := range formats {
		if path, ok := strings.CutPrefix(spec, f+":"); ok {
			if path == "" {
				path = "-"
			}
			return f, path, nil
		}
	}
	ext := strings.ToLower(strings.TrimPrefix(filepath.Ext(spec), "."))
	for _, f := range []string{"jsonl", "csv", "ndjson"} {
		if ext == f {
			return strings.Replace(f, "ndjson", "jsonl", 1), spec, nil
		}
	}
	return "", "", &UsageError{fmt.Sprintf(
		"output %q: the format is told by the extension, .jsonl or .csv, or given in front: jsonl:%s", spec, spec)}
}

// WriteItem adds it to every output; it reaches the files at Flush, or before
// when much has gathered.
func (s *Set) WriteItem(_ context.Context, it engine.Item) error {
	for _, o := range s.outs {
		o.add(it, s.Log)
		if len(o.buf) >= bufferMax {
			if err := s.flush(o); err != nil {
				return err
			}
		}
	}
	return nil
}

// Flush hands all rows to the operating system and says where each file ends.
// After an error, such as a full disk, it may be called again: it goes on where
// the last row was whole.
func (s *Set) Flush() (engine.Marks, error) {
	var marks engine.Marks
	for _, o := range s.outs {
		if err := s.flush(o); err != nil {
			return nil, err
		}
		if o.file != nil && o.stream == nil {
			if marks == nil {
				marks = make(engine.Marks, len(s.outs))
			}
			marks[o.name] = o.end
		}
	}
	return marks, nil
}

func (s *Set) flush(o *out) error {
	err := o.flush()
	if o.name == "-" && (errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe)) {
		o.gone = true
		if s.Closed != nil {
			s.Closed()
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("output %s: %w", o.name, err)
	}
	return nil
}

// Close writes what is left and closes the files.
func (s *Set) Close() error {
	var errs []error
	for _, o := range s.outs {
		errs = append(errs, s.flush(o))
		if o.file != nil {
			errs = append(errs, o.file.Close())
			o.file = nil
		}
	}
	s.outs = nil
	return errors.Join(errs...)
}

// A Place is where items went.
type Place struct {
	Path  string // as given; "-" for standard output
	Items int64  // rows written by this process
}

// Places lists the outputs, for the summary. Close forgets them.
func (s *Set) Places() []Place {
	var places []Place
	for _, o := range s.outs {
		places = append(places, Place{o.name, o.items})
	}
	return places
}

// Describe says in words where the items are.
func (s *Set) Describe() []string {
	var lines []string
	for _, p := range s.Places() {
		name, noun := p.Path, "items"
		if name == "-" {
			name = "standard output"
		}
		if p.Items == 1 {
			noun = "item"
		}
		lines = append(lines, fmt.Sprintf("%d %s in %s", p.Items, noun, name))
	}
	return lines
}

// An out is one output: a file written at offsets of its own, or a stream.
type out struct {
	name   string
	format string
	file   *os.File  // nil for standard output
	stream io.Writer // set where offsets mean nothing: standard output, a pipe, a device
	end    int64     // bytes of the file that are whole rows on disk
	buf    []byte    // rows not yet written
	items  int64
	gone   bool // nobody reads it any more

	columns []string        // csv: the header's
	unknown map[string]bool // csv: columns reported as missing from it
}

// open opens the file and cuts it to where its finished rows end.
func (o *out) open(marks engine.Marks, resumed bool) error {
	f, err := os.OpenFile(o.name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return cause(err)
	}
	o.file = f
	if err := o.prepare(marks, resumed); err != nil {
		f.Close()
		o.file = nil
		return err
	}
	return nil
}

func (o *out) prepare(marks engine.Marks, resumed bool) error {
	st, err := o.file.Stat()
	if err != nil {
		return cause(err)
	}
	if !st.Mode().IsRegular() {
		o.stream = o.file
		return nil
	}
	if err := lock(o.file); err != nil {
		return err
	}
	mark, marked := marks[o.name]
	switch {
	case !resumed:
	case marked && mark > st.Size():
		return fmt.Errorf("holds %d bytes, the interrupted crawl had written %d: put it back, name another file, or start over with --fresh", st.Size(), mark)
	case marked:
		o.end = mark
	default:
		if o.end, err = whole(o.file, o.format); err != nil {
			return cause(err)
		}
	}
	if err := o.file.Truncate(o.end); err != nil {
		return cause(err)
	}
	if o.format == "csv" && o.end > 0 {
		o.columns, err = header(io.NewSectionReader(o.file, 0, o.end))
	}
	return err
}

// cause is a path error without the path, which the caller names.
func cause(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

func (o *out) add(it engine.Item, log *slog.Logger) {
	if o.gone {
		return
	}
	o.items++
	if o.format == "csv" {
		o.addCSV(it, log)
		return
	}
	o.buf = appendJSON(o.buf, it)
}

func (o *out) flush() error {
	if len(o.buf) == 0 || o.gone {
		return nil
	}
	if o.stream != nil {
		_, err := o.stream.Write(o.buf)
		o.buf = o.buf[:0]
		return cause(err)
	}
	// Written at its own offset, a row that a full disk tore is written over by
	// the next try.
	if _, err := o.file.WriteAt(o.buf, o.end); err != nil {
		return cause(err)
	}
	o.end += int64(len(o.buf))
	o.buf = o.buf[:0]
	return nil
}
