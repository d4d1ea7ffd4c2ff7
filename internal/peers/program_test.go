package peers

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"downpour/internal/cli"
)

// asCommand, in the environment, makes the test binary the command itself.
const asCommand = "PEERS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(cli.Main())
	}
	os.Exit(m.Run())
}

// A program is a server of somebody else, as a child of the test.
type program struct {
	addr string // where it listens, "127.0.0.1:port"
	log  *output
}

// output is what a program says; it may be read while the program runs.
type output struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// find is the path of an installed program; the test is skipped without it.
func find(t *testing.T, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	for _, dir := range [...]string{"/usr/sbin", "/usr/local/sbin"} {
		if err == nil {
			break
		}
		path, err = exec.LookPath(filepath.Join(dir, name))
	}
	if err != nil {
		t.Skipf("no %s: on Debian, apt-get install %s", name, pkg)
	}
	return path
}

// start runs a program in the foreground until the test ends. args makes its
// arguments for the ports it is to listen on, of which it is ready when it
// answers on the first; it is called again where another program took one.
func start(t *testing.T, path string, ports int, args func(ports []string) []string) *program {
	t.Helper()
	for range 3 {
		free := freePorts(t, ports)
		p := &program{addr: "127.0.0.1:" + free[0], log: &output{}}
		cmd := exec.Command(path, args(free)...)
		cmd.Stdout, cmd.Stderr = p.log, p.log
		cmd.Dir = t.TempDir()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			_ = cmd.Wait()
			close(ended)
		}()
		stop := func() {
			_ = cmd.Process.Kill()
			<-ended
		}
		if p.answers(ended) {
			t.Cleanup(func() {
				stop()
				if t.Failed() {
					t.Logf("%s said:\n%s", path, p.log)
				}
			})
			return p
		}
		stop()
		t.Logf("%s did not start:\n%s", path, p.log)
	}
	t.Fatalf("%s does not start", path)
	return nil
}

// answers waits until the program listens.
func (p *program) answers(ended <-chan struct{}) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if c, err := net.Dial("tcp", p.addr); err == nil {
			c.Close()
			return true
		}
		select {
		case <-ended:
			return false
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}

// saw waits until the program has written text to its output.
func (p *program) saw(text string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(p.log.String(), text) {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

// freePorts is n different ports of loopback where nothing listens.
func freePorts(t *testing.T, n int) []string {
	t.Helper()
	ports := make([]string, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports[i] = strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// folder is a temporary folder that programs which give up root can read.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "downpour-peers-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// at is the URL of a path on a port of loopback.
func at(scheme, port, path string) string {
	return fmt.Sprintf("%s://127.0.0.1:%s%s", scheme, port, path)
}
