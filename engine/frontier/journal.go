package frontier

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"downpour/engine"
)

// A Journal is a crawl's frontier in a folder of append-only files, held by one
// process. Every call is written before it answers, so that the end of the
// process loses nothing; the disk is synced once a second, so that the end of
// the machine loses a second at most. In memory is only an index: some 15 bytes
// a request when pages push many of a host at a time, 60 when they are spread.
//
// What the disk refuses ends the journal: that call and all after it return the
// error, and the next Open goes on from the last call that answered.
type Journal struct {
	*engine.Reservations // lost with the process: buckets are cold in a crawl that is resumed

	dir     string
	o       Options
	log     *slog.Logger
	lock    *os.File
	resumed bool
	wake    chan struct{}
	quit    chan struct{}
	running sync.WaitGroup
	base    time.Time // a moment and what it is in Unix time: the two make
	unix    int64     // times that survive a restart and never jump while it runs
	values  *journalValues

	mu       sync.Mutex // guards everything below
	err      error      // what ended the journal
	x        index
	segs     []*segment
	nopen    int  // segments with an open file
	newFile  bool // the folder has changed since it was synced
	dirty    bool // the last segment has
	buf      []byte
	cache    groupCache
	push     pushing // room for Push to work in
	marks    engine.Marks
	note     []byte
	leases   map[*engine.Lease]*journalLease
	reserved int64 // requests under a lease
	soonest  int64 // no lease ends before
	tokens   uint64
	limit    int64 // size of a segment; a test makes it small
}

var _ Store = (*Journal)(nil)

// An InUseError says that another process holds the journal.
type InUseError struct {
	Name string // the crawl
	Dir  string
	PID  string // process id of the holder
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("crawl %q is in use by process %s (%s): wait for it, or give this one another --name", e.Name, e.PID, e.Dir)
}

// endedMark is the name of the file that says the crawl is over, or is being
// wiped.
const endedMark = "ended"

// syncEvery is how much time the end of the machine may lose.
const syncEvery = time.Second

// OpenJournal opens the crawl in dir, which it makes if need be: the one that
// was cut off there, or a new one. It returns an *InUseError when another
// process holds it. The caller closes the journal.
func OpenJournal(ctx context.Context, dir string, o Options) (*Journal, error) {
	o, err := o.filled()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if o.Look {
		if _, err := os.Stat(segmentPath(dir, 1)); err != nil {
			return nil, fmt.Errorf("%w: nothing in %s", ErrNoCrawl, dir)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the crawl's folder: %w", err)
	}
	lock, err := lockFile(filepath.Join(dir, "lock"))
	if err != nil {
		if used, ok := errors.AsType[*InUseError](err); ok {
			used.Name, used.Dir = o.Name, dir
		}
		return nil, err
	}
	j := &Journal{
		dir: dir, o: o, log: o.Log, lock: lock, limit: segmentSize,
		wake: make(chan struct{}, 1), quit: make(chan struct{}),
		base: time.Now(), x: newIndex(),
		marks: engine.Marks{}, leases: make(map[*engine.Lease]*journalLease),
	}
	j.unix = j.base.UnixNano()
	j.tokens = uint64(j.unix)
	if err := j.load(ctx); err != nil {
		j.release()
		return nil, err
	}
	j.Reservations = engine.NewReservations(j.resumed)
	j.running.Go(j.tend)
	return j, nil
}

// load reads what is in the folder, or makes it anew.
func (j *Journal) load(ctx context.Context) error {
	ended := filepath.Join(j.dir, endedMark)
	_, err := os.Stat(ended)
	if (err == nil || j.o.Fresh) && !j.o.Look {
		if err := wipe(j.dir, ended); err != nil {
			return fmt.Errorf("start anew: %w", err)
		}
	}
	last, err := segmentNumbers(j.dir)
	if err != nil {
		return err
	}
	if err := j.replay(ctx, last); err != nil {
		return err
	}
	if len(j.segs) == 0 {
		if err := j.startSegment(); err != nil {
			return err
		}
	}
	return j.openValues()
}

// wipe removes a crawl. Cut off in the middle it is taken up by the next open.
func wipe(dir, ended string) error {
	if err := os.WriteFile(ended, nil, 0o644); err != nil {
		return err
	}
	for _, pattern := range []string{"????????.seg", valuesFile, "*.tmp"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := os.Remove(name); err != nil {
				return err
			}
		}
	}
	return os.Remove(ended)
}

