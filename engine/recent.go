package engine

import "sync"

// recent remembers which fingerprints this process has pushed lately, so that
// the links every page of a site repeats are not sent to the store again. It
// forgets by overwriting: a miss costs a push that the store drops.
type recent struct {
	mu    sync.Mutex // guards slots
	slots []uint64
}

// recentSlots is the size of the memory: 2 MB.
const recentSlots = 1 << 18

func newRecent() *recent { return &recent{slots: make([]uint64, recentSlots)} }

func (r *recent) has(print uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return print != 0 && r.slots[print%recentSlots] == print
}

func (r *recent) add(reqs []*Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, q := range reqs {
		r.slots[q.Print%recentSlots] = q.Print
	}
}
