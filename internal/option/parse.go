package option

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ParseDuration reads seconds ("1.5") or a number with a unit ("1.5s", "2m",
// "1h30m"). It is never negative.
func ParseDuration(s string) (time.Duration, error) {
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		if n < 0 || math.IsNaN(n) || math.IsInf(n, 0) {
			return 0, fmt.Errorf("%q is no duration", s)
		}
		return seconds(n), nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is no duration: give seconds, or a number with a unit such as 1.5s, 2m, 1h", s)
	}
	return d, nil
}

// seconds is n seconds, at most the longest duration there is.
func seconds(n float64) time.Duration {
	if n >= math.MaxInt64/1e9 {
		return math.MaxInt64
	}
	return time.Duration(math.Round(n * 1e9))
}

// The units of sizes: powers of 1000, and of 1024 with an i or as one letter
// alone, as in most tools.
var units = map[string]float64{
	"": 1, "b": 1,
	"k": 1 << 10, "kib": 1 << 10, "kb": 1e3,
	"m": 1 << 20, "mib": 1 << 20, "mb": 1e6,
	"g": 1 << 30, "gib": 1 << 30, "gb": 1e9,
	"t": 1 << 40, "tib": 1 << 40, "tb": 1e12,
}

// ParseSize reads bytes ("1024") or a number with a unit ("10MB" is 10⁷,
// "10MiB" and "10M" are 10·2²⁰). It is never negative.
func ParseSize(s string) (int64, error) {
	digits := strings.TrimRightFunc(s, func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == ' '
	})
	unit, ok := units[strings.ToLower(strings.TrimSpace(s[len(digits):]))]
	n, err := strconv.ParseFloat(digits, 64)
	if !ok || err != nil || n < 0 || n*unit >= math.MaxInt64 || math.IsNaN(n) {
		return 0, fmt.Errorf("%q is no size: give bytes, or a number with a unit such as 10MB, 10MiB", s)
	}
	return int64(n * unit), nil
}
