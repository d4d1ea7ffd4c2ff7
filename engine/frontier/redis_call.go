package frontier

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed prelude.lua
var preludeSource string

//go:embed push.lua
var pushSource string

//go:embed lease.lua
var leaseSource string

//go:embed done.lua
var doneSource string

//go:embed pages.lua
var pagesSource string

//go:embed reserve.lua
var reserveSource string

//go:embed drop.lua
var dropSource string

//go:embed requeue.lua
var requeueSource string

//go:embed values.lua
var valuesSource string

//go:embed restore.lua
var restoreSource string

// ErrGone means that the crawl's keys have been deleted or that another process
// has started the crawl anew while this one was at it.
var ErrGone = errors.New("the crawl was started anew elsewhere or its keys were deleted")

// scripts are the scripts as a server of this version takes them.
type scripts struct{ push, lease, done, drop, reserve, requeue, values, pages, restore *redis.Script }

func newScripts(major int) scripts {
	// From Redis 7 on a script can say that it may run when memory is full.
	// Lease and done may: they are what empties it.
	var anyway string
	if major >= 7 {
		anyway = "#!lua flags=allow-oom\n"
	}
	return scripts{
		push:  redis.NewScript(preludeSource + pushSource),
		lease: redis.NewScript(anyway + preludeSource + leaseSource),
		done:  redis.NewScript(anyway + preludeSource + doneSource),
		drop:  redis.NewScript(anyway + preludeSource + dropSource),

		pages:   redis.NewScript(anyway + preludeSource + pagesSource),
		reserve: redis.NewScript(anyway + reserveSource),
		requeue: redis.NewScript(preludeSource + requeueSource),
		values:  redis.NewScript(preludeSource + valuesSource),
		restore: redis.NewScript(preludeSource + restoreSource),
	}
}

// argResent is the argument by which push and done are told that they may have
// run before; lease has it elsewhere.
const (
	argResent      = 3
	argLeaseResent = 5
	argPagesResent = 1
)

// run runs a script in a shard and waits out a server that cannot. resent is
// the place of the argument set to "1" once the script may have run without
// the answer arriving. begun is when the call that was answered was sent.
func (r *Redis) run(ctx context.Context, s *redis.Script, shard, resent int, args []any) (res any, begun time.Time, err error) {
	set := r.keys.sets[shard]
	args[0] = set.prefix
	err = r.patiently(ctx, func(again bool) error {
		if again {
			args[resent] = "1"
		}
		begun = time.Now()
		res, err = r.evaluate(ctx, s, shard, args)
		return err
	})
	if err != nil && strings.HasPrefix(err.Error(), "GONE") {
		err = ErrGone
	}
	return res, begun, err
}

// The pauses between two tries of a command the server cannot do now.
const (
	firstPause = 20 * time.Millisecond
	lastPause  = time.Second
)

// patiently calls do until it succeeds, fails for good or ctx ends. Its
// argument says that an earlier try may have been carried out.
func (r *Redis) patiently(ctx context.Context, do func(again bool) error) error {
	pause, again := firstPause, false
	for {
		err := do(again)
		var last *lasting
		if errors.As(err, &last) {
			return redact(last.err, r.secrets)
		}
		if err == nil || isNil(err) {
			if pause != firstPause {
				r.recovered()
			}
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		why := passing(err)
		if why == "" {
			return redact(err, r.secrets)
		}
		again = again || why == lost || why == unconfirmed
		r.waiting(why, err)
		if c, ok := r.client.(*redis.ClusterClient); ok {
			c.ReloadState(ctx)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause = min(2*pause, lastPause)
	}
}

// A lasting error ends patiently, whatever it is.
type lasting struct{ err error }

func (l *lasting) Error() string { return l.err.Error() }

// isNil reports whether err is Redis's word for a missing value, which is also
// a Sentinel's for a master it does not know.
func isNil(err error) bool { return errors.Is(err, redis.Nil) && !noMaster(err) }

// noMaster reports whether err is that no Sentinel leads to a master.
func noMaster(err error) bool { return strings.Contains(err.Error(), "all sentinels") }

// Reasons that callers tell apart: for lost and unconfirmed nobody knows whether
// the command was done.
const (
	lost         = "connection lost"
	noConnection = "cannot connect"
	unconfirmed  = "no replica confirms what was written"
)

// passing says why err may go away by itself, "" if it will not or is nil.
func passing(err error) string {
	if err == nil {
		return ""
	}
	var op *net.OpError
	var nerr net.Error
	text := err.Error()
	for _, w := range []struct{ mark, why string }{
		{"LOADING ", "the server is loading its data"},
		{"READONLY ", "the server is a read-only replica"},
		{"OOM command not allowed", "the server is out of memory"},
		{"BUSY ", "the server is busy with a script"},
		{"MISCONF ", "the server cannot save to disk"},
		{"MASTERDOWN ", "the server's master is down"},
		{"CLUSTERDOWN ", "the cluster is down"},
		{"TRYAGAIN ", "slots are moving"},
		{"EXECABORT ", "a transaction was refused"},
		{"UNCONFIRMED ", unconfirmed},
		{"NOREPLICAS ", "not enough replicas"},
		{"max number of clients", "the server has too many clients"},
	} {
		if strings.Contains(text, w.mark) {
			return w.why
		}
	}
	switch {
	case strings.HasPrefix(text, "ASK "):
		return "slots are moving"
	case strings.HasPrefix(text, "MOVED "):
		return "slots have moved"
	case errors.As(err, &op) && op.Op == "dial", noMaster(err):
		return noConnection
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.As(err, &op), errors.As(err, &nerr), strings.Contains(text, "UNBLOCKED"),
		errors.Is(err, redis.ErrPoolTimeout):
		return lost
	}
	return ""
}

// waiting logs, once for all callers, that the crawl waits for the server.
func (r *Redis) waiting(why string, err error) {
	if !r.down.Swap(true) {
		r.log.Warn("waiting for redis", "server", r.server, "reason", why,
			"error", redact(err, r.secrets).Error())
	}
}

func (r *Redis) recovered() {
	if r.down.Swap(false) {
		r.log.Warn("redis is back", "server", r.server)
	}
}

// A redacted error shows no password.
type redacted struct {
	text string
	err  error
}

func (r *redacted) Error() string { return r.text }
func (r *redacted) Unwrap() error { return r.err }

// redact keeps what is secret out of err's text.
func redact(err error, secrets []string) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, s := range secrets {
		text = strings.ReplaceAll(text, s, "xxxxx")
	}
	if text == err.Error() {
		return err
	}
	return &redacted{text: text, err: err}
}

// silent keeps the client library from writing to stderr: what matters comes
// back as errors.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

var silence = sync.OnceFunc(func() { redis.SetLogger(silent{}) })

// A slot numbers the calls of one caller at a time, so that the server can
// tell a call sent again from a new one.
type slot struct {
	name string
	seq  int64
}

// inSlot calls do with a slot of its own.
func (r *Redis) inSlot(ctx context.Context, do func(s *slot) error) error {
	select {
	case s := <-r.slots:
		defer func() { r.slots <- s }()
		s.seq++
		return do(s)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// unexpected is the error for a reply of the wrong shape.
func unexpected(what string, v any) error {
	return fmt.Errorf("redis: %s answered %T, which no version of it does", what, v)
}