// tend syncs and cleans until the journal is closed.
func (j *Journal) tend() {
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	for {
		select {
		case <-j.quit:
			return
		case <-tick.C:
		}
		j.sync()
		j.values.tend()
		if err := j.clean(); err != nil {
			j.log.Warn("cleaning the journal", "err", err)
		}
	}
}

// sync hands what has been written to the disk. An error there ends the
// journal: what the system has thrown away must not be built upon.
func (j *Journal) sync() {
	j.mu.Lock()
	if j.err != nil || !j.dirty && !j.newFile {
		j.mu.Unlock()
		return
	}
	f, newFile := j.last().file, j.newFile
	j.dirty, j.newFile = false, false
	j.mu.Unlock()
	err := f.Sync()
	if err == nil && newFile {
		err = syncDir(j.dir)
	}
	if err == nil || errors.Is(err, os.ErrClosed) { // a segment is synced before it is closed
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	_ = j.fail(fmt.Errorf("sync the journal: %w", err)) // the next call returns it
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// fail ends the journal with the first error.
func (j *Journal) fail(err error) error {
	if j.err == nil {
		j.err = err
	}
	return j.err
}

var errClosed = errors.New("the journal is closed")

// Close gives up what is leased, unfinished, syncs and lets go of the folder.
// It returns the error that ended the journal, if one has.
func (j *Journal) Close() error {
	j.mu.Lock()
	if errors.Is(j.err, errClosed) {
		j.mu.Unlock()
		return nil
	}
	j.mu.Unlock()
	close(j.quit)
	j.running.Wait()
	j.giveUp()
	j.sync()
	j.values.tend()
	j.mu.Lock()
	err := j.err
	j.err = errClosed
	j.mu.Unlock()
	j.values.close() // whose lock comes before the journal's
	j.release()
	return err
}

// release closes the files, the lock last, once nobody uses them any more.
func (j *Journal) release() {
	for _, s := range j.segs {
		if s.file != nil {
			s.file.Close()
			s.file = nil
		}
	}
	j.lock.Close()
}

// nanos is t in nanoseconds of Unix time, by the monotonic clock.
func (j *Journal) nanos(t time.Time) int64 { return j.unix + int64(t.Sub(j.base)) }

func (j *Journal) now() int64 { return j.nanos(time.Now()) }

// enter begins a call: it takes the lock if it returns nil.
func (j *Journal) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j.mu.Lock()
	if j.err != nil {
		defer j.mu.Unlock()
		return j.err
	}
	return nil
}

// Wake receives when something may be due earlier than Lease said.
func (j *Journal) Wake() <-chan struct{} { return j.wake }

func (j *Journal) nudge() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// Resumed reports whether an unfinished crawl was there.
func (j *Journal) Resumed() bool { return j.resumed }

// Counts is how much the journal holds.
func (j *Journal) Counts(ctx context.Context) (engine.Counts, error) {
	if err := j.enter(ctx); err != nil {
		return engine.Counts{}, err
	}
	defer j.mu.Unlock()
	return engine.Counts{
		Queued: j.x.queued, Leased: j.reserved, Queues: j.x.busy, Finished: j.x.finished,
		Charged: j.x.charged, Seen: int64(j.x.prints.n), Aside: j.x.aside, Failed: int64(len(j.x.failed)),
	}, nil
}

// Marks is where the outputs ended at the last Done.
func (j *Journal) Marks() engine.Marks {
	j.mu.Lock()
	defer j.mu.Unlock()
	return maps.Clone(j.marks)
}

// Note is the crawl's own description.
func (j *Journal) Note() []byte {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.note
}

// SetNote keeps b with the crawl.
func (j *Journal) SetNote(ctx context.Context, b []byte) error {
	if err := j.enter(ctx); err != nil {
		return err
	}
	defer j.mu.Unlock()
	return j.commit(appendLen(append(beginFrame(j.buf), opNote), b))
}

// End records that the crawl is over: the next open starts anew.
func (j *Journal) End(ctx context.Context) error {
	if err := j.enter(ctx); err != nil {
		return err
	}
	defer j.mu.Unlock()
	if err := os.WriteFile(filepath.Join(j.dir, endedMark), nil, 0o644); err != nil {
		return j.fail(j.writeError(err))
	}
	j.newFile = true
	return nil
}
