package policies

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
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

// robotsMisses are the answers of the vectors that are not ours. None is of
// the class on which the usual matchers agree.
var robotsMisses = map[string]string{
	"google-robotstxt/GoogleOnly_AcceptUserAgentUpToFirstSpace/1": unusualToken,
	"google-ctc-correctness/user-agent-name/1":                    unusualToken,

	"google-robotstxt/ID_Encoding/5":           escapesEqual,
	"google-ctc-correctness/non-ascii-paths/2": escapesEqual,
	"google-ctc-correctness/non-ascii-paths/4": escapesEqual,
	"google-ctc-correctness/non-ascii-paths/5": escapesEqual,

	"google-ctc-stress/369883/5": ownFile,
	"google-ctc-stress/369883/9": ownFile,
	"google-ctc-stress/369883/6": digits,
	"google-ctc-stress/369883/7": digits,
	"google-ctc-stress/369883/8": digits,

	"crawler-commons/testMultiAgentNames/0":                  oneToken,
	"crawler-commons/testMatchingUserAgentNamesHttpHeader/1": oneToken,
	"crawler-commons/testMatchingUserAgentNamesHttpHeader/2": oneToken,
	"protego/test_unicode_url_and_useragent/14":              oneToken,
	"protego/test_generosity/5":                              oneToken,
	"crawler-commons/testBigCrawlDelay/0":                    "a long Crawl-delay is bounded, it forbids nothing",

	"protego/test_generosity/2":                     "two words and no colon are prose",
	"protego/test_special_symbols_dual_behaviour/1": "a last $ is the end of the path alone (RFC 9309 §2.2.3)",
	"protego/test_special_symbols_dual_behaviour/2": "a last $ is the end of the path alone (RFC 9309 §2.2.3)",
	"rep-cpp/robots.GroupingUnknownKeys/0":          unknownLines,
	"reppy/test_grouping_unknown_keys/0":            unknownLines,
	"rep-cpp/robots.SkipMalformedLine/0":            noColon,
	"reppy/test_skip_malformed_line/0":              noColon,
	"rep-cpp/robots.NeverExternalAllowed/0":         otherHost,
	"rep-cpp/agent.NeverExternalAllowed/0":          otherHost,
	"rep-cpp/agent.AcceptsFullUrl/0":                otherHost,
	"rep-cpp/agent.ParamsOnly/1":                    otherHost,
}

const (
	unusualToken = "the agent asked for is reduced to its product token, as a User-Agent is"
	escapesEqual = "escaped and raw octets compare equal (RFC 9309 §2.2.2)"
	ownFile      = "/robots.txt is always allowed (RFC 9309 §2.2.2)"
	digits       = "digits belong to the token: AB42bot is not AB"
	oneToken     = "a User-agent line names one product token (RFC 9309 §2.2.1)"
	unknownLines = "a line of another kind ends no group (RFC 9309 §2.2.4)"
	noColon      = "a rule without its colon counts, as with the usual matchers"
	otherHost    = "the caller asks the file of the URL's own host"
)

func TestRobotsSuites(t *testing.T) {
	used := map[string]bool{}
	for _, name := range robotsSuites {
		t.Run(name, func(t *testing.T) {
			for _, c := range cases[robotsCase](t, name) {
				ok, line := ParseRobots(c.file()).Allowed(c.Agent, c.URL)
				reason := robotsMisses[c.ID]
				used[c.ID] = true
				switch {
				case ok == c.Allowed && reason != "":
					t.Errorf("%s is no miss any more", c.ID)
				case ok != c.Allowed && (reason == "" || c.Class == "must"):
					t.Errorf("%s %s: %s may fetch %s: got %t by line %d, want %t", c.Class, c.ID, c.Agent, c.URL, ok, line, c.Allowed)
				}
			}
		})
	}
	for id := range robotsMisses {
		if len(used) > 0 && !used[id] {
			t.Errorf("no vector is called %s", id)
		}
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

// robotsKinds are the kinds of questions in robots-meta.json that are not
// ours to answer.
var robotsKinds = map[string]string{
	"request_rate": "neither RFC 9309 nor common use knows it",
	"visit_time":   "neither RFC 9309 nor common use knows it",
}

func TestRobotsMeta(t *testing.T) {
	type meta struct {
		Kind      string          `json:"kind"`
		Test      string          `json:"test"`
		Robots    string          `json:"robots"`
		B64       []byte          `json:"robots_b64"`
		RobotsURL string          `json:"robots_url"`
		Agent     string          `json:"agent"`
		URL       string          `json:"url"`
		Value     json.RawMessage `json:"value"`
	}
	for _, c := range cases[meta](t, "robots-meta.json") {
		file := c.B64
		if file == nil {
			file = []byte(c.Robots)
		}
		var got any
		switch c.Kind {
		case "delay":
			if d, ok := ParseRobots(file).CrawlDelay(c.Agent); ok {
				got = d.Seconds()
			}
		case "sitemaps":
			got = resolved(ParseRobots(file).Sitemaps, c.RobotsURL)
		case "robots_url":
			u, err := ParseURL(c.URL)
			if err != nil {
				t.Errorf("%s: %v", c.Test, err)
				continue
			}
			got = RobotsURL(u)
		case "path_for_matching":
			got = pathOf(c.URL)
		case "escape_pattern":
			a, _ := unescape(c.URL, false)
			b, _ := unescape(str(t, c.Value), false)
			if a != b {
				t.Errorf("%s: %s and %s do not compare equal", c.Test, c.URL, c.Value)
			}
			continue
		default:
			if robotsKinds[c.Kind] == "" {
				t.Errorf("%s: what is %s?", c.Test, c.Kind)
			}
			continue
		}
		var want any
		if err := json.Unmarshal(c.Value, &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s %s for %q (-want +got):\n%s", c.Kind, c.Test, c.Agent, diff)
		}
	}
}

// resolved are the URLs of a file's Sitemap lines, seen from the file.
func resolved(refs []string, file string) any {
	base, err := ParseURL(file)
	list := []any{}
	for _, ref := range refs {
		if err == nil {
			if u, err := base.Join(ref); err == nil {
				ref = u.Href()
			}
		}
		list = append(list, ref)
	}
	return list
}

func str(t *testing.T, raw json.RawMessage) (s string) {
	t.Helper()
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	return s
}
