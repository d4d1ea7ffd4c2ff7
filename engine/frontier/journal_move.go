package frontier

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"downpour/engine"
)

var _ Mover = (*Journal)(nil)

// Export implements Mover.
func (j *Journal) Export(ctx context.Context) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for _, part := range []func(context.Context, func(Record) bool) (bool, error){
			j.exportCrawl, j.exportValues, j.exportQueues, j.exportSeen, j.exportRequests, j.exportFailed,
		} {
			more, err := part(ctx, func(r Record) bool { return yield(r, nil) })
			if err != nil {
				yield(Record{}, err)
			}
			if err != nil || !more {
				return
			}
		}
	}
}

func (j *Journal) exportCrawl(ctx context.Context, yield func(Record) bool) (more bool, err error) {
	over, err := j.Over(ctx)
	if err != nil {
		return false, err
	}
	if err := j.enter(ctx); err != nil {
		return false, err
	}
	c := &CrawlRecord{
		Format: recordFormat, Name: j.o.Name, Store: "journal", Note: j.note, Over: over,
		Finished: j.x.finished, Charged: j.x.charged, Aside: j.x.aside,
	}
	j.mu.Unlock()
	c.Marks = j.Marks()
	if len(c.Note) > 0 && !json.Valid(c.Note) {
		return false, errors.New("export: the crawl's description is no JSON")
	}
	return yield(Record{Crawl: c}), nil
}

func (j *Journal) exportValues(_ context.Context, yield func(Record) bool) (more bool, err error) {
	more = true
	j.values.Locked(func(all map[string]engine.Stored) {
		for key, s := range all {
			r := &ValueRecord{Key: key, Value: s.Value}
			if !s.Until.IsZero() {
				r.Until = s.Until.Round(0).UTC()
			}
			if more = yield(Record{Value: r}); !more {
				return
			}
		}
	})
	return more, nil
}

func (j *Journal) exportQueues(ctx context.Context, yield func(Record) bool) (more bool, err error) {
	for id := uint32(0); ; id++ {
		if err := j.enter(ctx); err != nil {
			return false, err
		}
		if id >= j.x.nqueue {
			j.mu.Unlock()
			return true, nil
		}
		q := j.x.queue(id)
		r := &QueueRecord{Name: strings.Clone(q.name), Charged: q.charged, Cold: q.cold, State: []byte(q.state)}
		if q.rest > j.now() {
			r.Until = j.time(q.rest).Round(0).UTC()
		}
		j.mu.Unlock()
		if !yield(Record{Queue: r}) {
			return false, nil
		}
	}
}

func (j *Journal) exportSeen(ctx context.Context, yield func(Record) bool) (more bool, err error) {
	for i := range j.x.prints.tables {
		if err := j.enter(ctx); err != nil {
			return false, err
		}
		all := make([]uint64, 0, j.x.prints.tables[i].n+1)
		for _, p := range j.x.prints.tables[i].places {
			if p != 0 {
				all = append(all, p)
			}
		}
		if i == 0 && j.x.prints.zero {
			all = append(all, 0)
		}
		j.mu.Unlock()
		for len(all) > 0 {
			n := min(len(all), recordPrints)
			if !yield(Record{Seen: all[:n:n]}) {
				return false, nil
			}
			all = all[n:]
		}
	}
	return true, nil
}

// exportRequests reads queue by queue, and holds the journal for each: nobody
// else is at it.
func (j *Journal) exportRequests(ctx context.Context, yield func(Record) bool) (more bool, err error) {
	for id := uint32(0); ; id++ {
		if err := j.enter(ctx); err != nil {
			return false, err
		}
		if id >= j.x.nqueue {
			j.mu.Unlock()
			return true, nil
		}
		stopped := false
		err := j.look(j.x.queue(id), func(w Waiting, _ heldRequest) bool {
			r := Record{Request: w.Request}
			if !w.Due.IsZero() {
				r.Due = w.Due.Round(0).UTC()
			}
			stopped = !yield(r)
			return !stopped
		})
		j.mu.Unlock()
		if err != nil || stopped {
			return false, err
		}
	}
}

