package cache

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A file is one that trim has found.
type file struct {
	path string
	size int64
	used time.Time
}

// trim removes what was written aside and left, and, where the files of dir are
// larger than limit, those not used for longest, until they are a tenth
// smaller. It returns what their size is then. Another process may remove the
// same files.
func trim(dir string, limit int64) (size int64, err error) {
	files, err := list(dir, time.Now().Add(-strayAfter))
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		size += f.size
	}
	if size <= limit {
		return size, nil
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Or(a.used.Compare(b.used), cmp.Compare(a.path, b.path)) })
	for _, f := range files[:max(0, len(files)-1)] { // the last is the one just written
		if size <= limit-limit/10 {
			break
		}
		_ = os.Remove(f.path)
		size -= f.size
	}
	return size, nil
}

// list lists the entries of dir and removes what was written aside before
// stray.
func list(dir string, stray time.Time) ([]file, error) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	files := make([]file, 0, len(names))
	for _, n := range names {
		st, err := n.Info()
		if err != nil {
			continue // gone meanwhile
		}
		path := filepath.Join(dir, n.Name())
		switch {
		case !strings.HasSuffix(n.Name(), aside):
			files = append(files, file{path, st.Size(), st.ModTime()})
		case st.ModTime().Before(stray):
			_ = os.Remove(path)
		}
	}
	return files, nil
}
