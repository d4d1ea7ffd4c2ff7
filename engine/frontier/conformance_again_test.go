package frontier

import (
	"time"

	"downpour/engine"
)

// deaths are the ways in which a worker ends with a queue under lease.
func (c *tester) deaths() map[string]func() {
	return map[string]func(){
		"it stalls": func() { c.p.pass(3 * c.p.unit) },
		"it is killed": func() {
			c.crash()
			c.p.pass(3 * c.p.unit)
		},
	}
}

// again leases one queue for two units and wants its lease to have run out so
// often before.
func (c *tester) again(each, want int) *engine.Lease {
	c.t.Helper()
	leases := c.leaseTTL(1, each, 2*c.p.unit)
	if len(leases) != 1 || leases[0].Again != want {
		c.t.Fatalf("leased %s; want one that ran out %d times", heads(leases), want)
	}
	return leases[0]
}

// What ends three workers in a row is set aside. Those who have it after that
// wait for the queue's delay first, and give it back untouched meanwhile.
func testSetAside(c *tester) {
	u := c.p.unit
	aside := int64(0)
	for how, die := range c.deaths() {
		c.push(pages("a:1 2")...)
		for again := range 3 {
			if l := c.again(1, again); again > 0 {
				c.done(&engine.Outcome{Lease: l, Keep: true})
				c.done(&engine.Outcome{Lease: l, Wait: u})
				c.p.pass(2 * u)
				if l = c.again(1, again); l.Cold {
					c.t.Errorf("%s: cold again: it would wait for ever", how)
				}
				c.want("a:1", l)
			}
			die()
		}
		l := c.one(2)
		c.want("a:2", l)
		aside++
		if got, err := c.s.Counts(c.ctx); err != nil || got.Aside != aside || got.Failed != 1 || got.Queued != 1 {
			c.t.Errorf("%s: counts %+v, %v; want %d set aside, one failure, one queued", how, got, err, aside)
		}
		c.is(how, "a:1=set_aside", c.kept())
		c.sound()
		if n := c.requeue("set_aside"); n != 1 {
			c.t.Errorf("%s: requeued %d, want 1", how, n)
		}
		c.done(finish(l))
		c.want("a:1", c.again(2, 0))
		c.reopen(Options{Fresh: true})
		c.o.Fresh = false
		aside = 0
	}
}

// The count of workers ended starts over when something is finished or put
// back, and only then.
func testAgain(c *tester) {
	u := c.p.unit
	tests := []struct {
		name string
		do   func(l *engine.Lease)
		want int
	}{
		{"finished", func(l *engine.Lease) { c.done(&engine.Outcome{Lease: l, Finished: l.Requests[:1]}) }, 0},
		{"put back", func(l *engine.Lease) { c.done(&engine.Outcome{Lease: l, Back: l.Requests[:1]}) }, 0},
		{"kept, some finished", func(l *engine.Lease) {
			c.done(&engine.Outcome{Lease: l, Finished: l.Requests[:1], Keep: true})
			c.done(&engine.Outcome{Lease: l})
		}, 0},
		{"released", func(l *engine.Lease) { c.done(&engine.Outcome{Lease: l}) }, 2},
		{"released, to rest", func(l *engine.Lease) { c.done(&engine.Outcome{Lease: l, Wait: u, State: []byte("s")}) }, 2},
		{"kept", func(l *engine.Lease) {
			c.done(&engine.Outcome{Lease: l, Keep: true, State: []byte("s")})
			c.done(&engine.Outcome{Lease: l})
		}, 2},
		{"finished what is not its own", func(l *engine.Lease) {
			c.done(&engine.Outcome{Lease: l, Finished: pages("a:1")})
		}, 2},
		{"given up by a close", func(*engine.Lease) { c.reopen(Options{}) }, 2},
		{"the worker is ended then", func(l *engine.Lease) {
			c.done(&engine.Outcome{Lease: l, Finished: l.Requests[:1], Keep: true})
			c.crash()
			c.p.pass(3 * u)
		}, 1},
	}
	for _, tt := range tests {
		c.reopen(Options{Fresh: true})
		c.o.Fresh = false
		c.push(pages("a:1 2 3 4")...)
		for again := range 2 {
			c.again(2, again)
			c.crash()
			c.p.pass(3 * u)
		}
		tt.do(c.again(2, 2))
		c.p.pass(2 * u)
		c.crash() // nothing is leased: it changes nothing
		l := c.leaseTTL(1, 1, time.Minute)[0]
		if l.Again != tt.want {
			c.t.Errorf("%s: ran out %d times, want %d", tt.name, l.Again, tt.want)
		}
		c.done(finish(l))
	}
}
