package engine

import (
	"context"
	"sync"
	"time"
)

// A Bucket is what the requests of several queues share, such as an address or
// an API key: no two of them start closer than Gap, whatever the number of
// workers.
type Bucket struct {
	Name string
	Gap  time.Duration // from the start at hand to the next
}

// MaxBuckets is how many buckets a request may have.
const MaxBuckets = 8

// MaxQueueName is how many bytes the name of a queue or a bucket has at most.
const MaxQueueName = 4 << 10

// Reservations are the starts reserved in the buckets of one process: the
// Reserve of a Frontier that serves no other.
type Reservations struct {
	cold time.Time // a bucket without an entry may have been used just before; zero: it was not

	mu   sync.Mutex           // guards next
	next map[string]time.Time // no start before
}

// NewReservations makes an empty one. cold says that starts of an earlier
// process are not known: a bucket then rests its gap before its first.
func NewReservations(cold bool) *Reservations {
	r := &Reservations{next: map[string]time.Time{}}
	if cold {
		r.cold = time.Now()
	}
	return r
}

// maxReserved bounds the buckets remembered; those whose gap is over go.
const maxReserved = 10_000

// Reserve implements Frontier.
func (r *Reservations) Reserve(ctx context.Context, buckets []Bucket) (wait time.Duration, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	for _, b := range buckets {
		at, known := r.next[b.Name]
		if !known && !r.cold.IsZero() {
			at = r.cold.Add(b.Gap)
		}
		wait = max(wait, at.Sub(now))
	}
	if wait > 0 {
		return wait, nil
	}
	for _, b := range buckets {
		r.next[b.Name] = now.Add(b.Gap)
	}
	if len(r.next) > maxReserved {
		r.prune(now)
	}
	return 0, nil
}

func (r *Reservations) prune(now time.Time) {
	for name, at := range r.next {
		if !at.After(now) && r.cold.IsZero() {
			delete(r.next, name)
		}
	}
	if len(r.next) > 2*maxReserved { // cold: those that are forgotten rest once more
		clear(r.next)
		r.cold = now
	}
}
