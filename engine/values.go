package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync"
	"time"
)

// Values are what the workers of a crawl share beside its requests: JSON
// values and integers by name, each call one step that all workers see. It is
// safe for concurrent use. Keys are any bytes, at most MaxValueKey; values at
// most MaxValue; more is an error.
type Values interface {
	// Get answers the value of key; ok is false where there is none. The
	// caller must not change it.
	Get(ctx context.Context, key string) (value []byte, ok bool, err error)
	// Set sets it, for good or, with ttl above 0, for that long; a nil value
	// removes it. The caller must not change value any more.
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error
	// Incr adds n to the integer at key, 0 where there is none, and answers
	// the sum; how long the value lasts stays as it is. It is ErrNotInteger
	// for another value and ErrOverflow for a sum beyond 64 bits.
	Incr(ctx context.Context, key string, n int64) (sum int64, err error)
	// Claim adds up to n to the integer at key, as much as leaves it at limit
	// or below, and answers how much that was and what it is now. Its errors
	// are those of Incr.
	Claim(ctx context.Context, key string, n, limit int64) (granted, sum int64, err error)
}

// The bounds of Values, in bytes.
const (
	MaxValueKey = 4 << 10
	MaxValue    = 64 << 20
)

var (
	// ErrNotInteger means that a value that is to be counted is no integer.
	ErrNotInteger = errors.New("the value is no integer")
	// ErrOverflow means that a sum does not fit 64 bits.
	ErrOverflow = errors.New("the sum is beyond 64 bits")
)

// CheckValue is an error if a key or a value is too long for Values.
func CheckValue(key string, value []byte) error {
	switch {
	case len(key) > MaxValueKey:
		return fmt.Errorf("a key of %d bytes is longer than %d", len(key), MaxValueKey)
	case len(value) > MaxValue:
		return fmt.Errorf("a value of %d bytes is larger than %d", len(value), MaxValue)
	}
	return nil
}

// A Stored is a value as a table keeps it.
type Stored struct {
	Value []byte
	Until time.Time // it is there before this moment; zero for good
}

// gone reports whether the value's time is over.
func (s Stored) gone(now time.Time) bool { return !s.Until.IsZero() && !now.Before(s.Until) }

// MemoryValues are Values in this process's memory, and the table of those that
// are written down as well. Make it with NewValues.
type MemoryValues struct {
	keep func(key string, s *Stored) error

	mu     sync.Mutex // guards what follows; held while keep runs
	values map[string]Stored
	sweep  int // number of values at which those whose time is over are removed
}

var _ Values = (*MemoryValues)(nil)

// minSweep is the least number of values at which a table is swept.
const minSweep = 1024

// NewValues makes an empty table. keep, if it is not nil, is told of every
// change before it is made, nil being the removal of key; its error keeps the
// change from being made and is what the call answers.
func NewValues(keep func(key string, s *Stored) error) *MemoryValues {
	return &MemoryValues{keep: keep, values: map[string]Stored{}, sweep: minSweep}
}

// Restore makes a change that was kept before.
func (m *MemoryValues) Restore(key string, s *Stored) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.applyLocked(key, s)
}

// Locked calls do with all values that are there, while nothing changes.
func (m *MemoryValues) Locked(do func(all map[string]Stored)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweepLocked(time.Now())
	do(m.values)
}

// Get implements Values.
func (m *MemoryValues) Get(_ context.Context, key string) ([]byte, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.readLocked(key)
	return s.Value, ok, nil
}

// Set implements Values.
func (m *MemoryValues) Set(_ context.Context, key string, value []byte, ttl time.Duration) error {
	if err := CheckValue(key, value); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if value == nil {
		if _, ok := m.values[key]; !ok {
			return nil
		}
		return m.changeLocked(key, nil)
	}
	s := Stored{Value: value}
	if ttl > 0 {
		s.Until = time.Now().Add(ttl)
	}
	return m.changeLocked(key, &s)
}

// Incr implements Values.
func (m *MemoryValues) Incr(_ context.Context, key string, n int64) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.addLocked(key, func(int64) int64 { return n })
}

// Claim implements Values.
func (m *MemoryValues) Claim(_ context.Context, key string, n, limit int64) (granted, sum int64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	sum, err = m.addLocked(key, func(have int64) int64 {
		granted = max(0, min(n, limit-have))
		return granted
	})
	if err != nil {
		granted = 0
	}
	return granted, sum, err
}

// addLocked adds to the integer at key what more says for what is there.
func (m *MemoryValues) addLocked(key string, more func(have int64) int64) (sum int64, err error) {
	if err := CheckValue(key, nil); err != nil {
		return 0, err
	}
	s, ok := m.readLocked(key)
	var have int64
	if ok {
		if have, err = strconv.ParseInt(string(s.Value), 10, 64); err != nil {
			return 0, ErrNotInteger
		}
	}
	n := more(have)
	if n > 0 && have > math.MaxInt64-n || n < 0 && have < math.MinInt64-n {
		return 0, ErrOverflow
	}
	if n == 0 {
		return have, nil
	}
	s.Value = strconv.AppendInt(nil, have+n, 10)
	return have + n, m.changeLocked(key, &s)
}

func (m *MemoryValues) readLocked(key string) (Stored, bool) {
	s, ok := m.values[key]
	if ok && s.gone(time.Now()) {
		return Stored{}, false
	}
	return s, ok
}

func (m *MemoryValues) changeLocked(key string, s *Stored) error {
	if m.keep != nil {
		if err := m.keep(key, s); err != nil {
			return err
		}
	}
	m.applyLocked(key, s)
	return nil
}

func (m *MemoryValues) applyLocked(key string, s *Stored) {
	if s == nil {
		delete(m.values, key)
		return
	}
	m.values[key] = *s
	if len(m.values) >= m.sweep {
		m.sweepLocked(time.Now())
		m.sweep = max(minSweep, 2*len(m.values))
	}
}

// sweepLocked removes the values whose time is over.
func (m *MemoryValues) sweepLocked(now time.Time) {
	for key, s := range m.values {
		if s.gone(now) {
			delete(m.values, key)
		}
	}
}
