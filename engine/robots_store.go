package engine

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"io"
	"time"

	"downpour/policies"
)

// robotsCopies are the gates that a queue's requests needed, newest first, as
// they are stored in the queue's state: whoever leases the queue next, in this
// process or another, need not ask for them. They are not changed once made.
type robotsCopies []robotsCopy

// A robotsCopy is a gate in its stored form. Times are Unix seconds.
type robotsCopy struct {
	Origin  string      `json:"o"`
	Read    int64       `json:"r,omitempty"` // 0: there is no good copy
	Expires int64       `json:"e,omitempty"` // 0: it is to be asked for at once
	Rules   string      `json:"t,omitempty"`
	Packed  []byte      `json:"z,omitempty"` // the rules where they are long, by deflate
	Kind    FailureKind `json:"k,omitempty"` // of the last try, if it failed
	Message string      `json:"m,omitempty"`
	Status  int         `json:"s,omitempty"`
	Tries   int         `json:"n,omitempty"`
}

// Bounds on what a queue's state holds of robots.txt. What does not fit even
// packed, each worker asks for itself.
const (
	copiesMost  = 8        // origins
	copiesBytes = 24 << 10 // as JSON
	packFrom    = 4 << 10  // bytes of rules from which packing them is worth the time
	packedMost  = 2 << 20  // bytes that packed rules may swell to: more than 500 KiB of a file can become
)

// stored is the gate in its stored form.
func (g *gate) stored() robotsCopy {
	c := robotsCopy{Origin: g.origin, Tries: g.tries}
	if !g.expires.IsZero() {
		c.Expires = g.expires.Unix()
	}
	if g.rules != nil {
		c.Read = g.read.Unix()
		if c.Rules = g.rules.String(); len(c.Rules) >= packFrom {
			c.Rules, c.Packed = "", pack(c.Rules)
		}
	}
	if g.failure != nil {
		c.Kind, c.Message, c.Status = g.failure.Kind, g.failure.Message, g.failure.Status
	}
	return c
}

func pack(rules string) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.DefaultCompression)
	if err != nil {
		return nil // a level that there is; cannot happen
	}
	_, _ = io.WriteString(w, rules) // into memory; cannot fail
	_ = w.Close()
	return b.Bytes()
}

// text is the rules as they were stored; ok is false where they are damaged.
func (c robotsCopy) text() (rules string, ok bool) {
	if c.Packed == nil {
		return c.Rules, true
	}
	b, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(c.Packed)), packedMost+1))
	return string(b), err == nil && len(b) <= packedMost
}

// gate is the gate that was stored; nil if it makes no sense. Times that lie
// too far ahead, as after a clock was set, count as now.
func (c robotsCopy) gate(now time.Time) *gate {
	g := &gate{origin: c.Origin, tries: c.Tries}
	if c.Expires != 0 {
		g.expires = earlier(time.Unix(c.Expires, 0), now.Add(policies.RobotsMaxAge))
	}
	if c.Read != 0 {
		g.read = earlier(time.Unix(c.Read, 0), now)
		rules, ok := c.text()
		if !ok {
			return nil
		}
		g.rules = policies.ParseRules(rules)
	}
	if c.Kind != "" {
		g.failure = &Failure{Kind: c.Kind, Message: c.Message, Status: c.Status}
	}
	if g.rules == nil && g.failure == nil {
		return nil
	}
	return g
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// restore takes what a queue's state says of robots.txt where that is newer
// than what this process knows.
func (c *robotsCache) restore(copies *robotsCopies, now time.Time) {
	if copies == nil {
		return
	}
	for _, stored := range *copies {
		old := c.last(stored.Origin)
		if old != nil && (old.expires.Unix() >= stored.Expires && old.tries >= stored.Tries) {
			continue
		}
		if g := stored.gate(now); g != nil {
			c.put(g)
		}
	}
}

// record is copies with what is known of origin in front.
func (c *robotsCache) record(copies *robotsCopies, origin string) *robotsCopies {
	g := c.last(origin)
	if g == nil {
		return copies
	}
	all := robotsCopies{}
	room := copiesBytes
	add := func(r robotsCopy) {
		b, err := json.Marshal(r)
		if err == nil && len(b) <= room && len(all) < copiesMost {
			all = append(all, r)
			room -= len(b)
		}
	}
	add(g.stored())
	if copies != nil {
		for _, r := range *copies {
			if r.Origin != origin {
				add(r)
			}
		}
	}
	return &all
}
