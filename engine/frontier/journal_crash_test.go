package frontier

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"downpour/engine"
)

func openJournal(t *testing.T, dir string, o Options) *Journal {
	t.Helper()
	j, err := OpenJournal(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

func mustPush(t *testing.T, j *Journal, list string) {
	t.Helper()
	if _, err := j.Push(t.Context(), pages(list)...); err != nil {
		t.Fatal(err)
	}
}

func mustCounts(t *testing.T, j *Journal) engine.Counts {
	t.Helper()
	c, err := j.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.Leased = 0 // memory alone
	return c
}

// A history is what a journal held after each of its writes, by the length of
// its file.
type history map[int64]engine.Counts

// at is what a file cut off at n must hold.
func (h history) at(n int64) engine.Counts {
	best := int64(-1)
	for end := range h {
		if end <= n {
			best = max(best, end)
		}
	}
	return h[best]
}

// busyJournal does a bit of everything in dir and leaves it as a crash does.
func busyJournal(t *testing.T, dir string) history {
	t.Helper()
	h := history{}
	j := openJournal(t, dir, Options{})
	note := func() { h[j.last().size] = mustCounts(t, j) }
	note()
	for i := range 12 {
		mustPush(t, j, fmt.Sprintf("a:%d %d b:%d", i, i+100, i))
		note()
		leases, _, err := j.Lease(t.Context(), 2, 2, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range leases {
			out := &engine.Outcome{Lease: l, Finished: l.Requests[:1], Back: l.Requests[1:], Charged: 1, State: []byte("s")}
			if i%3 == 0 {
				for _, r := range out.Back {
					r.After = time.Hour
				}
			}
			if _, err := j.Done(t.Context(), []*engine.Outcome{out}, engine.Marks{"x": int64(i)}); err != nil {
				t.Fatal(err)
			}
			note()
		}
	}
	j.crash()
	return h
}

// Whatever byte a crash leaves as the last, the journal is as it was after one
// of its writes.
func TestJournalTornEnd(t *testing.T) {
	dir := t.TempDir()
	h := busyJournal(t, dir)
	whole, err := os.ReadFile(segmentPath(dir, 1))
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	cuts := []int64{0, 1, int64(len(formatLine)), int64(len(formatLine)) + 9}
	for end := range h {
		cuts = append(cuts, end, max(end-1, 0), min(end+5, int64(len(whole))))
	}
	for range 60 {
		cuts = append(cuts, rnd.Int64N(int64(len(whole))))
	}
	for i, cut := range cuts {
		tail := [][]byte{nil, make([]byte, 20), []byte("\xfe\x00\x00\x00garbage")}[i%3]
		if _, ok := h[cut]; !ok && i%3 == 1 {
			tail = nil // zeros may be what was cut off
		}
		dir := t.TempDir()
		if err := os.WriteFile(segmentPath(dir, 1), append(slices.Clone(whole[:cut]), tail...), 0o644); err != nil {
			t.Fatal(err)
		}
		if cut < int64(len(formatLine)) && len(tail) > 0 {
			continue // what is no journal at all is refused
		}
		j := openJournal(t, dir, Options{})
		if diff := cmp.Diff(h.at(cut), mustCounts(t, j)); diff != "" {
			t.Fatalf("cut at %d of %d (-want +got):\n%s", cut, len(whole), diff)
		}
		checkIndex(t, j)
		mustPush(t, j, "new:1")
		want := mustCounts(t, j)
		j.crash()
		if diff := cmp.Diff(want, mustCounts(t, openJournal(t, dir, Options{}))); diff != "" {
			t.Fatalf("cut at %d of %d, written to and reopened (-want +got):\n%s", cut, len(whole), diff)
		}
	}
}

func TestJournalRefuses(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(seg []byte) map[uint32][]byte
		want  string
	}{
		{"another program's file", func([]byte) map[uint32][]byte {
			return map[uint32][]byte{1: []byte(strings.Repeat("PK\x03\x04", 20))}
		}, "not a journal"},
		{"a later format", func(seg []byte) map[uint32][]byte {
			return map[uint32][]byte{1: bytes.Replace(seg, []byte(formatLine), []byte(formatName+"9\n"), 1)}
		}, "format"},
		{"a damaged segment before the last", func(seg []byte) map[uint32][]byte {
			bad := slices.Clone(seg)
			bad[len(bad)/2] ^= 1
			return map[uint32][]byte{1: bad, 2: seg}
		}, "damaged"},
		{"a missing segment", func(seg []byte) map[uint32][]byte {
			return map[uint32][]byte{1: seg, 3: seg}
		}, "missing"},
		{"a segment in another's place", func(seg []byte) map[uint32][]byte {
			return map[uint32][]byte{1: seg, 2: seg}
		}, "in the place of 2"},
	}
	dir := t.TempDir()
	busyJournal(t, dir)
	seg, err := os.ReadFile(segmentPath(dir, 1))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for n, b := range tt.spoil(seg) {
				if err := os.WriteFile(segmentPath(dir, n), b, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			j, err := OpenJournal(t.Context(), dir, Options{})
			if err == nil {
				j.Close()
				t.Fatal("opened it")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q does not say %q", err, tt.want)
			}
			fresh := openJournal(t, dir, Options{Fresh: true})
			if diff := cmp.Diff(engine.Counts{}, mustCounts(t, fresh)); diff != "" || fresh.Resumed() {
				t.Errorf("a fresh start over it: %s", diff)
			}
		})
	}
}

func TestJournalInUse(t *testing.T) {
	dir := t.TempDir()
	openJournal(t, dir, Options{Name: "mine"})
	_, err := OpenJournal(t.Context(), dir, Options{Name: "mine"})
	used, ok := errors.AsType[*InUseError](err)
	if !ok || used.PID != fmt.Sprint(os.Getpid()) || used.Name != "mine" || used.Dir != dir {
		t.Fatalf("error %v", err)
	}
	for _, word := range []string{`"mine"`, used.PID, dir} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not say %s", err, word)
		}
	}
}

