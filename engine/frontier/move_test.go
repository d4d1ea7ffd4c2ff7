package frontier

import (
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"downpour/engine"
)

// A crawl goes from one store to the other and back, and holds there what it
// held here.
func TestMove(t *testing.T) {
	server := newRedisServer(t)
	stores := map[string]func(name string) func(t *testing.T, o Options) (Store, error){
		"journal": func(string) func(t *testing.T, o Options) (Store, error) {
			dir := filepath.Join(t.TempDir(), "crawl")
			return func(t *testing.T, o Options) (Store, error) { return OpenJournal(t.Context(), dir, o) }
		},
		"redis": func(name string) func(t *testing.T, o Options) (Store, error) {
			return func(t *testing.T, o Options) (Store, error) {
				o.Name = name
				return OpenRedis(t.Context(), server.url(), o)
			}
		},
		"redis of 3 shards": func(name string) func(t *testing.T, o Options) (Store, error) {
			return func(t *testing.T, o Options) (Store, error) {
				o.Name = name
				return OpenRedis(t.Context(), server.url()+"?shards=3", o)
			}
		},
	}
	n := 0
	for from, opened := range stores {
		for to := range stores {
			n++
			t.Run(from+" to "+to, func(t *testing.T) {
				a := &tester{t: t, p: &place{unit: time.Millisecond, open: opened(fmt.Sprint("a", n))}, ctx: t.Context()}
				b := &tester{t: t, p: &place{unit: time.Millisecond, open: stores[to](fmt.Sprint("b", n))}, ctx: t.Context()}
				testMove(a, b, strings.Contains(to, "shards") || strings.Contains(from, "shards"))
			})
		}
	}
}

// fillCrawl makes up a crawl with something of everything.
func fillCrawl(c *tester) {
	c.open()
	for i := range 1200 {
		c.push(page("big", fmt.Sprint(i)))
	}
	c.push(append(pages("a:1 2 3 4 5 b:1 done:1 2"), prio(page("a", "p"), 7), prio(page("a", "n"), -7))...)
	c.push(after(page("a", "late"), time.Hour), after(page("late", "1"), 2*time.Hour))
	for range 4 {
		for _, l := range c.lease(1, 2) {
			out := failing(l, name(l.Requests[0])+"=503")
			out.State, out.Wait = []byte("state of "+l.Queue), time.Hour
			c.done(out)
		}
	}
	if err := c.s.SetNote(c.ctx, []byte(`{"scripts":["a.lua"]}`)); err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.s.Done(c.ctx, nil, engine.Marks{"rows.jsonl": 123}); err != nil {
		c.t.Fatal(err)
	}
	for key, ttl := range map[string]time.Duration{"for good": 0, "for a while": time.Hour, "for a moment": time.Millisecond} {
		if err := c.s.Values().Set(c.ctx, key, []byte("\xff of "+key), ttl); err != nil {
			c.t.Fatal(err)
		}
	}
	if err := c.s.Values().Set(c.ctx, "empty", []byte{}, 0); err != nil {
		c.t.Fatal(err)
	}
	<-time.After(2 * time.Millisecond)
	if err := c.s.Close(); err != nil {
		c.t.Fatal(err)
	}
}

// lines exports a store as text.
func lines(c *tester) (all []string, end EndRecord) {
	c.t.Helper()
	for r, err := range c.s.(Mover).Export(c.ctx) {
		if err != nil {
			c.t.Fatal("export:", err)
		}
		if r.Request != nil && r.Request.Print == 0 {
			r.Request.Print = print(r.Request.URL)
		}
		end.Add(r)
		text, err := r.AppendJSON(nil)
		if err != nil {
			c.t.Fatal(err)
		}
		all = append(all, string(text))
	}
	return all, end
}

func parsed(lines []string) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for _, l := range lines {
			if !yield(ParseRecord([]byte(l))) {
				return
			}
		}
	}
}

