package frontier

import (
	"testing"
	"testing/synctest"
	"time"
)

// crash ends the journal as kill -9 would: nothing is synced nor told.
func (j *Journal) crash() {
	close(j.quit)
	j.running.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.err = errClosed
	j.release()
}

// journalPlace keeps journals in a temporary folder, in virtual time.
func journalPlace(t *testing.T) *place {
	dir := t.TempDir()
	return &place{
		unit: time.Second, exact: true, cold: true,
		open: func(t *testing.T, o Options) (Store, error) {
			j, err := OpenJournal(t.Context(), dir, o)
			if err != nil {
				return nil, err
			}
			t.Cleanup(func() { j.Close() })
			return j, nil
		},
		crash: func(_ *testing.T, s Store) { s.(*Journal).crash() },
		pass:  time.Sleep,
	}
}

func TestJournal(t *testing.T) {
	testConformance(t, func(t *testing.T, test func(t *testing.T, p *place)) {
		synctest.Test(t, func(t *testing.T) { test(t, journalPlace(t)) })
	})
}
