package frontier

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"downpour/engine"
)

// doDone reports at random on one of the leases that are still good, or on all
// of those whose requests have run out of lives.
func (w *walk) doDone() {
	now := w.clear()
	w.settle(now)
	var good []*modelLease
	for _, l := range w.leases {
		if l.expires.After(now.Add(w.slack)) {
			good = append(good, l)
		}
	}
	if len(good) == 0 {
		w.p.pass(w.p.unit)
		return
	}
	l := good[w.rnd.IntN(len(good))]
	if i := slices.IndexFunc(good, func(l *modelLease) bool { return l.q.again >= 2 }); i >= 0 {
		l = good[i]
	}
	out := &engine.Outcome{Lease: l.l, Keep: w.rnd.IntN(4) == 0 && l.q.again < 2}
	w.fill(l, out)
	w.note("done %s: %d finished, %d charged, %d back, wait %v, state %q, keep %v", l.q.name,
		len(out.Finished), out.Charged, len(out.Back), out.Wait, out.State, out.Keep)
	w.settleOutcome(l, out)
	w.done(out)
}

// fill makes up what became of the requests.
func (w *walk) fill(l *modelLease, out *engine.Outcome) {
	for i, r := range l.l.Requests {
		held := slices.IndexFunc(l.held, func(h *modelRequest) bool { return h.name == name(r) && h.prio == r.Priority })
		if held < 0 {
			continue // finished or put back under an earlier Keep
		}
		switch n := w.rnd.IntN(10); {
		case n < 6 || l.l.Again >= 2:
			out.Finished = append(out.Finished, l.l.Requests[i])
			if w.rnd.IntN(4) > 0 {
				out.Charged++
			}
			if w.rnd.IntN(3) == 0 {
				f := failure(r, []string{"404", "timeout"}[w.rnd.IntN(2)])
				f.Print = l.held[held].print
				out.Failed = append(out.Failed, f)
			}
		case n < 8:
			out.Back = append(out.Back, r)
		}
	}
	w.rnd.Shuffle(len(out.Finished), func(i, j int) {
		out.Finished[i], out.Finished[j] = out.Finished[j], out.Finished[i]
	})
	if w.rnd.IntN(2) == 0 {
		out.Wait = time.Duration(w.rnd.IntN(5)) * w.p.unit
	}
	if w.rnd.IntN(3) == 0 {
		out.State = fmt.Appendf(nil, "state %d", w.step)
	}
}

// settleOutcome does to the model what the outcome does to the store, and
// changes what is put back.
func (w *walk) settleOutcome(l *modelLease, out *engine.Outcome) {
	now := time.Now()
	take := func(r *engine.Request) *modelRequest {
		i := slices.IndexFunc(l.held, func(h *modelRequest) bool { return h.name == name(r) && h.prio == r.Priority })
		h := l.held[i]
		l.held = slices.Delete(l.held, i, i+1)
		l.q.remove(h)
		return h
	}
	finished := map[*engine.Request]*modelRequest{}
	for _, r := range out.Finished {
		finished[r] = take(r)
	}
	for _, f := range out.Failed { // the last of an identity is kept
		w.failed[f.Print] = &modelFailure{l.q, finished[f.Request], f.Word()}
	}
	w.finished += int64(len(out.Finished))
	w.charged += int64(out.Charged)
	l.q.charged += int64(out.Charged)
	var front []*modelRequest
	for i, r := range out.Back {
		h := take(r)
		r.URL = fmt.Sprintf("http://%s.test/%d-%d", l.q.name, w.step, i)
		h.name = name(r)
		if w.rnd.IntN(3) == 0 && len(l.q.delayed) < 20 {
			r.After = time.Duration(1+w.rnd.IntN(4)) * w.p.unit
			r.Priority = w.distinct(l.q)
			h.prio = r.Priority
			w.file(l.q, h, r.After)
			continue
		}
		r.Priority = w.rnd.IntN(4) - 1
		h.prio = r.Priority
		front = append(front, h)
	}
	for _, h := range slices.Backward(front) {
		l.q.head(h)
	}
	if out.State != nil {
		l.q.state = string(out.State)
	}
	if len(out.Finished)+len(out.Back) > 0 {
		l.q.again = 0
	}
	if out.Keep {
		l.expires = now.Add(l.l.TTL)
		return
	}
	l.q.rest = now.Add(out.Wait)
	w.drop(l)
}

