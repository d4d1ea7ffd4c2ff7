package luabridge

import (
	"fmt"
	"runtime"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"
)

// tick is how often the watchdog looks at a call that runs.
const tick = 20 * time.Millisecond

// sweep is how long a collection of garbage is taken for recent: above the
// memory limit there is one before a call is blamed, and no more than that.
const sweep = 200 * time.Millisecond

// excess is the part of the memory limit by which the heap may go over it while
// garbage is collected: what a call allocates meanwhile is not to grow without
// a bound.
const excess = 4

// A watchdog ends calls that take too long or too much memory, inside library
// functions that ask whether the call is over as well. Its timer runs only
// while calls do.
type watchdog struct {
	limit  time.Duration // of Lua time a call; 0 is none
	memory uint64        // of heap, in bytes; 0 is none

	cur     atomic.Pointer[call] // running now
	armed   atomic.Bool          // the timer will look
	looking atomic.Bool          // the timer may hold the call that runs
	laden   atomic.Bool          // the heap was above the limit at the last look

	mu     sync.Mutex    // guards all below; seen and spent of a call that is looked at
	held   time.Duration // between looks of which the second found a call running
	looked time.Time     // when last, or when the timer was started after a rest
	timer  *time.Timer
	closed bool

	sweeping sync.Mutex // guards swept
	swept    time.Time  // when garbage was last collected
}

// begin starts c's clock. It does not look at the time: a clock starts at the
// first tick that finds the call running, so that short calls cost nothing.
func (w *watchdog) begin(c *call) {
	w.cur.Store(c)
	if !w.armed.Load() {
		w.arm()
	}
}

// resume starts c's clock again after Blocking, and looks at its limits: the
// stays of a call that waits over and over are too short for ticks to find.
func (w *watchdog) resume(c *call) {
	if c != nil && w.limit > 0 {
		c.seen = time.Now()
		if c.spent > w.limit {
			c.halt(w.late())
		}
	}
	if c != nil && w.laden.Load() && w.heavy() {
		c.halt(w.full())
	}
	w.begin(c)
}

// arm starts the timer.
func (w *watchdog) arm() {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed || w.armed.Load():
		return
	case w.timer == nil:
		w.timer = time.AfterFunc(tick, w.look)
	default:
		w.timer.Reset(tick)
	}
	w.looked = time.Now()
	w.armed.Store(true)
}

// end stops the clock of the call that runs. Afterwards nobody looks at it.
func (w *watchdog) end() {
	c := w.cur.Swap(nil)
	if w.looking.Load() { // it may have been found before the swap
		w.mu.Lock()
		w.mu.Unlock() //nolint:staticcheck // waits until the look is over
	}
	if c != nil && !c.seen.IsZero() {
		c.spent += time.Since(c.seen)
		c.seen = time.Time{}
	}
}

// renew gives the call at hand a whole limit again, for the next of a chain.
// A call whose context has ended stays halted.
func (w *watchdog) renew(c *call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c.spent, c.seen = 0, time.Time{}
	if c.ctx == nil || c.ctx.Err() == nil {
		c.ended.Store(nil)
	}
}

// look checks the call that runs, if any.
func (w *watchdog) look() {
	heavy := w.heavy()
	w.laden.Store(heavy)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looking.Store(true)
	defer w.looking.Store(false)
	c := w.cur.Load()
	since := time.Since(w.looked)
	w.looked = w.looked.Add(since)
	if w.closed {
		return
	}
	if c == nil {
		w.armed.Store(false)
		if w.cur.Load() == nil {
			return // the next begin arms it
		}
		w.armed.Store(true)
	} else {
		w.held += since
		w.check(c, heavy)
	}
	w.timer.Reset(tick)
}

// check ends a call that is over one of its limits.
func (w *watchdog) check(c *call, heavy bool) {
	if c.seen.IsZero() {
		c.seen = time.Now()
	}
	switch {
	case c.over() != nil:
	case c.ctx != nil && c.ctx.Err() != nil:
		c.halt(c.ctx.Err())
	case w.limit > 0 && c.spent+time.Since(c.seen) > w.limit:
		c.halt(w.late())
	case heavy:
		c.halt(w.full())
	}
}

// late is the error of a call that took too long.
func (w *watchdog) late() error {
	return &limitError{fmt.Sprintf("took longer than %v of Lua time", w.limit), "--script-timeout"}
}

// full is the error of a call that took too much memory.
func (w *watchdog) full() error {
	return &limitError{fmt.Sprintf("more than %d MiB of memory in use", w.memory>>20), "--script-memory"}
}

// heavy reports whether what the process holds on to is above the limit.
func (w *watchdog) heavy() bool {
	heap := heapSize()
	switch {
	case w.memory == 0 || heap <= w.memory:
		return false
	case heap > w.memory+w.memory/excess:
		return true
	}
	w.collect(sweep)
	return heapSize() > w.memory
}

// crowded reports whether n bytes more would take the heap over the limit. It
// is for one allocation so large that the next tick would come too late.
func (w *watchdog) crowded(n int) bool {
	if w.memory == 0 || heapSize()+uint64(n) <= w.memory {
		return false
	}
	w.collect(tick)
	return heapSize()+uint64(n) > w.memory
}

// collect collects garbage unless that was done within the last while.
func (w *watchdog) collect(within time.Duration) {
	w.sweeping.Lock()
	defer w.sweeping.Unlock()
	if time.Since(w.swept) > within {
		runtime.GC()
		w.swept = time.Now()
	}
}

// heapSize is how many bytes the heap's objects have, dead ones included that
// are not collected yet.
func heapSize() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// stop ends the watchdog.
func (w *watchdog) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.timer != nil {
		w.timer.Stop()
	}
}

// total is for how long calls ran, in all, reckoned from the looks.
func (w *watchdog) total() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.held
}

// A limitError ends a call that went over one of its limits.
type limitError struct{ what, flag string }

func (e *limitError) Error() string { return e.what + " (raise it with " + e.flag + ")" }
