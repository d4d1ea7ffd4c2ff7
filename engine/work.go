package engine

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"downpour/policies"
)

// A job is what a worker does next: one visit, or asking for the robots.txt
// that the request of a turn waits for. The worker fills in the results.
type job struct {
	turn    *turn
	req     *Request
	ask     bool          // robots.txt; the request stays in the turn
	backoff int           // times in a row the queue's site has asked for less
	copies  *robotsCopies // of an ask: what the queue's state holds of robots.txt, then what it is to hold

	verdict *Failure // the request ends so, without being fetched
	probe   bool     // the host is down

	visit   *Visit
	fate    fate
	failed  *Failed // of a request that is finished, and failed
	charged int
	seen    time.Time     // by when the site had seen the last request; zero: nothing was asked of it
	quick   time.Duration // what the site certainly takes to answer, to reckon seen with; 0 if unknown
	rest    time.Duration // between seen and the queue's next start
	hold    time.Duration // rest the site asked for, or its robots.txt needs, from now
	why     string        // what rest and hold are owed to, for those who look; "" for the policy's delay
	pushed  bool          // the site said 429 or 503
	by      time.Time     // the start in the buckets is good until then; zero for none
	again   bool          // the request stays in the turn
	alive   bool          // the site has answered
	dead    *Failure      // it has not
	refusal *Failure      // of an ask: why the request that waits for robots.txt is not fetched
	latency time.Duration // from the request written to the first octet of the answer; 0 if unknown

	notices chan<- notice // to the dispatcher
	tell    bool          // when the answer begins: others of the queue wait for it
	over    bool          // the dispatcher has been told that the site is done with
	told    bool          // the dispatcher's note of that
}

// fate is what becomes of a job's request.
type fate int

const (
	fateFinished  fate = iota
	fateBack           // put back, changed
	fateUntouched      // as if never leased
)

// work does jobs until there are no more.
func (e *Engine) work(ctx context.Context, jobs <-chan *job, results chan<- *job) {
	for j := range jobs {
		if j.ask {
			e.askFor(ctx, j)
		} else {
			e.visit(ctx, j)
		}
		results <- j
	}
}

// askFor fetches robots.txt in the host's own turn.
func (e *Engine) askFor(ctx context.Context, j *job) {
	if j.fate = fateUntouched; !e.room(ctx, j) {
		return
	}
	a := e.askRobots(ctx, j.req)
	j.rest = e.rest(ctx, j, a.last)
	j.note(a.last)
	if j.hold = a.rest; j.hold > 0 {
		j.why = "robots.txt cannot be had"
	}
	j.alive, j.dead, j.refusal = a.alive, a.dead, a.refusal
	j.copies = e.robots.record(j.copies, origin(j.req))
}

// note records by when the site had seen the exchange. That was certainly so
// when the first octet of the answer came, and earlier by what the site
// certainly takes to answer. Counting from when the request was written would
// let two requests meet of which the first was held up on its way.
func (j *job) note(resp *Response) {
	at := time.Now()
	switch {
	case resp != nil && resp.Unasked():
		return
	case resp == nil || resp.First.IsZero():
	case resp.Wrote.IsZero():
		at = resp.First
	default:
		j.latency = max(resp.First.Sub(resp.Wrote), 0)
		at = resp.First.Add(-min(j.quick, j.latency))
	}
	if at.After(j.seen) {
		j.seen = at // a hook may have asked for something since
	}
}

// answered tells the dispatcher that the answer has begun, so that the next
// request of the queue may start when its time comes.
func (j *job) answered(resp *Response) {
	j.note(resp)
	if j.tell {
		j.tell = false
		j.notices <- notice{job: j, seen: j.seen}
	}
}

// parted tells the dispatcher that the site is done with, before the hooks:
// the next request of the queue need not wait for them.
func (j *job) parted() {
	j.over = true
	j.notices <- notice{job: j, over: true}
}

// rest is how long the queue rests after an exchange: the policy's delay, and
// never less than the host's Crawl-delay up to max_delay.
func (e *Engine) rest(ctx context.Context, j *job, resp *Response) time.Duration {
	rest := e.policy.Delay(ctx, j.turn.queue(), j.req, resp)
	if !e.cfg.Robots {
		return rest
	}
	if d := e.robots.get(origin(j.req)).crawlDelay(); min(d, e.cfg.MaxDelay) > rest {
		rest = min(d, e.cfg.MaxDelay)
		j.why = "robots Crawl-delay " + strconv.FormatFloat(d.Seconds(), 'g', -1, 64)
	}
	return rest
}

