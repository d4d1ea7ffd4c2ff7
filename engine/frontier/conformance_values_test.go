package frontier

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"downpour/engine"
)

// The part of the suite about Values.
var valuesTests = []suiteTest{
	{"values set, read and removed", testValuesSet},
	{"values of any bytes", testValuesBytes},
	{"values too large", testValuesLarge},
	{"numbers counted", testValuesIncr},
	{"numbers claimed", testValuesClaim},
	{"a number's time", testValuesTime},
	{"numbers counted by many at once", testValuesMany},
	{"numbers claimed by many at once", testValuesClaimMany},
	{"values outlive a crash", testValuesCrash},
	{"values end with their crawl", testValuesEnd},
	{"values after close", testValuesClosed},
}

func (c *tester) set(key, value string, ttl time.Duration) {
	c.t.Helper()
	if err := c.s.Values().Set(c.ctx, key, []byte(value), ttl); err != nil {
		c.t.Fatalf("set %q: %v", key, err)
	}
}

// holds wants key to have a value, "" for none.
func (c *tester) holds(key, want string) {
	c.t.Helper()
	b, ok, err := c.s.Values().Get(c.ctx, key)
	if err != nil || ok != (want != "") || string(b) != want {
		c.t.Errorf("%.20q is %.40q, %v, %v; want %.40q", key, b, ok, err, want)
	}
}

func (c *tester) incr(key string, n, want int64) {
	c.t.Helper()
	if sum, err := c.s.Values().Incr(c.ctx, key, n); err != nil || sum != want {
		c.t.Errorf("incr %s by %d: %d, %v; want %d", key, n, sum, err, want)
	}
}

func testValuesSet(c *tester) {
	c.holds("k", "")
	c.set("k", `"v"`, 0)
	c.holds("k", `"v"`)
	c.set("k", `{"a":[1]}`, 0)
	c.holds("k", `{"a":[1]}`)
	c.holds("K", "")
	for range 2 {
		if err := c.s.Values().Set(c.ctx, "k", nil, 0); err != nil {
			c.t.Fatal(err)
		}
		c.holds("k", "")
	}
	c.set("k", "2", 0)
	c.holds("k", "2")
}

func testValuesBytes(c *tester) {
	keys := []string{"", "\x00", "a\x00b", "a\x00", "\xff\xfe", "a b\r\nc", "{x}", "ключ", strings.Repeat("k", engine.MaxValueKey)}
	big := string(bytes.Repeat([]byte("0123456789abcdef"), 1<<18)) // 4 MiB
	value := func(i int) string {
		if i == 0 {
			return big
		}
		return fmt.Sprintf("\x00\xff\r\n%d", i)
	}
	for i, k := range keys {
		c.set(k, value(i), 0)
	}
	for range 2 {
		for i, k := range keys {
			c.holds(k, value(i))
		}
		c.crash()
	}
}

func testValuesLarge(c *tester) {
	long := strings.Repeat("k", engine.MaxValueKey+1)
	if err := c.s.Values().Set(c.ctx, long, []byte("1"), 0); err == nil {
		c.t.Error("set a key that is too long")
	}
	if _, err := c.s.Values().Incr(c.ctx, long, 1); err == nil {
		c.t.Error("counted under a key that is too long")
	}
	if err := c.s.Values().Set(c.ctx, "k", make([]byte, engine.MaxValue+1), 0); err == nil {
		c.t.Error("set a value that is too large")
	}
	c.holds("k", "")
}

func testValuesIncr(c *tester) {
	c.incr("n", 0, 0)
	c.incr("n", 1, 1)
	c.incr("n", -3, -2)
	c.holds("n", "-2")
	c.set("n", "40", 0)
	c.incr("n", 2, 42)
	for _, text := range []string{`"1"`, "1.5", "x", "{}", " 1"} {
		c.set("t", text, 0)
		if sum, err := c.s.Values().Incr(c.ctx, "t", 1); !errors.Is(err, engine.ErrNotInteger) {
			c.t.Errorf("incr of %s: %d, %v; want ErrNotInteger", text, sum, err)
		}
		c.holds("t", text)
	}
	c.incr("max", math.MaxInt64, math.MaxInt64)
	c.incr("max", 0, math.MaxInt64)
	if sum, err := c.s.Values().Incr(c.ctx, "max", 1); !errors.Is(err, engine.ErrOverflow) {
		c.t.Errorf("incr beyond 64 bits: %d, %v; want ErrOverflow", sum, err)
	}
	c.incr("max", -1, math.MaxInt64-1)
}

