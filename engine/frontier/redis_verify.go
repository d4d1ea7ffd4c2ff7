package frontier

import (
	"context"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// Verify implements Inspector: it reads every request and counts the sets of
// what has been seen. Counts that change meanwhile are not compared.
func (r *Redis) Verify(ctx context.Context) (Findings, error) {
	var f Findings
	var err error
	if f.Counts, err = r.Counts(ctx); err != nil {
		return f, err
	}
	var leased, delayed int64
	for q, err := range r.Queues(ctx) {
		if err != nil {
			return f, err
		}
		n, late, err := r.verifyQueue(ctx, q.Name, &f)
		if err != nil {
			return f, err
		}
		f.Requests += n
		delayed += late
		leased += q.Leased
	}
	if err := r.verifyFailed(ctx, &f); err != nil {
		return f, err
	}
	seen, late, err := r.countSets(ctx)
	if err != nil {
		return f, err
	}
	after, err := r.Counts(ctx)
	if err != nil || after != f.Counts {
		return f, err
	}
	f.differ("requests in the queues", f.Counts.Queued, f.Requests)
	f.differ("requests under a lease", f.Counts.Leased, leased)
	f.differ("failures kept", f.Counts.Failed, f.Failed)
	f.differ("identities seen", f.Counts.Seen, seen)
	f.differ("delayed requests", late, delayed)
	return f, nil
}

// verifyQueue reads the requests of a queue; delayed is how many of them have
// a time of their own.
func (r *Redis) verifyQueue(ctx context.Context, queue string, f *Findings) (n, delayed int64, err error) {
	for l, err := range r.look(ctx, queue, 0) {
		if err != nil {
			return n, delayed, err
		}
		n++
		if l.at == "w" {
			delayed++
		}
		if _, err := parseStored(l.raw); err != nil {
			f.wrong("queue %s: %v", queue, err)
		}
	}
	return n, delayed, nil
}

// countSets counts the fingerprints seen and the members of later, one by one.
func (r *Redis) countSets(ctx context.Context) (seen, late int64, err error) {
	for s := range r.keys.shards {
		n, l, err := r.countShard(ctx, s)
		if err != nil {
			return 0, 0, err
		}
		seen, late = seen+n, late+l
	}
	return seen, late, nil
}

// countShard counts those of a shard.
func (r *Redis) countShard(ctx context.Context, shard int) (seen, late int64, err error) {
	buckets, err := r.buckets(ctx, shard)
	if err != nil {
		return 0, 0, err
	}
	err = r.patiently(ctx, func(bool) error {
		p := r.client.Pipeline()
		members := p.ZCard(ctx, r.keys.sets[shard].keys[keyLater])
		var cards []*redis.IntCmd
		for b := range buckets {
			cards = append(cards, p.SCard(ctx, r.keys.sets[shard].prefix+"s:"+strconv.Itoa(b)))
		}
		if err := sendAll(ctx, p); err != nil {
			return err
		}
		seen, late = 0, members.Val()
		for _, c := range cards {
			seen += c.Val()
		}
		return nil
	})
	return seen, late, err
}
