package frontier

import (
	"strconv"

	"github.com/cespare/xxhash/v2"
)

// The keys of a crawl in Redis. All of a shard share one hash tag, so that a
// script may touch them together:
//
//	downpour:{NAME:0}:meta            hash: version, generation, state, number of shards
//	downpour:{NAME:SHARD}:GEN:…       a generation's keys, see prelude.lua
//	downpour:{NAME:0}:GEN:note        the crawl's own description
//	downpour:{NAME:0}:GEN:orders      hash: what people ask of the workers
//	downpour:{NAME:0}:GEN:pages       hash: how a budget of pages is shared out, see pages.lua
//	downpour:{NAME:0}:inbox           list: URLs or requests from outside, see Redis.Inbox
//	downpour:{NAME:0}:GEN:workers     hash: worker id to who it is
//	downpour:{NAME:0}:GEN:w:ID        exists while the worker lives
//	downpour:{NAME:SHARD}:GEN:b:NAME  forbids a start in a bucket as long as it is there
//	downpour:{NAME:SHARD}:GEN:wake    channel: something may be due
//
// A crawl started anew is another generation, whose keys no script of the one
// before touches.
type keys struct {
	name   string
	gen    string
	shards int
	sets   []shardKeys
}

// shardKeys are the names of one shard's keys: what the scripts get.
type shardKeys struct {
	prefix string
	keys   []string
}

// The places of keys in shardKeys.keys.
const (
	keyN = iota
	keyDue
	keyLater
	keyRest
	keyOwn
	keyState
	keyPaid
	keyDead
	keyOps
	keyMarks
	keyLate
	keyNone
)

// The last is never there: while a Cluster moves a slot its server does not run
// a script of which a key is missing, so that none is cut short for want of one
// that has gone already.
var keyNames = [...]string{"n", "due", "later", "rest", "own", "state", "paid", "dead", "ops", "marks", "late", "none"}

func metaKey(name string) string { return "downpour:{" + name + ":0}:meta" }

func newKeys(name, gen string, shards int) *keys {
	k := &keys{name: name, gen: gen, shards: shards}
	for s := range shards {
		set := shardKeys{prefix: "downpour:{" + name + ":" + strconv.Itoa(s) + "}:" + gen + ":"}
		for _, n := range keyNames {
			set.keys = append(set.keys, set.prefix+n)
		}
		k.sets = append(k.sets, set)
	}
	return k
}

// values and expiry are what values.lua reaches by name.
func (s shardKeys) values() string { return s.prefix + "values" }
func (s shardKeys) expiry() string { return s.prefix + "expiry" }

func (k *keys) note() string                         { return k.sets[0].prefix + "note" }
func (k *keys) orders() string                       { return k.sets[0].prefix + "orders" }
func (k *keys) pages() string                        { return k.sets[0].prefix + "pages" }
func (k *keys) inbox() string                        { return "downpour:{" + k.name + ":0}:inbox" }
func (k *keys) workers() string                      { return k.sets[0].prefix + "workers" }
func (k *keys) alive(id string) string               { return k.sets[0].prefix + "w:" + id }
func (k *keys) bucket(shard int, name string) string { return k.sets[shard].prefix + "b:" + name }
func (k *keys) wake(shard int) string                { return k.sets[shard].prefix + "wake" }
func (k *keys) marks() string                        { return k.sets[0].keys[keyMarks] }
func (k *keys) n(shard int) string                   { return k.sets[shard].keys[keyN] }
func (k *keys) queues(shard int) string              { return k.sets[shard].keys[keyDue] }

// shard is where a queue lives.
func (k *keys) shard(queue string) int {
	if k.shards == 1 {
		return 0
	}
	return int(xxhash.Sum64String(queue) % uint64(k.shards))
}

// mixed spreads a fingerprint's bits, whatever made it, so that sets of
// fingerprints fill evenly. It is a bijection (the finalizer of SplitMix64).
func mixed(print uint64) int64 {
	x := print
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return int64(x ^ x>>31)
}

// unmixed is the fingerprint that mixed has made fp of.
func unmixed(fp int64) uint64 {
	x := uint64(fp)
	x = (x ^ x>>31 ^ x>>62) * 0x319642b2d24d8ec3 // the inverses of the factors, modulo 2^64
	x = (x ^ x>>27 ^ x>>54) * 0x96de1b173f119089
	return x ^ x>>30 ^ x>>60
}
