package pattern

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

var record = flag.Bool("record", false, "write testdata/lua51.txt anew from lua5.1")

const (
	liveCases     = 240_000
	recordedCases = 3_000
	recordedFile  = "testdata/lua51.txt"
)

// A sample is one call of a string function.
type sample struct {
	op                     string
	init                   int
	subject, pattern, repl string
}

func (c sample) String() string {
	return fmt.Sprintf("%s(%q, %q, %q, %d)", c.op, c.subject, c.pattern, c.repl, c.init)
}

func (c sample) wire(w *bytes.Buffer) {
	fmt.Fprintf(w, "%s\n%d %d %d %d\n%s%s%s\n", c.op, c.init, len(c.subject), len(c.pattern), len(c.repl),
		c.subject, c.pattern, c.repl)
}

var (
	pieces = []string{
		"a", "b", "c", ".", "%a", "%d", "%s", "%w", "%S", "%A", "%p", "%x", "%z", "%u", "%l", "%c", "%D", "%W", "%.", "%%", "%q",
		"[ab]", "[^a]", "[a-c]", "[%a1]", "[]a]", "[^]]", "[a-]", "[%]x]", "[^%s]", "[%d-z]", "[b-%%]", "[a", "[", "[^", "[%", "]",
		"(", ")", "(", ")", "()", "(a)", "(.)", "(%a+)", "(.-)", "(a*)", "%1", "%2", "%0", "%b()", "%bab", "%b", "%baa", "%f[%w]", "%f[^a]", "%f[%z]",
		"%fa", "%f", "^", "$", "$", "-", "*", "%", "ab", "ba", "x", "1", " ", "\x00", "\xff", "abc", "<", ">", "<[^>]*>",
	}
	suffixes = []string{"", "", "", "", "*", "+", "-", "?"}
	letters  = []string{"a", "a", "a", "b", "b", "c", "x", "1", "2", " ", "(", ")", ".", "%", "]", "-", "\x00", "\xff", "A", "<", ">", "_", "\n"}
	repls    = []string{"", "x", "%1", "%0", "<%0>", "%2", "%%", "%", "a%1b%1", "%a", "%9", "%1%2"}
	ops      = []string{"find", "match", "gmatch", "gsub"}
)

func pick(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }

func randomSample(r *rand.Rand) sample {
	c := sample{op: pick(r, ops), init: 1, repl: pick(r, repls)}
	if r.IntN(3) == 0 {
		c.init = r.IntN(12) - 5
	}
	for range r.IntN(14) {
		c.subject += pick(r, letters)
	}
	if r.IntN(5) == 0 {
		c.pattern = "^"
	}
	for range 1 + r.IntN(6) {
		c.pattern += pick(r, pieces) + pick(r, suffixes)
	}
	if r.IntN(8) == 0 {
		c.pattern += "$"
	}
	return c
}

func samples(seed uint64, n int) []sample {
	r := rand.New(rand.NewPCG(seed, 51))
	list := make([]sample, n)
	for i := range list {
		list[i] = randomSample(r)
	}
	return list
}

// answer does with this package what the oracle does with Lua's functions.
func answer(c sample) string {
	vals, err := call(c)
	if err != nil {
		return "error " + strconv.Quote(err.Error())
	}
	return strings.Join(vals, ",")
}

func call(c sample) ([]string, error) {
	m := &Machine{Fuel: 1 << 24}
	p := Lazy(c.pattern)
	switch c.op {
	case "gmatch":
		s, err := iterate(m, p.Iter(), c.subject)
		return []string{showText(s)}, err
	case "gsub":
		limit := c.init
		if limit == 1 {
			limit = len(c.subject) + 1
		}
		s, n, err := m.GSub(p, c.subject, limit, Template(c.repl))
		return []string{showText(s), strconv.Itoa(n)}, err
	}
	from := c.init
	if from < 0 {
		from = max(from+len(c.subject)+1, 0)
	}
	from = min(max(from-1, 0), len(c.subject))
	if c.op == "find" && p.Plain() {
		i := strings.Index(c.subject[from:], c.pattern)
		if i < 0 {
			return []string{"nil"}, nil
		}
		return []string{strconv.Itoa(from + i + 1), strconv.Itoa(from + i + len(c.pattern))}, nil
	}
	ok, err := m.Find(p, c.subject, from)
	if err != nil || !ok {
		return []string{"nil"}, err
	}
	if c.op == "find" {
		v, err := captures(m, m.Count())
		return append([]string{strconv.Itoa(m.Start + 1), strconv.Itoa(m.End)}, v...), err
	}
	return captures(m, max(m.Count(), 1))
}

func captures(m *Machine, n int) ([]string, error) {
	var out []string
	for i := range n {
		c, err := m.Capture(i)
		if err != nil {
			return nil, err
		}
		if c.Position > 0 {
			out = append(out, strconv.Itoa(c.Position))
		} else {
			out = append(out, showText(c.Text))
		}
	}
	return out, nil
}

// iterate is the oracle's loop of three variables, at most fifty times.
func iterate(m *Machine, p *Pattern, s string) (string, error) {
	var out []string
	for from := 0; from <= len(s) && len(out) < 50; {
		ok, err := m.Find(p, s, from)
		if err != nil {
			return "", err
		}
		if !ok {
			break
		}
		if from = m.End; m.Start == m.End {
			from++
		}
		v, err := captures(m, max(m.Count(), 1))
		if err != nil {
			return "", err
		}
		out = append(out, strings.Join(append(v, "nil", "nil")[:3], ","))
	}
	return strings.Join(out, ";"), nil
}

func showText(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if isAlpha(c) || isDigit(c) || c == ' ' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "\\%02x", c)
		}
	}
	return b.String() + "."
}

// ask runs the cases in one lua5.1 process.
func ask(t *testing.T, list []sample) []string {
	t.Helper()
	lua, err := exec.LookPath("lua5.1")
	if err != nil {
		t.Skip("lua5.1 is not installed; the recorded cases stand in")
	}
	var in bytes.Buffer
	for _, c := range list {
		c.wire(&in)
	}
	cmd := exec.Command(lua, "testdata/oracle.lua")
	cmd.Stdin = &in
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != len(list) {
		t.Fatalf("lua5.1 answered %d of %d cases", len(lines), len(list))
	}
	return lines
}

func compare(t *testing.T, list []sample, want []string) {
	t.Helper()
	wrong := 0
	for i, c := range list {
		if got := answer(c); got != want[i] {
			t.Errorf("%v\n got %s\nwant %s", c, got, want[i])
			if wrong++; wrong == 10 {
				t.Fatal("and maybe more")
			}
		}
	}
}

func TestAgainstLua(t *testing.T) {
	n := liveCases
	if testing.Short() {
		n /= 10
	}
	list := samples(rand.Uint64(), n)
	compare(t, list, ask(t, list))
}

func TestRecorded(t *testing.T) {
	list := samples(1, recordedCases)
	if *record {
		text := strings.Join(ask(t, list), "\n") + "\n"
		if err := os.WriteFile(recordedFile, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(recordedFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var want []string
	for sc := bufio.NewScanner(f); sc.Scan(); {
		want = append(want, sc.Text())
	}
	if len(want) != len(list) {
		t.Fatalf("%d recorded answers for %d cases", len(want), len(list))
	}
	compare(t, list, want)
}
