package frontier

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// A server that has replicas may die with writes that they do not have, and one
// of them takes its place. What is pushed, the children of a page, must not be
// among those if the page is finished afterwards, perhaps on another server. So
// a push is answered only when a replica has confirmed it. See Redis for what
// may be lost all the same.

// confirmTime is how long a replica may take to confirm one push before it is
// sent again, perhaps to another server.
const confirmTime = time.Second

// replicaPatience is how long a server that had replicas is waited for once it
// says that it has none: by then one of them has taken its place, if it will.
const replicaPatience = time.Minute

// errUnconfirmed is that no replica has confirmed a push.
var errUnconfirmed = errors.New("UNCONFIRMED " + unconfirmed)

// replicas is what is known of the replicas of a shard's server.
type replicas struct {
	mu     sync.Mutex // guards what follows
	server string     // which server, by its run_id
	has    bool       // it has, or had, replicas that follow it
	since  time.Time  // none has confirmed anything; zero if one has
}

// required reports whether pushes wait for a replica.
func (s *replicas) required() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.has
}

func (s *replicas) confirm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since = time.Time{}
}

// see notes what a server says. It reports whether the server that had replicas
// has been without any for so long that it is taken at its word.
func (s *replicas) see(server string, online int, now time.Time) (givenUp bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.server != server:
		s.server, s.has, s.since = server, online > 0, time.Time{}
	case online > 0:
		s.has = true
	case s.has && s.since.IsZero():
		s.since = now
	case s.has && now.Sub(s.since) > replicaPatience:
		s.has, givenUp = false, true
	}
	return givenUp
}

// miss is called when no replica confirmed a push. Its error says to try again.
func (r *Redis) miss(ctx context.Context, shard int, node *redis.Client) error {
	if err := r.seeReplicas(ctx, shard, node); err != nil {
		return err
	}
	return errUnconfirmed
}

// seeReplicas asks a shard's server for its replicas.
func (r *Redis) seeReplicas(ctx context.Context, shard int, node *redis.Client) error {
	server, err := node.Info(ctx, "server").Result()
	if err != nil {
		return err
	}
	replication, err := node.Info(ctx, "replication").Result()
	if err != nil {
		return err
	}
	online := strings.Count(replication, ",state=online,")
	if r.replicas[shard].see(infoField(server, "run_id"), online, time.Now()) {
		r.log.Warn("redis has lost its replicas: going on without; should this server die now, pages may be lost",
			"server", r.server)
	}
	return nil
}

// seeAllReplicas does so for every shard, as far as their servers answer.
func (r *Redis) seeAllReplicas(ctx context.Context) {
	for s := range r.replicas {
		if node, err := r.node(ctx, r.keys.n(s)); err == nil {
			_ = r.seeReplicas(ctx, s, node) // a push sees it too
		}
	}
}

// confirmed sends a command and, on the same connection, waits until a replica
// has what it wrote.
func confirmed(ctx context.Context, node *redis.Client, send func(p redis.Pipeliner) *redis.Cmd) (*redis.Cmd, error) {
	p := node.Pipeline()
	cmd := send(p)
	count := p.Do(ctx, "wait", 1, confirmTime.Milliseconds())
	if err := sendAll(ctx, p); err != nil {
		return nil, err
	}
	if n, err := count.Int(); err != nil || n < 1 {
		return nil, errors.Join(errUnconfirmed, err)
	}
	return cmd, nil
}
