package frontier

import (
	"math/bits"
	"testing"
	"testing/synctest"
	"time"
)

// crash ends the journal as kill -9 would: nothing is synced nor told.
func (j *Journal) crash() {
	close(j.quit)
	j.running.Wait()
	j.values.close()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.err = errClosed
	j.release()
}

// journalPlace keeps journals in a temporary folder, in virtual time. Their
// segments are of limit bytes. What is due in the background is done before
// time goes on, so that a seed always gives the same run.
func journalPlace(t *testing.T, limit int64) *place {
	dir := t.TempDir()
	return &place{
		unit: time.Second, exact: true, cold: true,
		open: func(t *testing.T, o Options) (Store, error) {
			j, err := OpenJournal(t.Context(), dir, o)
			if err != nil {
				return nil, err
			}
			j.mu.Lock()
			j.limit = limit
			j.mu.Unlock()
			t.Cleanup(func() { j.Close() })
			return j, nil
		},
		crash: func(t *testing.T, s Store) {
			checkIndex(t, s.(*Journal))
			s.(*Journal).crash()
		},
		pass: func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		},
	}
}

// checkIndex compares what the index counts with what is in it.
func checkIndex(t *testing.T, j *Journal) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	var queued, busy, groups int64
	for id := range j.x.nqueue {
		q := j.x.queue(id)
		var ready, delayed uint32
		left := func(place uint32) uint32 {
			g := j.x.group(place)
			groups++
			if int(g.done) >= int(g.count) {
				t.Errorf("queue %s: group %d is finished and still there", q.name, place)
			}
			return uint32(int(g.count) - bits.OnesCount64(j.x.holes[place]|(1<<g.done-1)))
		}
		for l := range q.levels() {
			for place := l.head; place != 0; place = j.x.group(place).next {
				ready += left(place)
			}
		}
		if q.more != nil {
			for _, d := range q.more.delayed {
				delayed += left(d.id)
			}
		}
		if q.ready != ready || q.count != ready+delayed {
			t.Errorf("queue %s counts %d, %d ready; holds %d, %d ready", q.name, q.count, q.ready, ready+delayed, ready)
		}
		if queued += int64(q.count); q.count > 0 {
			busy++
		}
	}
	free := int64(0)
	for place := j.x.free; place != 0; place = j.x.group(place).next {
		free++
	}
	if j.x.queued != queued || j.x.busy != busy || groups+free != int64(j.x.ngroup)-1 {
		t.Errorf("index counts %d queued, %d busy, %d places; holds %d, %d, %d groups and %d free",
			j.x.queued, j.x.busy, j.x.ngroup-1, queued, busy, groups, free)
	}
}

func TestJournal(t *testing.T) {
	testConformance(t, func(t *testing.T, test func(t *testing.T, p *place)) {
		synctest.Test(t, func(t *testing.T) { test(t, journalPlace(t, segmentSize)) })
	})
}

// With segments of a few frames the same holds after they are cleaned.
func TestJournalCleaning(t *testing.T) {
	testConformance(t, func(t *testing.T, test func(t *testing.T, p *place)) {
		synctest.Test(t, func(t *testing.T) { test(t, journalPlace(t, 2000)) })
	})
}

// And while they are: time goes on when it likes to.
func TestJournalCleaningMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := journalPlace(t, 2000)
		p.pass = time.Sleep
		c := &tester{t: t, p: p, ctx: t.Context()}
		c.open()
		testModel(c)
	})
}
