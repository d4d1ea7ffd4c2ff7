package frontier

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// newModestServer is a server and the URL of a user that may do no more than
// it must.
func newModestServer(t *testing.T) (*redisServer, string) {
	t.Helper()
	s := newRedisServer(t, append([]string{"--user", "crawler", "on", ">hunter2"}, strings.Fields(RedisRights)...)...)
	return s, "unix://crawler:hunter2@" + s.socket()
}

func TestRedisRefusedUser(t *testing.T) {
	server, url := newModestServer(t)
	c := server.client()
	defer c.Close()
	if err := c.Do(t.Context(), "acl", "setuser", "crawler", "-hset").Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenRedis(t.Context(), url, Options{}); err == nil || !strings.Contains(err.Error(), "hset") {
		t.Errorf("%v; want to hear which command is not allowed", err)
	}
}

// A certificate's files.
type certificate struct {
	cert      *x509.Certificate
	key       *ecdsa.PrivateKey
	file, pem string // of the certificate and of the key
}

// newCertificate makes a certificate signed by another, or by itself.
func newCertificate(t *testing.T, dir, name string, by *certificate) *certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: by == nil, BasicConstraintsValid: true,
	}
	c := &certificate{key: key, file: filepath.Join(dir, name+".pem"), pem: filepath.Join(dir, name+".key")}
	signer, parent := key, form
	if by != nil {
		signer, parent = by.key, by.cert
	}
	der, err := x509.CreateCertificate(rand.Reader, form, parent, &key.PublicKey, signer)
	if err == nil {
		c.cert, err = x509.ParseCertificate(der)
	}
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		c.file: {Type: "CERTIFICATE", Bytes: der}, c.pem: {Type: "PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestRedisTLS(t *testing.T) {
	if out, _ := exec.Command("redis-cli", "--help").CombinedOutput(); !strings.Contains(string(out), "--tls") {
		t.Skip("Redis was built without TLS, or redis-cli is not installed; on Debian: apt-get install redis-server")
	}
	dir := t.TempDir()
	ca := newCertificate(t, dir, "ca", nil)
	server, client, stranger := newCertificate(t, dir, "server", ca), newCertificate(t, dir, "client", ca), newCertificate(t, dir, "stranger", nil)
	port := freePort(t)
	newRedisServer(t, "--bind", "127.0.0.1", "--tls-port", port, "--tls-cert-file", server.file, "--tls-key-file", server.pem,
		"--tls-ca-cert-file", ca.file, "--tls-auth-clients", "yes", "--requirepass", "hunter2")
	base := "rediss://:hunter2@127.0.0.1:" + port + "/1?"
	own := "&cert=" + client.file + "&key=" + client.pem
	r := mustOpen(t, base+"ca="+ca.file+own, Options{})
	tidy(t, r)
	if n, err := r.Push(t.Context(), page("a", "1")); n != 1 || err != nil {
		t.Errorf("pushed %d, %v", n, err)
	}
	for _, tt := range []struct{ name, url string }{
		{"authority unknown to the system", base + own},
		{"another authority", base + "ca=" + stranger.file + own},
		{"another name", base + "ca=" + ca.file + own + "&server_name=other.test"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := OpenRedis(t.Context(), tt.url, Options{})
			if err == nil || !strings.Contains(err.Error(), "x509") && !strings.Contains(err.Error(), "certificate") {
				t.Errorf("%v; want an error about the certificate", err)
			}
		})
	}
}

// newSentinels starts a primary with replicas and three Sentinels, and returns
// the primary and the URL.
func newSentinels(t *testing.T, replicas int) (primary *redisNode, url string) {
	t.Helper()
	silence()
	primary = newRedisNode(t)
	for range replicas {
		newRedisNode(t, "--replicaof", "127.0.0.1", primary.port, "--repl-diskless-sync-delay", "0")
	}
	primary.await(t, "the replicas follow", func() bool {
		info, err := primary.client.Info(t.Context(), "replication").Result()
		return err == nil && strings.Count(info, ",state=online,") == replicas
	})
	var addrs []string
	var sentinels []*redisNode
	for range 3 {
		file := filepath.Join(t.TempDir(), "sentinel.conf")
		conf := fmt.Sprintf("sentinel monitor main 127.0.0.1 %s 2\nsentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 4000\n", primary.port)
		if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
			t.Fatal(err)
		}
		s := newSentinel(t, file)
		sentinels, addrs = append(sentinels, s), append(addrs, s.addr())
	}
	for _, s := range sentinels {
		s.await(t, "the Sentinels know each other and the replicas", func() bool {
			main, err := s.client.Do(t.Context(), "sentinel", "master", "main").Result()
			fields, _ := main.([]any)
			known := map[any]any{}
			for i := 0; i+1 < len(fields); i += 2 {
				known[fields[i]] = fields[i+1]
			}
			return err == nil && known["num-other-sentinels"] == "2" && known["num-slaves"] == fmt.Sprint(replicas)
		})
	}
	return primary, "redis+sentinel://" + strings.Join(addrs, ",") + "/main"
}

