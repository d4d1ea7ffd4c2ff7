package frontier

import (
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// A worker is a process at a crawl, as the others can tell it apart: a machine
// is its host name, boot and process namespace; there a process is its pid and
// start. What cannot be found out is "".
type worker struct {
	Host  string `json:"host"`
	Boot  string `json:"boot,omitempty"`
	Space string `json:"space,omitempty"`
	Pid   int    `json:"pid"`
	Start string `json:"start,omitempty"`
	Owner string `json:"owner,omitempty"`
}

func thisWorker(owner string) worker {
	w := worker{Pid: os.Getpid(), Start: processStart(os.Getpid()), Owner: owner}
	w.Host, _ = os.Hostname()
	if b, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
		w.Boot = strings.TrimSpace(string(b))
	}
	w.Space, _ = os.Readlink("/proc/self/ns/pid")
	return w
}

func parseWorker(s string) (w worker, ok bool) {
	return w, json.Unmarshal([]byte(s), &w) == nil && w.Pid > 0
}

func (w worker) json() string {
	b, err := json.Marshal(w)
	if err != nil {
		return "{}" // unreachable: strings and a number
	}
	return string(b)
}

// String is how messages name the worker.
func (w worker) String() string {
	if w.Owner != "" {
		return w.Owner
	}
	return w.Host + " pid " + strconv.Itoa(w.Pid)
}

// dead reports whether w ran on the machine of self and has certainly ended.
func (w worker) dead(self worker) bool {
	if w.Host != self.Host || w.Boot != self.Boot || w.Space != self.Space {
		return false
	}
	if w.Pid == self.Pid {
		return w.Start != self.Start
	}
	p, err := os.FindProcess(w.Pid)
	if err != nil {
		return true
	}
	if err := p.Signal(syscall.Signal(0)); errors.Is(err, os.ErrProcessDone) || errors.Is(err, syscall.ESRCH) {
		return true
	}
	start := processStart(w.Pid)
	return start != "" && w.Start != "" && start != w.Start
}

// processStart is when a process began, in the kernel's ticks since boot: with
// the pid it names one process. It is "" where the system does not say, and
// for a process that has ended but not been waited for ("Z").
func processStart(pid int) string {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	s := string(b)
	f := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
	if len(f) < 20 {
		return ""
	}
	if f[0] == "Z" {
		return "ended"
	}
	return f[19]
}
