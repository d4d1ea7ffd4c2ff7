package frontier

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// ErrRedisURL means that a URL of Redis cannot be used as it is written.
var ErrRedisURL = errors.New("redis URL")

// RedisRights is what a user of Redis has to be allowed, as ACL SETUSER takes
// it, for all that a crawl does.
const RedisRights = "~downpour:* &downpour:* -@all " +
	"+ping +info +time +eval +evalsha +wait +cluster|slots " +
	"+multi +exec +watch +unwatch +subscribe +publish " +
	"+get +set +del +unlink +exists +rename +pttl " +
	"+hget +hset +hmget +hgetall +hincrby +hdel +hexists +hlen +hscan " +
	"+zadd +zrem +zscore +zmscore +zcard +zcount +zrange +zrangebyscore +zrevrangebyscore +zremrangebyscore +zscan " +
	"+rpush +lpush +lpop +lset +lrem +lindex +llen +lrange +ltrim " +
	"+sadd +srem +smembers +sismember +scard"

// redisForms is how a URL of Redis may look, for messages.
const redisForms = "redis://[user:password@]host[:port][/db], rediss://… for TLS, unix:///path/to/socket, " +
	"redis+sentinel://host:port,host:port/MASTER[/db] or redis+cluster://host:port,host:port"

// The kinds of servers, as a URL's scheme names them after a "+".
const (
	kindSingle   = ""
	kindSentinel = "sentinel"
	kindCluster  = "cluster"
)

// The parameters of a URL of Redis.
const (
	paramShards           = "shards"
	paramDB               = "db"
	paramCA               = "ca"
	paramCert             = "cert"
	paramKey              = "key"
	paramServerName       = "server_name"
	paramSentinelUser     = "sentinel_user"
	paramSentinelPassword = "sentinel_password"
)

var redisParams = []string{
	paramShards, paramDB, paramCA, paramCert, paramKey, paramServerName, paramSentinelUser, paramSentinelPassword,
}

// A redisURL is what a URL of Redis says. Its grammar is told at OpenRedis.
type redisURL struct {
	kind    string
	shards  int      // 0: not said
	shown   string   // as messages show it: no password, no parameters
	secrets []string // what no message shows
	opts    *redis.UniversalOptions
}

// parseRedisURL reads a URL. Its errors are ErrRedisURL and show no password.
func parseRedisURL(raw string) (*redisURL, error) {
	u := &redisURL{shown: hidePassword(raw)}
	if err := u.parse(raw); err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrRedisURL, u.shown, err)
	}
	return u, nil
}

func (u *redisURL) parse(raw string) error {
	scheme, rest, ok := strings.Cut(raw, "://")
	transport, kind, _ := strings.Cut(scheme, "+")
	known := transport == "redis" || transport == "rediss" || transport == "unix" && kind == kindSingle
	if !ok || !known || !slices.Contains([]string{kindSingle, kindSentinel, kindCluster}, kind) || strings.HasSuffix(scheme, "+") {
		return errors.New("want " + redisForms)
	}
	u.kind = kind
	place, query, _ := strings.Cut(rest, "?")
	params, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("its parameters are not written as name=value&name=value")
	}
	for name := range params {
		if !slices.Contains(redisParams, name) {
			return fmt.Errorf("unknown parameter %q: there are %s", name, strings.Join(redisParams, ", "))
		}
	}
	hosts, err := u.parsePlace(transport, place, params.Get(paramDB))
	if err != nil {
		return err
	}
	if err := u.parseParams(params); err != nil {
		return err
	}
	if transport != "unix" {
		if u.opts.Addrs, err = withPorts(hosts, kind); err != nil {
			return err
		}
	}
	return nil
}

// parsePlace reads user, hosts and path.
func (u *redisURL) parsePlace(transport, place, db string) (hosts []string, err error) {
	var user, path, master string
	if transport != "unix" {
		var authority string
		authority, path, _ = strings.Cut(place, "/")
		at := strings.LastIndexByte(authority, '@') + 1
		user, hosts = authority[:at], strings.Split(authority[at:], ",")
		if u.kind == kindSingle && len(hosts) > 1 {
			return nil, errors.New("several hosts: write redis+cluster:// or redis+sentinel://")
		}
		if u.kind == kindSentinel {
			if master, path, _ = strings.Cut(path, "/"); master == "" {
				return nil, errors.New("name the master the Sentinels watch: redis+sentinel://host:port,host:port/MASTER")
			}
		}
		if db != "" && path != "" {
			return nil, errors.New("two databases")
		}
		place = user + "h/" + path + db
	} else if db != "" {
		place += "?db=" + url.QueryEscape(db)
	}
	// The parser's own message may hold the password.
	o, err := redis.ParseURL(transport + "://" + place)
	if err != nil {
		return nil, errors.New("want " + redisForms)
	}
	if u.kind == kindCluster && o.DB != 0 {
		return nil, errors.New("a cluster has no databases")
	}
	u.opts = &redis.UniversalOptions{
		Addrs: []string{o.Addr}, DB: o.DB, Username: o.Username, Password: o.Password,
		TLSConfig: o.TLSConfig, MasterName: master,
	}
	if o.Password != "" {
		u.secrets = append(u.secrets, o.Password, url.QueryEscape(o.Password))
	}
	return hosts, nil
}

