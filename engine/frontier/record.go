package frontier

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"time"

	"downpour/engine"
)

// A Record is one line of an exported crawl: one of its fields is set. The
// first is the Crawl, the last the End; between them come the values that scripts
// keep, queues, what has been seen, requests in the order of their queues, and
// failures.
type Record struct {
	Crawl   *CrawlRecord
	Value   *ValueRecord
	Queue   *QueueRecord
	Seen    []uint64        // prints, at most recordPrints
	Request *engine.Request // with its Queue and Print; Due goes with it
	Due     time.Time       // not leased before; zero for none of its own
	Failed  *engine.Failed
	End     *EndRecord
}

// A CrawlRecord is what there is once.
type CrawlRecord struct {
	Format   int             `json:"format"` // recordFormat
	Name     string          `json:"name"`
	Store    string          `json:"store"`          // "journal" or "redis": where it was
	Note     json.RawMessage `json:"note,omitempty"` // the crawl's own description
	Marks    engine.Marks    `json:"marks,omitempty"`
	Over     bool            `json:"over,omitempty"` // it has ended
	Finished int64           `json:"finished"`
	Charged  int64           `json:"charged"`
	Aside    int64           `json:"aside,omitempty"`
}

// A ValueRecord is a value that scripts keep.
type ValueRecord struct {
	Key   string    `json:"key"`
	Value []byte    `json:"value"` // in base64
	Until time.Time `json:"until,omitzero"`
}

// A QueueRecord is a part of what is known of a queue, which may have several.
type QueueRecord struct {
	Name    string    `json:"name"`
	Until   time.Time `json:"until,omitzero"`    // it rests until then
	Charged int64     `json:"charged,omitempty"` // pages counted against its budget
	Cold    bool      `json:"cold,omitempty"`    // nobody knows when it was last fetched
	State   []byte    `json:"state,omitempty"`   // its rule state, in base64
}

// An EndRecord tells how many there were of what may be many.
type EndRecord struct {
	Values   int64 `json:"values"`
	Queues   int64 `json:"queues"` // records of queues
	Seen     int64 `json:"seen"`
	Requests int64 `json:"requests"`
	Failed   int64 `json:"failed"`
}

// Add counts a record.
func (e *EndRecord) Add(r Record) {
	switch {
	case r.Value != nil:
		e.Values++
	case r.Queue != nil:
		e.Queues++
	case r.Request != nil:
		e.Requests++
	case r.Failed != nil:
		e.Failed++
	}
	e.Seen += int64(len(r.Seen))
}

// A Mover is a Store whose crawl can be taken into another, of either kind.
type Mover interface {
	// Export yields what the store holds, without the End. Nobody may be at the
	// crawl: what changes meanwhile is told in part.
	Export(ctx context.Context) iter.Seq2[Record, error]
	// Import takes what Export of another store has yielded, into a crawl that
	// has just begun. all counts the records, which it goes by for room only.
	Import(ctx context.Context, all EndRecord, records iter.Seq2[Record, error]) error
	// Discard closes the store and removes the crawl from it.
	Discard(ctx context.Context) error
}

const (
	recordFormat = 1
	recordPrints = 1000 // prints of a record
)

// MaxRecord is the most bytes of a line that ParseRecord reads.
const MaxRecord = 128 << 20

// recordLine is the stored form of a Record.
type recordLine struct {
	Crawl   *CrawlRecord    `json:"crawl,omitempty"`
	Value   *ValueRecord    `json:"value,omitempty"`
	Queue   *QueueRecord    `json:"queue,omitempty"`
	Seen    []byte          `json:"seen,omitempty"` // 8 bytes each, big-endian, in base64
	Request json.RawMessage `json:"request,omitempty"`
	Failed  json.RawMessage `json:"failed,omitempty"`
	End     *EndRecord      `json:"end,omitempty"`
	In      string          `json:"in,omitempty"`    // queue of a request
	Print   string          `json:"print,omitempty"` // of a request or a failure, in hexadecimal
	Due     time.Time       `json:"due,omitzero"`
}

// AppendJSON appends the record as one line, with its end, to b.
func (r Record) AppendJSON(b []byte) ([]byte, error) {
	line := recordLine{Crawl: r.Crawl, Value: r.Value, Queue: r.Queue, End: r.End}
	for _, p := range r.Seen {
		line.Seen = binary.BigEndian.AppendUint64(line.Seen, p)
	}
	hex := func(print uint64) string { return strconv.FormatUint(print, 16) }
	switch {
	case r.Request != nil:
		line.Request, line.In, line.Print, line.Due = r.Request.AppendJSON(nil), r.Request.Queue, hex(r.Request.Print), r.Due
	case r.Failed != nil:
		line.Failed, line.Print = r.Failed.AppendJSON(nil), hex(r.Failed.Print)
	}
	text, err := json.Marshal(line)
	if err != nil {
		return b, fmt.Errorf("export: %w", err)
	}
	return append(append(b, text...), '\n'), nil
}

