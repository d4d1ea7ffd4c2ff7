package policies

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A urlCase is one of the Web Platform Tests' URL cases.
type urlCase struct {
	Input   string  `json:"input"`
	Base    *string `json:"base"`
	Failure bool    `json:"failure"`
	Origin  *string `json:"origin"`
	urlParts
}

// urlParts are a URL's parts as a browser shows them.
type urlParts struct {
	Href     string `json:"href"`
	Protocol string `json:"protocol"`
	Username string `json:"username"`
	Password string `json:"password"`
	Host     string `json:"host"`
	Port     string `json:"port"`
	Pathname string `json:"pathname"`
	Search   string `json:"search"`
	Hash     string `json:"hash"`
}

func partsOf(u URL) urlParts {
	return urlParts{
		Href: u.Href(), Protocol: u.Scheme() + ":", Username: u.Username(), Password: u.Password(), Host: u.Host(),
		Port: u.Port(), Pathname: u.Path(), Search: marked("?", u.Query()), Hash: marked("#", u.Fragment()),
	}
}

func marked(mark, s string) string {
	if s == "" {
		return ""
	}
	return mark + s
}

func TestURLSuite(t *testing.T) {
	for _, c := range cases[urlCase](t, "url-urltestdata.json") {
		base := "no base"
		parse := ParseURL
		if c.Base != nil {
			base = *c.Base
			parse = mustParse(t, base).Join
		}
		u, err := parse(c.Input)
		switch {
		case c.Failure && err == nil:
			t.Errorf("%q on %s: got %s, want an error", c.Input, base, u.Href())
		case c.Failure:
			continue
		case err != nil:
			t.Errorf("%q on %s: %v, want %s", c.Input, base, err, c.Href)
			continue
		}
		if diff := cmp.Diff(c.urlParts, partsOf(u)); diff != "" {
			t.Errorf("%q on %s (-want +got):\n%s", c.Input, base, diff)
		}
		if c.Origin != nil && !strings.HasPrefix(c.Href, "blob:") && u.Origin() != *c.Origin {
			t.Errorf("%q on %s: origin %s, want %s", c.Input, base, u.Origin(), *c.Origin)
		}
		checkParts(t, u)
	}
}

// hostMisses are the hosts whose ASCII form is another than the suites say.
var hostMisses = map[string]string{
	"":                 "the host is tried inside a URL, where an empty one is skipped",
	"\U00032b9a9ꍩ៓.ss": oldTables,
	"\U00032b9a9ꍩ៓.SS": oldTables,
	"\U0001d175。9𞀈䬺1.": oldTables,
}

const oldTables = "the tables of golang.org/x/net/idna are older than Unicode 16"

func TestHostSuites(t *testing.T) {
	type row struct {
		Input  string  `json:"input"`
		Output *string `json:"output"`
	}
	for _, name := range []string{"url-toascii.json", "url-IdnaTestV2.json"} {
		for _, c := range cases[row](t, name) {
			if hostMisses[c.Input] != "" {
				continue
			}
			u, err := ParseURL("https://" + c.Input + "/x")
			switch {
			case c.Output == nil && err == nil:
				t.Errorf("%s: %q: got %s, want an error", name, c.Input, u.Hostname())
			case c.Output == nil:
			case err != nil || u.Hostname() != *c.Output:
				t.Errorf("%s: %q: got %s, %v, want %s", name, c.Input, u.Hostname(), err, *c.Output)
			}
		}
	}
}

func TestResolveSuite(t *testing.T) {
	type row struct{ Input, Base, Resolved string }
	for _, c := range cases[row](t, "url-cc_resolve.json") {
		parse := ParseURL
		if c.Base != "" {
			parse = mustParse(t, c.Base).Join
		}
		if u, err := parse(c.Input); err != nil || u.Href() != c.Resolved {
			t.Errorf("%q on %q: got %s, %v, want %s", c.Input, c.Base, u.Href(), err, c.Resolved)
		}
	}
}

func TestInvalidSuite(t *testing.T) {
	for _, s := range cases[string](t, "url-cc_invalid.json") {
		if u, err := ParseURL(s); err == nil {
			t.Errorf("%q: got %s, want an error", s, u.Href())
		}
	}
}

func TestDownloadURLSuite(t *testing.T) {
	type call struct {
		Args   []json.RawMessage `json:"args"`
		Kwargs map[string]any    `json:"kwargs"`
		Value  string            `json:"value"`
	}
	for _, c := range cases[call](t, "url-w3lib_safe_download_url.json") {
		s, ok := textOrBytes(c.Args[0])
		if !ok || len(c.Args) > 1 || len(c.Kwargs) > 0 { // an encoding of the query other than UTF-8
			continue
		}
		if u, err := ParseURL(s); err != nil || u.String() != c.Value {
			t.Errorf("%q: got %s, %v, want %s", s, u, err, c.Value)
		}
	}
}
