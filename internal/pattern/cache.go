package pattern

import "sync"

// A Cache keeps compiled patterns by source. The zero value is ready. It is
// safe for concurrent use and holds at most cacheSize patterns of at most
// cacheLength bytes.
type Cache struct {
	mu       sync.Mutex // guards patterns
	patterns map[string]*Pattern
}

const (
	cacheSize   = 512
	cacheLength = 1024
)

// Get is the pattern compiled by Lazy, now or before.
func (c *Cache) Get(source string) *Pattern {
	c.mu.Lock()
	p := c.patterns[source]
	c.mu.Unlock()
	if p != nil {
		return p
	}
	p = Lazy(source)
	if len(source) > cacheLength {
		return p
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.patterns == nil || len(c.patterns) >= cacheSize {
		c.patterns = make(map[string]*Pattern)
	}
	c.patterns[source] = p
	return p
}
