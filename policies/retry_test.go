package policies

import (
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	tests := map[int]time.Duration{
		-1: 2 * time.Second, 0: 2 * time.Second, 1: 4 * time.Second, 2: 8 * time.Second, 6: 128 * time.Second,
		7: 256 * time.Second, 8: 5 * time.Minute, 1000000: 5 * time.Minute,
	}
	for attempt, want := range tests {
		if got := Backoff(attempt); got != want {
			t.Errorf("attempt %d: got %v, want %v", attempt, got, want)
		}
	}
}

func TestJitter(t *testing.T) {
	tests := map[float64]time.Duration{0: 2 * time.Second, 0.5: 2500 * time.Millisecond, 0.75: 2750 * time.Millisecond}
	for rnd, want := range tests {
		if got := Jitter(2*time.Second, rnd); got != want {
			t.Errorf("%v: got %v, want %v", rnd, got, want)
		}
	}
}

func TestRetryStatus(t *testing.T) {
	tests := map[int]bool{
		200: false, 301: false, 400: false, 404: false, 408: true, 410: false, 429: true,
		500: true, 501: false, 502: true, 503: true, 504: true, 505: false, 599: true, 600: false,
	}
	for status, want := range tests {
		if got := RetryStatus(status); got != want {
			t.Errorf("%d: got %t, want %t", status, got, want)
		}
	}
}

func TestSafeMethod(t *testing.T) {
	tests := map[string]bool{"": true, "GET": true, "HEAD": true, "OPTIONS": true, "POST": false, "PUT": false, "DELETE": false, "PATCH": false}
	for method, want := range tests {
		if got := SafeMethod(method); got != want {
			t.Errorf("%q: got %t, want %t", method, got, want)
		}
	}
}

func TestRest(t *testing.T) {
	tests := []struct {
		name             string
		p                Politeness
		crawlDelay, last time.Duration
		want             time.Duration
		capped           bool
	}{
		{"nothing", Politeness{}, 0, 9 * time.Second, 0, false},
		{"delay", Politeness{Delay: time.Second}, 0, 9 * time.Second, time.Second, false},
		{"crawl delay is a floor", Politeness{Delay: time.Second}, 3 * time.Second, 0, 3 * time.Second, false},
		{"delay above the crawl delay", Politeness{Delay: 5 * time.Second}, 3 * time.Second, 0, 5 * time.Second, false},
		{"slow answer", Politeness{Delay: time.Second, Factor: 2}, 0, 3 * time.Second, 6 * time.Second, false},
		{"quick answer", Politeness{Delay: time.Second, Factor: 2}, 0, time.Millisecond, time.Second, false},
		{"crawl delay cut", Politeness{Max: time.Minute}, time.Hour, 0, time.Minute, true},
		{"crawl delay just within", Politeness{Max: time.Minute}, time.Minute, 0, time.Minute, false},
		{"slow answer cut", Politeness{Factor: 10, Max: time.Minute}, time.Second, time.Minute, time.Minute, false},
		{"delay cut", Politeness{Delay: time.Hour, Max: time.Minute}, 0, 0, time.Minute, false},
		{"no bound", Politeness{Delay: time.Second}, time.Hour, 0, time.Hour, false},
		{"overflow", Politeness{Factor: 1e300, Max: time.Minute}, 0, time.Hour, time.Minute, false},
		{"negative", Politeness{Delay: -time.Second}, 0, -time.Second, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, capped := tt.p.Rest(tt.crawlDelay, tt.last)
			if got != tt.want || capped != tt.capped {
				t.Errorf("got %v, %t, want %v, %t", got, capped, tt.want, tt.capped)
			}
		})
	}
}