func testValuesClaim(c *tester) {
	for _, step := range []struct{ n, limit, granted, sum int64 }{
		{0, 10, 0, 0},
		{4, 10, 4, 4},
		{0, 10, 0, 4},
		{4, 10, 4, 8},
		{4, 10, 2, 10},
		{4, 10, 0, 10},
		{0, 10, 0, 10},
		{1, 5, 0, 10},
		{1, 12, 1, 11},
	} {
		granted, sum, err := c.s.Values().Claim(c.ctx, "items", step.n, step.limit)
		if granted != step.granted || sum != step.sum || err != nil {
			c.t.Errorf("claim %d of %d: %d, sum %d, %v; want %d, sum %d", step.n, step.limit, granted, sum, err, step.granted, step.sum)
		}
	}
	c.set("t", `"x"`, 0)
	if granted, _, err := c.s.Values().Claim(c.ctx, "t", 1, 2); granted != 0 || !errors.Is(err, engine.ErrNotInteger) {
		c.t.Errorf("claimed %d of a text, %v", granted, err)
	}
}

func testValuesTime(c *tester) {
	u := c.p.unit
	c.set("a", "1", 2*u)
	c.set("b", "1", 2*u)
	c.set("c", "1", 2*u)
	c.set("c", "2", 0) // for good from now on
	c.set("d", "1", 2*u)
	c.set("d", "1", 100*u)
	c.incr("b", 1, 2) // its time stays
	c.holds("a", "1")
	c.p.pass(3 * u)
	c.holds("a", "")
	c.incr("b", 1, 1) // anew, and for good
	c.holds("c", "2")
	c.holds("d", "1")
	c.set("e", "1", 3*u)
	c.set("f", "1", 1000*u)
	c.crash()
	c.p.pass(4 * u)
	c.holds("a", "")
	c.holds("b", "1")
	c.holds("c", "2")
	c.holds("e", "")
	c.holds("f", "1")
}

// handles are several stores of the crawl where it may have them, and the one
// there is where not.
func (c *tester) handles(n int) []Store {
	c.t.Helper()
	all := []Store{c.s}
	for c.p.shared && len(all) < n {
		s, err := c.p.open(c.t, c.o)
		if err != nil {
			c.t.Fatal(err)
		}
		c.t.Cleanup(func() { s.Close() })
		all = append(all, s)
	}
	return all
}

func testValuesMany(c *tester) {
	const goroutines, each = 64, 50
	stores := c.handles(3)
	sums := make([]map[int64]bool, goroutines)
	var wg sync.WaitGroup
	for g := range goroutines {
		sums[g] = map[int64]bool{}
		wg.Go(func() {
			for range each {
				sum, err := stores[g%len(stores)].Values().Incr(c.ctx, "n", 1)
				if err != nil {
					c.t.Error(err)
					return
				}
				sums[g][sum] = true
			}
		})
	}
	wg.Wait()
	all := map[int64]bool{}
	for _, s := range sums {
		for n := range s {
			all[n] = true
		}
	}
	if len(all) != goroutines*each {
		c.t.Errorf("%d different sums, want %d", len(all), goroutines*each)
	}
	c.incr("n", 0, goroutines*each)
	c.crash()
	c.incr("n", 1, goroutines*each+1)
}

func testValuesClaimMany(c *tester) {
	const goroutines, limit = 16, 1000
	stores := c.handles(3)
	got := make([]int64, goroutines)
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for sum := int64(0); sum < limit; {
				var n int64
				var err error
				if n, sum, err = stores[g%len(stores)].Values().Claim(c.ctx, "n", int64(g%7), limit); err != nil {
					c.t.Error(err)
					return
				}
				got[g] += n
			}
		})
	}
	wg.Wait()
	var all int64
	for _, n := range got {
		all += n
	}
	if all != limit {
		c.t.Errorf("claimed %d, want %d", all, limit)
	}
}

