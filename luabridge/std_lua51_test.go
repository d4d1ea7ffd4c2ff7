package luabridge

import (
	"flag"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	lua "github.com/yuin/gopher-lua"
)

var recordLua = flag.Bool("record", false, "write testdata/lua51.txt anew from lua5.1")

const behavioursFile = "testdata/lua51.txt"

// newStdHost is a host with the corrected library and no scripts.
func newStdHost(t *testing.T) *Host {
	t.Helper()
	runtime.GC() // the limit counts the garbage of the tests before
	h := &Host{L: newState(), gate: &gate{cur: &call{}}, watch: &watchdog{memory: 64 << 20}}
	openStd(h, h.L)
	t.Cleanup(h.L.Close)
	return h
}

// run runs code on a thread of its own and answers what it returns.
func run(t *testing.T, h *Host, code string) ([]lua.LValue, error) {
	t.Helper()
	fn, err := h.L.Load(strings.NewReader(code), "t")
	if err != nil {
		t.Fatal(err)
	}
	fn.Env = h.L.G.Global
	h.std().bound(fn.Proto)
	th, _ := h.L.NewThread()
	th.SetContext(h.gate)
	th.Push(fn)
	h.L.G.CurrentThread = th
	if err := th.PCall(0, lua.MultRet, nil); err != nil {
		return nil, err
	}
	var out []lua.LValue
	for i := 1; i <= th.GetTop(); i++ {
		out = append(out, th.Get(i))
	}
	return out, nil
}

// behaviours reads the recorded file: lines of code, each followed by what
// lua5.1 answers.
func behaviours(t *testing.T) (codes, wants []string) {
	t.Helper()
	text, err := os.ReadFile(behavioursFile)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		want, ok := strings.CutPrefix(line, "--> ")
		switch {
		case ok != (i%2 == 1):
			t.Fatalf("%s:%d: code and answers do not alternate", behavioursFile, i+1)
		case ok:
			wants = append(wants, want)
		default:
			codes = append(codes, line)
		}
	}
	return codes, wants
}

func TestLua51Behaviours(t *testing.T) {
	codes, wants := behaviours(t)
	h := newStdHost(t)
	common, err := os.ReadFile("testdata/behaviours.lua")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, h, string(common)); err != nil {
		t.Fatal(err)
	}
	ours, seen := map[string]string{}, map[string]bool{}
	for _, d := range differences {
		maps.Copy(ours, d.cases)
	}
	for i, code := range codes {
		h.L.G.Global.RawSetString("code", lua.LString(code))
		got := ""
		if v, err := run(t, h, "return answer(code)"); err != nil {
			got = "ERROR " + strings.SplitN(err.Error(), "\n", 2)[0]
		} else {
			got = v[0].String()
		}
		want := wants[i]
		if here, ok := ours[code]; ok {
			if seen[code] = true; here == want {
				t.Errorf("%s\nis listed as a difference and is none", code)
			}
			want = here
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s\n(-lua5.1 +here)\n%s", code, diff)
		}
	}
	for code := range ours {
		if !seen[code] {
			t.Errorf("difference without code in %s: %s", behavioursFile, code)
		}
	}
}

// TestRecordedBehaviours checks the recorded answers against the real lua5.1.
func TestRecordedBehaviours(t *testing.T) {
	bin, err := exec.LookPath("lua5.1")
	if err != nil {
		t.Skip("lua5.1 is not installed; the recorded answers stand")
	}
	codes, wants := behaviours(t)
	cmd := exec.Command(bin, "-e", `dofile("testdata/behaviours.lua")
for l in io.lines() do io.write(answer(l), "\n") end`)
	cmd.Stdin = strings.NewReader(strings.Join(codes, "\n") + "\n")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if *recordLua {
		var b strings.Builder
		for i, code := range codes {
			b.WriteString(code + "\n--> " + got[i] + "\n")
		}
		if err := os.WriteFile(behavioursFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(wants, got); diff != "" {
		t.Errorf("recorded answers differ from lua5.1 (-recorded +lua5.1):\n%s", diff)
	}
}
