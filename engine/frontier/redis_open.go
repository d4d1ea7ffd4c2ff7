package frontier

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"downpour/engine"
)

// formatVersion is that of the keys; a crawl of another is refused.
const formatVersion = "1"

// openPatience is how long OpenRedis tries to connect.
const openPatience = 5 * time.Second

// OpenRedis opens a crawl on the Redis server at rawURL: redis://, rediss://
// (TLS) or unix://, with user, password and database as usual
// (redis://user:password@host:6379/0, unix:///path/to/socket?db=1). A crawl
// that ended, or was never there, begins; one under way is joined or resumed.
// Close it. No error shows the password.
func OpenRedis(ctx context.Context, rawURL string, o Options) (*Redis, error) {
	return openRedis(ctx, rawURL, o, defaultShards)
}

// openRedis is OpenRedis; a crawl that begins gets so many shards.
func openRedis(ctx context.Context, rawURL string, o Options, shards int) (*Redis, error) {
	o, err := o.filled()
	if err != nil {
		return nil, err
	}
	opt, err := redisOptions(rawURL)
	if err != nil {
		return nil, err
	}
	silence()
	r := &Redis{
		client: redis.NewClient(opt), opts: o, log: o.Log, shards: shards,
		server: hidePassword(rawURL), password: opt.Password,
		self:  thisWorker(o.Owner),
		slots: make(chan *slot, slotCount),
		wake:  make(chan struct{}, 1),
		held:  map[*engine.Lease]*held{},
	}
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

// redisOptions reads the URL.
func redisOptions(rawURL string) (*redis.Options, error) {
	opt, err := redis.ParseURL(rawURL)
	if err != nil {
		// The parser's own message may hold the password.
		return nil, fmt.Errorf("redis URL %s: want redis://[user:password@]host[:port][/db], rediss://… or unix:///path/to/socket",
			hidePassword(rawURL))
	}
	opt.Protocol = 2
	opt.DisableIdentity = true
	opt.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	opt.MaxRetries = -1 // a script sent again must say so
	opt.ContextTimeoutEnabled = true
	opt.DialerRetries = 1
	opt.DialTimeout = 5 * time.Second
	opt.ReadTimeout = 10 * time.Second
	opt.WriteTimeout = 10 * time.Second
	opt.PoolSize = slotCount + 8
	return opt, nil
}

// hidePassword is a URL with x in place of its password, also when it cannot
// be parsed.
func hidePassword(raw string) string {
	if u, err := url.Parse(raw); err == nil {
		return u.Redacted()
	}
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return "(not a URL)"
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = "xxxxx@" + rest[i+1:]
	}
	return scheme + "://" + rest
}

// open does everything that Open does but start listening.
func (r *Redis) open(ctx context.Context) error {
	if err := r.connect(ctx); err != nil {
		return err
	}
	if err := r.enter(ctx); err != nil {
		return err
	}
	for i := range slotCount {
		r.slots <- &slot{name: r.id + "." + strconv.Itoa(i)}
	}
	if err := r.loadKept(ctx); err != nil {
		return err
	}
	return r.reclaim(ctx)
}

// connect waits for the server and checks what it is.
func (r *Redis) connect(ctx context.Context) error {
	deadline := time.Now().Add(openPatience)
	var unreachable error
	err := r.patiently(ctx, func(bool) error {
		err := r.client.Ping(ctx).Err()
		if why := passing(err); (why == lost || why == "cannot connect") && time.Now().After(deadline) {
			unreachable = err
			return nil
		}
		return err
	})
	if err = errors.Join(err, unreachable); err != nil {
		return redact(err, r.password)
	}
	server, err := r.client.Info(ctx, "server").Result()
	if err != nil {
		return redact(err, r.password)
	}
	version := infoField(server, "redis_version")
	major, minor, err := parseVersion(version)
	if err != nil {
		return err
	}
	if major < 6 || major == 6 && minor < 2 {
		return fmt.Errorf("server is version %s: Downpour needs Redis 6.2 or later", version)
	}
	r.scripts = newScripts(major)
	memory, err := r.client.Info(ctx, "memory").Result()
	if err != nil {
		return redact(err, r.password)
	}
	if policy := infoField(memory, "maxmemory_policy"); policy != "noeviction" && infoField(memory, "maxmemory") != "0" {
		r.log.Warn("redis may evict keys and with them the crawl: set maxmemory-policy noeviction",
			"server", r.server, "maxmemory_policy", policy)
	}
	return nil
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
		args := r.leaseArgs(0, 0, 0)
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