// ParseRecord reads a line. It is strict: unknown fields, more than one value
// or none, and values out of range are errors.
func ParseRecord(text []byte) (r Record, err error) {
	var line recordLine
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&line); err != nil {
		return r, fmt.Errorf("not a line of an export: %w", err)
	}
	if d.More() {
		return r, errors.New("more than one value in a line")
	}
	r = Record{Crawl: line.Crawl, Value: line.Value, Queue: line.Queue, End: line.End, Due: line.Due}
	if len(line.Seen)%8 != 0 || len(line.Seen) > 8*recordPrints {
		return r, fmt.Errorf("seen holds %d bytes, which is no whole number of prints up to %d", len(line.Seen), recordPrints)
	}
	for b := line.Seen; len(b) > 0; b = b[8:] {
		r.Seen = append(r.Seen, binary.BigEndian.Uint64(b))
	}
	if line.Request != nil {
		if r.Request, err = engine.ParseRequest(line.Request); err != nil {
			return r, err
		}
		r.Request.Queue = line.In
	}
	if line.Failed != nil {
		if r.Failed, err = engine.ParseFailed(line.Failed); err != nil {
			return r, err
		}
	}
	if line.Print != "" {
		print, err := strconv.ParseUint(line.Print, 16, 64)
		if err != nil {
			return r, fmt.Errorf("print %.40q is no hexadecimal number of 64 bits", line.Print)
		}
		r.setPrint(print)
	}
	return r, r.check()
}

func (r Record) setPrint(print uint64) {
	if r.Request != nil {
		r.Request.Print = print
	}
	if r.Failed != nil {
		r.Failed.Print, r.Failed.Request.Print = print, print
	}
}

func (r Record) check() error {
	n := 0
	for _, set := range []bool{r.Crawl != nil, r.Value != nil, r.Queue != nil, len(r.Seen) > 0, r.Request != nil, r.Failed != nil, r.End != nil} {
		if set {
			n++
		}
	}
	if n != 1 {
		return fmt.Errorf("a line holds one of crawl, value, queue, seen, request, failed and end, not %d", n)
	}
	switch {
	case r.Crawl != nil && r.Crawl.Format != recordFormat:
		return fmt.Errorf("an export of format %d, this program knows %d: use the version that made it", r.Crawl.Format, recordFormat)
	case r.Crawl != nil && (r.Crawl.Finished < 0 || r.Crawl.Charged < 0 || r.Crawl.Aside < 0):
		return errors.New("a negative count")
	case r.Value != nil:
		return engine.CheckValue(r.Value.Key, r.Value.Value)
	case r.Queue != nil && (r.Queue.Name == "" || len(r.Queue.Name) > engine.MaxQueueName || r.Queue.Charged < 0 || len(r.Queue.State) > maxState):
		return fmt.Errorf("queue %.80q is none", r.Queue.Name)
	case r.Request != nil:
		return check(r.Request)
	case r.Failed != nil:
		return check(r.Failed.Request)
	}
	return nil
}

// importBatch bounds the requests, queues or failures taken in together.
const importBatch = 500

// An importer takes records in, several of a kind at a time.
type importer struct {
	crawl    func(*CrawlRecord) error
	value    func(key string, value []byte, ttl time.Duration) error
	queues   func([]*QueueRecord) error
	seen     func([]uint64) error
	requests func([]*engine.Request) error
	failed   func([]*engine.Failed) error

	qs []*QueueRecord
	rs []*engine.Request
	fs []*engine.Failed
}

// run takes all records in, in their order as far as kinds go.
func (m *importer) run(records iter.Seq2[Record, error]) error {
	for r, err := range records {
		switch {
		case err != nil:
			return err
		case r.Crawl != nil:
			err = m.crawl(r.Crawl)
		case r.Value != nil:
			err = m.keep(r.Value)
		case r.Queue != nil:
			m.qs = append(m.qs, r.Queue)
		case r.Seen != nil:
			err = errors.Join(m.flush(1), m.seen(r.Seen))
		case r.Request != nil:
			r.Request.Again = true // it has been seen: that came before
			if !r.Due.IsZero() {
				r.Request.After = max(time.Until(r.Due), 0)
			}
			m.rs = append(m.rs, r.Request)
		case r.Failed != nil:
			m.fs = append(m.fs, r.Failed)
		}
		if err == nil {
			err = m.flush(importBatch)
		}
		if err != nil {
			return err
		}
	}
	return m.flush(1)
}

// keep takes in a value, unless its time is over.
func (m *importer) keep(v *ValueRecord) error {
	ttl := time.Duration(0)
	if !v.Until.IsZero() {
		if ttl = time.Until(v.Until); ttl <= 0 {
			return nil
		}
	}
	value := v.Value
	if value == nil {
		value = []byte{} // nil would remove it
	}
	return m.value(v.Key, value, ttl)
}

// flush hands on what has come to at least so many.
func (m *importer) flush(least int) error {
	if len(m.qs) >= least {
		if err := m.queues(m.qs); err != nil {
			return err
		}
		m.qs = nil
	}
	if len(m.rs) >= least {
		if err := errors.Join(m.flushQueues(), m.requests(m.rs)); err != nil {
			return err
		}
		m.rs = nil
	}
	if len(m.fs) >= least {
		if err := m.failed(m.fs); err != nil {
			return err
		}
		m.fs = nil
	}
	return nil
}

// flushQueues hands on the queues: a rest comes before the requests it holds.
func (m *importer) flushQueues() error {
	if len(m.qs) == 0 {
		return nil
	}
	qs := m.qs
	m.qs = nil
	return m.queues(qs)
}
