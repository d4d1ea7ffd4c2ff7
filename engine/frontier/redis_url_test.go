package frontier

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// told is what a URL said, in a form to compare.
type told struct {
	Kind, User, Password, Master   string
	SentinelUser, SentinelPassword string
	Addrs                          []string
	DB, Shards                     int
	TLS                            bool
	ServerName                     string
}

func TestRedisURL(t *testing.T) {
	tests := []struct {
		url  string
		want told
	}{
		{"redis://h", told{Addrs: []string{"h:6379"}}},
		{"redis://", told{Addrs: []string{"localhost:6379"}}},
		{"redis://u:p%40%2F@[::1]:7/3?shards=4", told{Addrs: []string{"[::1]:7"}, User: "u", Password: "p@/", DB: 3, Shards: 4}},
		{"rediss://:p@h:1", told{Addrs: []string{"h:1"}, Password: "p", TLS: true}},
		{"rediss://10.0.0.1:1?server_name=redis.test", told{Addrs: []string{"10.0.0.1:1"}, TLS: true, ServerName: "redis.test"}},
		{"unix:///run/redis.sock?db=2", told{Addrs: []string{"/run/redis.sock"}, DB: 2}},
		{"unix://u:p@/run/redis.sock", told{Addrs: []string{"/run/redis.sock"}, User: "u", Password: "p"}},
		{"redis+sentinel://u:p@a,b:2/main/5?sentinel_user=su&sentinel_password=sp", told{
			Kind: kindSentinel, Addrs: []string{"a:26379", "b:2"}, User: "u", Password: "p",
			Master: "main", DB: 5, SentinelUser: "su", SentinelPassword: "sp",
		}},
		{"rediss+sentinel://a/main", told{Kind: kindSentinel, Addrs: []string{"a:26379"}, Master: "main", TLS: true}},
		{"redis+cluster://u:p@a:1,[::1]:2,c/", told{Kind: kindCluster, Addrs: []string{"a:1", "[::1]:2", "c:6379"}, User: "u", Password: "p"}},
		{"rediss+cluster://a?shards=64", told{Kind: kindCluster, Addrs: []string{"a:6379"}, TLS: true, Shards: 64}},
	}
	for _, tt := range tests {
		t.Run(tt.url, func(t *testing.T) {
			u, err := parseRedisURL(tt.url)
			if err != nil {
				t.Fatal(err)
			}
			o := u.opts
			got := told{
				Kind: u.kind, User: o.Username, Password: o.Password, Master: o.MasterName,
				SentinelUser: o.SentinelUsername, SentinelPassword: o.SentinelPassword,
				Addrs: o.Addrs, DB: o.DB, Shards: u.shards, TLS: o.TLSConfig != nil,
			}
			if got.TLS {
				got.ServerName = o.TLSConfig.ServerName
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if err := u.client().Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRedisURLErrors(t *testing.T) {
	nonsense := filepath.Join(t.TempDir(), "no.pem")
	if err := os.WriteFile(nonsense, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, url, want string
	}{
		{"scheme", "http://u:hunter2@h/", "want redis://"},
		{"no URL", "h:6379", "want redis://"},
		{"kind", "redis+ring://u:hunter2@h", "want redis://"},
		{"no kind", "redis+://h", "want redis://"},
		{"broken", "redis://u:hunter2@h:port/%zz", "u:xxxxx@h"},
		{"broken password", "redis://u:hunter2%zz@h", "u:xxxxx@h"},
		{"password alone", "redis://hunter2@h:port", "xxxxx@h"},
		{"database", "redis://u:hunter2@h/zero", "u:xxxxx@h/zero"},
		{"two databases", "redis://h/1?db=2", "two databases"},
		{"database of a cluster", "redis+cluster://h/1", "no databases"},
		{"several hosts", "redis://:hunter2@a,b", "redis+cluster://"},
		{"host", "redis+cluster://a,b:x", `"b:x"`},
		{"empty host", "redis+cluster://a,,b", `""`},
		{"no master", "redis+sentinel://:hunter2@a,b", "MASTER"},
		{"sockets of sentinels", "unix+sentinel:///a/main", "want redis://"},
		{"no socket", "unix://", "want redis://"},
		{"shards", "redis://h?shards=0", "from 1 to 1024"},
		{"shards unnumbered", "redis://h?shards=many", "from 1 to 1024"},
		{"unknown parameter", "redis://h?sahrds=2&sentinel_password=hunter2", `"sahrds"`},
		{"sentinel's password", "redis://h?sentinel_password=hunter2", "redis+sentinel://"},
		{"parameters", "redis://h?a=%zz&hunter2", "name=value"},
		{"ca without tls", "redis://h?ca=x.pem", "rediss"},
		{"no such ca", "rediss://h?ca=" + os.DevNull + "/x.pem", "x.pem"},
		{"ca of nonsense", "rediss://h?ca=" + nonsense, "no certificate"},
		{"cert without key", "rediss://h?cert=x.pem", "key=FILE"},
		{"cert of nonsense", "rediss://h?cert=" + nonsense + "&key=" + nonsense, "no.pem"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := OpenRedis(t.Context(), tt.url, Options{})
			if !errors.Is(err, ErrRedisURL) || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q and no password", err, tt.want)
			}
		})
	}
}

// TestReadmeRights holds what the README grants a user to what one needs.
func TestReadmeRights(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "ACL SETUSER crawler on >PASSWORD")
	granted, _, _ := strings.Cut(rest, "```")
	if diff := cmp.Diff(strings.Fields(RedisRights), strings.Fields(granted)); diff != "" {
		t.Errorf("the README grants other rights (-needed +granted):\n%s", diff)
	}
}
