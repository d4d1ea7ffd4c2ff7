package luabridge

import (
	"fmt"
	"runtime"
	"runtime/metrics"
	"sync"
	"time"
)

// tick is how often the watchdog looks at a call that runs.
const tick = 20 * time.Millisecond

// A watchdog ends calls that take too long or too much memory, inside library
// functions that look at the call's done channel as well. Its timer runs only
// while calls do.
type watchdog struct {
	limit  time.Duration // of Lua time a call; 0 is none
	memory uint64        // of heap, in bytes; 0 is none

	mu     sync.Mutex // guards all below
	cur    *call      // running now
	since  time.Time  // since when
	held   time.Duration
	timer  *time.Timer
	armed  bool
	closed bool
	sample [1]metrics.Sample
}

// begin starts c's clock.
func (w *watchdog) begin(c *call) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cur, w.since = c, now
	if w.armed || w.closed {
		return
	}
	w.armed = true
	if w.timer == nil {
		w.timer = time.AfterFunc(tick, w.look)
	} else {
		w.timer.Reset(tick)
	}
}

// end stops the clock of the call that runs.
func (w *watchdog) end() {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cur != nil {
		d := now.Sub(w.since)
		w.cur.spent += d
		w.held += d
		w.cur = nil
	}
}

// look checks the call that runs, if any.
func (w *watchdog) look() {
	heavy := w.heavy()
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.cur
	if c == nil || w.closed {
		w.armed = false
		return
	}
	switch {
	case c.err != nil:
	case c.ctx != nil && c.ctx.Err() != nil:
		c.halt(c.ctx.Err())
	case w.limit > 0 && c.spent+time.Since(w.since) > w.limit:
		c.halt(&limitError{fmt.Sprintf("took longer than %v of Lua time", w.limit), "--script-timeout"})
	case heavy:
		c.halt(&limitError{fmt.Sprintf("more than %d MiB of memory in use", w.memory>>20), "--script-memory"})
	}
	w.timer.Reset(tick)
}

// heavy reports whether what the process holds on to is above the limit.
func (w *watchdog) heavy() bool {
	if w.memory == 0 || w.heap() <= w.memory {
		return false
	}
	runtime.GC()
	return w.heap() > w.memory
}

func (w *watchdog) heap() uint64 {
	w.sample[0].Name = "/memory/classes/heap/objects:bytes"
	metrics.Read(w.sample[:])
	return w.sample[0].Value.Uint64()
}

// stop ends the watchdog and says how long calls ran in all.
func (w *watchdog) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.timer != nil {
		w.timer.Stop()
	}
}

// total is how long calls ran, in all.
func (w *watchdog) total() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.held
}

// A limitError ends a call that went over one of its limits.
type limitError struct{ what, flag string }

func (e *limitError) Error() string { return e.what + " (raise it with " + e.flag + ")" }
