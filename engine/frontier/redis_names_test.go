package frontier

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRedisNames(t *testing.T) {
	server := newRedisServer(t)
	cluster := newRedisCluster(t, 3, 0)
	for _, tt := range []struct{ name, url string }{
		{"one server", server.url()},
		{"cluster", cluster.url()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			none, err := RedisNames(t.Context(), tt.url)
			if err != nil || len(none) > 0 {
				t.Errorf("an empty Redis has %q, %v", none, err)
			}
			for _, name := range []string{"news", "a.b-c", "shop"} {
				r, err := OpenRedis(t.Context(), tt.url, Options{Name: name})
				if err != nil {
					t.Fatal(err)
				}
				if err := r.Close(); err != nil {
					t.Fatal(err)
				}
			}
			got, err := RedisNames(t.Context(), tt.url)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff([]string{"a.b-c", "news", "shop"}, got); d != "" {
				t.Error(d)
			}
		})
	}
	if _, err := RedisNames(t.Context(), "redis+sentinel://h/"); !errors.Is(err, ErrRedisURL) {
		t.Errorf("a URL without a master: %v", err)
	}
	if _, err := RedisNames(t.Context(), "unix:///none.sock"); err == nil {
		t.Error("no server is no error")
	}
}
