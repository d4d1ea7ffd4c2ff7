package frontier

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mutantsWanted is the variable that asks for TestMutants, which takes minutes.
const mutantsWanted = "DOWNPOUR_MUTANTS"

// A mutant is one change for the worse of a file of this module.
type mutant struct {
	name     string
	file     string // from this folder
	old, new string // old occurs in it once
	run      string // the tests that must notice
}

// The tests that the mutants are tried on.
const (
	onJournal    = "^TestJournal$"
	onRedis      = "^TestRedisConformance$"
	onPoliteness = "^TestStalledWorkers$"
	onHistories  = "^TestLinearizable$"
	onDamage     = "^TestJournalTurnedBit$"
)

var mutants = []mutant{
	{
		"journal: any lease may report", "journal_done.go",
		"if jl == nil || jl.ending {",
		"if jl == nil { for _, other := range j.leases { jl = other } }\n\t\tif jl == nil || jl.ending {", onJournal,
	},
	{
		"redis: any token may report", "done.lua",
		"if tonumber(stamps[#reply + 1] or 0) ~= -tonumber(token) then", "if false then", onRedis,
	},
	{"journal: leases do not run out", "journal_lease.go", "if jl.expires > now {", "if true {", onJournal},
	{"redis: leases do not run out", "lease.lua", "if c.ends <= now then", "if false then", onRedis},
	{
		"a lease lasts no longer than the fetch", "../leasing.go",
		"return e.cfg.Timeout + max(rest, e.cfg.Delay)", "return e.cfg.Timeout", onPoliteness,
	},
	{
		"a page is done before its links are pushed", "../commit.go", "b.fresh, b.err = e.push(ctx, children(b.jobs))",
		"b.stale, b.err = e.deps.Frontier.Done(ctx, b.outs, nil)\n\tif b.err == nil {\n\t\tb.fresh, b.err = e.push(ctx, children(b.jobs))\n\t\treturn\n\t}", onPoliteness,
	},
	{"journal: no rest", "journal_done.go", "byte(opState), int64(o.Wait)", "byte(opState), int64(0)", onJournal},
	{"redis: no rest", "done.lua", "spendable and after(wait) or PARKED", "spendable and after(0) or PARKED", onRedis},
	{"redis: no rest of a queue that is empty", "done.lua", "if wait > 0 then call('ZADD', rest", "if false then call('ZADD', rest", onRedis},
	{"journal: nothing is written", "journal_replay.go", "n, err := s.file.Write(b)", "n, err := len(b), error(nil)", onJournal},
	{
		"journal: a reopen hands out what is finished", "journal_replay.go", "fresh := leave(q, place, start, count)",
		"fresh := 0\n\t\t\tif len(j.leases) > 0 {\n\t\t\t\tfresh = leave(q, place, start, count)\n\t\t\t}", onJournal,
	},
	{
		"journal: damage is not seen", "journal_segment.go",
		"crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(head[4:])", "crc32.Checksum(payload, castagnoli) == 0 && head[4] == 0", onDamage,
	},
	{"journal: identities are forgotten", "journal_push.go", "if !j.x.prints.add(r.Print) && !r.Again {", "if false {", onJournal},
	{"journal: identities are forgotten by a reopen", "journal_replay.go", "j.x.prints.add(print)", "_ = print", onJournal},
	{"redis: identities are forgotten", "push.lua", "local seen = marked[fp] or call('SISMEMBER', key, fp) == 1", "local seen = false", onRedis},
	{"redis: identities are not marked", "push.lua", "for i = 1, #new, 2 do call('SADD', new[i], new[i + 1]) end", "", onRedis},
	{"journal: a page too many", "frontier.go", "limit-charged-reserved)))", "limit+1-charged-reserved)))", onJournal},
	{"redis: a page too many", "lease.lua", "return maxpages - c.charged - c.leased", "return maxpages + 1 - c.charged - c.leased", onRedis},
	{"redis: a page of a queue too many", "lease.lua", "if maxqueue > 0 then k = math.min(k, maxqueue - tonumber(p[i] or 0)) end", "", onRedis},
	{"journal: put-backs go to the tail", "journal_done.go", "front[first:end], now, groupFront", "front[first:end], now, 0", onJournal},
	{"redis: put-backs go to the tail", "done.lua", "try(queue, 'LPUSH', lkey, y)", "try(queue, 'RPUSH', lkey, y)", onRedis},
	{"journal: queues in no order", "journal_due.go", "return a.due < b.due || a.due == b.due && a.turn < b.turn", "return a.turn > b.turn", onJournal},
	{"redis: a push wakes nobody", "push.lua", "if fresh > 0 then wake() end", "", onRedis},
	{
		"journal: a lease that is over may report", "journal_done.go", "if jl == nil || jl.ending {",
		"if jl == nil { for _, other := range j.leases { jl = other } }\n\t\tif jl == nil || jl.ending {", onHistories,
	},
	{
		"redis: a lease that is over may report", "done.lua",
		"if tonumber(stamps[#reply + 1] or 0) ~= -tonumber(token) then", "if false then", onHistories,
	},
	{"journal: a leased queue is due", "journal_lease.go", "j.x.setDue(q, jl.expires)\n\treturn l, nil", "j.x.setDue(q, j.nanos(at))\n\treturn l, nil", onHistories},
	{"journal: nothing written of leases", "journal_lease.go", "if err := j.writeLeases(leases); err != nil {", "if err := error(nil); err != nil {", onJournal},
	{"journal: expiries count on after a page is done", "journal_done.go", "if q.again > 0 {", "if false {", onJournal},
	{"redis: expiries are forgotten by a keep", "done.lua", "op .. ' ' .. again .. ' '", "op .. ' 0 '", onRedis},
	{"redis: expiries are forgotten by a release", "done.lua", "if again ~= '0' and mode ~= 'c' then mark(", "if false then mark(", onRedis},
	{"journal: nothing more is brought", "journal_done.go", "j.more(o.Lease, jl, o.More, now)", "j.more(o.Lease, jl, 0, now)", onHistories},
	{"redis: a call is not one step", "push.lua", "marked[fp] or call(", "call(", onHistories},
}

