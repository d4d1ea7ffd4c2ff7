package policies

import "time"

// Politeness says how long a site rests between the starts of two requests.
type Politeness struct {
	Delay  time.Duration // always
	Factor float64       // and at least this many times the last response's duration
	Max    time.Duration // bound on the rest; 0 for none
}

// Rest is how long a site rests after the start of a request that took last,
// when its robots.txt asks for crawlDelay (0 for nothing). capped reports
// whether Max cut that wish short.
func (p Politeness) Rest(crawlDelay, last time.Duration) (rest time.Duration, capped bool) {
	rest = max(p.Delay, crawlDelay, scale(last, p.Factor), 0)
	if p.Max <= 0 || rest <= p.Max {
		return rest, false
	}
	return p.Max, crawlDelay > p.Max
}

// scale is d·f, without overflow.
func scale(d time.Duration, f float64) time.Duration {
	const most = time.Duration(1<<63 - 1)
	x := float64(d) * f
	if x >= float64(most) {
		return most
	}
	return time.Duration(x)
}
