// Package cache is a private HTTP cache (RFC 9111) in a folder: the rules by
// which an answer may be kept and used again, and the files that keep it.
//
// An answer is one file, named after its URL and written aside before it takes
// its place, with a checksum: a process that is killed leaves no half of one,
// and any number of processes may share a folder.
package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	shards     = 64            // subfolders, each with its share of the size
	recheck    = 8             // a shard is looked at again after an eighth of its share has been written
	touchAfter = 1 * time.Hour // a hit renews an entry's time when that is older
	strayAfter = 1 * time.Hour // a file written aside and left is removed after this
	aside      = ".tmp"
	maxFront   = 64 << 10 // octets in which the fields before the headers have room
)

// A Folder keeps entries within a size. It is safe for concurrent use, by
// several processes too; each keeps the size for what it writes.
type Folder struct {
	dir    string
	share  int64 // bytes of one shard
	shards [shards]shard
}

// Open makes the folder dir if need be. size is how many bytes it may hold,
// about; what has not been used for longest goes first. An entry is kept only
// if it is no larger than a 64th of size.
func Open(dir string, size int64) (*Folder, error) {
	f := &Folder{dir: dir, share: max(1, size/shards)}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the cache folder: %w", err)
	}
	for i := range f.shards {
		f.shards[i].dir = filepath.Join(dir, hex.EncodeToString([]byte{byte(i)}))
	}
	return f, nil
}

// place is the shard and the file of a URL.
func (f *Folder) place(url string) (*shard, string) {
	sum := sha256.Sum256([]byte(url))
	s := &f.shards[sum[0]%shards]
	return s, filepath.Join(s.dir, hex.EncodeToString(sum[:16]))
}

// Get is the entry of a URL, nil where there is none that is whole.
func (f *Folder) Get(url string) *Entry {
	_, path := f.place(url)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	e, err := decode(data)
	if err != nil {
		_ = os.Remove(path) // whoever finds it next would be no wiser
		return nil
	}
	if e.URL != url {
		return nil
	}
	now := time.Now()
	if st, err := os.Stat(path); err == nil && now.Sub(st.ModTime()) > touchAfter {
		_ = os.Chtimes(path, now, now) // for the order in which entries go; losing it costs little
	}
	return e
}

// Put keeps an entry in place of the one its URL has.
func (f *Folder) Put(e *Entry) error {
	s, path := f.place(e.URL)
	data := e.encode()
	if int64(len(data)) > f.share {
		return f.Remove(e.URL)
	}
	if err := write(path, data); err != nil {
		return fmt.Errorf("keep in the cache: %w", err)
	}
	return s.wrote(int64(len(data)), f.share)
}

// write puts data at path in one step.
func write(path string, data []byte) error {
	dir := filepath.Dir(path)
	t, err := os.CreateTemp(dir, "*"+aside)
	if errors.Is(err, fs.ErrNotExist) && os.MkdirAll(dir, 0o700) == nil {
		t, err = os.CreateTemp(dir, "*"+aside)
	}
	if err != nil {
		return err
	}
	_, err = t.Write(data)
	if cerr := t.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(t.Name(), path)
	}
	if err != nil {
		_ = os.Remove(t.Name())
	}
	return err
}

// Remove forgets the entry of a URL.
func (f *Folder) Remove(url string) error {
	_, path := f.place(url)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove from the cache: %w", err)
	}
	return nil
}

// Empty reports whether the folder holds no entry.
func (f *Folder) Empty() bool {
	for i := range f.shards {
		names, err := os.ReadDir(f.shards[i].dir)
		if err != nil {
			continue
		}
		for _, n := range names {
			if !strings.HasSuffix(n.Name(), aside) {
				return false
			}
		}
	}
	return true
}

// Older are the entries that were put or last used before then, as far as their
// fronts tell: without headers and bodies, and unchecked. Some that were used in
// the hour before may be among them.
func (f *Folder) Older(then time.Time) iter.Seq[*Entry] {
	return func(yield func(*Entry) bool) {
		for i := range f.shards {
			files, err := list(f.shards[i].dir, time.Time{})
			if err != nil {
				continue // no entry has come here
			}
			for _, file := range files {
				if !file.used.Before(then) {
					continue
				}
				if e := front(file.path); e != nil && !yield(e) {
					return
				}
			}
		}
	}
}

// front reads the first fields of an entry; nil where there are none.
func front(path string) *Entry {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxFront))
	if err != nil || len(b) < headSize || string(b[:len(magic)]) != magic {
		return nil
	}
	d := decoder{rest: b[headSize:]}
	e := d.front()
	if d.failed {
		return nil
	}
	return e
}

// A shard is one subfolder.
type shard struct {
	dir string

	mu    sync.Mutex // guards what follows
	known bool       // size has been looked at
	size  int64      // of its files when last looked at, and what this process has written since
	fresh int64      // written since
}

// wrote counts n bytes, and makes room when there may be more than share.
func (s *shard) wrote(n, share int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.size += n
	s.fresh += n
	if s.known && s.size <= share && s.fresh <= share/recheck {
		return nil
	}
	size, err := trim(s.dir, share)
	if err != nil {
		return fmt.Errorf("make room in the cache: %w", err)
	}
	s.known, s.size, s.fresh = true, size, 0
	return nil
}
