package frontier

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"downpour/engine"
)

// Requests shorter and longer than what is read at a time come back whole and
// in order, however many are asked for, from memory and from the disk.
func TestJournalReadInPart(t *testing.T) {
	sizes := []int{0, 0, 100, cachedBytes - 200, 0, cachedBytes, 10, 3 * cachedBytes, 0, 3 * maxGroupBytes, 0, 0}
	var want []string
	var reqs []*engine.Request
	for i := range 60 {
		r := &engine.Request{
			URL: fmt.Sprintf("http://a.test/%d", i), Queue: "a.test", Print: uint64(i + 1),
			Body: bytes.Repeat([]byte{'a' + byte(i%26)}, sizes[i%len(sizes)]),
		}
		reqs = append(reqs, r)
		want = append(want, r.URL+" "+string(r.Body))
	}
	for _, each := range []int{1, 3, 64} {
		for _, reopened := range []bool{false, true} {
			t.Run(fmt.Sprintf("each=%d reopened=%v", each, reopened), func(t *testing.T) {
				dir := t.TempDir()
				j := openJournal(t, dir, Options{})
				if _, err := j.Push(t.Context(), reqs...); err != nil {
					t.Fatal(err)
				}
				if reopened {
					j.crash()
					j = openJournal(t, dir, Options{})
				}
				defer j.Close()
				var got []string
				for len(got) < len(want) {
					leases, _, err := j.Lease(t.Context(), 1, each, time.Minute)
					if err != nil || len(leases) != 1 {
						t.Fatal(leases, err)
					}
					for _, r := range leases[0].Requests {
						got = append(got, r.URL+" "+string(r.Body))
					}
					if _, err := j.Done(t.Context(), []*engine.Outcome{finish(leases[0])}, nil); err != nil {
						t.Fatal(err)
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("leased (-want +got):\n%.2000s", diff)
				}
			})
		}
	}
}
