package frontier

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"downpour/engine"
)

// killedDir names the folder in which TestJournalKilled's child works.
const killedDir = "DOWNPOUR_TEST_KILLED_DIR"

// TestJournalKilledChild is no test: it crawls and tells of every step that
// answered, until it is killed.
func TestJournalKilledChild(t *testing.T) {
	dir := os.Getenv(killedDir)
	if dir == "" {
		t.Skip("run by TestJournalKilled")
	}
	ctx := context.Background()
	j, err := OpenJournal(ctx, dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	j.limit = 5000
	for i := j.x.prints.n; ; i++ {
		if _, err := j.Push(ctx, page("a", fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
		fmt.Println("step pushed")
		if i%4 == 0 {
			continue
		}
		leases, _, err := j.Lease(ctx, 1, 1, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := j.Done(ctx, []*engine.Outcome{finish(leases[0])}, nil); err != nil {
			t.Fatal(err)
		}
		fmt.Println("step finished")
	}
}

// A process that is killed has lost nothing of what had answered, and has left
// the folder free for the next.
func TestJournalKilled(t *testing.T) {
	dir := t.TempDir()
	rnd := rand.New(rand.NewPCG(3, 4))
	var pushed, finished, slack int64
	for round := range int64(4) {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestJournalKilledChild$")
		cmd.Env = append(os.Environ(), killedDir+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for left := 50 + rnd.IntN(400); lines.Scan(); left-- {
			switch {
			case strings.HasSuffix(lines.Text(), "step pushed"):
				pushed++
			case strings.HasSuffix(lines.Text(), "step finished"):
				finished++
			}
			if left == 0 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the child ended by itself")
		}
		slack = round + 1 // at each kill one step may have been written and not told
		j := openJournal(t, dir, Options{})
		c := mustCounts(t, j)
		checkIndex(t, j)
		if c.Seen < pushed || c.Seen > pushed+slack || c.Finished < finished || c.Finished > finished+slack || c.Seen != c.Finished+c.Queued {
			t.Fatalf("round %d: %+v after %d pushes and %d finishes", round, c, pushed, finished)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if finished == 0 {
		t.Error("nothing was finished")
	}
}
