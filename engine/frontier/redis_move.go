package frontier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"downpour/engine"
)

var _ Mover = (*Redis)(nil)

// movePage is how many members of a list or a set are read at once.
const movePage = 500

// Export implements Mover. What is no request is left out.
func (r *Redis) Export(ctx context.Context) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		e := &exporter{r: r, ctx: ctx, yield: yield}
		e.crawl()
		for s := range r.keys.shards {
			e.values(s)
		}
		for s := range r.keys.shards {
			e.queues(s)
		}
		for s := range r.keys.shards {
			e.seen(s)
		}
		for s := range r.keys.shards {
			e.requests(s)
		}
		for f, err := range r.Failures(ctx) {
			e.fail(err)
			if err == nil {
				e.give(Record{Failed: f})
			}
			if e.over {
				return
			}
		}
	}
}

// An exporter yields records until somebody has had enough, or of an error.
type exporter struct {
	r     *Redis
	ctx   context.Context //nolint:containedctx // an exporter is one call of Export
	yield func(Record, error) bool
	clock serverClock
	over  bool
}

func (e *exporter) give(r Record) {
	if !e.over {
		e.over = !e.yield(r, nil)
	}
}

func (e *exporter) fail(err error) {
	if err != nil && !e.over {
		e.over = true
		e.yield(Record{}, err)
	}
}

func (e *exporter) crawl() {
	c := &CrawlRecord{Format: recordFormat, Name: e.r.opts.Name, Store: "redis", Note: e.r.Note(), Marks: e.r.Marks()}
	counts, err := e.r.Counts(e.ctx)
	c.Finished, c.Charged, c.Aside = counts.Finished, counts.Charged, counts.Aside
	over, err2 := e.r.Over(e.ctx)
	c.Over = over
	if len(c.Note) > 0 && !json.Valid(c.Note) {
		e.fail(errors.New("export: the crawl's description is no JSON"))
	}
	e.fail(errors.Join(err, err2))
	e.give(Record{Crawl: c})
}

// shard takes up the clock of a shard's server.
func (e *exporter) shard(shard int) shardKeys {
	clock, err := e.r.clock(e.ctx, shard)
	e.fail(err)
	e.clock = clock
	return e.r.keys.sets[shard]
}

// pairs calls each for what two by two makes up a hash or a sorted set.
func (e *exporter) pairs(scan func(cursor uint64) *redis.ScanCmd, each func(member, value string)) {
	for cursor := uint64(0); !e.over; {
		var found []string
		var next uint64
		e.fail(e.r.patiently(e.ctx, func(bool) (err error) {
			found, next, err = scan(cursor).Result()
			return err
		}))
		for i := 0; i+1 < len(found); i += 2 {
			each(found[i], found[i+1])
		}
		if cursor = next; cursor == 0 {
			return
		}
	}
}

func (e *exporter) values(shard int) {
	set := e.shard(shard)
	until := map[string]time.Time{}
	e.pairs(func(cursor uint64) *redis.ScanCmd {
		return e.r.client.ZScan(e.ctx, set.expiry(), cursor, "", lookChunk)
	}, func(key, ms string) {
		if n, err := strconv.ParseFloat(ms, 64); err == nil {
			until[key] = e.clock.at(n).Round(0).UTC()
		}
	})
	e.pairs(func(cursor uint64) *redis.ScanCmd {
		return e.r.client.HScan(e.ctx, set.values(), cursor, "", lookChunk)
	}, func(key, value string) {
		e.give(Record{Value: &ValueRecord{Key: key, Value: []byte(value), Until: until[key]}})
	})
}

// queues tells what is kept by queue: some of it in one record, some in another.
func (e *exporter) queues(shard int) {
	keys := e.shard(shard).keys
	hash := func(key int) func(uint64) *redis.ScanCmd {
		return func(cursor uint64) *redis.ScanCmd { return e.r.client.HScan(e.ctx, keys[key], cursor, "", lookChunk) }
	}
	sorted := func(key int) func(uint64) *redis.ScanCmd {
		return func(cursor uint64) *redis.ScanCmd { return e.r.client.ZScan(e.ctx, keys[key], cursor, "", lookChunk) }
	}
	e.pairs(hash(keyState), func(queue, state string) {
		e.give(Record{Queue: &QueueRecord{Name: queue, State: []byte(state)}})
	})
	e.pairs(hash(keyPaid), func(queue, charged string) {
		if n, err := strconv.ParseInt(charged, 10, 64); err == nil && n > 0 {
			e.give(Record{Queue: &QueueRecord{Name: queue, Charged: n}})
		}
	})
	e.pairs(hash(keyOwn), func(queue, own string) {
		if strings.HasPrefix(own, "0.0 ") {
			e.give(Record{Queue: &QueueRecord{Name: queue, Cold: true}})
		}
	})
	rest := func(queue, score string) {
		stamp, err := strconv.ParseFloat(score, 64)
		if err != nil || stamp == 0 || stamp >= parked {
			return
		}
		// A lease that nobody is at any more lasts longer than what it owes.
		until := e.clock.at(math.Ceil(math.Abs(stamp) / stampUnit))
		if stamp < 0 || until.After(time.Now()) {
			e.give(Record{Queue: &QueueRecord{Name: queue, Until: until.Round(0).UTC(), Cold: stamp < 0}})
		}
	}
	e.pairs(sorted(keyRest), rest)
	e.pairs(sorted(keyDue), rest)
}

