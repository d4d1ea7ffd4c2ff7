package fetch

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const (
	maxJars   = 4096             // named cookie jars of a crawl
	saveEvery = 10 * time.Second // cookies that a killed process may lose
)

// jars are the crawl's cookie jars by name; "" is the one used where a request
// names none. Nothing goes from one jar into another.
type jars struct {
	mu    sync.Mutex // guards what follows
	named map[string]*jar
	path  string // where they are kept; "" for nowhere
	saved time.Time
	dirty bool
}

func newJars() *jars { return &jars{named: map[string]*jar{"": newJar()}} }

// get is the jar of that name, made if need be.
func (s *jars) get(name string) (*jar, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.named[name]
	if j == nil {
		if len(s.named) >= maxJars {
			return nil, invalid("cookie jar %q would be one more than %d", name, maxJars)
		}
		j = newJar()
		s.named[name] = j
	}
	return j, nil
}

// KeepCookies keeps the cookies in a file from now on, and first takes what it
// holds if the crawl goes on with it. It is to be called before the first Fetch.
func (f *Fetcher) KeepCookies(path string, goOn bool) error {
	if f.cookies == nil {
		return nil
	}
	file, err := os.Open(path)
	switch {
	case os.IsNotExist(err):
	case err != nil:
		return fmt.Errorf("cookies: %w", err)
	default:
		defer file.Close()
		if goOn {
			if err := f.cookies.read(file, time.Now()); err != nil {
				return fmt.Errorf("cookies %s: %w", path, err)
			}
		}
	}
	f.cookies.path, f.cookies.saved = path, time.Now()
	if err == nil && !goOn {
		f.cookies.dirty = true // what an older crawl left is to go
	}
	return nil
}

// LoadCookies adds cookies in the Netscape form that curl and browsers'
// extensions write. The error names the line. It is to be called before the
// first Fetch, and before KeepCookies, whose cookies are newer.
func (f *Fetcher) LoadCookies(r io.Reader) error {
	if f.cookies == nil {
		return nil
	}
	f.cookies.dirty = true
	return f.cookies.read(r, time.Now())
}

// WriteCookies writes all cookies in the Netscape form, also those that end
// with the crawl.
func (f *Fetcher) WriteCookies(w io.Writer) error {
	if f.cookies == nil {
		return nil
	}
	return f.cookies.write(w, time.Now())
}

// changed notes that there are new cookies, and saves them from time to time.
func (s *jars) changed(now time.Time) error {
	s.mu.Lock()
	s.dirty = true
	due := s.path != "" && now.Sub(s.saved) >= saveEvery
	if due {
		s.saved = now
	}
	s.mu.Unlock()
	if !due {
		return nil
	}
	return s.save(now)
}

// save writes the file aside and puts it in place, if anything has changed.
func (s *jars) save(now time.Time) error {
	s.mu.Lock()
	path, dirty := s.path, s.dirty
	s.dirty = false
	s.mu.Unlock()
	if path == "" || !dirty {
		return nil
	}
	t, err := os.CreateTemp(filepath.Dir(path), "cookies-*.tmp")
	if err != nil {
		return fmt.Errorf("keep cookies: %w", err)
	}
	err = s.write(t, now)
	if cerr := t.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(t.Name(), path)
	}
	if err != nil {
		_ = os.Remove(t.Name())
		return fmt.Errorf("keep cookies: %w", err)
	}
	return nil
}

// all lists the jars by name.
func (s *jars) all() (names []string, list []*jar) {
	s.mu.Lock()
	defer s.mu.Unlock()
	names = slices.Sorted(maps.Keys(s.named))
	for _, name := range names {
		list = append(list, s.named[name])
	}
	return names, list
}