func testValuesCrash(c *tester) {
	c.push(pages("a:1")...)
	for i := range 300 {
		c.set(fmt.Sprint("k", i), fmt.Sprint(i), 0)
		c.incr("n", 2, int64(2*i+2))
	}
	if err := c.s.Values().Set(c.ctx, "k7", nil, 0); err != nil {
		c.t.Fatal(err)
	}
	for range 2 {
		c.crash()
		for i := range 300 {
			want := fmt.Sprint(i)
			if i == 7 {
				want = "" // removed
			}
			c.holds(fmt.Sprint("k", i), want)
		}
		c.holds("n", "600")
		c.p.pass(2 * c.p.unit) // the journal syncs and cleans meanwhile
	}
}

func testValuesEnd(c *tester) {
	c.push(pages("a:1")...)
	c.set("k", "1", 0)
	c.set("t", "1", 1000*c.p.unit)
	c.reopen(c.o)
	c.holds("k", "1")
	if err := c.s.End(c.ctx); err != nil {
		c.t.Fatal(err)
	}
	c.reopen(c.o)
	c.holds("k", "")
	c.holds("t", "")
	c.push(pages("a:1")...)
	c.set("k", "2", 0)
	fresh := c.o
	fresh.Fresh = true
	c.reopen(fresh)
	c.holds("k", "")
	c.incr("k", 1, 1)
	c.reopen(Options{})
	c.holds("k", "1")
}

func testValuesClosed(c *tester) {
	c.set("k", "1", 0)
	v := c.s.Values()
	if err := c.s.Close(); err != nil {
		c.t.Fatal(err)
	}
	if err := v.Set(c.ctx, "k", []byte("2"), 0); err == nil {
		c.t.Error("set a value of a closed store")
	}
	c.open()
	c.holds("k", "1")
}

// A file of values that was cut off anywhere is as after a prefix of the calls.
func TestJournalValuesTorn(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, dir, Options{})
	ends := []int64{int64(len(formatLine))}
	for i := range 20 {
		if _, err := j.Values().Incr(t.Context(), "n", 1); err != nil {
			t.Fatal(i, err)
		}
		ends = append(ends, j.values.size)
	}
	path := j.values.path()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range int64(len(whole)) {
		for _, tail := range []string{"", "\x00\x00\x00", "\x01\x00\x00\x00\xff\xff\xff\xffx"} {
			if cut < ends[0] && tail != "" {
				continue // that is no file of this format
			}
			if err := os.WriteFile(path, append(whole[:cut:cut], tail...), 0o644); err != nil {
				t.Fatal(err)
			}
			j := openJournal(t, dir, Options{})
			want := int64(0)
			for i, end := range ends {
				if end <= cut {
					want = int64(i)
				}
			}
			for range 2 { // cut at the right place, or the second number is lost
				want++
				if n, err := j.Values().Incr(t.Context(), "n", 1); err != nil || n != want {
					t.Fatalf("cut at %d of %d with %q: %d, %v; want %d", cut, len(whole), tail, n, err, want)
				}
				if err := j.Close(); err != nil {
					t.Fatal(err)
				}
				j = openJournal(t, dir, Options{})
			}
			j.Close()
		}
	}
}

// The file of values does not grow with the number of changes.
func TestJournalValuesRewritten(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, dir, Options{})
	j.values.Locked(func(map[string]engine.Stored) { j.values.slop = 1000 })
	v := j.Values()
	for i := range 500 {
		if err := v.Set(t.Context(), fmt.Sprint(i%10), []byte(strings.Repeat("x", i)), 0); err != nil {
			t.Fatal(err)
		}
		if err := v.Set(t.Context(), fmt.Sprint("short", i), []byte("1"), time.Nanosecond); err != nil {
			t.Fatal(err)
		}
		if i%50 == 49 {
			j.values.tend()
		}
	}
	if n := j.values.size; n > 20_000 {
		t.Errorf("%d bytes after changes of 130,000, of which 5,000 live", n)
	}
	j.Close()
	j = openJournal(t, dir, Options{})
	defer j.Close()
	for i := range 10 {
		b, ok, err := j.Values().Get(t.Context(), fmt.Sprint(i))
		if want := 490 + i; len(b) != want || !ok || err != nil {
			t.Errorf("%d: %d bytes, %v, %v; want %d", i, len(b), ok, err, want)
		}
	}
}

