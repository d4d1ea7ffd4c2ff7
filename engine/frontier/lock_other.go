//go:build !unix || solaris || illumos || aix

package frontier

import (
	"fmt"
	"os"
)

// lockFile notes the process's id in path. The system has no lock that a dying
// process gives up by itself, so two processes are not kept apart.
func lockFile(path string) (*os.File, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintln(f, os.Getpid()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
