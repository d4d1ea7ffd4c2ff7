package frontier

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"downpour/engine"
)

func mustOpen(t *testing.T, url string, o Options) *Redis {
	t.Helper()
	r, err := OpenRedis(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// tidy closes a store whose server may be gone by then.
func tidy(t *testing.T, r *Redis) {
	t.Cleanup(func() { r.Close() })
}

// work leases and finishes until the crawl is over, pushing two children for
// every page below n, and counts what it finished without being told stale.
func work(ctx context.Context, r *Redis, n int, finished func(string)) error {
	for {
		leases, wait, err := r.Lease(ctx, 3, 4, 2*time.Second)
		if errors.Is(err, engine.ErrDrained) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(leases) == 0 {
			select {
			case <-time.After(min(wait, 20*time.Millisecond)):
			case <-r.Wake():
			}
			continue
		}
		var outs []*engine.Outcome
		for _, l := range leases {
			for _, q := range l.Requests {
				var i int
				if _, err := fmt.Sscanf(name(q), "%d", &i); err != nil {
					return err
				}
				for _, c := range []int{2*i + 1, 2*i + 2} {
					if c < n {
						if _, err := r.Push(ctx, numbered(c)); err != nil {
							return err
						}
					}
				}
			}
			outs = append(outs, finish(l))
		}
		stale, err := r.Done(ctx, outs, nil)
		if err != nil {
			return err
		}
		for _, o := range outs {
			for _, q := range o.Finished {
				if !contains(stale, o.Lease) {
					finished(name(q))
				}
			}
		}
	}
}

func numbered(i int) *engine.Request { return page(fmt.Sprintf("h%d", i%7), fmt.Sprint(i)) }

func contains(leases []*engine.Lease, l *engine.Lease) bool {
	for _, x := range leases {
		if x == l {
			return true
		}
	}
	return false
}

// Two workers share a crawl while the server is killed and restarted under
// them: nothing is lost and nothing is finished twice.
func TestRedisServerRestarts(t *testing.T) {
	for _, shards := range []int{1, 3} {
		t.Run(fmt.Sprintf("shards %d", shards), func(t *testing.T) {
			server := newRedisServer(t, "--appendonly", "yes", "--appendfsync", "always")
			var mu sync.Mutex
			done := map[string]int{}
			var wg sync.WaitGroup
			const n = 1500
			var workers []*Redis
			for range 2 {
				r, err := OpenRedis(t.Context(), fmt.Sprintf("%s?shards=%d", server.url(), shards), Options{})
				if err != nil {
					t.Fatal(err)
				}
				tidy(t, r)
				workers = append(workers, r)
			}
			if _, err := workers[0].Push(t.Context(), numbered(0)); err != nil {
				t.Fatal(err)
			}
			progress := make(chan struct{}, n)
			for _, r := range workers {
				wg.Go(func() {
					err := work(t.Context(), r, n, func(page string) {
						mu.Lock()
						defer mu.Unlock()
						done[page]++
						select {
						case progress <- struct{}{}:
						default:
						}
					})
					if err != nil {
						t.Error(err)
					}
				})
			}
			for range 4 {
				for range n / 6 {
					<-progress
				}
				server.kill()
				server.start(t)
			}
			wg.Wait()
			for i := range n {
				if done[fmt.Sprint(i)] != 1 {
					t.Errorf("page %d finished %d times", i, done[fmt.Sprint(i)])
				}
			}
			c, err := workers[0].Counts(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(engine.Counts{Finished: n, Charged: n, Seen: n}, c); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
		})
	}
}

// A server that is away is waited for, with one warning.
func TestRedisWaits(t *testing.T) {
	server := newRedisServer(t, "--appendonly", "yes", "--appendfsync", "always")
	var log lockedBuffer
	r := mustOpen(t, server.url(), Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	tidy(t, r)
	server.kill()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := r.Push(ctx, page("a", "1")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("push to a dead server until the context ends: %v", err)
	}
	pushed := make(chan error)
	for i := range 3 {
		go func() {
			_, err := r.Push(t.Context(), page("a", fmt.Sprint(i)))
			pushed <- err
		}()
	}
	server.start(t)
	for range 3 {
		if err := <-pushed; err != nil {
			t.Error(err)
		}
	}
	if got := strings.Count(log.String(), "waiting for redis"); got != 1 {
		t.Errorf("%d warnings, want 1:\n%s", got, log.String())
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A full server is waited for too, but finishing, which empties it, goes on.
func TestRedisFull(t *testing.T) {
	server := newRedisServer(t)
	r := mustOpen(t, server.url(), Options{})
	tidy(t, r)
	if v, _ := r.client.Info(t.Context(), "server").Result(); strings.HasPrefix(infoField(v, "redis_version"), "6.") {
		t.Skip("scripts may not run in a full server before Redis 7")
	}
	if _, err := r.Push(t.Context(), pages("a:1 2")...); err != nil {
		t.Fatal(err)
	}
	c := server.client()
	defer c.Close()
	if err := c.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	leases, _, err := r.Lease(t.Context(), 1, 1, time.Minute)
	if err != nil || len(leases) != 1 {
		t.Fatal(leases, err)
	}
	if stale, err := r.Done(t.Context(), []*engine.Outcome{finish(leases[0])}, nil); err != nil || len(stale) > 0 {
		t.Error(stale, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if n, err := r.Push(ctx, page("a", "3")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("pushed %d, %v; want to wait", n, err)
	}
	if err := c.ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	if n, err := r.Push(t.Context(), page("a", "3")); n != 1 || err != nil {
		t.Errorf("pushed %d, %v", n, err)
	}
}

// What a script was asked twice it does once.
func TestRedisResent(t *testing.T) {
	server := newRedisServer(t)
	r := mustOpen(t, server.url(), Options{})
	tidy(t, r)
	again := page("a", "1")
	again.Again = true
	p := &pushCall{}
	p.add(again, filedIfNew)
	args := append([]any{"", "slot", 1, "0", 1, "a"}, p.args...)
	for i := range 3 {
		res, _, err := r.run(t.Context(), r.scripts.push, 0, argResent, args)
		if err != nil || res != int64(1) {
			t.Fatal(i, res, err)
		}
		args[argResent] = "1"
	}
	largs := r.leaseArgs(0, 5, 5, time.Minute)
	var first *held
	for i := range 2 {
		res, _, err := r.run(t.Context(), r.scripts.lease, 0, argLeaseResent, largs)
		if err != nil {
			t.Fatal(err)
		}
		a, err := parseAnswer(res, 0)
		if err != nil || len(a.held) != 1 || len(a.held[0].slots) != 1 {
			t.Fatalf("call %d: %+v, %v", i, a, err)
		}
		largs[argLeaseResent] = "1"
		first = a.held[0]
	}
	rep := &report{held: first, out: finish(first.lease)}
	if err := rep.held.lease.Requests[0].Check(); err != nil {
		t.Fatal(err)
	}
	if err := r.plan(t.Context(), rep); err != nil {
		t.Fatal(err)
	}
	dargs := rep.append([]any{"", "slot", 2, "0", "1.9", 0, 0, 0})
	for i := range 2 {
		res, _, err := r.run(t.Context(), r.scripts.done, 0, argResent, dargs)
		if diff := cmp.Diff([]any{[]any{"", int64(0), int64(0)}}, res); diff != "" || err != nil {
			t.Errorf("call %d: %v %s", i, err, diff)
		}
		dargs[argResent] = "1"
	}
	c, err := r.Counts(t.Context())
	if diff := cmp.Diff(engine.Counts{Finished: 1, Charged: 1, Seen: 1}, c); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}

// A lease that was not heard of and has run out by the time it is asked for
// again is another one: it counts once.
func TestRedisResentLate(t *testing.T) {
	server := newRedisServer(t)
	r := mustOpen(t, server.url(), Options{MaxPages: 2})
	tidy(t, r)
	if _, err := r.Push(t.Context(), page("a", "1")); err != nil {
		t.Fatal(err)
	}
	args := r.leaseArgs(0, 5, 5, time.Millisecond)
	for i, want := range []int{0, 1} { // how often it ran out
		res, _, err := r.run(t.Context(), r.scripts.lease, 0, argLeaseResent, args)
		if err != nil {
			t.Fatal(err)
		}
		a, err := parseAnswer(res, 0)
		if err != nil || len(a.held) != 1 || a.held[0].lease.Again != want {
			t.Fatalf("call %d: %+v, %v; want one lease that ran out %d times", i, a, err, want)
		}
		if c, err := r.Counts(t.Context()); err != nil || c.Leased != 1 {
			t.Errorf("call %d: %+v, %v; want one request leased", i, c, err)
		}
		args[3], args[argLeaseResent] = int64(time.Minute/time.Millisecond), "1"
		<-time.After(5 * time.Millisecond)
	}
}

// Values the program cannot have written are put aside and the crawl goes on.
func TestRedisHostileEntries(t *testing.T) {
	tests := []struct {
		name string
		do   func(ctx context.Context, r *Redis, prefix string) error
		dead int64
	}{
		{"no JSON at the head", func(ctx context.Context, r *Redis, p string) error {
			return r.client.LPush(ctx, p+"l:a", "\xff\x00junk", `{"url":"http://a.test/`, "").Err()
		}, 3},
		{"JSON of another kind", func(ctx context.Context, r *Redis, p string) error {
			return r.client.RPush(ctx, p+"l:a", `[1]`, `{"url":7}`, `{"url":"javascript:1"}`, `{"url":"http://a.test/","v":9}`).Err()
		}, 4},
		{"code", func(ctx context.Context, r *Redis, p string) error {
			return r.client.RPush(ctx, p+"l:a", `redis.call('FLUSHALL')`).Err()
		}, 1},
		{"list of another type", func(ctx context.Context, r *Redis, p string) error {
			return errors.Join(r.client.Set(ctx, p+"l:b", "x", 0).Err(),
				r.client.ZAdd(ctx, p+"due", z(1, "b")).Err())
		}, 1},
		{"queue without a list", func(ctx context.Context, r *Redis, p string) error {
			return r.client.ZAdd(ctx, p+"due", z(1, "\xff"), z(2, "")).Err()
		}, 0},
		{"delayed nonsense", func(ctx context.Context, r *Redis, p string) error {
			return r.client.ZAdd(ctx, p+"later", z(1, "x"), z(1, "1:99:a"), z(1, "0:1:c{}")).Err()
		}, 3},
		{"lease of nobody", func(ctx context.Context, r *Redis, p string) error {
			return errors.Join(r.client.ZAdd(ctx, p+"due", z(-5, "z")).Err(),
				r.client.HSet(ctx, p+"own", "z", "what", "a", "\xff").Err())
		}, 0},
		{"operations", func(ctx context.Context, r *Redis, p string) error {
			return r.client.HSet(ctx, p+"ops", "1.0", "nonsense").Err()
		}, 0},
	}
	server := newRedisServer(t)
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := mustOpen(t, server.url(), Options{Name: fmt.Sprint("hostile", i)})
			tidy(t, r)
			ctx := t.Context()
			if _, err := r.Push(ctx, pages("a:1 2 3")...); err != nil {
				t.Fatal(err)
			}
			prefix := r.keys.sets[0].prefix
			if err := tt.do(ctx, r, prefix); err != nil {
				t.Fatal(err)
			}
			var got []string
			if err := work(ctx, r, 0, func(page string) { got = append(got, page) }); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff("1 2 3", strings.Join(got, " ")); diff != "" {
				t.Errorf("finished (-want +got):\n%s", diff)
			}
			if n, err := r.client.LLen(ctx, prefix+"dead").Result(); n != tt.dead || err != nil {
				t.Errorf("%d dead entries, want %d; %v", n, tt.dead, err)
			}
		})
	}
}

// A process that was killed leaves its leases; one started on the same machine
// takes them back at once.
func TestRedisDeadWorker(t *testing.T) {
	if url := os.Getenv("FRONTIER_TEST_VICTIM"); url != "" {
		victim(t, url)
		return
	}
	server := newRedisServer(t)
	r := mustOpen(t, server.url(), Options{})
	tidy(t, r)
	if _, err := r.Push(t.Context(), pages("a:1 2 3")...); err != nil {
		t.Fatal(err)
	}
	for again, want := range []string{"a:1", "a:1", "a:1", "a:2"} {
		r := mustOpen(t, server.url(), Options{})
		leases, _, err := r.Lease(t.Context(), 1, 1, time.Hour)
		if err != nil || len(leases) != 1 {
			t.Fatalf("after %d deaths: %v, %v", again, leases, err)
		}
		l := leases[0]
		if diff := cmp.Diff(want, heads(leases)); diff != "" || l.Again != again%3 || l.Cold != (again > 0) {
			t.Errorf("after %d deaths: again %d, cold %v %s", again, l.Again, l.Cold, diff)
		}
		// Hand it over to a process that dies: the next is of the count before.
		r.vanishLeased(t, server, l)
	}
	c, err := r.Counts(t.Context())
	if err != nil || c.Aside != 1 || c.Queued != 2 {
		t.Errorf("counts %+v, %v", c, err)
	}
}

// vanishLeased makes the lease that of a process that has been killed.
func (r *Redis) vanishLeased(t *testing.T, server *redisServer, l *engine.Lease) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestRedisDeadWorker$")
	cmd.Env = append(os.Environ(), "FRONTIER_TEST_VICTIM="+server.url())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var id string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if s, ok := strings.CutPrefix(lines.Text(), "victim "); ok {
			id = s
			break
		}
	}
	cmd.Process.Kill()
	cmd.Wait()
	if id == "" {
		t.Fatal("the victim did not open the crawl")
	}
	own := r.keys.sets[0].keys[keyOwn]
	v, err := r.client.HGet(t.Context(), own, l.Queue).Result()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(v, ".")
	if err := r.client.HSet(t.Context(), own, l.Queue, id+"."+rest).Err(); err != nil {
		t.Fatal(err)
	}
	r.vanish(t)
}

func victim(t *testing.T, url string) {
	r := mustOpen(t, url, Options{})
	fmt.Println("victim " + r.id)
	<-time.After(time.Minute) // killed long before
}