// What is not a file of values is refused, with what to do.
func TestJournalValuesForeign(t *testing.T) {
	dir := t.TempDir()
	openJournal(t, dir, Options{}).Close()
	if err := os.WriteFile(filepath.Join(dir, valuesFile), []byte("something of another's\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := OpenJournal(t.Context(), dir, Options{})
	if err == nil || !strings.Contains(err.Error(), "--fresh") {
		t.Errorf("%v; want an error that names --fresh", err)
	}
	j := openJournal(t, dir, Options{Fresh: true})
	defer j.Close()
	if _, err := j.Values().Incr(t.Context(), "n", 1); err != nil {
		t.Error(err)
	}
}

// A key of another type is an error, of the values alone.
func TestRedisValuesForeign(t *testing.T) {
	server := newRedisServer(t)
	r := mustOpen(t, server.url(), Options{})
	tidy(t, r)
	v := r.Values()
	set := r.keys.sets[0]
	for _, name := range []string{set.values(), set.expiry()} {
		if err := errors.Join(r.client.Del(t.Context(), name).Err(), r.client.RPush(t.Context(), name, "x").Err()); err != nil {
			t.Fatal(err)
		}
		_, _, gerr := v.Get(t.Context(), "k")
		serr := v.Set(t.Context(), "k", []byte("1"), 0)
		_, ierr := v.Incr(t.Context(), "k", 1)
		_, _, cerr := v.Claim(t.Context(), "k", 1, 2)
		for _, err := range []error{gerr, serr, ierr, cerr} {
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%v; want an error that names %s", err, name)
			}
		}
		if err := r.client.Del(t.Context(), name).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := v.Incr(t.Context(), "k", 1); err != nil || n < 1 {
		t.Errorf("after the keys are gone: %d, %v", n, err)
	}
	if _, err := r.Push(t.Context(), page("a", "1")); err != nil {
		t.Error(err)
	}
}

// A server that is killed and comes back is waited for, and each call counts
// once.
func TestRedisValuesServerDies(t *testing.T) {
	server := newRedisServer(t, "--appendonly", "yes", "--appendfsync", "always")
	r := mustOpen(t, server.url(), Options{})
	tidy(t, r)
	const goroutines, each = 8, 150
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for range each {
				if _, err := r.Values().Incr(t.Context(), "n", 1); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 3 {
		<-time.After(30 * time.Millisecond)
		server.kill()
		server.start(t)
	}
	wg.Wait()
	if n, err := r.Values().Incr(t.Context(), "n", 0); err != nil || n != goroutines*each {
		t.Errorf("counted %d, %v; want %d", n, err, goroutines*each)
	}
}

// A call that is sent again is done once.
func TestRedisValuesResent(t *testing.T) {
	server := newRedisServer(t)
	r := mustOpen(t, server.url(), Options{})
	tidy(t, r)
	for _, tt := range []struct {
		args []any
		want any
	}{
		{[]any{"incr", "n", 5}, "5"},
		{[]any{"claim", "c", 7, 10}, []any{"7", "7"}},
		{[]any{"set", "s", "x", 0}, int64(1)},
		{[]any{"del", "s"}, int64(1)},
	} {
		args := append([]any{"", "slot", 1, "0"}, tt.args...)
		for i := range 3 {
			res, _, err := r.run(t.Context(), r.scripts.values, 0, argValuesResent, args)
			if fmt.Sprint(res) != fmt.Sprint(tt.want) || err != nil {
				t.Errorf("%v, time %d: %v, %v; want %v", tt.args, i, res, err, tt.want)
			}
			args[argValuesResent] = "1"
		}
		if err := r.client.HDel(t.Context(), r.keys.sets[0].keys[keyOps], "slot").Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// A crawl that was started anew elsewhere counts no more.
func TestRedisValuesGone(t *testing.T) {
	server := newRedisServer(t)
	r := mustOpen(t, server.url(), Options{})
	tidy(t, r)
	if _, err := r.Values().Incr(t.Context(), "n", 1); err != nil {
		t.Fatal(err)
	}
	if err := r.End(t.Context()); err != nil {
		t.Fatal(err)
	}
	next := mustOpen(t, server.url(), Options{})
	tidy(t, next)
	if _, err := r.Values().Incr(t.Context(), "n", 1); !errors.Is(err, ErrGone) {
		t.Errorf("counted in a crawl that is over: %v; want ErrGone", err)
	}
	set := r.keys.sets[0]
	if left, err := r.client.Exists(t.Context(), set.values(), set.expiry()).Result(); err != nil || left > 0 {
		t.Errorf("%d keys, %v are left of it", left, err)
	}
}
