package policies

import "strings"

// Directives are what a page asks of crawlers about itself.
type Directives struct {
	NoIndex  bool // do not keep it
	NoFollow bool // do not follow its links
}

// ReadDirectives reads X-Robots-Tag values, or the content of meta elements
// named "robots", for agent, which may be a whole User-Agent. What is said to
// all and what is said to its product token add up. Unknown directives are
// skipped.
func ReadDirectives(agent string, values ...string) (d Directives) {
	token := ProductToken(agent)
	for _, value := range values {
		meant := true // who is named is named for the rest of the value
		for word := range strings.SplitSeq(value, ",") {
			if name, rest, ok := strings.Cut(word, ":"); ok && !hasValue(strings.TrimSpace(name)) {
				meant = strings.EqualFold(strings.TrimSpace(name), token)
				word = rest
			}
			if meant {
				d.add(strings.TrimSpace(word))
			}
		}
	}
	return d
}

// hasValue reports whether a directive of this name has a colon and a value.
func hasValue(name string) bool {
	switch strings.ToLower(name) {
	case "unavailable_after", "max-snippet", "max-image-preview", "max-video-preview":
		return true
	}
	return strings.ContainsAny(name, " \t") // the middle of a date
}

func (d *Directives) add(word string) {
	switch strings.ToLower(word) {
	case "none":
		d.NoIndex, d.NoFollow = true, true
	case "noindex":
		d.NoIndex = true
	case "nofollow":
		d.NoFollow = true
	}
}
