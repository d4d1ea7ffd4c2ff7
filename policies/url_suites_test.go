package policies

import "testing"

// A urlCase is one of the Web Platform Tests' URL cases.
type urlCase struct {
	Input    string  `json:"input"`
	Base     *string `json:"base"`
	Href     string  `json:"href"`
	Origin   *string `json:"origin"`
	Protocol string  `json:"protocol"`
	Username string  `json:"username"`
	Password string  `json:"password"`
	Host     string  `json:"host"`
	Hostname string  `json:"hostname"`
	Port     string  `json:"port"`
	Pathname string  `json:"pathname"`
	Search   string  `json:"search"`
	Hash     string  `json:"hash"`
	Failure  bool    `json:"failure"`
}

func (c urlCase) parse() (URL, error) {
	if c.Base == nil {
		return ParseURL(c.Input)
	}
	base, err := ParseURL(*c.Base)
	if err != nil {
		return URL{}, err
	}
	return base.Join(c.Input)
}

func TestURLSuite(t *testing.T) {
	for _, c := range cases[urlCase](t, "url-urltestdata.json") {
		base := ""
		if c.Base != nil {
			base = *c.Base
		}
		u, err := c.parse()
		if c.Failure {
			if err == nil {
				t.Errorf("%q on %q: got %s, want an error", c.Input, base, u.Href())
			}
			continue
		}
		if err != nil {
			t.Errorf("%q on %q: %v, want %s", c.Input, base, err, c.Href)
			continue
		}
		if u.Href() != c.Href {
			t.Errorf("%q on %q: got %s, want %s", c.Input, base, u.Href(), c.Href)
		}
	}
}

func TestToASCII(t *testing.T) {
	for _, f := range []string{"url-toascii.json", "url-IdnaTestV2.json"} {
		n, miss := 0, 0
		for _, c := range cases[struct {
			Input  string
			Output *string
		}](t, f) {
			n++
			u, err := ParseURL("https://" + c.Input + "/x")
			if c.Output == nil {
				if err == nil {
					miss++
					t.Logf("%q: got %s, want error", c.Input, u.Host())
				}
			} else if err != nil || u.Hostname() != *c.Output {
				miss++
				t.Logf("%q: got %s %v, want %s", c.Input, u.Host(), err, *c.Output)
			}
		}
		t.Logf("%s: %d of %d", f, miss, n)
	}
}
