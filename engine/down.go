package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"downpour/policies"
)

// A host that does not answer is down: it rests longer and longer, with one
// probe after each rest, and after Config.HostRetries of them its requests are
// given up without being fetched. A single answer, whatever its status, clears
// it. This is said of queues that are one host's alone.

// downAfter is how many tries in a row have to fail before a host is down.
const downAfter = 3

// downState is what a queue's state holds of a host that does not answer.
type downState struct {
	Fails  int    `json:"f,omitempty"` // tries in a row that got no answer, up to downAfter
	Probes int    `json:"p,omitempty"` // and of those made since
	Since  int64  `json:"s,omitempty"` // when the first of them failed, in Unix seconds
	Until  int64  `json:"u,omitempty"` // no probe before, in Unix milliseconds
	Cause  string `json:"c,omitempty"` // the last failure
}

// maxCause bounds what is kept of a failure's message, in bytes.
const maxCause = 200

func (s *downState) down() bool { return s.Fails >= downAfter }

// givenUp reports that limit probes have failed; 0 or less is no limit.
func (s *downState) givenUp(limit int) bool { return s.down() && limit > 0 && s.Probes >= limit }

// failed counts a try of r that got no answer, and answers how long the host
// rests for it.
func (s *downState) failed(f *Failure, r *Request, probe bool, now time.Time) (rest time.Duration) {
	if s.Fails == 0 {
		s.Since = now.Unix()
	}
	s.Cause = shorten(oneLine(f.Message), maxCause)
	switch {
	case probe:
		s.Probes++
	case s.down():
		return 0 // begun before the host was known to be down
	default:
		s.Fails++
	}
	if !s.down() {
		return 0
	}
	rest = spread(policies.DownRest(s.Probes), r)
	s.Until = now.Add(rest).UnixMilli()
	return rest
}

// heard notes of an exchange whether the site answers at all.
func (j *job) heard(ctx context.Context, resp *Response, err error) {
	var f *Failure
	switch {
	case resp != nil:
		j.alive = j.alive || !resp.Unasked()
	case ctx.Err() == nil && errors.As(err, &f) && silent(f) && hostsOwn(j.turn.queue(), j.req):
		j.dead = f
	}
}

// silent reports whether a failure means that nobody was there.
func silent(f *Failure) bool {
	return f.Kind == FailConnect || f.Kind == FailDNS || f.Kind == FailTimeout
}

// hostsOwn reports whether a queue holds the requests of r's host alone.
func hostsOwn(queue string, r *Request) bool {
	u, err := r.parsed()
	return err == nil && (queue == u.Host() || queue == u.Hostname())
}

// heard takes what a job has learned about the host.
func (t *turn) heard(j *job) {
	s := &t.state.Down
	switch {
	case j.alive:
		*s = downState{}
	case j.dead != nil:
		gone := s.givenUp(t.e.cfg.HostRetries)
		rest := s.failed(j.dead, j.req, j.probe, time.Now())
		if rest == 0 {
			return
		}
		j.why = "down (" + s.Cause + ")"
		if !s.givenUp(t.e.cfg.HostRetries) {
			t.after(time.Now().Add(rest))
		} else if !gone {
			t.e.log.Warn("host given up: its requests end as host_down", "queue", t.queue(), "failure", s.Cause)
		}
	}
}

// doomed reports whether the next request of the turn ends without being
// fetched.
func (t *turn) doomed() bool {
	s := &t.state.Down
	return t.refusal != nil && len(t.todo) > 0 || s.givenUp(t.e.cfg.HostRetries) && time.Now().UnixMilli() < s.Until
}

// verdict is why the next request ends without being fetched, nil if it does
// not.
func (t *turn) verdict() *Failure {
	if !t.doomed() {
		return nil
	}
	if f := t.refusal; f != nil {
		t.refusal = nil
		return f
	}
	s := &t.state.Down
	since := time.Unix(s.Since, 0).UTC().Format(time.RFC3339)
	return &Failure{
		Kind: FailHostDown, Attempts: t.todo[0].Attempt,
		Message: fmt.Sprintf("%s has not answered since %s: %s", oneLine(t.queue()), since, s.Cause),
	}
}

// from is when the turn may start its next request, zero for at once.
func (t *turn) from() time.Time {
	if t.doomed() {
		return time.Time{}
	}
	return t.next
}

// sentence ends the next request of a turn with f; nothing is asked of the
// site.
func (d *dispatcher) sentence(t *turn, f *Failure) {
	j := &job{turn: t, req: t.todo[0], verdict: f, notices: d.notices}
	t.todo = t.todo[1:]
	t.open++
	d.busy++
	d.jobs <- j
	d.line(t)
}
