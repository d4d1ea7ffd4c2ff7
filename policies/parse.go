package policies

import (
	"fmt"

	whatwg "github.com/nlnwa/whatwg-url/url"
)

var standard = whatwg.NewParser()

// ParseURL parses an absolute URL as the WHATWG URL Standard says.
func ParseURL(s string) (URL, error) {
	return parseSlow(s)
}

// parseSlow is the whole standard.
func parseSlow(s string) (URL, error) {
	w, err := standard.Parse(s)
	if err != nil {
		return URL{}, fmt.Errorf("parse url: %w", err)
	}
	return locate(w.Href(false)), nil
}

// Join resolves ref against u as the WHATWG URL Standard says. A ref without
// a fragment gives a URL without one.
func (u URL) Join(ref string) (URL, error) {
	return u.joinSlow(ref)
}

func (u URL) joinSlow(ref string) (URL, error) {
	w, err := standard.ParseRef(u.href, ref)
	if err != nil {
		return URL{}, fmt.Errorf("resolve url: %w", err)
	}
	return locate(w.Href(false)), nil
}
