package frontier

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// A redisServer is a real redis-server on a unix socket.
type redisServer struct {
	dir  string
	args []string
	cmd  *exec.Cmd
}

// newRedisServer starts a server for the length of the test, or skips it.
func newRedisServer(t testing.TB, args ...string) *redisServer {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed; on Debian: apt-get install redis-server")
	}
	s := &redisServer{dir: t.TempDir(), args: args}
	t.Cleanup(s.kill)
	s.start(t)
	return s
}

func (s *redisServer) socket() string { return filepath.Join(s.dir, "r.sock") }
func (s *redisServer) url() string    { return "unix://" + s.socket() }

// start starts the server and waits until it answers.
func (s *redisServer) start(t testing.TB) {
	t.Helper()
	args := append([]string{"--port", "0", "--unixsocket", s.socket(), "--dir", s.dir, "--save", "", "--daemonize", "no"}, s.args...)
	s.cmd = exec.Command("redis-server", args...)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := s.client()
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for err := c.Ping(ctx).Err(); err != nil && !strings.HasPrefix(err.Error(), "NOAUTH"); err = c.Ping(ctx).Err() {
		select {
		case <-ctx.Done():
			t.Fatal("redis-server does not answer")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// kill is kill -9.
func (s *redisServer) kill() {
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Kill()
	s.cmd.Wait()
	os.Remove(s.socket())
	s.cmd = nil
}

func (s *redisServer) client() *redis.Client {
	return redis.NewClient(&redis.Options{Network: "unix", Addr: s.socket(), Protocol: 2})
}

// vanish ends r as a machine does that loses its power: nothing is given up,
// and nobody on this one can know.
func (r *Redis) vanish(t testing.TB) {
	t.Helper()
	r.cancel()
	r.done.Wait()
	if err := r.client.Del(t.Context(), r.keys.alive(r.id)).Err(); err != nil {
		t.Fatal(err)
	}
	if err := r.client.HDel(t.Context(), r.keys.workers(), r.id).Err(); err != nil {
		t.Fatal(err)
	}
	r.client.Close()
}

func TestRedisConformance(t *testing.T) {
	_, url := newModestServer(t)
	var crawl atomic.Int64
	testConformance(t, func(t *testing.T, test func(t *testing.T, p *place)) {
		name := fmt.Sprintf("c%d", crawl.Add(1))
		test(t, &place{
			unit: 60 * time.Millisecond, shared: true,
			open: func(t *testing.T, o Options) (Store, error) {
				o.Name = name
				return OpenRedis(t.Context(), url, o)
			},
			crash: func(t *testing.T, s Store) { s.(*Redis).vanish(t) },
			pass:  func(d time.Duration) { <-time.After(d) },
		})
	})
}
