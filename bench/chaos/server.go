package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// A redisServer is a redis-server that says yes to nothing before it is on
// disk.
type redisServer struct {
	dir string
	cmd *exec.Cmd
}

// newRedisServer starts a server that keeps its files in dir. Kill it.
func newRedisServer(ctx context.Context, dir string) (*redisServer, error) {
	s := &redisServer{dir: dir}
	return s, s.start(ctx)
}

func (s *redisServer) socket() string { return filepath.Join(s.dir, "redis.sock") }

// start starts the server and waits until it answers.
func (s *redisServer) start(ctx context.Context) error {
	s.cmd = exec.Command("redis-server", "--port", "0", "--unixsocket", s.socket(), "--dir", s.dir,
		"--save", "", "--appendonly", "yes", "--appendfsync", "always", "--daemonize", "no")
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		return err
	}
	for !s.answers() {
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return fmt.Errorf("redis-server does not answer: %w", err)
		}
	}
	return nil
}

// answers reports whether the server is there and has loaded its data.
func (s *redisServer) answers() bool {
	c, err := net.DialTimeout("unix", s.socket(), time.Second)
	if err != nil {
		return false
	}
	defer c.Close()
	if c.SetDeadline(time.Now().Add(time.Second)) != nil {
		return false
	}
	fmt.Fprint(c, "PING\r\n")
	line, err := bufio.NewReader(c).ReadString('\n')
	return err == nil && line == "+PONG\r\n"
}

// kill is kill -9.
func (s *redisServer) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill() // it may have ended by itself
	_ = s.cmd.Wait()         // killed, as it says
	_ = os.Remove(s.socket())
	s.cmd = nil
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
