package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"downpour/engine"
)

// A Sample is one look at the process.
type Sample struct {
	At         time.Duration // since the crawl began
	Resident   int64         // bytes
	Goroutines int
	Pages      int64
	Errors     int64 // of hooks
}

// look reads what the process holds.
func look(sum engine.Summary) (Sample, error) {
	resident, err := residentSize()
	return Sample{sum.Elapsed, resident, runtime.NumGoroutine(), sum.Pages, sum.Errors}, err
}

// String is the sample as a line of the log.
func (s Sample) String() string {
	return fmt.Sprintf("%8s  %6.1f MB resident  %4d goroutines  %8d pages  %7d errors of hooks",
		s.At.Round(time.Second), float64(s.Resident)/1e6, s.Goroutines, s.Pages, s.Errors)
}

// residentSize is the process's resident memory in bytes, as Linux tells it.
func residentSize() (int64, error) {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(v), " kB"), 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/self/status does not say VmRSS")
}

// An Account is what was seen of a crawl.
type Account struct {
	Samples []Sample
	Before  int // goroutines before it began
	After   int // and when all was closed
	Sum     engine.Summary
}

// What the last quarter may have above the first and be flat: a share of it,
// and something for the garbage collector's mood.
const (
	growthShare = 0.1
	growthBytes = 16 << 20
	growthCount = 16 // goroutines
)

// quarters are the medians of the first and last quarter of what of takes from
// the samples.
func (a *Account) quarters(of func(Sample) int64) (first, last int64) {
	n := len(a.Samples) / 4
	if n == 0 {
		return 0, 0
	}
	median := func(part []Sample) int64 {
		var all []int64
		for _, s := range part {
			all = append(all, of(s))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	return median(a.Samples[:n]), median(a.Samples[len(a.Samples)-n:])
}

func resident(s Sample) int64   { return s.Resident }
func goroutines(s Sample) int64 { return int64(s.Goroutines) }

// Flat reports whether neither memory nor goroutines have grown.
func (a *Account) Flat() bool {
	m0, m1 := a.quarters(resident)
	g0, g1 := a.quarters(goroutines)
	return float64(m1) <= float64(m0)*(1+growthShare)+growthBytes && g1 <= g0+growthCount
}

// Good reports whether the crawl was long enough to tell, did something, was
// flat, and left nothing running.
func (a *Account) Good() bool {
	return len(a.Samples) >= 8 && a.Sum.Pages > 0 && a.Sum.Errors > 0 && a.Flat() && a.After <= a.Before
}

// Write writes the account.
func (a *Account) Write(w io.Writer) error {
	m0, m1 := a.quarters(resident)
	g0, g1 := a.quarters(goroutines)
	flat := "flat"
	if !a.Flat() {
		flat = "NOT FLAT"
	}
	_, err := fmt.Fprintf(w, `%d pages in %s, %d errors of hooks
memory      %.1f MB in the first quarter, %.1f MB in the last
goroutines  %d in the first quarter, %d in the last, %d left at the end (%d before)
%s
`, a.Sum.Pages, a.Sum.Elapsed.Round(time.Second), a.Sum.Errors,
		float64(m0)/1e6, float64(m1)/1e6, g0, g1, a.After, a.Before, flat)
	return err
}
