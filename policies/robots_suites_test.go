package policies

import (
	"testing"
)

var robotsSuites = []string{
	"robots-rfc9309.json",
	"robots-google-robotstxt.json",
	"robots-google-ctc-correctness.json",
	"robots-google-ctc-stress.json",
	"robots-crawler-commons.json",
	"robots-crawler-commons-google.json",
	"robots-protego.json",
	"robots-rep-cpp.json",
	"robots-reppy.json",
}

// A robotsCase is one question about one file; []byte fields are base64.
type robotsCase struct {
	ID      string `json:"id"`
	Robots  string `json:"robots"`
	B64     []byte `json:"robots_b64"`
	Agent   string `json:"agent"`
	URL     string `json:"url"`
	Allowed bool   `json:"allowed"`
	Class   string `json:"class"`
}

func (c robotsCase) file() []byte {
	if c.B64 != nil {
		return c.B64
	}
	return []byte(c.Robots)
}

func TestRobotsSuites(t *testing.T) {
	for _, name := range robotsSuites {
		t.Run(name, func(t *testing.T) {
			for _, c := range cases[robotsCase](t, name) {
				ok, line := ParseRobots(c.file()).Allowed(c.Agent, c.URL)
				if ok != c.Allowed {
					t.Errorf("%s %s: %s may fetch %s: got %t by line %d, want %t\n%q", c.Class, c.ID, c.Agent, c.URL, ok, line, c.Allowed, c.Robots)
				}
			}
		})
	}
}

func TestRobotsReal(t *testing.T) {
	type probed struct {
		File   string       `json:"file"`
		Robots []byte       `json:"robots_b64"`
		Probes []robotsCase `json:"probes"`
	}
	var must, missed int
	lines(t, "robots-real.jsonl.gz", func(f probed) {
		robots := ParseRobots(f.Robots)
		for _, p := range f.Probes {
			if p.Class != "must" {
				continue
			}
			must++
			if ok, line := robots.Allowed(p.Agent, p.URL); ok != p.Allowed {
				missed++
				t.Logf("%s: %s may fetch %s: got %t by line %d, want %t", f.File, p.Agent, p.URL, ok, line, p.Allowed)
			}
		}
	})
	t.Logf("%d of %d probes missed", missed, must)
	if must == 0 || missed*2000 > must {
		t.Errorf("%d of %d probes missed, more than 0.05 %%", missed, must)
	}
}
