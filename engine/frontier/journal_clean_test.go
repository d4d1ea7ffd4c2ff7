package frontier

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"downpour/engine"
)

// folderSize is the length of all segments.
func folderSize(t *testing.T, dir string) (n int64) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		st, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		n += st.Size()
	}
	return n
}

// A long crawl's folder stays near what lives in it: the prints of all, the
// text of what is queued. Nothing else tells that it was cleaned.
func TestJournalCleaned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		j := openJournal(t, dir, Options{MaxPerQueue: 1 << 40})
		j.limit = 20_000
		if err := j.SetNote(t.Context(), []byte("note")); err != nil {
			t.Fatal(err)
		}
		mustPush(t, j, "early:1")
		early := finish(mustLease(t, j, 1, 1)[0])
		early.State, early.Wait = []byte("early"), time.Hour
		if _, err := j.Done(t.Context(), []*engine.Outcome{early}, nil); err != nil {
			t.Fatal(err)
		}
		written := int64(0)
		for i := range 200 {
			mustPush(t, j, fmt.Sprintf("a:%d b:%d c:%d", i, i, i))
			reqs := make([]*engine.Request, 50)
			for k := range reqs {
				reqs[k] = page("big", fmt.Sprint(i*50+k))
			}
			if _, err := j.Push(t.Context(), reqs...); err != nil {
				t.Fatal(err)
			}
			for _, l := range mustLease(t, j, 4, 49) {
				out := finish(l)
				out.State = fmt.Append(nil, i)
				if _, err := j.Done(t.Context(), []*engine.Outcome{out}, engine.Marks{"x": int64(i)}); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(syncEvery)
			synctest.Wait()
			for _, s := range j.segs {
				if s.cleaned == 0 {
					written = max(written, int64(s.number)*j.limit)
				}
			}
		}
		checkIndex(t, j)
		want := mustCounts(t, j)
		live := want.Seen*8 + want.Queued*100
		if size := folderSize(t, dir); size > 3*live || size > written/3 {
			t.Errorf("%d bytes on disk for %d that live and %d written", size, live, written)
		}
		queues := func(j *Journal) (q []string) {
			for id := range j.x.nqueue {
				i := j.x.queue(id)
				q = append(q, fmt.Sprint(i.name, i.count, i.charged, i.state, i.rest))
			}
			return q
		}
		was := queues(j)
		j.crash()
		j = openJournal(t, dir, Options{MaxPerQueue: 1 << 40})
		checkIndex(t, j)
		if diff := cmp.Diff(want, mustCounts(t, j)); diff != "" {
			t.Errorf("reopened (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(was, queues(j)); diff != "" {
			t.Errorf("queues, reopened (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(engine.Marks{"x": 199}, j.Marks()); diff != "" || string(j.Note()) != "note" {
			t.Errorf("note %q, marks %s", j.Note(), diff)
		}
		if n, err := j.Push(t.Context(), pages("a:0 77 b:199 big:0 9000")...); n != 0 || err != nil {
			t.Errorf("pushed %d seen ones, %v", n, err)
		}
		l := mustLease(t, j, 1, 500)[0]
		for i, r := range l.Requests {
			if want := fmt.Sprint(10_000 - len(l.Requests) + i); name(r) != want {
				t.Fatalf("request %d is %s, want %s", i, name(r), want)
			}
		}
		if len(l.Requests) != 200 || l.Queue != "big" {
			t.Errorf("leased %d of %s", len(l.Requests), l.Queue)
		}
	})
}

// A segment that cannot be read is left as it is, and the crawl goes on.
func TestJournalCleaningFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		j := openJournal(t, dir, Options{})
		j.limit = 500
		for i := range 20 {
			mustPush(t, j, fmt.Sprintf("a:%d", i))
			l := mustLease(t, j, 1, 1)[0]
			if _, err := j.Done(t.Context(), []*engine.Outcome{finish(l)}, nil); err != nil {
				t.Fatal(err)
			}
		}
		b, err := os.ReadFile(segmentPath(dir, 1))
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)-1] ^= 1
		if err := os.WriteFile(segmentPath(dir, 1), b, 0o644); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * syncEvery)
		synctest.Wait()
		if stray, _ := filepath.Glob(filepath.Join(dir, "*.tmp")); len(stray) > 0 {
			t.Errorf("left %v", stray)
		}
		if s := j.segs[1]; s.cleaned == 0 {
			t.Error("segment 2 was not cleaned")
		}
		mustPush(t, j, "a:more")
	})
}

func mustLease(t *testing.T, j *Journal, queues, each int) []*engine.Lease {
	t.Helper()
	leases, _, err := j.Lease(t.Context(), queues, each, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return leases
}