// newSentinel starts a Sentinel.
func newSentinel(t *testing.T, file string) *redisNode {
	t.Helper()
	n := &redisNode{dir: filepath.Dir(file), port: freePort(t)}
	n.cmd = exec.Command("redis-server", file, "--port", n.port, "--bind", "127.0.0.1", "--dir", n.dir, "--sentinel")
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.kill)
	n.client = redis.NewClient(&redis.Options{Addr: n.addr(), Protocol: 2})
	t.Cleanup(func() { n.client.Close() })
	n.await(t, "the Sentinel answers", func() bool { return n.client.Ping(t.Context()).Err() == nil })
	return n
}

// The same as with a Cluster, with Sentinels that choose the next primary.
func TestRedisSentinel(t *testing.T) {
	t.Parallel()
	primary, url := newSentinels(t, 2)
	if _, err := OpenRedis(t.Context(), strings.Replace(url, "/main", "/other", 1), Options{}); err == nil || !strings.Contains(err.Error(), "none of the Sentinels") {
		t.Errorf("a master they do not know: %v", err)
	}
	again := crawlAll(t, url+"?shards=2", pagesOf(t, 3000), 4, func() {
		primary.cut(t)
		<-time.After(300 * time.Millisecond)
		primary.kill()
	})
	t.Logf("%d finishes more than pages", again)
}

// A URL of the wrong kind is answered with the right one.
func TestRedisWrongKind(t *testing.T) {
	server := newRedisNode(t)
	cluster := newRedisNode(t, "--cluster-enabled", "yes")
	for _, tt := range []struct{ url, want string }{
		{"redis://" + cluster.addr(), "write redis+cluster://"},
		{"redis+cluster://" + server.addr(), "write redis://"},
	} {
		if _, err := OpenRedis(t.Context(), tt.url, Options{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.url, err, tt.want)
		}
	}
}

// What a server cannot do now is waited for, with the reason, and done once it
// can.
func TestRedisTroubles(t *testing.T) {
	do := func(args ...any) []any { return args }
	tests := []struct {
		name, reason string
		begin, end   []any
	}{
		{"read-only", "read-only replica", do("replicaof", "127.0.0.1", "1"), do("replicaof", "no", "one")},
		{"no replica", "not enough replicas", do("config", "set", "min-replicas-to-write", "1"), do("config", "set", "min-replicas-to-write", "0")},
		{"memory", "out of memory", do("config", "set", "maxmemory", "1"), do("config", "set", "maxmemory", "0")},
		{"slow", "", do("debug", "sleep", "0.5"), nil},
		{"paused", "", do("client", "pause", "500", "write"), nil},
	}
	server := newRedisServer(t, "--enable-debug-command", "yes")
	c := server.client()
	defer c.Close()
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log lockedBuffer
			r := mustOpen(t, server.url(), Options{Name: fmt.Sprint("c", i), Log: slog.New(slog.NewTextHandler(&log, nil))})
			tidy(t, r)
			if err := c.Do(t.Context(), tt.begin...).Err(); err != nil {
				t.Fatal(err)
			}
			pushed := make(chan error, 1)
			go func() {
				n, err := r.Push(t.Context(), pages("a:1 2 3")...)
				if n != 3 {
					err = errors.Join(err, fmt.Errorf("pushed %d, want 3", n))
				}
				pushed <- err
			}()
			if tt.end != nil {
				(&redisNode{}).await(t, "the reason is told", func() bool { return strings.Contains(log.String(), tt.reason) })
				if err := c.Do(t.Context(), tt.end...).Err(); err != nil {
					t.Fatal(err)
				}
			}
			if err := <-pushed; err != nil {
				t.Error(err)
			}
			if c, err := r.Counts(t.Context()); err != nil || c.Queued != 3 {
				t.Errorf("%+v, %v", c, err)
			}
			if got := strings.Count(log.String(), "redis is back"); tt.end != nil && got != 1 || tt.end == nil && got > 0 {
				t.Errorf("back %d times:\n%s", got, log.String())
			}
		})
	}
}

// A server that is not there when a crawl is opened is waited for for a while,
// and is not said to be back when that is given up.
func TestRedisNobodyThere(t *testing.T) {
	var log lockedBuffer
	_, err := OpenRedis(t.Context(), "unix://"+t.TempDir()+"/none", Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("%v; want to hear which socket", err)
	}
	if s := log.String(); !strings.Contains(s, "waiting for redis") || strings.Contains(s, "back") {
		t.Errorf("log:\n%s", s)
	}
}
