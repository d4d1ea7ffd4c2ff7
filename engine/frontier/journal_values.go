package frontier

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"downpour/engine"
)

// journalValues are a crawl's values in its folder: a table in memory and the
// file of its changes, in frames like those of a segment. The file is begun by
// the first change, and rewritten with what lives when it has grown to twice
// what lived the last time.
type journalValues struct {
	*engine.MemoryValues
	j *Journal

	// Guarded by the table's lock.
	file *os.File // nil before the first change
	buf  []byte
	size int64 // of the file
	live int64 // of the file when it was last rewritten
	slop int64 // by how much it may outgrow twice that; a test makes it small

	dirty bool // not synced
	fresh bool // the folder has changed since it was synced
}

// valuesFile is the name of the file of values, valuesSlop the length up to
// which it is left as it is.
const (
	valuesFile = "values"
	valuesSlop = 1 << 20
)

// Values implements Store. They are synced to the disk with the rest; what the
// disk refuses ends the journal.
func (j *Journal) Values() engine.Values { return j.values }

func (v *journalValues) path() string { return filepath.Join(v.j.dir, valuesFile) }

// openValues reads the values back, and cuts an unfinished end off their file.
func (j *Journal) openValues() error {
	v := &journalValues{j: j, slop: valuesSlop}
	v.MemoryValues = engine.NewValues(v.keep)
	j.values = v
	fr, err := openFrames(v.path())
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case errors.Is(err, errTorn): // not even its first line
		return os.Remove(v.path())
	case err != nil:
		return err
	}
	defer fr.close()
	for err == nil {
		var payload []byte
		if payload, _, err = fr.next(); err == nil {
			err = v.restore(payload)
		}
	}
	switch {
	case errors.Is(err, errTorn):
		j.log.Warn("cut the values' unfinished end", "file", fr.path, "bytes", fr.size-fr.at)
		if err := os.Truncate(fr.path, fr.at); err != nil {
			return fmt.Errorf("cut the values' unfinished end: %w", err)
		}
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("%s: %w", fr.path, err)
	}
	v.size = fr.at
	v.file, err = os.OpenFile(fr.path, os.O_WRONLY|os.O_APPEND, 0)
	return err
}

// restore does what a frame says.
func (v *journalValues) restore(payload []byte) error {
	d := &decoder{b: payload}
	for d.more() {
		op, key := d.byte(), string(d.text())
		var s *engine.Stored
		switch op {
		case opValue:
			s = &engine.Stored{}
			if at := d.int64(); at > 0 {
				s.Until = v.j.base.Add(time.Duration(at - v.j.unix))
			}
			s.Value = append([]byte{}, d.text()...)
		case opForget:
		default:
			d.bad = true
		}
		if !d.bad {
			v.Restore(key, s)
		}
	}
	return d.err()
}

// appendValue appends a change.
func (v *journalValues) appendValue(b []byte, key string, s *engine.Stored) []byte {
	if s == nil {
		return appendLen(append(b, opForget), key)
	}
	b = appendLen(append(b, opValue), key)
	var until uint64
	if !s.Until.IsZero() {
		until = uint64(max(v.j.nanos(s.Until), 1))
	}
	return appendLen(binary.AppendUvarint(b, until), s.Value)
}

// keep writes a change to the file.
func (v *journalValues) keep(key string, s *engine.Stored) error {
	v.j.mu.Lock()
	err := v.j.err
	v.j.mu.Unlock()
	if err != nil {
		return err
	}
	if v.file == nil {
		if err := v.begin(); err != nil {
			return v.refused(v.j.writeError(err))
		}
	}
	b := v.appendValue(beginFrame(v.buf), key, s)
	endFrame(b)
	if v.buf = b[:0]; cap(b) > 1<<20 {
		v.buf = nil
	}
	n, err := v.file.Write(b)
	v.size += int64(n)
	v.dirty = true
	if err != nil {
		return v.refused(v.j.writeError(err))
	}
	return nil
}

// begin makes the file.
func (v *journalValues) begin() error {
	f, err := os.OpenFile(v.path(), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	v.file, v.fresh = f, true
	n, err := f.WriteString(formatLine)
	v.size = int64(n)
	return err
}

// refused ends the journal with an error of the disk.
func (v *journalValues) refused(err error) error {
	v.j.mu.Lock()
	defer v.j.mu.Unlock()
	return v.j.fail(err)
}

// tend rewrites the file if that is worth it, and syncs it.
func (v *journalValues) tend() {
	var file *os.File
	var fresh bool
	v.Locked(func(all map[string]engine.Stored) {
		if v.file != nil && v.size > 2*v.live+v.slop {
			if err := v.rewrite(all); err != nil {
				v.live = v.size // not again before there is as much more
				v.j.log.Warn("cleaning the values", "err", err)
			}
		}
		if v.dirty {
			file = v.file
		}
		fresh = v.fresh
		v.dirty, v.fresh = false, false
	})
	var err error
	if file != nil {
		err = file.Sync()
	}
	if err == nil && fresh {
		err = syncDir(v.j.dir)
	}
	if err != nil {
		_ = v.refused(fmt.Errorf("sync the values: %w", err)) // the next call returns it
	}
}

// rewrite puts a file with nothing but what lives in the place of the old.
func (v *journalValues) rewrite(all map[string]engine.Stored) error {
	tmp := v.path() + ".tmp"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	size, err := v.writeAll(f, all)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(tmp, v.path())
	}
	if err != nil {
		f.Close()
		_ = os.Remove(tmp)
		return err
	}
	v.file.Close()
	v.file, v.size, v.live = f, size, size
	v.dirty, v.fresh = false, true
	return nil
}

func (v *journalValues) writeAll(f *os.File, all map[string]engine.Stored) (size int64, err error) {
	w := bufio.NewWriterSize(f, 1<<18)
	n, _ := w.WriteString(formatLine) // an error is kept for Flush
	size = int64(n)
	b := beginFrame(nil)
	flush := func() {
		if len(b) > frameHead {
			endFrame(b)
			_, _ = w.Write(b) // an error is kept for Flush
			size += int64(len(b))
			b = beginFrame(b)
		}
	}
	for key, s := range all {
		if b = v.appendValue(b, key, &s); len(b) >= cleanFrame {
			flush()
		}
	}
	flush()
	return size, w.Flush()
}

// close lets go of the file.
func (v *journalValues) close() {
	v.Locked(func(map[string]engine.Stored) {
		if v.file != nil {
			v.file.Close()
			v.file = nil
		}
	})
}
