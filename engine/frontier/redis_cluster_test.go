package frontier

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// A redisCluster is a Cluster of real servers on ports of the loopback.
type redisCluster struct {
	nodes []*redisNode
}

// A redisNode is a server on a port.
type redisNode struct {
	dir, port string
	cmd       *exec.Cmd
	client    *redis.Client
}

func (n *redisNode) addr() string { return "127.0.0.1:" + n.port }

// portsTaken are the ports freePort has given out.
var portsTaken sync.Map

// freePort is a port nobody listens on, as is the one 10,000 above it, on which
// the servers of a Cluster talk.
func freePort(t testing.TB) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(l.Addr().String())
		n, _ := strconv.Atoi(port)
		l.Close()
		if n > 55000 {
			n -= 20000
		}
		ok := true
		for _, p := range []int{n, n + 10000} {
			l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(p))
			if ok = ok && err == nil; err == nil {
				l.Close()
			}
		}
		_, taken := portsTaken.LoadOrStore(n, true)
		_, above := portsTaken.LoadOrStore(n+10000, true)
		if ok && !taken && !above {
			return strconv.Itoa(n)
		}
	}
	t.Fatal("no free port")
	return ""
}

// newRedisNode starts a server on a port for the length of the test.
func newRedisNode(t testing.TB, args ...string) *redisNode {
	t.Helper()
	for _, program := range []string{"redis-server", "redis-cli"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(program + " is not installed; on Debian: apt-get install redis-server")
		}
	}
	n := &redisNode{dir: t.TempDir(), port: freePort(t)}
	all := append([]string{"--port", n.port, "--bind", "127.0.0.1", "--dir", n.dir, "--save", "", "--daemonize", "no"}, args...)
	n.cmd = exec.Command("redis-server", all...)
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.kill)
	n.client = redis.NewClient(&redis.Options{Addr: n.addr(), Protocol: 2})
	t.Cleanup(func() { n.client.Close() })
	n.await(t, "the server answers", func() bool { return n.client.Ping(t.Context()).Err() == nil })
	return n
}

// kill is kill -9.
func (n *redisNode) kill() {
	n.cmd.Process.Kill()
	n.cmd.Wait()
}

