package frontier

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestRedisSilent opens a server that takes connections and says nothing, as one
// without TLS does to a client with it.
func TestRedisSilent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	r, err := OpenRedis(ctx, "unix://"+path, Options{Name: "c"})
	if err == nil {
		r.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "the server does not answer") {
		t.Errorf("error %v", err)
	}
}