// A disk that is full ends the journal. Nothing of what answered is lost, and
// once there is room the crawl goes on.
func TestJournalDiskFull(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no /dev/full:", err)
	}
	dir := t.TempDir()
	j := openJournal(t, dir, Options{})
	mustPush(t, j, "a:1 2 3")
	leases, _, err := j.Lease(t.Context(), 1, 1, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	want := mustCounts(t, j)
	j.mu.Lock()
	j.last().file.Close()
	j.last().file = full
	j.mu.Unlock()
	_, first := j.Push(t.Context(), page("a", "4"))
	if !errors.Is(first, syscall.ENOSPC) || !strings.Contains(first.Error(), "make room in "+dir) {
		t.Errorf("push: %v", first)
	}
	if _, err := j.Done(t.Context(), []*engine.Outcome{finish(leases[0])}, nil); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("done after that: %v", err)
	}
	if _, _, err := j.Lease(t.Context(), 1, 1, time.Minute); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("lease after that: %v", err)
	}
	if err := j.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("close: %v", err)
	}
	j = openJournal(t, dir, Options{})
	if diff := cmp.Diff(want, mustCounts(t, j)); diff != "" {
		t.Errorf("reopened (-want +got):\n%s", diff)
	}
	if n, err := j.Push(t.Context(), page("a", "4")); n != 1 || err != nil {
		t.Errorf("pushed %d, %v", n, err)
	}
}

func TestJournalClosed(t *testing.T) {
	j := openJournal(t, t.TempDir(), Options{})
	for range 2 {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := j.Push(t.Context(), page("a", "1")); !errors.Is(err, errClosed) {
		t.Errorf("push: %v", err)
	}
}

// A wipe that was cut off is taken up by the next open.
func TestJournalHalfWiped(t *testing.T) {
	dir := t.TempDir()
	busyJournal(t, dir)
	for _, name := range []string{endedMark, "00000003.seg", "00000001.seg.tmp"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	j := openJournal(t, dir, Options{})
	if diff := cmp.Diff(engine.Counts{}, mustCounts(t, j)); diff != "" || j.Resumed() {
		t.Error(diff)
	}
}

// A clock that was set back does not make a rest longer than it was.
func TestJournalClockSetBack(t *testing.T) {
	j := openJournal(t, t.TempDir(), Options{})
	mustPush(t, j, "a:1")
	now, rest := j.now(), int64(time.Minute)
	j.mu.Lock()
	defer j.mu.Unlock()
	future := now + int64(1000*time.Hour)
	b := appendLen(appendUints(beginFrame(nil), opState, 0, uint64(future), uint64(rest), 0, 0), "")
	if err := j.apply(b[frameHead:], j.last(), 0, now); err != nil {
		t.Fatal(err)
	}
	if q := j.x.queue(0); q.rest != now+rest {
		t.Errorf("rests for %v, want %v", time.Duration(q.rest-now), time.Duration(rest))
	}
}

// Whatever a frame says, reading it gives an error or a sound index.
func FuzzJournalFrame(f *testing.F) {
	j, err := OpenJournal(f.Context(), f.TempDir(), Options{})
	if err != nil {
		f.Fatal(err)
	}
	if _, err := j.Push(f.Context(), pages("a:1 2 b:1")...); err != nil {
		f.Fatal(err)
	}
	f.Add(slices.Clone(j.buf[:cap(j.buf)][frameHead:min(200, cap(j.buf))]))
	f.Add(appendUints(nil, opDone, 0, 2, 2, 1, 1))
	f.Add(appendUints(nil, opState, 0, 1, 1, 1, 1, 0))
	f.Add(appendUints(nil, opSeen, 0))
	j.crash()
	f.Fuzz(func(t *testing.T, payload []byte) {
		j := &Journal{x: newIndex(), marks: engine.Marks{}}
		s := &segment{number: 1}
		j.segs = []*segment{s}
		for range 2 {
			if err := j.apply(payload, s, 0, 1); err != nil {
				return
			}
		}
		j.x.collectFree()
		for id := range j.x.nqueue {
			j.x.schedule(j.x.queue(id), 1, 0)
		}
	})
}