// drop ends a lease in the model.
func (w *walk) drop(l *modelLease) {
	l.q.lease = nil
	w.leases = slices.DeleteFunc(w.leases, func(o *modelLease) bool { return o == l })
	w.zombies = append(w.zombies, l)
}

// doRequeue puts one of the failed requests back, or none that fails in another
// way.
func (w *walk) doRequeue() {
	prints := slices.Sorted(maps.Keys(w.failed))
	if len(prints) == 0 {
		return
	}
	w.settle(w.clear())
	pick := prints[w.rnd.IntN(len(prints))]
	f, word := w.failed[pick], []string{"404", "timeout"}[w.rnd.IntN(2)]
	n, err := w.s.(Steerer).Requeue(w.ctx, func(f *engine.Failed) bool { return f.Print == pick && f.Word() == word })
	w.note("requeue %s %s: %d, %v", f.q.name, f.r.name, n, err)
	want := 0
	if f.word == word {
		want = 1
		delete(w.failed, pick)
		f.q.tail(&modelRequest{name: f.r.name, print: pick, prio: f.r.prio})
	}
	if n != want || err != nil {
		w.t.Errorf("requeued %d, %v; want %d", n, err, want)
	}
}

// doStale reports on a lease that is over.
func (w *walk) doStale() {
	if len(w.zombies) == 0 {
		return
	}
	l := w.zombies[w.rnd.IntN(len(w.zombies))]
	w.note("stale %s", l.q.name)
	w.stale(&engine.Outcome{
		Lease: l.l, Finished: l.l.Requests, Charged: 1, Wait: time.Hour,
		Failed: []*engine.Failed{failure(l.l.Requests[0], "404")},
		State:  []byte("zombie"), Keep: w.rnd.IntN(2) == 0,
	})
}

// doCrash kills the store. Where it outlives its workers their leases stay, to
// run out by themselves; where it does not they have run out.
func (w *walk) doCrash() {
	if slices.ContainsFunc(w.leases, func(l *modelLease) bool { return l.q.again >= 1 }) {
		return
	}
	w.note("crash")
	w.settle(time.Now())
	if w.p.shared {
		w.leases = nil
		w.crash()
		return
	}
	for _, l := range slices.Clone(w.leases) {
		l.q.again++
		w.drop(l)
	}
	w.crash()
}

func (w *walk) doPass() {
	d := time.Duration(1+w.rnd.IntN(3)) * w.p.unit
	// A request that ends its worker too often may be set aside: finish those.
	if slices.ContainsFunc(w.leases, func(l *modelLease) bool { return l.q.again >= 2 }) {
		w.doDone()
		return
	}
	w.note("pass %v", d)
	w.p.pass(d)
}

func (w *walk) compare() {
	now := time.Now()
	got, err := w.s.Counts(w.ctx)
	if err != nil {
		w.t.Error("counts:", err)
		return
	}
	want := w.total()
	for _, q := range w.queues {
		if q.lease != nil && !q.live(now.Add(w.slack)) {
			got.Leased, want.Leased = 0, 0 // whether it has been noticed is open
		}
		if !w.p.exact && q.lease != nil && len(q.ready)+len(q.delayed) == 0 {
			got.Queues, want.Queues = 0, 0 // so is whether a lease that is kept without requests counts
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("counts (-want +got):\n%s", diff)
	}
}
