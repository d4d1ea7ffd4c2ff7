package cli

import (
	"os"
	"strings"
	"testing"
)

func TestDoc(t *testing.T) {
	rows := []struct {
		name   string
		args   []string
		status int
		want   string // in either output
	}{
		{"all of it", []string{"doc"}, 0, "\n  on_success(req, text)\n"},
		{"a module", []string{"doc", "downpour.url"}, 0, "require \"downpour.url\": URLs"},
		{"a method", []string{"doc", "follow"}, 0, "  req:follow(selector?, opts?) -> number\n"},
		{"a setting", []string{"doc", "delay"}, 0, "  delay: number|string\n"},
		{"markdown", []string{"doc", "url.join", "--markdown"}, 0, "### `url.join(base, ref, encoding?) -> string | nil, message`\n"},
		{"a slip", []string{"doc", "folow"}, 2, `nothing is called "folow" (did you mean "follow"?)`},
		{"an unknown flag", []string{"doc", "--html"}, 2, "it takes a name and --markdown"},
		{"help", []string{"doc", "--help"}, 0, "downpour doc [NAME] [--markdown]:"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			res := command(t, row.args...)
			if res.status != row.status || !strings.Contains(res.stdout+res.stderr, row.want) {
				t.Errorf("status %d, no %q in\n%s%s", res.status, row.want, res.stdout, res.stderr)
			}
		})
	}
}

func TestTypes(t *testing.T) {
	inFolder(t, "")
	if err := os.WriteFile(".luacheckrc", []byte("mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	res := command(t, "types")
	if res.status != 0 || !strings.Contains(res.stdout, ".luacheckrc: left as it is") {
		t.Errorf("status %d: %s%s", res.status, res.stdout, res.stderr)
	}
	for name, want := range map[string]string{
		".luacheckrc": "mine\n", ".luarc.json": "downpour-types",
		"downpour-types/downpour.lua": "---@class downpour.request", "downpour-types/downpour/url.lua": "function url.join(base, ref, encoding) end",
	} {
		text, err := os.ReadFile(name)
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: no %q in it, %v", name, want, err)
		}
	}
	if res := command(t, "types", "nowhere"); res.status != 2 {
		t.Errorf("a folder that is not there: status %d", res.status)
	}
}

func TestCheckExamines(t *testing.T) {
	inFolder(t, "function on_success(req)\n  req:folow()\n  prnt(req.url)\nend\n")
	res := command(t, "check", "crawl.lua")
	for _, want := range []string{"crawl.lua:2: request has no field 'folow'", "crawl.lua:3: undefined global 'prnt' (did you mean 'print'?)"} {
		if res.status != 2 || !strings.Contains(res.stderr, want) {
			t.Errorf("status %d, no %q in\n%s", res.status, want, res.stderr)
		}
	}
}

func TestOwnQueuesStayInOneProcess(t *testing.T) {
	inFolder(t, `policy { push = function() end, pop = function() end }`)
	res := command(t, "run", "crawl.lua", "http://127.0.0.1:1/", "--redis", "redis://127.0.0.1:1")
	if res.status != 2 || !strings.Contains(res.stderr, "cannot run with --redis") {
		t.Errorf("status %d: %s", res.status, res.stderr)
	}
}
