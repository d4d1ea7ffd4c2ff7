package main

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A small crawl of each kind keeps what it promises.
func TestChaos(t *testing.T) {
	for _, store := range []string{"redis", "journal"} {
		t.Run(store, func(t *testing.T) {
			if _, err := exec.LookPath("redis-server"); err != nil && store == "redis" {
				t.Skip("redis-server is not installed; on Debian: apt-get install redis-server")
			}
			t.Parallel()
			var out bytes.Buffer
			status, err := command(t.Context(), []string{
				"-store", store, "-workers", "2", "-hosts", "8", "-pages", "6", "-restarts", "1",
				"-every", "500ms", "-delay", "150ms", "-limit", "1m", "-seed", "1",
			}, &out)
			if status != 0 || err != nil {
				t.Errorf("status %d, %v\n%s", status, err, out.String())
			}
			if !strings.Contains(out.String(), "48 expected, 48 fetched, 0 lost") {
				t.Errorf("the account:\n%s", out.String())
			}
		})
	}
}

func TestUsage(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
	}{
		{"unknown store", []string{"-store", "paper"}},
		{"no hosts", []string{"-hosts", "0"}},
		{"no time between kills", []string{"-every", "0s"}},
		{"words", []string{"now"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			if status, err := command(t.Context(), tt.args, &out); status != 2 || err == nil {
				t.Errorf("status %d, %v; want 2 and an error", status, err)
			}
		})
	}
}

// The account tells of every broken promise.
func TestAccount(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(1_000_000 + ms)) }
	for _, tt := range []struct {
		name   string
		visits []visit
		killed map[string]time.Time
		rows   map[string]int // beside one for each page that was fetched
		want   []string
	}{
		{
			name: "all well",
			visits: []visit{
				{at(0), "h000.test", "/0", "w1.1"}, {at(100), "h000.test", "/1", "w1.1"},
			},
		},
		{
			name:   "a page is lost",
			visits: []visit{{at(0), "h000.test", "/0", "w1.1"}},
			want:   []string{"1 pages were lost"},
		},
		{
			name: "too early by a microsecond",
			visits: []visit{
				{at(0), "h000.test", "/0", "w1.1"},
				{at(100).Add(-time.Microsecond), "h000.test", "/1", "w2.1"},
			},
			want: []string{"h000.test/1 was asked for by w2.1 99.999ms after /0 by w1.1"},
		},
		{
			name: "robots.txt counts for politeness alone",
			visits: []visit{
				{at(0), "h000.test", "/robots.txt", "w1.1"},
				{at(100), "h000.test", "/0", "w1.1"},
				{at(150), "h000.test", "/robots.txt", "w2.1"},
				{at(250), "h000.test", "/1", "w2.1"},
			},
			want: []string{"h000.test/robots.txt was asked for by w2.1 50ms after /0 by w1.1"},
		},
		{
			name: "again after a kill",
			visits: []visit{
				{at(0), "h000.test", "/0", "w1.1"},
				{at(100), "h000.test", "/0", "w2.1"},
				{at(200), "h000.test", "/1", "w2.1"},
			},
			killed: map[string]time.Time{"w1.1": at(50)},
		},
		{
			name: "again without a kill",
			visits: []visit{
				{at(0), "h000.test", "/0", "w1.1"},
				{at(100), "h000.test", "/0", "w2.1"},
				{at(200), "h000.test", "/1", "w2.1"},
			},
			killed: map[string]time.Time{"w1.1": at(150)},
			want:   []string{"h000.test/0 was fetched by w1.1, then by w2.1 although the first was alive"},
		},
		{
			name: "two pages for one lease",
			visits: []visit{
				{at(0), "h000.test", "/0", "w1.1"},
				{at(100), "h000.test", "/1", "w1.1"},
				{at(200), "h000.test", "/0", "w2.1"},
				{at(300), "h000.test", "/1", "w2.1"},
			},
			killed: map[string]time.Time{"w1.1": at(150)},
			want:   []string{"2 pages of h000.test were fetched again, though w1.1 lost one lease of it"},
		},
		{
			name: "a row twice",
			visits: []visit{
				{at(0), "h000.test", "/0", "w1.1"}, {at(100), "h000.test", "/1", "w1.1"},
			},
			rows: map[string]int{"http://h000.test/0": 1},
			want: []string{"h000.test/0 has 2 rows"},
		},
		{
			name: "a row is lost",
			visits: []visit{
				{at(0), "h000.test", "/0", "w1.1"}, {at(100), "h000.test", "/1", "w1.1"},
			},
			rows: map[string]int{"http://h000.test/1": -1},
			want: []string{"h000.test/1 has 0 rows"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &site{hosts: 1, pages: 2, visits: tt.visits, seen: map[string]bool{}}
			rows := map[string]int{}
			for _, v := range tt.visits {
				if page := v.host + v.path; v.path != "/robots.txt" && !s.seen[page] {
					s.seen[page] = true
					rows["http://"+page]++
				}
			}
			for url, n := range tt.rows {
				rows[url] += n
			}
			a := newAccount(s, tt.killed, 100*time.Millisecond, rows)
			if diff := cmp.Diff(tt.want, a.Broken); diff != "" {
				t.Errorf("broken promises (-want +got):\n%s", diff)
			}
		})
	}
}

// Every page can be reached from the seed.
func TestTree(t *testing.T) {
	for _, n := range []int{1, 2, 7, 100} {
		reached := make([]int, n)
		reached[0]++
		for i := range n {
			for _, c := range children(i, n) {
				reached[c]++
			}
		}
		for i, times := range reached {
			if times != 1 {
				t.Errorf("%d of %d is reached %d times", i, n, times)
			}
		}
	}
}