func (j *Journal) exportFailed(ctx context.Context, yield func(Record) bool) (more bool, err error) {
	for f, err := range j.Failures(ctx) {
		if err != nil {
			return false, err
		}
		if !yield(Record{Failed: f}) {
			return false, nil
		}
	}
	return true, nil
}

// Import implements Mover.
func (j *Journal) Import(ctx context.Context, _ EndRecord, records iter.Seq2[Record, error]) error {
	m := &importer{
		crawl: func(c *CrawlRecord) error { return j.importCrawl(ctx, c) },
		value: func(key string, value []byte, ttl time.Duration) error {
			return j.Values().Set(ctx, key, value, ttl)
		},
		queues: func(qs []*QueueRecord) error { return j.importQueues(ctx, qs) },
		seen:   func(prints []uint64) error { return j.importSeen(ctx, prints) },
		requests: func(reqs []*engine.Request) error {
			_, err := j.Push(ctx, reqs...)
			return err
		},
		failed: func(fs []*engine.Failed) error { return j.importFailed(ctx, fs) },
	}
	return m.run(records)
}

func (j *Journal) importCrawl(ctx context.Context, c *CrawlRecord) error {
	if err := j.enter(ctx); err != nil {
		return err
	}
	defer j.mu.Unlock()
	b := appendUints(beginFrame(j.buf), opTotals, uint64(c.Finished), uint64(c.Charged))
	b = appendLen(appendMarks(b, c.Marks), c.Note)
	return j.commit(appendUints(b, opAside, uint64(c.Aside)))
}

func (j *Journal) importQueues(ctx context.Context, qs []*QueueRecord) error {
	if err := j.enter(ctx); err != nil {
		return err
	}
	defer j.mu.Unlock()
	for _, r := range qs {
		id, b := j.queueID(beginFrame(j.buf), r.Name)
		clear(j.push.named)
		known := queue{}
		if id < j.x.nqueue {
			known = *j.x.queue(id)
		}
		now := j.now()
		rest, charged, state := max(known.rest-now, 0), known.charged, []byte(known.state)
		rest = max(rest, int64(time.Until(r.Until)))
		charged = cmp.Or(r.Charged, charged)
		if len(r.State) > 0 {
			state = r.State
		}
		b = appendUints(b, opState, uint64(id), uint64(now), uint64(rest), 0, uint64(charged))
		if err := j.commit(appendLen(b, state)); err != nil {
			return err
		}
	}
	return nil
}

func (j *Journal) importSeen(ctx context.Context, prints []uint64) error {
	if err := j.enter(ctx); err != nil {
		return err
	}
	defer j.mu.Unlock()
	b := appendUints(beginFrame(j.buf), opSeen, uint64(len(prints)))
	for _, p := range prints {
		b = binary.LittleEndian.AppendUint64(b, p)
	}
	return j.commit(b)
}

func (j *Journal) importFailed(ctx context.Context, fs []*engine.Failed) error {
	if err := j.enter(ctx); err != nil {
		return err
	}
	defer j.mu.Unlock()
	b := beginFrame(j.buf)
	for _, f := range fs {
		b = appendFailure(b, f.Print, f.AppendJSON(nil))
	}
	return j.commit(b)
}

// Discard implements Mover. A folder that holds nothing else goes too.
func (j *Journal) Discard(ctx context.Context) error {
	if err := j.End(ctx); err != nil {
		return err
	}
	j.mu.Lock()
	err := wipe(j.dir, filepath.Join(j.dir, endedMark))
	j.mu.Unlock()
	if err := errors.Join(err, j.Close()); err != nil {
		return fmt.Errorf("remove the crawl: %w", err)
	}
	for _, path := range []string{filepath.Join(j.dir, "lock"), j.dir} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil // the folder is somebody's for something else, too
		}
	}
	return nil
}
