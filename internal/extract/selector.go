package extract

import (
	"fmt"
	"regexp"
	"strings"
)

// DefaultLinks is the selector that [Links] and [Refs] use when given none.
const DefaultLinks = "a[href], area[href]"

// Selector is a parsed list of CSS selectors.
type Selector struct {
	source string
	list   []complexSelector
	rules  []rule   // the same, if the selector is simple
	attrs  []string // [attr] as written in one that is not
}

// rule is one selector of a simple list: a tag, an attribute, or both.
type rule struct {
	tag  string // "" for any
	key  uint64
	attr string // "" for that in which a tag usually has its link
}

var defaultRules = simpleRules(DefaultLinks)

// ParseSelector parses a list of CSS selectors: those of Selectors Level 4 that
// a page standing still can answer, and beyond them :contains(text), [attr!=x],
// and at a selector's end ::text and ::attr(name), which select an element's
// texts and attribute in its place.
func ParseSelector(sel string) (*Selector, error) {
	s := &Selector{source: sel}
	var err error
	if s.list, err = parseCSS(sel); err != nil {
		return nil, fmt.Errorf("selector %.200q: %w", sel, err)
	}
	s.rules = simpleRules(sel)
	for _, m := range bareAttr.FindAllStringSubmatch(sel, -1) {
		s.attrs = append(s.attrs, strings.ToLower(m[1]))
	}
	return s, nil
}

// String is the selector as it was written.
func (s *Selector) String() string { return s.source }

// Simple says whether the selector is a list of tag, [attr] and tag[attr]
// alone, which [Links] and [Refs] find without building a tree.
func (s *Selector) Simple() bool { return s == nil || s.rules != nil }

var (
	simpleSelector = regexp.MustCompile(`^\s*([A-Za-z][A-Za-z0-9-]*|\*)?(?:\[\s*([A-Za-z_][A-Za-z0-9_-]*)\s*\])?\s*$`)
	bareAttr       = regexp.MustCompile(`\[\s*([A-Za-z_][A-Za-z0-9_-]*)\s*\]`)
)

// simpleRules reads a simple list; nil if it is not one.
func simpleRules(list string) (rules []rule) {
	for sel := range strings.SplitSeq(list, ",") {
		m := simpleSelector.FindStringSubmatch(sel)
		if m == nil || m[1] == "" && m[2] == "" {
			return nil
		}
		r := rule{attr: strings.ToLower(m[2])}
		if m[1] != "*" {
			r.tag = strings.ToLower(m[1])
			r.key = tagKey(r.tag)
		}
		rules = append(rules, r)
	}
	return rules
}

// linkAttrs says in which attribute an element has its link.
var linkAttrs = map[string]string{
	"a": "href", "area": "href", "link": "href", "base": "href",
	"img": "src", "script": "src", "iframe": "src", "frame": "src", "source": "src", "embed": "src",
	"track": "src", "audio": "src", "video": "src", "input": "src",
	"form": "action", "object": "data", "meta": "content",
	"blockquote": "cite", "q": "cite", "ins": "cite", "del": "cite",
}
