package policies

import (
	"net/http"
	"time"
)

// Bounds of Backoff and DownRest.
const (
	backoffFirst = 2 * time.Second
	backoffMax   = 5 * time.Minute
	downFirst    = 10 * time.Second
)

// Backoff is how long to wait before trying again when attempt tries, 0 or
// more, had failed before this one: 2 s, doubled each time, 5 min at most.
func Backoff(attempt int) time.Duration {
	return doubled(backoffFirst, attempt)
}

// DownRest is how long a host that does not answer is left alone when probes
// of it, 0 or more, have failed: 10 s, doubled each time, 5 min at most.
func DownRest(probes int) time.Duration { return doubled(downFirst, probes) }

func doubled(d time.Duration, times int) time.Duration {
	for ; times > 0 && d < backoffMax; times-- {
		d *= 2
	}
	return min(d, backoffMax)
}

// Jitter spreads d so that what failed together does not return together: for
// rnd in [0,1) it is between d and one and a half times d.
func Jitter(d time.Duration, rnd float64) time.Duration {
	return time.Duration(float64(d) * (1 + rnd/2))
}

// RetryStatus reports whether an answer with this status is worth another try:
// 408, 429 and 5xx but 501 and 505.
func RetryStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return false
	}
	return status >= 500 && status <= 599
}

// SafeMethod reports whether a request with this method may be sent again
// without harm: GET, HEAD and OPTIONS (RFC 9110 §9.2.1); "" is GET.
func SafeMethod(method string) bool {
	switch method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions:
		return true
	}
	return false
}
