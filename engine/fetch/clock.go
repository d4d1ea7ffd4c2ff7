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
	mu      sync.Mutex   // held until timer is there
	waiting atomic.Int64 // when the present read began, in ns since begun; 0: none is under way
}

// start starts the clock; stop must be called.
func (c *clock) start(cancel context.CancelCauseFunc, whole, idle time.Duration) {
	c.begun, c.whole, c.idle, c.cancel = time.Now(), whole, idle, cancel
	c.mu.Lock()
	c.timer = time.AfterFunc(min(whole, idle), c.ring)
	c.mu.Unlock()
}

func (c *clock) stop() { c.timer.Stop() }

// wait says that a read begins, done that it is over.
func (c *clock) wait() { c.waiting.Store(max(1, int64(time.Since(c.begun)))) }
func (c *clock) done() { c.waiting.Store(0) }

// ring runs on the timer's goroutine. No read that is to be cut can be missed:
// the timer is never set further ahead than one idle time.
func (c *clock) ring() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Since(c.begun)
	if now >= c.whole {
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
	c.timer.Reset(min(next, c.whole-now))
}