// await waits until something is so, for a limited time.
func (n *redisNode) await(t testing.TB, what string, so func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for !so() {
		select {
		case <-ctx.Done():
			t.Fatal("in vain: " + what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// newRedisCluster starts so many primaries, each with so many replicas.
func newRedisCluster(t testing.TB, primaries, replicas int, args ...string) *redisCluster {
	t.Helper()
	silence()
	c := &redisCluster{}
	create := []string{"--cluster", "create"}
	for range primaries * (1 + replicas) {
		n := newRedisNode(t, append([]string{
			"--cluster-enabled", "yes", "--cluster-node-timeout", "1000",
			"--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0",
		}, args...)...)
		c.nodes = append(c.nodes, n)
		create = append(create, n.addr())
	}
	c.cli(t, append(create, "--cluster-replicas", strconv.Itoa(replicas), "--cluster-yes")...)
	for _, n := range c.nodes {
		n.await(t, "the cluster is up", func() bool {
			info, err := n.client.ClusterInfo(t.Context()).Result()
			return err == nil && strings.Contains(info, "cluster_state:ok")
		})
	}
	return c
}

// cli runs redis-cli.
func (c *redisCluster) cli(t testing.TB, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "redis-cli", args...).CombinedOutput(); err != nil {
		t.Fatalf("redis-cli %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func (c *redisCluster) url() string {
	var addrs []string
	for _, n := range c.nodes[:min(3, len(c.nodes))] {
		addrs = append(addrs, n.addr())
	}
	return "redis+cluster://" + strings.Join(addrs, ",")
}

func TestRedisClusterConformance(t *testing.T) {
	cluster := newRedisCluster(t, 3, 0)
	var crawl atomic.Int64
	testConformance(t, func(t *testing.T, test func(t *testing.T, p *place)) {
		name := fmt.Sprintf("c%d", crawl.Add(1))
		test(t, &place{
			unit: 100 * time.Millisecond, shared: true, shards: 3,
			open: func(t *testing.T, o Options) (Store, error) {
				o.Name = name
				return OpenRedis(t.Context(), cluster.url()+"?shards=3", o)
			},
			crash: func(t *testing.T, s Store) { s.(*Redis).vanish(t) },
			pass:  func(d time.Duration) { <-time.After(d) },
		})
	})
}

// pagesOf is how many pages the tests that lose servers crawl: so many, or as
// many as the environment says.
func pagesOf(t *testing.T, n int) int {
	if v, err := strconv.Atoi(os.Getenv("DOWNPOUR_FAILOVER_PAGES")); err == nil {
		t.Logf("%d pages", v)
		return v
	}
	return n
}

// crawlAll has workers crawl n pages, and calls trouble once half of them are
// finished. It wants every page finished at least once and answers how many
// were more than once.
func crawlAll(t *testing.T, url string, n, workers int, trouble func()) (again int) {
	t.Helper()
	var mu sync.Mutex
	done := map[string]int{}
	half := make(chan struct{})
	var wg sync.WaitGroup
	for i := range workers {
		r, err := OpenRedis(t.Context(), url, Options{})
		if err != nil {
			t.Fatal(err)
		}
		tidy(t, r)
		if i == 0 {
			if _, err := r.Push(t.Context(), numbered(0)); err != nil {
				t.Fatal(err)
			}
		}
		wg.Go(func() {
			err := work(t.Context(), r, n, func(page string) {
				mu.Lock()
				defer mu.Unlock()
				if done[page]++; done[page] == 1 && len(done) == n/2 {
					close(half)
				}
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	over := make(chan struct{})
	go func() { wg.Wait(); close(over) }()
	select {
	case <-half:
		trouble()
	case <-over:
	}
	<-over
	for i := range n {
		switch times := done[strconv.Itoa(i)]; times {
		case 0:
			t.Errorf("page %d is missing", i)
		default:
			again += times - 1
		}
	}
	return again
}

// Slots move to another server in the middle of a crawl, the others go on.
func TestRedisReshard(t *testing.T) {
	t.Parallel() // it mostly waits, as the failovers do
	cluster := newRedisCluster(t, 3, 0)
	ids := make([]string, 3)
	for i, n := range cluster.nodes {
		id, err := n.client.Do(t.Context(), "cluster", "myid").Text()
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = id
	}
	n := pagesOf(t, 4000)
	again := crawlAll(t, cluster.url(), n, 2, func() {
		cluster.cli(t, "--cluster", "reshard", cluster.nodes[1].addr(), "--cluster-from", ids[0], "--cluster-to", ids[1],
			"--cluster-slots", "5461", "--cluster-yes", "--cluster-pipeline", "1")
	})
	if again > 0 {
		t.Errorf("%d pages finished more than once", again)
	}
	nodes, err := cluster.nodes[0].client.ClusterNodes(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(nodes) {
		if f := strings.Fields(line); f[0] == ids[0] && len(f) > 8 {
			t.Errorf("slots that were not moved: %v", f[8:])
		}
	}
	testHalfMoved(t, cluster)
}

// While a slot is on its way, with some keys here and some there, no script is
// carried out, and nothing is followed to the other server.
func testHalfMoved(t *testing.T, cluster *redisCluster) {
	ctx := t.Context()
	var log lockedBuffer
	r := mustOpen(t, cluster.url()+"?shards=1", Options{Name: "half", Log: slog.New(slog.NewTextHandler(&log, nil))})
	tidy(t, r)
	if _, err := r.Push(ctx, pages("a:1 2 b:1")...); err != nil {
		t.Fatal(err)
	}
	owner, err := r.node(ctx, r.keys.n(0))
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(cluster.nodes, func(n *redisNode) bool { return n.addr() == owner.Options().Addr })
	from, to := cluster.nodes[i], cluster.nodes[3-i] // the first has lost its slots, and may follow another
	do := func(n *redisNode, args ...any) any {
		t.Helper()
		v, err := n.client.Do(ctx, args...).Result()
		if err != nil {
			t.Fatal(args, err)
		}
		return v
	}
	slot := do(from, "cluster", "keyslot", r.keys.n(0))
	fromID, toID := do(from, "cluster", "myid"), do(to, "cluster", "myid")
	do(to, "cluster", "setslot", slot, "importing", fromID)
	do(from, "cluster", "setslot", slot, "migrating", toID)
	do(from, "migrate", "127.0.0.1", to.port, r.keys.queues(0), 0, 5000)
	pushed := make(chan int)
	go func() {
		n, err := r.Push(ctx, pages("a:2 3 c:1")...)
		if err != nil {
			t.Error(err)
		}
		pushed <- n
	}()
	from.await(t, "the push waits", func() bool { return strings.Contains(log.String(), "slots are moving") })
	for keys := []any{1}; len(keys) > 0; {
		keys, _ = do(from, "cluster", "getkeysinslot", slot, 100).([]any)
		for _, k := range keys {
			do(from, "migrate", "127.0.0.1", to.port, k, 0, 5000)
		}
	}
	do(to, "cluster", "setslot", slot, "node", toID)
	do(from, "cluster", "setslot", slot, "node", toID)
	if n := <-pushed; n != 2 {
		t.Errorf("pushed %d, want 2", n)
	}
	f, err := r.Verify(ctx)
	if err != nil || len(f.Problems) > 0 || f.Counts.Queued != 5 {
		t.Errorf("%+v, %v", f, err)
	}
}

// cut makes a primary go on without its replicas: they are thrown out and may
// not come back.
func (n *redisNode) cut(t testing.TB) {
	t.Helper()
	ctx := t.Context()
	for _, c := range [][]any{{"acl", "setuser", "default", "-psync", "-sync"}, {"client", "kill", "type", "replica"}} {
		if err := n.client.Do(ctx, c...).Err(); err != nil {
			t.Error(err)
		}
	}
	n.await(t, "the replicas are gone", func() bool {
		info, err := n.client.Info(ctx, "replication").Result()
		return err == nil && infoField(info, "connected_slaves") == "0"
	})
}

// A primary goes on taking writes that its replica does not get, dies, and the
// replica takes its place: pages are finished twice, none is missing.
func TestRedisFailover(t *testing.T) {
	t.Parallel()
	cluster := newRedisCluster(t, 3, 1)
	n := pagesOf(t, 4000)
	again := crawlAll(t, cluster.url(), n, 4, func() {
		cluster.nodes[0].cut(t)
		before, _ := cluster.nodes[0].client.Info(t.Context(), "replication").Result()
		<-time.After(300 * time.Millisecond)
		after, _ := cluster.nodes[0].client.Info(t.Context(), "replication").Result()
		if infoField(before, "master_repl_offset") == infoField(after, "master_repl_offset") {
			t.Error("the primary took no writes after it was cut off")
		}
		cluster.nodes[0].kill()
	})
	t.Logf("%d finishes more than pages", again)
}
