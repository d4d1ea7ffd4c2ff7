package fetch

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Causes with which an exchange is cancelled.
var (
	errWhole  = errors.New("whole request timed out")
	errIdle   = errors.New("idle too long")
	errResent = errors.New("rejected again and again")
)

// A clock ends an exchange that takes too long: as a whole, or in one read. One
// timer does for both, and a read costs two stores.
type clock struct {
	begun   time.Time
	whole   time.Duration
	idle    time.Duration
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	mu      sync.Mutex    // guards timer and what follows
	paused  time.Time     // zero: it runs
	held    time.Duration // paused so far
	waiting atomic.Int64  // when the present read began, in ns since begun; 0: none is under way
}

// start starts the clock; stop must be called.
func (c *clock) start(cancel context.CancelCauseFunc, whole, idle time.Duration) {
	c.begun, c.whole, c.idle, c.cancel = time.Now(), whole, idle, cancel
	c.mu.Lock()
	c.timer = time.AfterFunc(min(whole, idle), c.ring)
	c.mu.Unlock()
}

func (c *clock) stop() { c.timer.Stop() }

// pause stops the time while hooks run: what they take is no fault of the
// site's. resume lets it run on.
func (c *clock) pause() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer.Stop()
	c.paused = time.Now()
}

func (c *clock) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held += time.Since(c.paused)
	c.paused = time.Time{}
	c.timer.Reset(min(c.idle, c.whole-c.spentLocked()))
}

// spent is the time that counts.
func (c *clock) spent() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.spentLocked()
}

func (c *clock) spentLocked() time.Duration { return time.Since(c.begun) - c.held }

// wait says that a read begins, done that it is over.
func (c *clock) wait() { c.waiting.Store(max(1, int64(time.Since(c.begun)))) }
func (c *clock) done() { c.waiting.Store(0) }

// ring runs on the timer's goroutine. No read that is to be cut can be missed:
// the timer is never set further ahead than one idle time.
func (c *clock) ring() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.paused.IsZero() {
		return // it rang while pause was called
	}
	now, left := time.Since(c.begun), c.whole-c.spentLocked()
	if left <= 0 {
		c.cancel(errWhole)
		return
	}
	next := c.idle
	if since := time.Duration(c.waiting.Load()); since != 0 {
		if now-since >= c.idle {
			c.cancel(errIdle)
			return
		}
		next = since + c.idle - now
	}
	c.timer.Reset(min(next, left))
}
