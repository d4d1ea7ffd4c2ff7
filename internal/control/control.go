// Package control is how other processes of this machine talk to a running
// crawl: a socket in the crawl's folder that only its owner may open. A caller
// sends one line of JSON, {"do": name, "args": …}; the answer is lines of
// {"row": …} and a last one, {"end": true, "error": …}.
package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// socketName is the socket's name in the folder.
const socketName = "control"

// ErrNobody is returned by Call when no process serves the folder.
var ErrNobody = errors.New("nothing runs there")

// A Handler does one thing that may be asked. It passes each row of its answer
// to row, whose error ends it. It is called from several goroutines.
type Handler func(ctx context.Context, args json.RawMessage, row func(v any) error) error

// maxCall bounds a request line, in bytes; callTime how long one may take to
// arrive.
const (
	maxCall  = 64 << 20
	callTime = 10 * time.Second
)

type call struct {
	Do   string          `json:"do"`
	Args json.RawMessage `json:"args,omitempty"`
}

type reply struct {
	Row   json.RawMessage `json:"row,omitempty"`
	End   bool            `json:"end,omitempty"`
	Error string          `json:"error,omitempty"`
}

// A Server answers on the socket of one folder.
type Server struct {
	listener net.Listener
	handlers map[string]Handler
	cancel   context.CancelFunc
	running  sync.WaitGroup
}

// Listen serves the folder dir, which must exist and be the caller's alone to
// serve: a socket that is there is taken for one left behind.
func Listen(dir string, handlers map[string]Handler) (*Server, error) {
	path, done, err := reach(dir)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen for commands: %w", err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // the path may be a short-lived name
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close() // the error to tell is the other
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{listener: l, handlers: handlers, cancel: cancel}
	s.running.Go(func() { s.accept(ctx) })
	return s, nil
}

// Close stops listening, ends the calls under way and waits for them.
func (s *Server) Close() error {
	s.cancel()
	err := s.listener.Close()
	s.running.Wait()
	return err
}

func (s *Server) accept(ctx context.Context) {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.running.Go(func() {
			defer c.Close()
			if err := c.SetReadDeadline(time.Now().Add(callTime)); err != nil {
				return
			}
			stop := context.AfterFunc(ctx, func() { hurry(c) })
			defer stop()
			s.serve(ctx, c)
		})
	}
}

// lastWord is how long an answer may take to be written once the server closes:
// the one that ends the crawl is among them.
const lastWord = time.Second

// hurry ends a connection: nothing is read any more, and little written.
func hurry(c net.Conn) {
	// An error is that of a connection that is gone, which serve finds out.
	_ = c.SetReadDeadline(time.Now())
	_ = c.SetWriteDeadline(time.Now().Add(lastWord))
}

// serve answers one call. The end of the connection ends it.
func (s *Server) serve(ctx context.Context, c net.Conn) {
	r := bufio.NewReader(io.LimitReader(c, maxCall))
	var asked call
	if err := json.NewDecoder(r).Decode(&asked); err != nil {
		return
	}
	w := bufio.NewWriter(c)
	enc := json.NewEncoder(w)
	do, ok := s.handlers[asked.Do]
	err := fmt.Errorf("the crawl does not know %q: is it another version?", asked.Do)
	if ok {
		err = do(ctx, asked.Args, func(v any) error {
			b, err := json.Marshal(v)
			if err != nil {
				return err
			}
			return enc.Encode(reply{Row: b})
		})
	}
	end := reply{End: true}
	if err != nil {
		end.Error = err.Error()
	}
	if enc.Encode(end) == nil {
		_ = w.Flush() // nobody is left to be told
	}
}

// Call asks the process that serves dir and passes each row of the answer to
// row. It returns ErrNobody when there is none, and what went wrong there.
func Call(ctx context.Context, dir, do string, args any, row func(json.RawMessage) error) error {
	path, done, err := reach(dir)
	if errors.Is(err, os.ErrNotExist) {
		return ErrNobody
	}
	if err != nil {
		return err
	}
	defer done()
	c, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return ErrNobody
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	b, err := json.Marshal(args)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(c).Encode(call{do, b}); err != nil {
		return fmt.Errorf("ask the running crawl: %w", err)
	}
	dec := json.NewDecoder(bufio.NewReader(c))
	for {
		var r reply
		switch err := dec.Decode(&r); {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return errors.New("the crawl ended before it had answered")
		case r.Error != "":
			return errors.New(r.Error)
		case r.End:
			return nil
		}
		if err := row(r.Row); err != nil {
			return err
		}
	}
}

// maxPath is the longest path that every system takes for a socket, in bytes.
const maxPath = 100

// reach names the socket in dir; done ends the name. A path that is too long
// for a socket is reached through a link in a folder for temporary files.
func reach(dir string) (path string, done func(), err error) {
	if _, err := os.Stat(dir); err != nil {
		return "", nil, err
	}
	path = filepath.Join(dir, socketName)
	if len(path) <= maxPath {
		return path, func() {}, nil
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", nil, err
	}
	tmp, err := os.MkdirTemp("", "downpour")
	if err != nil {
		return "", nil, err
	}
	done = func() { _ = os.RemoveAll(tmp) } // a link in a folder for temporary files
	link := filepath.Join(tmp, "d")
	if err := os.Symlink(abs, link); err != nil {
		done()
		return "", nil, err
	}
	return filepath.Join(link, socketName), done, nil
}
