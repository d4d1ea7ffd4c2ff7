package frontier

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"downpour/engine"
)

// formatVersion is that of the keys; a crawl of another is refused.
const formatVersion = "1"

// openPatience is how long OpenRedis tries to connect.
const openPatience = 5 * time.Second

// firstOps bounds where the numbers of a worker's calls begin, at random: should
// a failover forget that a worker's id was given out, another that gets it is
// not taken for it.
const firstOps = 1 << 30

// OpenRedis opens a crawl on a Redis server, several watched by Sentinel, or a
// Cluster. A crawl that ended, or was never there, begins; one under way is
// joined or resumed. Close it. The URL is one of
//
//	redis://[USER:PASSWORD@]HOST[:6379][/DB]
//	rediss://…                                    the same over TLS
//	unix://[USER:PASSWORD@]/PATH/TO/SOCKET[?db=DB]
//	redis+sentinel://[USER:PASSWORD@]HOST[:26379],…/MASTER[/DB]
//	redis+cluster://[USER:PASSWORD@]HOST[:6379],…
//	rediss+sentinel://…, rediss+cluster://…       the same over TLS
//
// of which a part may be followed by ?NAME=VALUE&…:
//
//	shards=N                  into how many parts a crawl that begins is laid,
//	                          for good: at least as many as the Cluster may
//	                          ever have primaries. Default 1, in a Cluster 16
//	ca=FILE                   PEM certificates that vouch for the server, in
//	                          place of the system's
//	cert=FILE, key=FILE       the client's own certificate and key, in PEM form
//	server_name=NAME          the name in the server's certificate; default is
//	                          that of the host
//	sentinel_user=, sentinel_password=
//	                          what the Sentinels ask for; USER and PASSWORD are
//	                          for the servers
//	db=DB                     database, with unix://
//
// USER and PASSWORD have other characters than letters, digits, "-", "." and
// "_" escaped as %XX. No error and no log shows the password. A URL that cannot
// be used is ErrRedisURL.
func OpenRedis(ctx context.Context, rawURL string, o Options) (*Redis, error) {
	o, err := o.filled()
	if err != nil {
		return nil, err
	}
	u, err := parseRedisURL(rawURL)
	if err != nil {
		return nil, err
	}
	silence()
	r := &Redis{
		client: u.client(), opts: o, log: o.Log, shards: u.shards, kind: u.kind,
		server: u.shown, secrets: u.secrets,
		self:  thisWorker(o.Owner),
		slots: make(chan *slot, slotCount),
		wake:  make(chan struct{}, 1),
		held:  map[*engine.Lease]*held{},
	}
	r.op.Store(rand.Int64N(firstOps))
	if err := r.open(ctx); err != nil {
		_ = r.client.Close()
		return nil, fmt.Errorf("redis %s: %w", r.server, err)
	}
	lctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	r.done.Add(1)
	go r.listen(lctx)
	return r, nil
}

// open does everything that Open does but start listening.
func (r *Redis) open(ctx context.Context) error {
	if err := r.connect(ctx); err != nil {
		return err
	}
	if err := r.enter(ctx); err != nil {
		return err
	}
	r.replicas, r.granted = make([]replicas, r.keys.shards), make([]atomic.Int64, r.keys.shards)
	r.seeAllReplicas(ctx)
	for i := range slotCount {
		r.slots <- &slot{name: r.id + "." + strconv.Itoa(i), seq: rand.Int64N(firstOps)}
	}
	if err := r.loadKept(ctx); err != nil {
		return err
	}
	if err := r.reclaim(ctx); err != nil || !r.resumed {
		return err
	}
	return r.settlePages(ctx)
}