// visit takes a request from its lease to its fate: skip, hops, hooks.
func (e *Engine) visit(ctx context.Context, j *job) {
	v := e.NewVisit(j.req)
	j.visit, v.job = v, j
	v.Hop = len(j.req.Hops)
	defer func() { v.Local = nil }()
	if j.verdict != nil {
		e.conclude(ctx, j, j.verdict)
		return
	}

	failure := e.forbidden(v)
	if failure == nil && len(v.skips) > 0 {
		e.skipped(ctx, v)
		return
	}
	moved := false
	if failure == nil && !e.room(ctx, j) {
		return
	}
	if failure == nil {
		failure, moved = e.hops(ctx, j)
	}
	switch {
	case j.again:
	case failure != nil && (isFatal(failure) || ctx.Err() != nil && !byHook(failure)):
		j.back(v, fateUntouched)
		if len(v.Request.Hops) > v.Hop {
			j.fate = fateBack
		}
	case moved:
		e.redirected(ctx, j)
	case failure != nil && e.tryAgain(ctx, j, failure):
	default:
		e.conclude(ctx, j, failure)
	}
}

// isFatal reports that the handler has given up on the crawl: the request is as
// if never fetched.
func isFatal(f *Failure) bool {
	var fatal *Fatal
	return errors.As(f.Err, &fatal)
}

// byHook reports that a hook cancelled the request, not the end of the crawl.
func byHook(f *Failure) bool {
	var c *Cancel
	return errors.As(f.Err, &c)
}

// back gives the request back: what its hooks collected does not count.
func (j *job) back(v *Visit, f fate) {
	j.fate = f
	v.Rollback(Mark{})
}

// forbidden asks robots.txt. A request that has not been asked for yet is
// skipped; one that a redirect brought here fails, its hooks have been called.
func (e *Engine) forbidden(v *Visit) *Failure {
	if !e.cfg.Robots {
		return nil
	}
	g := e.robots.get(origin(v.Request))
	if g == nil {
		return nil // expired between dispatch and now; the turn asked moments ago
	}
	u, err := v.Request.parsed()
	if err != nil {
		return asFailure(err)
	}
	ok, detail := g.verdict(u)
	switch {
	case ok:
		return nil
	case g.closed() != nil && g.closed().Kind != FailStatus:
		return g.refused()
	case v.Request.redirected():
		return &Failure{Kind: SkipRobots, Message: "redirected to a URL that " + detail + " disallows"}
	default:
		v.skips = append(v.skips, Skip{Request: v.Request, Reason: SkipRobots, Detail: detail})
		return nil
	}
}

// hops fetches the request and follows its redirects as long as they stay in
// the queue and the queue owes no rest. moved reports that the request now
// points at a hop that has to wait its turn.
func (e *Engine) hops(ctx context.Context, j *job) (failure *Failure, moved bool) {
	v := j.visit
	for {
		if err := e.handle(ctx, EventURL, v); err != nil {
			return cancelled(err), false
		}
		j.rest = e.rest(ctx, j, nil)
		if !e.onTime(ctx, j) {
			j.back(v, fateUntouched)
			return nil, false
		}
		resp, err := e.deps.Fetcher.Fetch(ctx, v.Request, func(ev Event, resp *Response) error {
			v.Response = resp
			if ev == EventStatus {
				j.answered(resp)
			}
			return e.handle(ctx, ev, v)
		})
		if resp != nil {
			v.Response = resp
		}
		j.rest = e.rest(ctx, j, resp)
		j.note(resp)
		j.heard(ctx, resp, err)
		if err != nil {
			if f := (*Failure)(nil); !errors.As(err, &f) {
				return cancelled(err), false
			}
			return asFailure(err), false
		}
		e.tally.bytes.Add(resp.Wire)
		location := resp.Header.Get("Location")
		if !policies.IsRedirect(resp.Status) || location == "" || e.cfg.MaxRedirects < 0 {
			return statusOutcome(resp), false
		}
		stays, failure := e.redirect(ctx, v, resp.Status, location)
		if failure != nil || !stays || j.rest > 0 {
			return failure, failure == nil
		}
		v.Response = nil
	}
}