// TestMutants applies each mutant to a copy and wants the tests to fail: what
// they let pass is not tested.
func TestMutants(t *testing.T) {
	if os.Getenv(mutantsWanted) == "" {
		t.Skipf("takes minutes: make mutants, or set %s=1", mutantsWanted)
	}
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			out, err := testMutant(t, m)
			exit, failed := errors.AsType[*exec.ExitError](err)
			switch {
			case err == nil:
				t.Errorf("the tests %s passed", m.run)
			case !failed || !strings.Contains(out, "--- FAIL: "):
				t.Fatalf("the tests %s did not run: %v\n%s", m.run, err, out)
			default:
				t.Logf("%v: %s", exit, firstFailure(out))
			}
		})
	}
}

// testMutant runs the tests of this package with the mutant in the place of
// the file it is made of.
func testMutant(t *testing.T, m mutant) (out string, err error) {
	t.Helper()
	path, err := filepath.Abs(m.file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), m.old); n != 1 {
		t.Fatalf("%s has %q %d times, want once: the mutant is out of date", m.file, m.old, n)
	}
	dir := t.TempDir()
	mutated := filepath.Join(dir, filepath.Base(path))
	if err := os.WriteFile(mutated, []byte(strings.Replace(string(text), m.old, m.new, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{path: mutated}})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "test", "-overlay", list, "-vet=off", "-count=1", "-failfast", "-timeout=4m", "-run", m.run, ".")
	b, err := cmd.CombinedOutput()
	return string(b), err
}

// firstFailure is the innermost test that failed first.
func firstFailure(out string) (name string) {
	for line := range strings.Lines(out) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "--- FAIL: ") {
			name = strings.TrimPrefix(line, "--- FAIL: ")
		} else if name != "" {
			break
		}
	}
	return name
}
