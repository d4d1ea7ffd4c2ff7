package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// A short crawl does all that a long one does, and leaves nothing.
func TestSoak(t *testing.T) {
	var out bytes.Buffer
	account, err := Soak{Time: 4 * time.Second, Every: 100 * time.Millisecond, Delay: time.Millisecond}.Run(t.Context(), &out)
	if err != nil {
		t.Fatal(err)
	}
	if len(account.Samples) == 0 || strings.Count(out.String(), "\n") != len(account.Samples) {
		t.Errorf("%d samples, told as:\n%s", len(account.Samples), out.String())
	}
	if account.Sum.Pages == 0 || account.Sum.Errors == 0 || account.After > account.Before {
		t.Errorf("%d pages, %d errors, %d goroutines left of %d", account.Sum.Pages, account.Sum.Errors, account.After, account.Before)
	}
}

func TestAccount(t *testing.T) {
	const mb = 1 << 20
	series := func(n int, of func(i int) Sample) (all []Sample) {
		for i := range n {
			all = append(all, of(i))
		}
		return all
	}
	calm := func(int) Sample { return Sample{Resident: 100 * mb, Goroutines: 50} }
	for _, tt := range []struct {
		name string
		a    Account
		want bool
	}{
		{"flat", Account{Samples: series(40, calm), Before: 3, After: 3}, true},
		{"one peak at the end", Account{Samples: append(series(39, calm), Sample{Resident: 1000 * mb}), Before: 3, After: 3}, true},
		{"memory that grows", Account{Samples: series(40, func(i int) Sample { return Sample{Resident: int64(100+i) * mb} }), Before: 3, After: 3}, false},
		{"goroutines that grow", Account{Samples: series(40, func(i int) Sample { return Sample{Goroutines: i} }), Before: 3, After: 3}, false},
		{"one goroutine left", Account{Samples: series(40, calm), Before: 3, After: 4}, false},
		{"too short to tell", Account{Samples: series(7, calm), Before: 3, After: 3}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.a.Sum.Pages, tt.a.Sum.Errors = 1, 1
			if got := tt.a.Good(); got != tt.want {
				t.Errorf("good %v, want %v", got, tt.want)
			}
		})
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"-nonsense"}, {"-time", "1s", "-every", "1s"}, {"-every", "0s"}, {"more"}} {
		if status, _ := command(t.Context(), args, &bytes.Buffer{}); status != 2 {
			t.Errorf("%q: status %d, want 2", args, status)
		}
	}
}
