package output

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"downpour/engine"
)

// unknownMax is how many columns are reported as missing from a header.
const unknownMax = 100

// addCSV adds a record (RFC 4180, lines ending in LF). The first item's names
// are the header; values whose name is not in it are left out, which is said
// once a name.
func (o *out) addCSV(it engine.Item, log *slog.Logger) {
	if o.columns == nil {
		o.columns = make([]string, len(it))
		for i, f := range it {
			o.columns[i] = f.Name
		}
		o.record(o.columns)
	}
	row := make([]string, len(o.columns))
	for i, f := range it {
		at := o.column(i, f.Name)
		if at < 0 {
			o.report(f.Name, log)
			continue
		}
		row[at] = text(f.Value)
	}
	o.record(row)
}

// column finds name in the header, first where it is in most rows.
func (o *out) column(i int, name string) int {
	if i < len(o.columns) && o.columns[i] == name {
		return i
	}
	for i, c := range o.columns {
		if c == name {
			return i
		}
	}
	return -1
}

func (o *out) report(name string, log *slog.Logger) {
	if log == nil || o.unknown[name] || len(o.unknown) >= unknownMax {
		return
	}
	if o.unknown == nil {
		o.unknown = map[string]bool{}
	}
	o.unknown[name] = true
	log.Warn("column left out: the header is made of the first item's", "column", name, "file", o.name)
}

func (o *out) record(row []string) {
	// A record of one empty value would be an empty line, which readers skip.
	if len(row) == 1 && row[0] == "" {
		o.buf = append(o.buf, `""`+"\n"...)
		return
	}
	b := bytes.NewBuffer(o.buf)
	w := csv.NewWriter(b)
	_ = w.Write(row) // into memory
	w.Flush()
	o.buf = b.Bytes()
}

// text is a value as it stands in a cell: nothing for nil, JSON for lists and
// tables.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	return string(appendValue(nil, v))
}

// header reads the columns of a file that is there already.
func header(r io.Reader) ([]string, error) {
	columns, err := csv.NewReader(r).Read()
	if err != nil {
		return nil, fmt.Errorf("read its header: %w", err)
	}
	return columns, nil
}

// whole is where the last whole row of a file ends: what a killed process left
// of a row behind it does not count.
func whole(f *os.File, format string) (int64, error) {
	var end, at int64
	quoted := false
	r := bufio.NewReaderSize(io.NewSectionReader(f, 0, 1<<62), 1<<16)
	for {
		part, err := r.ReadSlice('\n')
		at += int64(len(part))
		if format == "csv" && bytes.Count(part, []byte{'"'})%2 == 1 {
			quoted = !quoted
		}
		if err == nil && !quoted {
			end = at
		}
		if errors.Is(err, io.EOF) {
			return end, nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return 0, err
		}
	}
}