// connect waits for the server and checks what it is.
func (r *Redis) connect(ctx context.Context) error {
	deadline := time.Now().Add(openPatience)
	var infos []string
	err := r.patiently(ctx, func(bool) (err error) {
		infos, err = r.infos(ctx)
		if why := passing(err); (why == lost || why == noConnection) && time.Now().After(deadline) {
			return &lasting{err}
		}
		return err
	})
	switch {
	case errors.Is(err, redis.Nil):
		return errors.New("none of the Sentinels knows a master of that name")
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the server does not answer: check host and port, and that rediss:// is for one with TLS and redis:// for one without: %w", err)
	case err != nil && strings.Contains(err.Error(), "cluster support disabled"):
		return errors.New("the server is no Cluster: write redis:// in place of redis+cluster://")
	case err != nil:
		return err
	}
	oldest := math.MaxInt
	for _, info := range infos {
		major, err := r.checkServer(info)
		if err != nil {
			return err
		}
		oldest = min(oldest, major)
	}
	r.scripts = newScripts(oldest)
	return nil
}

// infos is what each server says of itself.
func (r *Redis) infos(ctx context.Context) (infos []string, err error) {
	one := func(ctx context.Context, c redis.Cmdable) (string, error) {
		server, err := c.Info(ctx, "server").Result()
		if err != nil {
			return "", err
		}
		memory, err := c.Info(ctx, "memory").Result()
		return server + memory, err
	}
	cluster, ok := r.client.(*redis.ClusterClient)
	if !ok {
		info, err := one(ctx, r.client)
		return []string{info}, err
	}
	var mu sync.Mutex
	err = cluster.ForEachMaster(ctx, func(ctx context.Context, c *redis.Client) error {
		info, err := one(ctx, c)
		mu.Lock()
		defer mu.Unlock()
		infos = append(infos, info)
		return err
	})
	return infos, err
}

// checkServer looks whether a server can keep a crawl, and says its version.
func (r *Redis) checkServer(info string) (major int, err error) {
	switch mode := infoField(info, "redis_mode"); {
	case mode == "cluster" && r.kind != kindCluster:
		return 0, errors.New("the server is one of a Cluster: write redis+cluster:// in place of redis://")
	case mode == "sentinel":
		return 0, errors.New("the server is a Sentinel: write redis+sentinel://host:port,host:port/MASTER")
	}
	version := infoField(info, "redis_version")
	major, minor, err := parseVersion(version)
	if err != nil {
		return 0, err
	}
	if major < 6 || major == 6 && minor < 2 {
		return 0, fmt.Errorf("server is version %s: Downpour needs Redis 6.2 or later", version)
	}
	if policy := infoField(info, "maxmemory_policy"); policy != "noeviction" && infoField(info, "maxmemory") != "0" {
		r.log.Warn("redis may evict keys and with them the crawl: set maxmemory-policy noeviction",
			"server", r.server, "maxmemory_policy", policy)
	}
	return major, nil
}

func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func parseVersion(v string) (major, minor int, err error) {
	a, rest, _ := strings.Cut(v, ".")
	b, _, _ := strings.Cut(rest, ".")
	major, err = strconv.Atoi(a)
	if err == nil {
		minor, err = strconv.Atoi(b)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("server does not say its version: %q", v)
	}
	return major, minor, nil
}

// reclaim ends the leases of processes of this machine that have died, so that
// a restart need not wait for them to run out, and looks again at queues a
// page budget held.
func (r *Redis) reclaim(ctx context.Context) error {
	if !r.resumed {
		return nil
	}
	var all map[string]string
	err := r.patiently(ctx, func(bool) (err error) {
		all, err = r.client.HGetAll(ctx, r.keys.workers()).Result()
		return err
	})
	if err != nil {
		return err
	}
	var dead []string
	for id, text := range all {
		if w, ok := parseWorker(text); ok && w.dead(r.self) {
			dead = append(dead, id)
		}
	}
	slices.Sort(dead)
	for s := range r.keys.shards {
		args := r.leaseArgs(s, 0, 0, 0)
		args[8] = "1"
		for _, id := range dead {
			args = append(args, id)
		}
		if _, _, err := r.run(ctx, r.scripts.lease, s, argLeaseResent, args); err != nil {
			return err
		}
	}
	if len(dead) == 0 {
		return nil
	}
	return r.patiently(ctx, func(bool) error {
		return r.client.HDel(ctx, r.keys.workers(), dead...).Err()
	})
}