func cancelled(err error) *Failure {
	msg := err.Error()
	var c *Cancel
	if errors.As(err, &c) && c.Reason != "" {
		msg = c.Reason
	}
	return &Failure{Kind: FailCancelled, Message: oneLine(msg), Err: err}
}

func statusOutcome(resp *Response) *Failure {
	if resp.Status/100 == 2 {
		return nil
	}
	return statusFailure(resp)
}

// tryAgain asks whether a failed request goes back, and puts it back.
func (e *Engine) tryAgain(ctx context.Context, j *job, f *Failure) bool {
	v, r := j.visit, j.visit.Request
	if f.Kind == FailCancelled {
		return false
	}
	after, again := e.policy.Retry(ctx, r, f, v.Response)
	if !again {
		e.pushback(j, f)
		return false
	}
	e.tally.retries.Add(1)
	r.Last = f.Word()
	j.back(v, fateBack)
	if e.pushback(j, f) {
		after = 0 // the queue rests, and the request first in it
		if f.Status == http.StatusTooManyRequests && j.backoff < patience {
			return true // the site's wish to be asked later is no attempt of this URL
		}
	}
	r.Attempt++
	r.After = after
	e.log.Debug("retry", "url", r.URL, "failure", f.Error(), "attempt", r.Attempt, "after", after)
	return true
}

// patience is how often in a row a site may answer 429 before that counts as
// attempts of its URLs.
const patience = 6

// pushback notes that a site asked for less: its queue rests as long as
// Retry-After says, else longer and longer.
func (e *Engine) pushback(j *job, f *Failure) bool {
	if f.Status != http.StatusTooManyRequests && f.Status != http.StatusServiceUnavailable {
		return false
	}
	j.pushed = true
	hold, ok := retryAfter(j.visit.Response)
	if !ok {
		hold = policies.Backoff(j.backoff)
	}
	j.hold, j.why = hold, strconv.Itoa(f.Status)
	return true
}

// conclude calls the last hooks of a visit and files what it led to.
func (e *Engine) conclude(ctx context.Context, j *job, f *Failure) {
	v := j.visit
	j.parted()
	if f == nil {
		v.same = e.traps.same(v.Request, v.Response)
		if err := e.handle(ctx, EventSuccess, v); err != nil {
			f = cancelled(err)
		}
	}
	if f != nil && isFatal(f) {
		j.back(v, fateUntouched)
		return
	}
	if e.scriptRetries(j) {
		return
	}
	if f != nil {
		if f.Attempts == 0 && f.Kind != FailHostDown {
			f.Attempts = v.Request.Attempt + 1
		}
		v.Failure = f
		_ = e.handle(ctx, EventError, v)
		if e.scriptRetries(j) {
			return
		}
	}
	_ = e.handle(ctx, EventDone, v)
	v.retry = nil
	j.fate, j.failed = fateFinished, e.failed(v)
	if f == nil || f.Kind != FailHostDown {
		j.charged = 1
	}
	e.tally.visit(v.Request.Queue, f)
	e.logVisit(ctx, v, f)
	e.tally.change(v.Response)
	e.file(ctx, v)
	e.skipped(ctx, v)
}

// logVisit writes a line a visit, for those who watch closely.
func (e *Engine) logVisit(ctx context.Context, v *Visit, f *Failure) {
	if !e.log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	attrs := []any{"url", v.Request.URL}
	if r := v.Response; r != nil {
		attrs = append(attrs, "status", r.Status, "bytes", r.Wire, "seconds", r.Timing.Total.Seconds())
	}
	if f != nil {
		attrs = append(attrs, "failure", f.Error())
	}
	e.log.Debug("visit", attrs...)
}

// scriptRetries puts the request back if a hook asked for it.
func (e *Engine) scriptRetries(j *job) bool {
	v := j.visit
	if v.retry == nil {
		return false
	}
	after := *v.retry
	j.back(v, fateBack)
	if after < 0 {
		after = policies.Backoff(v.Request.Attempt)
	}
	v.Request.Last = "script"
	if v.Failure != nil {
		v.Request.Last = v.Failure.Word()
	}
	v.Request.Attempt++
	v.Request.After = after
	e.tally.retries.Add(1)
	return true
}
