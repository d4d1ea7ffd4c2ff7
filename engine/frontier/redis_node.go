package frontier

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// node is the client of the server that holds a key now.
func (r *Redis) node(ctx context.Context, key string) (*redis.Client, error) {
	switch c := r.client.(type) {
	case *redis.ClusterClient:
		return c.MasterForKey(ctx, key)
	case *redis.Client:
		return c, nil
	}
	return nil, errors.New("redis: a client of an unknown kind")
}

// watch is WATCH on one key, on the server that holds it.
func (r *Redis) watch(ctx context.Context, key string, do func(tx *redis.Tx) error) error {
	c, err := r.node(ctx, key)
	if err != nil {
		return err
	}
	return c.Watch(ctx, do, key)
}

// sendAll sends a pipeline. Its error is that of the first command that may
// succeed later, else of the first that failed; a missing value is no error.
func sendAll(ctx context.Context, p redis.Pipeliner) error {
	cmds, err := p.Exec(ctx)
	if err != nil && isNil(err) {
		err = nil
	}
	for _, c := range cmds {
		if passing(c.Err()) != "" {
			return c.Err()
		}
		if err == nil && c.Err() != nil && !isNil(c.Err()) {
			err = c.Err()
		}
	}
	return err
}

// evaluate runs a script once, by its digest if the server knows it. What must
// not be lost is waited for until a replica has it, if there are any.
func (r *Redis) evaluate(ctx context.Context, s *redis.Script, shard int, args []any) (any, error) {
	keys := r.keys.sets[shard].keys
	if !r.confirms(s) || !r.replicas[shard].required() {
		return s.Run(ctx, r.client, keys, args...).Result()
	}
	node, err := r.node(ctx, keys[keyN])
	if err != nil {
		return nil, err
	}
	cmd, err := confirmed(ctx, node, func(p redis.Pipeliner) *redis.Cmd { return s.EvalSha(ctx, p, keys, args...) })
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		cmd, err = confirmed(ctx, node, func(p redis.Pipeliner) *redis.Cmd { return s.Eval(ctx, p, keys, args...) })
	}
	switch {
	case errors.Is(err, errUnconfirmed):
		return nil, r.miss(ctx, shard, node)
	case err != nil:
		return nil, err
	}
	r.replicas[shard].confirm()
	return cmd.Result()
}
