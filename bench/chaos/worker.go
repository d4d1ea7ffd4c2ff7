package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// script follows every link and has a row for each page.
const script = `
function on_success(req)
  emit { url = req.url }
  req:follow()
end
`

// A worker is one of the places in the crawl: a process, and after that is
// killed another with the same arguments.
type worker struct {
	name   string
	binary string
	args   []string
	output string // its rows

	lives int
	life  *life
}

// A life is one process of a worker.
type life struct {
	name   string
	cmd    *exec.Cmd
	stderr bytes.Buffer
	ended  chan struct{}
	killed time.Time // zero: it was not
	err    error     // of its end
}

// newWorker is a worker of the crawl in dir, with what the store needs in args.
func newWorker(name, dir string, c *Chaos, s *site, args ...string) *worker {
	w := &worker{name: name, binary: c.Binary, output: filepath.Join(dir, name+".jsonl")}
	w.args = append([]string{
		"run", filepath.Join(dir, "chaos.lua"), s.seed(),
		"--name", "chaos", "--state", filepath.Join(dir, name), "-o", w.output, "--quiet",
		"--delay", c.Delay.String(), "--timeout", fetchTimeout.String(), "--concurrency", "64",
		"--allow-private", "--resolve", "*:80:" + s.addr,
	}, args...)
	return w
}

// start begins another life.
func (w *worker) start() error {
	w.lives++
	l := &life{name: fmt.Sprintf("%s.%d", w.name, w.lives), ended: make(chan struct{})}
	l.cmd = exec.Command(w.binary, append(w.args[:len(w.args):len(w.args)], "--headers", workerHeader+": "+l.name)...)
	l.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")} // none that sets options or proxies
	l.cmd.Stderr = &l.stderr
	w.life = l
	if err := l.cmd.Start(); err != nil {
		close(l.ended)
		return err
	}
	go func() {
		l.err = l.cmd.Wait()
		close(l.ended)
	}()
	return nil
}

// over reports whether the process has ended.
func (l *life) over() bool {
	select {
	case <-l.ended:
		return true
	default:
		return false
	}
}

// kill is kill -9, unless the process has ended by itself.
func (l *life) kill() {
	if l.over() {
		return
	}
	at := time.Now()
	_ = l.cmd.Process.Kill() // it may have ended meanwhile
	<-l.ended
	var exit *exec.ExitError
	if errors.As(l.err, &exit) && !exit.Exited() {
		l.killed = at
	}
}

// build compiles the command into dir.
func build(dir string) (binary string, err error) {
	binary = filepath.Join(dir, "downpour")
	out, err := exec.Command("go", "build", "-o", binary, "downpour").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build downpour: %w\n%s", err, out)
	}
	return binary, nil
}
