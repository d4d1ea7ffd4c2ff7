package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"
)

// maxBroken bounds how many broken promises are told one by one.
const maxBroken = 20

// An Account is what became of the pages, by what the site saw.
type Account struct {
	Store    Store
	Seed     uint64
	Elapsed  time.Duration
	Expected int // pages of the site
	Fetched  int // of them, those that were
	Doubled  int // fetches of pages that had been fetched before
	Leases   int // lost with a killed worker after a page was fetched, which was fetched again
	Rows     int // of the results
	Killed   int // workers
	Restarts int // of the Redis server
	Delay    time.Duration
	Gap      time.Duration // the smallest between two requests to a host; 0 if there were none
	Early    int           // requests less than Delay after the one before
	Broken   []string      // promises, in words
}

// account goes through what the site saw and what the workers wrote.
func (r *run) account(elapsed time.Duration) (*Account, error) {
	rows := map[string]int{}
	for _, w := range r.workers {
		if err := countRows(rows, w.output); err != nil {
			return nil, err
		}
	}
	a := newAccount(r.site, r.killed, r.Delay, rows)
	a.Store, a.Seed, a.Elapsed, a.Restarts = r.Store, r.Seed, elapsed, r.restarts
	if r.redis != nil && r.restarts < r.Restarts {
		a.broken("the crawl was over after %d restarts of the server", r.restarts)
	}
	return a, nil
}

// newAccount accounts for the pages of a site that nobody uses any more. killed
// says which lives of workers were, and when; rows are counted by URL.
func newAccount(s *site, killed map[string]time.Time, delay time.Duration, rows map[string]int) *Account {
	a := &Account{Delay: delay, Expected: s.hosts * s.pages, Fetched: len(s.seen), Killed: len(killed)}
	if lost := a.Expected - a.Fetched; lost > 0 {
		a.broken("%d pages were lost", lost)
	}
	a.gaps(s.visits)
	a.again(s, killed)
	a.results(s, rows)
	return a
}

func (a *Account) broken(format string, args ...any) {
	switch n := len(a.Broken); {
	case n < maxBroken:
		a.Broken = append(a.Broken, fmt.Sprintf(format, args...))
	case n == maxBroken:
		a.Broken = append(a.Broken, "and more")
	}
}

// gaps looks at the time between two requests to a host, those for robots.txt
// included.
func (a *Account) gaps(visits []visit) {
	last := map[string]visit{}
	for _, v := range visits {
		if before, ok := last[v.host]; ok {
			gap := v.at.Sub(before.at)
			if a.Gap == 0 || gap < a.Gap {
				a.Gap = gap
			}
			if gap < a.Delay {
				a.Early++
				a.broken("%s%s was asked for by %s %v after %s by %s", v.host, v.path, v.life,
					gap.Round(time.Microsecond), before.path, before.life)
			}
		}
		last[v.host] = v
	}
}

// again looks at pages fetched more than once. That is right only where the
// worker that had fetched it was killed, which loses the lease of the host, and
// with it one page.
func (a *Account) again(s *site, killed map[string]time.Time) {
	type lease struct{ life, host string }
	last := map[string]visit{}
	lost := map[lease]int{}
	for _, v := range s.visits {
		page := v.host + v.path
		if !s.seen[page] {
			continue // robots.txt
		}
		before, ok := last[page]
		last[page] = v
		if !ok {
			continue
		}
		a.Doubled++
		if at, ok := killed[before.life]; !ok || at.After(v.at) {
			a.broken("%s was fetched by %s, then by %s although the first was alive", page, before.life, v.life)
			continue
		}
		lost[lease{before.life, v.host}]++
	}
	a.Leases = len(lost)
	for l, n := range lost {
		if n > 1 {
			a.broken("%d pages of %s were fetched again, though %s lost one lease of it", n, l.host, l.life)
		}
	}
}

// results compares the rows with the pages: each has one.
func (a *Account) results(s *site, rows map[string]int) {
	for page := range s.seen {
		n := rows["http://"+page]
		a.Rows += n
		if n != 1 {
			a.broken("%s has %d rows", page, n)
		}
	}
}

// countRows counts the rows of a file by their URL.
func countRows(rows map[string]int, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	for in.Scan() {
		var row struct {
			URL string `json:"url"`
		}
		if err := json.Unmarshal(in.Bytes(), &row); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		rows[row.URL]++
	}
	return in.Err()
}

// Write writes the account for people.
func (a *Account) Write(w io.Writer) {
	fmt.Fprintf(w, "%s: seed %d, %v, %d workers killed, %d servers killed\n",
		a.Store, a.Seed, a.Elapsed.Round(100*time.Millisecond), a.Killed, a.Restarts)
	fmt.Fprintf(w, "  pages       %d expected, %d fetched, %d lost\n", a.Expected, a.Fetched, a.Expected-a.Fetched)
	fmt.Fprintf(w, "  again       %d fetches for %d leases lost\n", a.Doubled, a.Leases)
	fmt.Fprintf(w, "  rows        %d\n", a.Rows)
	fmt.Fprintf(w, "  politeness  %d requests too early; smallest gap %v, delay %v\n",
		a.Early, a.Gap.Round(time.Microsecond), a.Delay)
	for _, b := range a.Broken {
		fmt.Fprintf(w, "  BROKEN      %s\n", b)
	}
}