func (e *exporter) seen(shard int) {
	buckets, err := e.r.buckets(e.ctx, shard)
	e.fail(err)
	var prints []uint64
	for b := 0; b < buckets && !e.over; b++ {
		var members []string
		e.fail(e.r.patiently(e.ctx, func(bool) (err error) {
			members, err = e.r.client.SMembers(e.ctx, e.r.keys.sets[shard].prefix+"s:"+strconv.Itoa(b)).Result()
			return err
		}))
		for _, m := range members {
			if fp, err := strconv.ParseInt(m, 10, 64); err == nil {
				prints = append(prints, unmixed(fp))
			}
		}
		for len(prints) >= recordPrints {
			e.give(Record{Seen: slices.Clone(prints[:recordPrints])})
			prints = prints[recordPrints:]
		}
	}
	if len(prints) > 0 {
		e.give(Record{Seen: prints})
	}
}

// requests reads by place, which nobody changes: each comes once.
func (e *exporter) requests(shard int) {
	set := e.shard(shard)
	e.page(func(from, to int64) ([]string, error) {
		return e.r.client.ZRange(e.ctx, set.keys[keyDue], from, to).Result()
	}, func(queue string) {
		for _, key := range []string{"p:", "l:"} {
			e.page(func(from, to int64) ([]string, error) {
				if key == "l:" {
					return e.r.client.LRange(e.ctx, set.prefix+"l:"+queue, from, to).Result()
				}
				return e.r.client.ZRange(e.ctx, set.prefix+"p:"+queue, from, to).Result()
			}, func(raw string) { e.request(queue, raw, time.Time{}) })
		}
	})
	for from := int64(0); !e.over; from += movePage {
		var found []redis.Z
		e.fail(e.r.patiently(e.ctx, func(bool) (err error) {
			found, err = e.r.client.ZRangeWithScores(e.ctx, set.keys[keyLater], from, from+movePage-1).Result()
			return err
		}))
		for _, z := range found {
			if queue, raw, ok := parseLater(fmt.Sprint(z.Member)); ok {
				e.request(queue, raw, e.clock.at(z.Score).Round(0).UTC())
			}
		}
		if len(found) == 0 {
			return
		}
	}
}

// page calls each for what read gives, page by page.
func (e *exporter) page(read func(from, to int64) ([]string, error), each func(string)) {
	for from := int64(0); !e.over; from += movePage {
		var found []string
		e.fail(e.r.patiently(e.ctx, func(bool) (err error) {
			found, err = read(from, from+movePage-1)
			return err
		}))
		for _, f := range found {
			each(f)
		}
		if len(found) < movePage {
			return
		}
	}
}

func (e *exporter) request(queue, raw string, due time.Time) {
	req, err := parseStored(raw)
	if err != nil {
		return // the next lease would put it among the dead
	}
	req.Queue = queue
	e.give(Record{Request: req, Due: due})
}

// parseLater reads a member of later: "priority:length:queue request".
func parseLater(member string) (queue, raw string, ok bool) {
	_, rest, ok1 := strings.Cut(member, ":")
	length, rest, ok2 := strings.Cut(rest, ":")
	n, err := strconv.Atoi(length)
	if !ok1 || !ok2 || err != nil || n < 0 || n > len(rest) {
		return "", "", false
	}
	return rest[:n], rest[n:], true
}

