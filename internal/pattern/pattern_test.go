package pattern

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestCompile(t *testing.T) {
	tests := []struct{ name, source, err string }{
		{"plain", "abc", ""},
		{"all items", "^(%a+)()%1%b()%f[%w][^x-z]-.?$", ""},
		{"ends with escape", "abc%", "malformed pattern (ends with '%')"},
		{"open class", "[a", "malformed pattern (missing ']')"},
		{"open capture", "(a", "unfinished capture"},
		{"stray close", "a)", "invalid pattern capture"},
		{"back-reference to nothing", "%1", "invalid capture index"},
		{"back-reference inside", "(%1)", "invalid capture index"},
		{"frontier without class", "%fa", "missing '[' after '%f' in pattern"},
		{"balance without characters", "%b(", "unbalanced pattern"},
		{"too many captures", strings.Repeat("()", 33), "too many captures"},
		{"too many repeats", strings.Repeat("a?", maxRepeats+1), "pattern too complex"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Compile(tt.source)
			got := ""
			if err != nil {
				got = err.Error()
			} else if p.String() != tt.source {
				t.Errorf("String() = %q", p.String())
			}
			if got != tt.err {
				t.Errorf("error %q, want %q", got, tt.err)
			}
		})
	}
}

func TestMatch(t *testing.T) {
	tests := []struct {
		name, pattern, subject string
		want                   bool
	}{
		{"found inside", "/shop/%d+", "http://x.test/shop/12", true},
		{"anchored", "^http://x%.test/", "http://x.test/a", true},
		{"anchored elsewhere", "^/a", "http://x.test/a", false},
		{"end", "%.pdf$", "http://x.test/a.pdf", true},
		{"not at the end", "%.pdf$", "http://x.test/a.pdf?x", false},
		{"beyond its steps", ".-.-.-.-.-b", strings.Repeat("a", 8000), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Compile(tt.pattern)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Match(tt.subject); got != tt.want {
				t.Errorf("Match = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestRefuelStops(t *testing.T) {
	halt := errors.New("halt")
	tests := []struct{ name, pattern, subject string }{
		{"nested lazy", ".-.-.-.-x", strings.Repeat("a", 3000)},
		{"nested greedy", ".*.*.*.*x", strings.Repeat("a", 3000)},
		{"quadratic start", "a*b", strings.Repeat("a", 1_000_000)},
		{"balance", "%b()", strings.Repeat("(", 1_000_000)},
		{"optional", strings.Repeat("a?", 40) + strings.Repeat("a", 40) + "b", strings.Repeat("a", 40)},
		{"back-reference", "(a*)%1%1%1b", strings.Repeat("a", 4000)},
		{"lazy any to byte", ".-x", strings.Repeat("a", 4000)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			calls := 0
			m := &Machine{Refuel: func() error {
				if calls++; calls > 3 {
					return halt
				}
				return nil
			}}
			if ok, err := m.Find(Lazy(tt.pattern), tt.subject, 0); ok || !errors.Is(err, halt) {
				t.Errorf("Find = %v, %v after %d calls", ok, err, calls)
			}
		})
	}
}

func TestGSubReplaceError(t *testing.T) {
	halt := errors.New("halt")
	m := &Machine{Fuel: 1000}
	_, n, err := m.GSub(Lazy("a"), "aaa", 9, func(dst []byte, _ *Machine) ([]byte, error) { return dst, halt })
	if n != 1 || !errors.Is(err, halt) {
		t.Errorf("GSub = %d, %v", n, err)
	}
}

func TestCacheIsBounded(t *testing.T) {
	var c Cache
	for i := range 3 * cacheSize {
		c.Get(strconv.Itoa(i))
	}
	if len(c.patterns) > cacheSize {
		t.Errorf("%d patterns kept", len(c.patterns))
	}
	if p := c.Get("a+"); c.Get("a+") != p {
		t.Error("compiled twice")
	}
}

func FuzzFind(f *testing.F) {
	for _, c := range samples(7, 200) {
		f.Add(c.pattern, c.subject)
	}
	f.Fuzz(func(t *testing.T, source, subject string) {
		m := &Machine{Fuel: 1 << 20}
		p := Lazy(source)
		for from := 0; from <= len(subject); {
			ok, err := m.Find(p.Iter(), subject, from)
			if !ok || err != nil {
				break
			}
			if m.Start < from || m.End < m.Start || m.End > len(subject) {
				t.Fatalf("match %d:%d from %d", m.Start, m.End, from)
			}
			for i := range m.Count() {
				c, err := m.Capture(i)
				if err == nil && c.Position == 0 && !strings.Contains(subject, c.Text) {
					t.Fatalf("capture %q is not of the subject", c.Text)
				}
			}
			from = m.End + 1
		}
	})
}

// tagText is 100 KB of markup, as in the benchmark of Lua's own gsub below.
const tagUnit = `<p class="a b">some text of a page <a href="/x/y.html">link</a></p>` + "\n"

func tagText() string { return strings.Repeat(tagUnit, 100_000/len(tagUnit)) }

func BenchmarkStripTags(b *testing.B) {
	p, s := Lazy("<[^>]*>"), tagText()
	m := &Machine{Refuel: func() error { return nil }}
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		if _, n, err := m.GSub(p, s, len(s)+1, Template("")); n == 0 || err != nil {
			b.Fatal(n, err)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	subject := "https://shop.example/catalogue/item-1234/index.html?ref=home#top"
	for _, pat := range []string{"item%-(%d+)", "^(%w+)://([^/]*)(.*)$", "%.html", "[?&]ref=([^&#]*)", "^%s*(.-)%s*$"} {
		b.Run(pat, func(b *testing.B) {
			p := Lazy(pat)
			m := &Machine{Refuel: func() error { return nil }}
			for b.Loop() {
				if ok, err := m.Find(p, subject, 0); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
}

func TestStripTagsNearC(t *testing.T) {
	lua, err := exec.LookPath("lua5.1")
	if err != nil || testing.Short() || raceEnabled {
		t.Skip("needs lua5.1, time, and no race detector")
	}
	cmd := exec.Command(lua, "-", tagUnit)
	cmd.Stdin = strings.NewReader(`local s = arg[1]:rep(math.floor(100000 / #arg[1]))
local best = 1e9
for _ = 1, 30 do local t = os.clock() s:gsub("<[^>]*>", "") best = math.min(best, os.clock() - t) end
print(best)`)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	c, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	if err != nil {
		t.Fatal(err)
	}
	p, s := Lazy("<[^>]*>"), tagText()
	m := &Machine{Refuel: func() error { return nil }}
	best := time.Hour
	for range 30 {
		t0 := time.Now()
		if _, _, err := m.GSub(p, s, len(s)+1, Template("")); err != nil {
			t.Fatal(err)
		}
		best = min(best, time.Since(t0))
	}
	t.Logf("here %v, lua5.1 %.0f µs", best, c*1e6)
	if best.Seconds() > 3*c {
		t.Errorf("here %v, more than three times lua5.1's %.0f µs", best, c*1e6)
	}
}
