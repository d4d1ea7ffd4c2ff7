package frontier

import (
	"context"
	"strconv"
	"time"

	"downpour/engine"
)

// The bounds of one push call: they keep the server responsive to others.
const (
	pushRequests = 500
	pushBytes    = 4 << 20
)

// How a request meets the fingerprints seen so far; see push.lua.
const (
	filedIfNew   = 0
	filedAnyway  = 1
	filedMovedIn = 2 // from another shard: neither asked nor marked
)

// A pushCall is the arguments of one call of push.lua.
type pushCall struct {
	shard  int
	queues []string
	index  map[string]int
	args   []any // three a request
	buf    []byte
	bytes  int
}

func (p *pushCall) full() bool {
	return len(p.args) >= 3*pushRequests || p.bytes >= pushBytes
}

// add puts a request in the call.
func (p *pushCall) add(req *engine.Request, how int) {
	q := 0
	if n := len(p.queues); n > 0 && p.queues[n-1] == req.Queue {
		q = n
	} else if q = p.index[req.Queue]; q == 0 {
		p.queues = append(p.queues, req.Queue)
		q = len(p.queues)
		if p.index == nil {
			p.index = map[string]int{}
		}
		p.index[req.Queue] = q
	}
	if req.Again && how == filedIfNew {
		how = filedAnyway
	}
	head := strconv.Itoa(q)
	if req.Priority != 0 || req.After > 0 || how != filedIfNew {
		head += " " + strconv.Itoa(req.Priority) + " " + strconv.FormatInt(millis(req.After), 10) + " " + strconv.Itoa(how)
	}
	a := len(p.buf)
	p.buf = strconv.AppendInt(p.buf, mixed(req.Print), 10)
	b := len(p.buf)
	p.buf = appendStored(p.buf, req)
	p.args = append(p.args, head, p.buf[a:b:b], p.buf[b:len(p.buf):len(p.buf)])
	p.bytes += len(p.buf) - a
}

// millis is d in whole milliseconds, never less than d, 0 for none.
func millis(d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}

// Push implements engine.Frontier. Requests of more than one call are filed
// call by call; after an error those before it may be there. If the answer of
// a server that failed over was lost, fresh may be too small.
func (r *Redis) Push(ctx context.Context, reqs ...*engine.Request) (fresh int, err error) {
	for _, req := range reqs {
		if err := check(req); err != nil {
			return 0, err
		}
	}
	calls := make([]*pushCall, r.keys.shards)
	send := func(p *pushCall) error {
		n, err := r.push(ctx, p)
		fresh += n
		return err
	}
	for _, req := range reqs {
		s := r.keys.shard(req.Queue)
		if calls[s] == nil {
			calls[s] = &pushCall{shard: s}
		}
		calls[s].add(req, filedIfNew)
		if calls[s].full() {
			if err := send(calls[s]); err != nil {
				return fresh, err
			}
			calls[s] = nil
		}
	}
	for _, p := range calls {
		if p == nil {
			continue
		}
		if err := send(p); err != nil {
			return fresh, err
		}
	}
	return fresh, nil
}

// push runs push.lua.
func (r *Redis) push(ctx context.Context, p *pushCall) (fresh int, err error) {
	err = r.inSlot(ctx, func(s *slot) error {
		args := make([]any, 5, 5+len(p.queues)+len(p.args))
		args[1], args[2], args[3], args[4] = s.name, s.seq, "0", len(p.queues)
		for _, q := range p.queues {
			args = append(args, q)
		}
		args = append(args, p.args...)
		res, _, err := r.run(ctx, r.scripts.push, p.shard, argResent, args)
		if err != nil {
			return err
		}
		n, ok := res.(int64)
		if !ok {
			return unexpected("push", res)
		}
		fresh = int(n)
		return nil
	})
	return fresh, err
}
