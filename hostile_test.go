package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hostile says which test answers for each case of hostile.json, in the
// categories of what comes off the wire.
var hostile = map[string][]string{
	"engine/fetch TestHostile": {
		"ssrf-26", "ssrf-27", "ssrf-28", "bomb-01", "bomb-02", "bomb-03", "bomb-06", "bomb-08", "slow-02", "slow-05", "slow-07", "hdr-01",
		"creds-07", "creds-10", "creds-12", "creds-15", "cookie-02", "cookie-07", "cookie-09", "cookie-10",
		"tls-01", "tls-02", "tls-03", "tls-04", "tls-05", "tls-06", "tls-08",
	},
	"internal/cli TestHostileAddresses": {
		"ssrf-02", "ssrf-03", "ssrf-04", "ssrf-05", "ssrf-06", "ssrf-08", "ssrf-09", "ssrf-12", "ssrf-13", "ssrf-14", "ssrf-16", "ssrf-17",
		"ssrf-18", "ssrf-20", "ssrf-21", "ssrf-24",
	},
	"internal/cli TestHostileZippedSitemap": {"bomb-05"},
	"internal/cli TestHostileDrip":          {"slow-06"},
	"internal/cli TestHostileRedirects":     {"redir-02", "redir-06", "redir-07"},
	"internal/cli TestHostileChain":         {"redir-03"},
	"internal/cli TestHostileCookieWall":    {"redir-04"},
	"internal/cli TestHostileTraps":         {"trap-02", "trap-03", "trap-04", "trap-05", "trap-07"},
	"internal/cli TestHeaderInjection":      {"inject-02"},
	"internal/cli TestHostHeader":           {"inject-03"},
	"internal/cli TestLogInjection":         {"inject-04"},
	"internal/cli TestTerminalInjection":    {"inject-05"},
	"internal/cli TestHostileReports":       {"inject-07", "inject-08"},
	"internal/cli TestFileNames": {
		"inject-09", "path-02", "path-03", "path-04", "path-06", "path-07", "path-08", "path-09", "path-10", "path-11",
	},
	"internal/cli TestHostileCredentials": {"creds-01", "creds-02", "creds-03", "creds-04"},
	"internal/cli TestHostileBody":        {"creds-09"},
	"internal/cli TestHostilePages": {
		"parse-01", "parse-02", "parse-03", "parse-04", "parse-06", "parse-08", "parse-09", "parse-11", "parse-12", "parse-14",
	},
	"internal/cli TestHostileSitemaps":     {"xml-01", "xml-02", "xml-03", "xml-04", "xml-08", "xml-09", "xml-10"},
	"internal/cli TestSitemapIndexes":      {"xml-05"},
	"internal/cli TestHostileRobots":       {"robots-03", "robots-04", "robots-05", "robots-06", "robots-07"},
	"internal/cli TestHostileSitemapLines": {"robots-08"},
	"engine TestWhatAnswersForRobotsMean":  {"robots-09"},
	"internal/cli TestHostileOrigins":      {"robots-10"},
}

// TestEachHostileCaseHasATest: of the vectors nothing is left out, and the
// tests that are named exist.
func TestEachHostileCaseHasATest(t *testing.T) {
	dir := os.Getenv("DOWNPOUR_SUITES")
	if dir == "" {
		dir = filepath.Join("..", "shared", "suites")
	}
	data, err := os.ReadFile(filepath.Join(dir, "hostile.json"))
	if err != nil {
		t.Skipf("no test vectors: %v (set DOWNPOUR_SUITES)", err)
	}
	var cases []struct{ ID, Category, Name string }
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	claimed := map[string]string{}
	for test, ids := range hostile {
		if pkg, name, _ := strings.Cut(test, " "); !hasTest(t, pkg, name) {
			t.Errorf("%s has no %s", pkg, name)
		}
		for _, id := range ids {
			claimed[id] = test
		}
	}
	others := map[string]bool{"lua": true, "queue": true, "require": true} // of scripts and of their modules: see luabridge
	for _, c := range cases {
		if !others[c.Category] && claimed[c.ID] == "" {
			t.Errorf("%s (%s): no test answers for it", c.ID, c.Name)
		}
		delete(claimed, c.ID)
	}
	for id, test := range claimed {
		t.Errorf("%s answers for %s, which is not in hostile.json", test, id)
	}
}

// hasTest reports whether a package has a test of that name.
func hasTest(t *testing.T, pkg, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.FromSlash(pkg), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), "func "+name+"(t *testing.T)") {
			return true
		}
	}
	return false
}
