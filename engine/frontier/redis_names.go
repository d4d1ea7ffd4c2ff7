package frontier

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// namesChunk is how many keys one step of a search for names looks at.
const namesChunk = 1000

// RedisNames are the crawls kept in a Redis, in order. It looks at the names of
// all keys there. The URL is one that OpenRedis takes; one that cannot be used
// is ErrRedisURL, and a server that cannot be reached an error at once.
func RedisNames(ctx context.Context, rawURL string) ([]string, error) {
	u, err := parseRedisURL(rawURL)
	if err != nil {
		return nil, err
	}
	silence()
	client := u.client()
	defer func() { _ = client.Close() }() // it was looked into
	var mu sync.Mutex
	found := map[string]bool{}
	one := func(ctx context.Context, c redis.Cmdable) error {
		for it := c.Scan(ctx, 0, metaKey("*"), namesChunk).Iterator(); ; {
			if !it.Next(ctx) {
				return it.Err()
			}
			if name, ok := nameOf(it.Val()); ok {
				mu.Lock()
				found[name] = true
				mu.Unlock()
			}
		}
	}
	if cluster, ok := client.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(ctx, func(ctx context.Context, c *redis.Client) error { return one(ctx, c) })
	} else {
		err = one(ctx, client)
	}
	if err != nil {
		return nil, fmt.Errorf("redis %s: %w", u.shown, err)
	}
	var names []string
	for name := range found {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// nameOf is the crawl whose metaKey a key is.
func nameOf(key string) (string, bool) {
	head, tail, _ := strings.Cut(metaKey("\x00"), "\x00")
	name, ok := strings.CutPrefix(key, head)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(name, tail)
}
