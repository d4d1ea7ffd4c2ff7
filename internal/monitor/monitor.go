// Package monitor shows a person how a crawl is doing: a line that lives on a
// terminal, plain lines elsewhere, log records above them, and a summary at the
// end, as text and as JSON.
package monitor

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"downpour/engine"
)

// How often things happen.
const (
	redraw    = 200 * time.Millisecond // the line on a terminal
	report    = 10 * time.Second       // plain lines
	countEach = time.Second            // the frontier is asked how much is queued
	rateOver  = 5 * time.Second        // the rate is of the pages of this long
)

// Options says what a Monitor shows and where.
type Options struct {
	Out      io.Writer  // standard error
	Terminal bool       // Out is a terminal: a line that lives
	Width    func() int // columns of the terminal; nil or 0: 80
	Color    bool       // the terminal shows colours
	Quiet    bool       // no progress

	Summary func() engine.Summary                            // the crawl so far
	Counts  func(ctx context.Context) (engine.Counts, error) // a look into the frontier
}

// A Monitor draws on Out. Writer and Log share it with the line; all methods
// are safe for concurrent use.
type Monitor struct {
	o Options

	mu      sync.Mutex // guards what follows, and writes to Out
	line    string     // on the screen now; "" for none
	counts  engine.Counts
	known   bool // counts have been asked for
	samples []sample
}

type sample struct {
	at    time.Time
	pages int64
}

// New makes a monitor. It shows nothing before Run.
func New(o Options) *Monitor { return &Monitor{o: o} }

// Watch says what to show; it is called before Run, once the crawl has been
// put together.
func (m *Monitor) Watch(summary func() engine.Summary, counts func(context.Context) (engine.Counts, error)) {
	m.o.Summary, m.o.Counts = summary, counts
}

// Run shows progress until ctx ends, and then takes the line away.
func (m *Monitor) Run(ctx context.Context) {
	if m.o.Quiet {
		return
	}
	each := report
	if m.o.Terminal {
		each = redraw
	}
	tick := time.NewTicker(each)
	defer tick.Stop()
	var asked time.Time
	for {
		select {
		case <-ctx.Done():
			m.clear()
			return
		case now := <-tick.C:
			if now.Sub(asked) >= countEach {
				m.count(ctx)
				asked = now
			}
			m.show(now)
		}
	}
}

func (m *Monitor) count(ctx context.Context) {
	if m.o.Counts == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, countEach)
	defer cancel()
	c, err := m.o.Counts(ctx)
	if err != nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts, m.known = c, true
}

func (m *Monitor) show(now time.Time) {
	s := m.o.Summary()
	m.mu.Lock()
	defer m.mu.Unlock()
	line := m.progress(now, s)
	if !m.o.Terminal {
		fmt.Fprintln(m.o.Out, line)
		return
	}
	m.line = cut(line, m.width())
	m.drawLocked()
}

// progress is the line's text.
func (m *Monitor) progress(now time.Time, s engine.Summary) string {
	parts := []string{plural(s.Pages, "page", "pages"), rate(m.rateLocked(now, s.Pages)) + "/s"}
	if m.known {
		parts = append(parts, number(m.counts.Queued)+" queued")
	}
	parts = append(parts, plural(s.Hosts, "host", "hosts"), plural(s.Failed, "error", "errors"))
	if s.Items > 0 {
		parts = append(parts, plural(s.Items, "item", "items"))
	}
	parts = append(parts, clock(s.Elapsed))
	return strings.Join(parts, "  ")
}

// rateLocked is pages a second over the last while.
func (m *Monitor) rateLocked(now time.Time, pages int64) float64 {
	m.samples = append(m.samples, sample{now, pages})
	for len(m.samples) > 2 && now.Sub(m.samples[1].at) >= rateOver {
		m.samples = m.samples[1:]
	}
	first := m.samples[0]
	if d := now.Sub(first.at); d > 0 {
		return float64(pages-first.pages) / d.Seconds()
	}
	return 0
}

func (m *Monitor) width() int {
	if m.o.Width != nil {
		if w := m.o.Width(); w > 0 {
			return w
		}
	}
	return 80
}

func (m *Monitor) drawLocked() {
	if m.line != "" {
		_, _ = io.WriteString(m.o.Out, "\r"+m.line+"\x1b[K")
	}
}

func (m *Monitor) eraseLocked() {
	if m.line != "" {
		_, _ = io.WriteString(m.o.Out, "\r\x1b[K")
	}
}

func (m *Monitor) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.eraseLocked()
	m.line = ""
}

// Writer is w, written to above the line: each Write should be whole lines.
func (m *Monitor) Writer(w io.Writer) io.Writer { return &above{m, w} }

type above struct {
	m *Monitor
	w io.Writer
}

func (a *above) Write(p []byte) (int, error) {
	a.m.mu.Lock()
	defer a.m.mu.Unlock()
	a.m.eraseLocked()
	n, err := a.w.Write(p)
	a.m.drawLocked()
	return n, err
}