// withPorts is the hosts with the ports that were left out.
func withPorts(hosts []string, kind string) ([]string, error) {
	port := "6379"
	if kind == kindSentinel {
		port = "26379"
	}
	addrs := make([]string, 0, len(hosts))
	for _, h := range hosts {
		p, err := url.Parse("redis://" + h)
		if err != nil || p.Path != "" || p.User != nil || p.Host == "" && kind != kindSingle {
			return nil, fmt.Errorf("%q is no host:port", h)
		}
		name, own := p.Hostname(), p.Port()
		if name == "" {
			name = "localhost"
		}
		if own == "" {
			own = port
		}
		addrs = append(addrs, net.JoinHostPort(name, own))
	}
	return addrs, nil
}

func (u *redisURL) parseParams(params url.Values) error {
	if v := params.Get(paramShards); params.Has(paramShards) {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > maxShards {
			return fmt.Errorf("shards=%s: want a number from 1 to %d", v, maxShards)
		}
		u.shards = n
	}
	u.opts.SentinelUsername, u.opts.SentinelPassword = params.Get(paramSentinelUser), params.Get(paramSentinelPassword)
	if p := u.opts.SentinelPassword; p != "" {
		u.secrets = append(u.secrets, p, url.QueryEscape(p))
	}
	if u.kind != kindSentinel && (params.Has(paramSentinelUser) || params.Has(paramSentinelPassword)) {
		return errors.New("sentinel_user and sentinel_password belong to redis+sentinel://")
	}
	return u.parseTLS(params)
}

// parseTLS completes the settings of rediss://. Each server is known by the
// name or address it is reached at, unless server_name says otherwise.
func (u *redisURL) parseTLS(params url.Values) error {
	t := u.opts.TLSConfig
	if t == nil {
		for _, name := range []string{paramCA, paramCert, paramKey, paramServerName} {
			if params.Has(name) {
				return fmt.Errorf("%s= belongs to TLS: write rediss in place of redis", name)
			}
		}
		return nil
	}
	t.MinVersion, t.ServerName = tls.VersionTLS12, params.Get(paramServerName)
	if file := params.Get(paramCA); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("ca: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("ca=%s: the file holds no certificate in PEM form", file)
		}
	}
	cert, key := params.Get(paramCert), params.Get(paramKey)
	if (cert == "") != (key == "") {
		return errors.New("a client certificate needs both cert=FILE and key=FILE")
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return fmt.Errorf("cert=%s, key=%s: %w", cert, key, err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return nil
}

// client makes the client. What it must not do is to try again by itself: a
// script sent again must say so, and one sent after a slot that is on its way
// to another server could be cut short there.
func (u *redisURL) client() redis.UniversalClient {
	o := u.opts
	o.Protocol = 2
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	o.MaxRetries = -1
	o.MaxRedirects = -1
	o.ContextTimeoutEnabled = true
	o.DialerRetries = 1
	o.DialTimeout = 5 * time.Second
	o.ReadTimeout = 10 * time.Second
	o.WriteTimeout = 10 * time.Second
	o.PoolSize = slotCount + 8
	switch u.kind {
	case kindCluster:
		c := o.Cluster()
		c.DisableRoutingPolicies = true // they ask the server what its commands are
		return redis.NewClusterClient(c)
	case kindSentinel:
		return redis.NewFailoverClient(o.Failover())
	}
	return redis.NewClient(o.Simple())
}

// hidePassword is a URL as messages show it: x in place of its password and
// without its parameters, also when it cannot be parsed.
func hidePassword(raw string) string {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return "(not a URL)"
	}
	rest, _, _ = strings.Cut(rest, "?")
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		hidden := "xxxxx@"
		if user, _, ok := strings.Cut(rest[:i], ":"); ok {
			hidden = user + ":" + hidden
		}
		rest = hidden + rest[i+1:]
	}
	return scheme + "://" + rest
}
