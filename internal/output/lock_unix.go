//go:build unix

package output

import (
	"errors"
	"os"
	"syscall"
)

// lock keeps a second process from writing the same file.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errors.New("another process is writing it")
	}
	return nil // a file system without locks does not hinder the crawl
}
