// Package examples_test runs every example as a user would and compares its
// rows. A folder holds crawl.lua, its site and items.jsonl; a file flags adds
// to the command line, status names another exit status than 0, processes asks
// for so many workers over one Redis.
package examples_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "downpour-examples")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "downpour")
	out, err := exec.Command("go", "build", "-o", path, "..").CombinedOutput()
	if err != nil {
		return "", errors.New(string(out))
	}
	return path, nil
})

func TestExamples(t *testing.T) {
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(filepath.Dir(bin)) })
	scripts, err := filepath.Glob("*/crawl.lua")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, script := range scripts {
		dir := filepath.Dir(script)
		t.Run(dir, func(t *testing.T) {
			args := append([]string{"run", script, "--state", t.TempDir()}, strings.Fields(read(t, dir, "flags"))...)
			processes := 1
			if n := read(t, dir, "processes"); n != "" {
				processes = number(t, n)
				args = append(args, "--redis", startRedis(t))
			}
			status := 0
			if s := read(t, dir, "status"); s != "" {
				status = number(t, s)
			}
			got := run(t, bin, args, processes, status)
			want := lines(read(t, dir, "items.jsonl"))
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("rows (-want +got):\n%s", d)
			}
		})
	}
}

// run starts the processes, waits for them and gathers their rows, sorted.
func run(t *testing.T, bin string, args []string, processes, status int) []string {
	t.Helper()
	var wg sync.WaitGroup
	outs := make([]string, processes)
	for i := range processes {
		wg.Go(func() {
			var stderr strings.Builder
			cmd := exec.CommandContext(t.Context(), bin, args...)
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			outs[i] = string(out)
			if code := cmd.ProcessState.ExitCode(); code != status {
				t.Errorf("exit status %d, want %d (%v)\n%s", code, status, err, stderr.String())
			}
		})
	}
	wg.Wait()
	return lines(strings.Join(outs, ""))
}

// startRedis starts a redis-server on a socket and answers its URL.
func startRedis(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed (Debian: apt-get install redis-server)")
	}
	dir, err := os.MkdirTemp("", "redis")
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "redis.sock")
	cmd := exec.Command(path, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		os.RemoveAll(dir)
	})
	deadline := time.After(10 * time.Second)
	for {
		if _, err := os.Stat(socket); err == nil {
			return "unix://" + socket
		}
		select {
		case <-deadline:
			t.Fatal("redis-server did not start")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// read is a file of an example, "" if it has none of that name.
func read(t *testing.T, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func lines(s string) []string {
	all := slices.DeleteFunc(strings.Split(s, "\n"), func(l string) bool { return l == "" })
	slices.Sort(all)
	return all
}
