package cli

import (
	"testing"
	"time"

	"downpour/engine"
	"downpour/internal/option"
	"downpour/policies"

	"github.com/google/go-cmp/cmp"
)

// merged are the settings of a command line, an environment and crawl{}.
func merged(t *testing.T, args []string, environ map[string]string, script map[string]any) settings {
	t.Helper()
	flags, _, err := parseFlags(args, func(option.Option) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	s, err := readSettings(flags, func(name string) (string, bool) { v, ok := environ[name]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	s.addScript(script)
	return s
}

func TestPrecedence(t *testing.T) {
	env := map[string]string{"DOWNPOUR_DELAY": "3"}
	script := map[string]any{"delay": 4 * time.Second}
	for _, tt := range []struct {
		name   string
		args   []string
		env    map[string]string
		script map[string]any
		want   time.Duration
	}{
		{"default", nil, nil, nil, time.Second},
		{"script", nil, nil, script, 4 * time.Second},
		{"environment", nil, env, script, 3 * time.Second},
		{"flag", []string{"--delay", "2"}, env, script, 2 * time.Second},
		{"last flag", []string{"--delay", "2", "--delay=1.5s"}, env, script, 1500 * time.Millisecond},
		{"zero is a value", []string{"--delay", "0"}, env, script, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := merged(t, tt.args, tt.env, tt.script).duration("delay"); got != tt.want {
				t.Errorf("delay %v, want %v", got, tt.want)
			}
		})
	}
}

func TestConfig(t *testing.T) {
	polite := engine.Config{
		Concurrency: 16, PerHost: 1, Delay: time.Second, MaxDelay: time.Minute, Robots: true,
		UserAgent: "downpour/" + Version, MaxRedirects: 10, Retries: 2, HostRetries: 3, Timeout: 30 * time.Second,
		MaxURL: 8192, MaxRepeats: 5, MaxSimilar: 1000, MaxHosts: 10_000, MaxLinks: 10_000,
	}
	for _, tt := range []struct {
		name string
		args []string
		want func(c *engine.Config)
	}{
		{"defaults", nil, func(*engine.Config) {}},
		{"base", []string{"--policy", "base"}, func(c *engine.Config) { c.Delay, c.Robots, c.PerHost = 0, false, -1 }},
		{"base with a delay", []string{"--policy=base", "--delay=2", "--per-host=3", "--robots"}, func(c *engine.Config) { c.Delay, c.PerHost = 2*time.Second, 3 }},
		{"seeds alone", []string{"--max-depth", "0"}, func(c *engine.Config) { c.MaxDepth = -1 }},
		{"any depth", []string{"--max-depth", "none"}, func(*engine.Config) {}},
		{"depth", []string{"--max-depth", "3"}, func(c *engine.Config) { c.MaxDepth = 3 }},
		{"no redirects", []string{"--max-redirects=0"}, func(c *engine.Config) { c.MaxRedirects = -1 }},
		{"no limit a host", []string{"--per-host=none"}, func(c *engine.Config) { c.PerHost = -1 }},
		{"contact", []string{"--contact", "https://a.test/bot"}, func(c *engine.Config) { c.UserAgent += " (+https://a.test/bot)" }},
		{"agent of one's own", []string{"--user-agent", "probe/2"}, func(c *engine.Config) { c.UserAgent = "probe/2" }},
		{"items and time", []string{"--max-items=5", "--max-time=2m"}, func(c *engine.Config) { c.MaxItems, c.MaxTime = 5, 2*time.Minute }},
		{"scope", []string{"--same-host", "--domains=a.test,b.test"}, func(c *engine.Config) {
			c.Scope = policies.Scope{SameHost: true, Domains: []string{"a.test", "b.test"}}
		}},
		{"underscores", []string{"--max_time=2"}, func(c *engine.Config) { c.MaxTime = 2 * time.Second }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &runner{set: merged(t, tt.args, nil, nil)}
			got, err := r.config()
			if err != nil {
				t.Fatal(err)
			}
			want := polite
			tt.want(&want)
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestResolutions(t *testing.T) {
	got, err := resolutions([]string{"A.test:80:127.0.0.1", "a.test:80:127.0.0.2:8080", "[::1]:443:[::2]:8443"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a.test:80": "127.0.0.1,127.0.0.2:8080", "[::1]:443": "[::2]:8443"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for _, s := range []string{"a.test", "a.test:80", "a.test:http:127.0.0.1", ":80:127.0.0.1"} {
		if _, err := resolutions([]string{s}); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
}

func TestSort(t *testing.T) {
	t.Chdir(folder(t, map[string]string{"mine.lua": "", "plain": ""}))
	for _, tt := range []struct {
		name          string
		words         []string
		scripts, urls []string
		fails         bool
	}{
		{name: "file and URL", words: []string{"mine.lua", "http://a.test"}, scripts: []string{"mine.lua"}, urls: []string{"http://a.test/"}},
		{name: "shipped and host", words: []string{"spider", "a.test/x"}, scripts: []string{"spider"}, urls: []string{"http://a.test/x"}},
		{name: "file without extension", words: []string{"plain"}, scripts: []string{"plain"}},
		{name: "localhost", words: []string{"spider", "localhost:8080"}, scripts: []string{"spider"}, urls: []string{"http://localhost:8080/"}},
		{name: "address", words: []string{"spider", "[::1]:80/x"}, scripts: []string{"spider"}, urls: []string{"http://[::1]/x"}},
		{name: "missing file", words: []string{"other.lua"}, fails: true},
		{name: "missing path", words: []string{"./a.test"}, fails: true},
		{name: "word", words: []string{"crawl"}, fails: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			scripts, urls, err := sort(tt.words)
			if (err != nil) != tt.fails {
				t.Fatalf("error %v", err)
			}
			if d := cmp.Diff(tt.scripts, scripts); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(tt.urls, urls); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestCommandLine(t *testing.T) {
	got := resumeLine([]string{"downpour", "run", "it's.lua", "--fresh", "-a", "q=a b"})
	if want := `downpour run 'it'\''s.lua' -a 'q=a b'`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