// Import implements Mover. What has been seen is entered in every shard: nobody
// knows which queue it belonged to.
func (r *Redis) Import(ctx context.Context, all EndRecord, records iter.Seq2[Record, error]) error {
	i := &redisImport{r: r, ctx: ctx, buckets: int(all.Seen/setSize) + 1, crawl: &CrawlRecord{}}
	for s := range r.keys.shards {
		err := r.patiently(ctx, func(bool) error {
			return r.client.HSet(ctx, r.keys.n(s), "buckets", i.buckets).Err()
		})
		if err != nil {
			return err
		}
	}
	value := func(key string, value []byte, ttl time.Duration) error { return r.Values().Set(ctx, key, value, ttl) }
	m := &importer{crawl: i.begin, value: value, queues: i.queues, seen: i.seen, requests: i.requests, failed: i.failed}
	if err := m.run(records); err != nil {
		return err
	}
	return i.settle()
}

// setSize is how many fingerprints a set is planned for: FULL in push.lua.
const setSize = 160

type redisImport struct {
	r       *Redis
	ctx     context.Context //nolint:containedctx // it is one call of Import
	crawl   *CrawlRecord
	buckets int
	settled bool // what has been seen has been counted
}

func (i *redisImport) begin(c *CrawlRecord) error {
	i.crawl = c
	if err := i.r.SetNote(i.ctx, c.Note); err != nil || len(c.Marks) == 0 {
		return err
	}
	values := []any{}
	for output, at := range c.Marks {
		values = append(values, i.r.markField(output), at)
	}
	return i.r.patiently(i.ctx, func(bool) error {
		return i.r.client.HSet(i.ctx, i.r.keys.marks(), values...).Err()
	})
}

// restore runs restore.lua. The counts of the crawl are shard 0's.
func (i *redisImport) restore(shard int, seen int64, queues []any) error {
	c := CrawlRecord{}
	if shard == 0 {
		c = *i.crawl
	}
	args := append([]any{"", "0", c.Finished, c.Charged, c.Aside, seen}, queues...)
	_, _, err := i.r.run(i.ctx, i.r.scripts.restore, shard, 1, args)
	return err
}

func (i *redisImport) queues(qs []*QueueRecord) error {
	if i.settled {
		return errors.New("import: a queue comes after the requests")
	}
	args := make([][]any, i.r.keys.shards)
	for _, q := range qs {
		cold := 0
		if q.Cold {
			cold = 1
		}
		s := i.r.keys.shard(q.Name)
		args[s] = append(args[s], q.Name, millis(max(time.Until(q.Until), 0)), q.Charged, cold, q.State)
	}
	for s, a := range args {
		if len(a) == 0 {
			continue
		}
		if err := i.restore(s, 0, a); err != nil {
			return err
		}
	}
	return nil
}

func (i *redisImport) seen(prints []uint64) error {
	sets := map[int][]any{}
	for _, p := range prints {
		fp := mixed(p)
		b := bucket(fp, i.buckets)
		sets[b] = append(sets[b], fp)
	}
	for s := range i.r.keys.shards {
		err := i.r.patiently(i.ctx, func(bool) error {
			p := i.r.client.Pipeline()
			for b, members := range sets {
				p.SAdd(i.ctx, i.r.keys.sets[s].prefix+"s:"+strconv.Itoa(b), members...)
			}
			return sendAll(i.ctx, p)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// settle counts what has been seen, once all of it is there.
func (i *redisImport) settle() error {
	if i.settled {
		return nil
	}
	i.settled = true
	for s := range i.r.keys.shards {
		seen, _, err := i.r.countShard(i.ctx, s)
		if err != nil {
			return err
		}
		if err := i.restore(s, seen, nil); err != nil {
			return err
		}
	}
	return nil
}

func (i *redisImport) requests(reqs []*engine.Request) error {
	if err := i.settle(); err != nil {
		return err
	}
	_, err := i.r.Push(i.ctx, reqs...)
	return err
}

func (i *redisImport) failed(fs []*engine.Failed) error {
	if err := i.settle(); err != nil {
		return err
	}
	return i.r.patiently(i.ctx, func(bool) error {
		p := i.r.client.Pipeline()
		for _, f := range fs {
			key := i.r.keys.sets[i.r.keys.shard(f.Request.Queue)].failed()
			p.HSet(i.ctx, key, mixed(f.Print), f.AppendJSON(nil))
		}
		return sendAll(i.ctx, p)
	})
}

// Discard implements Mover.
func (r *Redis) Discard(ctx context.Context) error {
	err := r.patiently(ctx, func(bool) error {
		for s := range r.keys.shards {
			if err := r.wipeShard(ctx, r.keys, s); err != nil {
				return err
			}
		}
		return r.client.Unlink(ctx, r.keys.note(), r.keys.workers(), r.keys.orders(), r.keys.alive(r.id), metaKey(r.opts.Name)).Err()
	})
	return errors.Join(err, r.Close())
}
