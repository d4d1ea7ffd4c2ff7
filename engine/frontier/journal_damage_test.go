package frontier

import (
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Whatever bit of the last segment a disk turns, the journal is as it was
// before the write that the bit is in. In the first line it is refused.
func TestJournalTurnedBit(t *testing.T) {
	dir := t.TempDir()
	h := busyJournal(t, dir)
	whole, err := os.ReadFile(segmentPath(dir, 1))
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(5, 6))
	for at := int64(0); at < int64(len(whole)); at += 1 + rnd.Int64N(40) {
		bad := slices.Clone(whole)
		bad[at] ^= 1 << rnd.IntN(8)
		dir := t.TempDir()
		if err := os.WriteFile(segmentPath(dir, 1), bad, 0o644); err != nil {
			t.Fatal(err)
		}
		j, err := OpenJournal(t.Context(), dir, Options{})
		if at < int64(len(formatLine)) {
			if err == nil {
				j.Close()
				t.Errorf("byte %d of the first line is another, and it was opened", at)
			}
			continue
		}
		if err != nil {
			t.Fatalf("byte %d of %d: %v", at, len(whole), err)
		}
		if diff := cmp.Diff(h.at(at), mustCounts(t, j)); diff != "" {
			t.Errorf("byte %d of %d (-want +got):\n%s", at, len(whole), diff)
		}
		checkIndex(t, j)
		j.crash()
	}
}