// portrait is all that is to be the same, but for what is seen.
func portrait(c *tester) (all []string, counts engine.Counts) {
	c.t.Helper()
	c.sound()
	for _, q := range []string{"big", "a", "b", "done", "late"} {
		state, err := c.inspector().State(c.ctx, q)
		if err != nil {
			c.t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s: %s; state %q", q, c.waiting(q), state))
	}
	for _, key := range []string{"for good", "for a while", "for a moment", "empty"} {
		value, ok, err := c.s.Values().Get(c.ctx, key)
		if err != nil {
			c.t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("value %s: %q, %v", key, value, ok))
	}
	for q, err := range c.inspector().Queues(c.ctx) {
		if err != nil {
			c.t.Fatal(err)
		}
		if q.Name != "late" && time.Until(q.Due) > 50*time.Minute { // its only request has a time of its own
			all = append(all, q.Name+" rests")
		}
	}
	slices.Sort(all)
	counts, err := c.s.Counts(c.ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	all = append(all, c.kept(), string(c.s.Note()), fmt.Sprint(c.s.Marks()))
	return all, counts
}

func testMove(a, b *tester, sharded bool) {
	t := a.t
	fillCrawl(a)
	a.openAgain(Options{Look: true})
	want, counts := portrait(a)
	text, end := lines(a)
	if end.Requests != counts.Queued || end.Failed != counts.Failed || counts.Failed == 0 {
		t.Errorf("exported %+v of %+v", end, counts)
	}
	b.o = Options{Fresh: true}
	b.open()
	if err := b.s.(Mover).Import(b.ctx, end, parsed(text)); err != nil {
		t.Fatal("import:", err)
	}
	b.reopen(Options{})
	if !b.s.Resumed() {
		t.Error("the crawl cannot be resumed")
	}
	got, moved := portrait(b)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("moved (-want +got):\n%s", diff)
	}
	if sharded { // what is seen is entered in each
		moved.Seen = counts.Seen
	}
	if diff := cmp.Diff(counts, moved); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	for _, r := range append(pages("big:7 done:1 a:1"), page("late", "1")) {
		if n := b.push(r); n != 0 {
			t.Errorf("%s is seen no longer", r.URL)
		}
	}
	if n := b.push(page("big", "new")); n != 1 {
		t.Error("what is new is dropped")
	}
	if n := b.requeue(""); int64(n) != counts.Failed {
		t.Errorf("requeued %d, want %d", n, counts.Failed)
	}
	b.sound()
	if err := b.s.(Mover).Discard(b.ctx); err != nil {
		t.Error("discard:", err)
	}
	b.o = Options{Look: true}
	if s, err := b.p.open(t, b.o); err == nil {
		t.Errorf("a discarded crawl is there: %v", s)
	}
	if err := a.s.Close(); err != nil {
		t.Error(err)
	}
}

// openAgain opens a store that is closed.
func (c *tester) openAgain(o Options) {
	c.t.Helper()
	c.o = o
	c.open()
}

// Budgets that were charged are kept.
func TestMoveCharged(t *testing.T) {
	server := newRedisServer(t)
	o := Options{MaxPerQueue: 3}
	open := map[string]func(t *testing.T, o Options) (Store, error){
		"redis": func(t *testing.T, o Options) (Store, error) {
			o.Name = "charged"
			return OpenRedis(t.Context(), server.url(), o)
		},
	}
	dir := t.TempDir()
	open["journal"] = func(t *testing.T, o Options) (Store, error) { return OpenJournal(t.Context(), dir, o) }
	for from, to := range map[string]string{"redis": "journal", "journal": "redis"} {
		a := &tester{t: t, p: &place{unit: time.Millisecond, open: open[from]}, ctx: t.Context(), o: Options{Fresh: true, MaxPerQueue: 3}}
		a.open()
		a.push(pages("a:1 2 3 4 5")...)
		a.done(finish(a.one(2)))
		text, end := lines(a)
		a.s.Close()
		b := &tester{t: t, p: &place{unit: time.Millisecond, open: open[to]}, ctx: t.Context(), o: Options{Fresh: true}}
		b.open()
		if err := b.s.(Mover).Import(b.ctx, end, parsed(text)); err != nil {
			t.Fatal(err)
		}
		b.reopen(o)
		b.done(finish(b.one(5)))
		b.ends(engine.ErrBudget)
		b.counts(engine.Counts{Queued: 2, Queues: 1, Finished: 3, Charged: 3, Seen: 5})
		b.s.Close()
	}
}

func TestParseRecord(t *testing.T) {
	for name, bad := range map[string]string{
		"nothing":            ``,
		"no object":          `7`,
		"empty":              `{}`,
		"two at once":        `{"end":{"queues":1},"queue":{"name":"a"}}`,
		"two values":         `{"queue":{"name":"a"}} {}`,
		"unknown":            `{"host":"a"}`,
		"later format":       `{"crawl":{"format":2,"name":"a","store":"redis","finished":0,"charged":0}}`,
		"negative":           `{"crawl":{"format":1,"name":"a","store":"redis","finished":-1,"charged":0}}`,
		"queue without name": `{"queue":{"charged":1}}`,
		"half a print":       `{"seen":"AAAA"}`,
		"no queue":           `{"request":{"url":"http://a.test/"},"print":"1"}`,
		"no request":         `{"request":{"url":"a"},"in":"a","print":"1"}`,
		"no print":           `{"request":{"url":"http://a.test/"},"in":"a","print":"x"}`,
		"no failure":         `{"failed":{"kind":"dns"},"print":"1"}`,
	} {
		if r, err := ParseRecord([]byte(bad)); err == nil {
			t.Errorf("%s: read as %+v", name, r)
		}
	}
}

func FuzzParseRecord(f *testing.F) {
	f.Add([]byte(`{"request":{"url":"http://a.test/"},"in":"a","print":"1","due":"2026-01-01T00:00:00Z"}`))
	f.Add([]byte(`{"failed":{"kind":"dns","at":1,"queue":"a","request":{"url":"http://a.test/"}},"print":"ff"}`))
	f.Add([]byte(`{"queue":{"name":"a","state":"AA==","until":"2026-01-01T00:00:00Z"}}`))
	f.Add([]byte(`{"seen":"AAAAAAAAAAE="}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := ParseRecord(text)
		if err != nil {
			return
		}
		once, err := r.AppendJSON(nil)
		if err != nil {
			return // a time that JSON has no room for
		}
		again, err := ParseRecord(once)
		if err != nil {
			t.Fatalf("%s: %v", once, err)
		}
		twice, _ := again.AppendJSON(nil)
		if string(once) != string(twice) {
			t.Errorf("written %s, then %s", once, twice)
		}
	})
}
