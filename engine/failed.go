package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"downpour/policies"
)

// A Failed is a request that has ended failed, as a store keeps it: with all
// that a requeue needs. AppendJSON and ParseFailed are its stored form. It is
// not changed once it is in an Outcome.
type Failed struct {
	Request  *Request // as it was fetched last; its Queue is set
	Print    uint64   // identity of what was pushed, which it is kept under; may be 0 for what the store set aside; not stored
	Kind     FailureKind
	Status   int       // HTTP status where there was one, else 0
	Message  string    // one line, of at most 200 bytes
	Attempts int       // fetches made
	At       time.Time // in whole milliseconds
}

// maxMessage bounds the message of a Failed, maxKind its kind, in bytes.
const (
	maxMessage = 200
	maxKind    = 40
)

// failed is the failure of a visit for the store to keep, nil for none. What a
// hook has cancelled is not kept: a requeue would only have it cancelled again.
func (e *Engine) failed(v *Visit) *Failed {
	f := v.Failure
	if f == nil || f.Kind == FailCancelled {
		return nil
	}
	return &Failed{
		Request: v.Request, Print: e.Identity(v.Request), Kind: f.Kind, Status: f.Status,
		Message: shorten(oneLine(f.Message), maxMessage), Attempts: f.Attempts,
		At: time.Now().UTC().Truncate(time.Millisecond),
	}
}

// Identity is the fingerprint under which r was pushed, before any redirect.
func (e *Engine) Identity(r *Request) uint64 {
	pushed := *r
	pushed.URL = r.OriginalURL()
	u, err := policies.ParseURL(pushed.URL)
	if err != nil {
		return Fingerprint(&pushed, pushed.URL) // nothing that was admitted
	}
	return Fingerprint(&pushed, e.cfg.Canonical.Key(u))
}

// shorten cuts s to at most n bytes, at the end of a character.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// Word says in a word how a fetch failed: its status, else its kind.
func (f *Failure) Word() string { return word(f.Kind, f.Status) }

// Word is that of the Failure.
func (f *Failed) Word() string { return word(f.Kind, f.Status) }

func word(kind FailureKind, status int) string {
	if kind == FailStatus && status != 0 {
		return strconv.Itoa(status)
	}
	return shorten(string(kind), maxLast)
}

// storedFailed is the stored form of a Failed. "at" is Unix time in ms.
type storedFailed struct {
	Kind     FailureKind     `json:"kind"`
	Status   int             `json:"status"`
	Message  string          `json:"message"`
	Attempts int             `json:"attempts"`
	At       int64           `json:"at"`
	Queue    string          `json:"queue"`
	Request  json.RawMessage `json:"request"`
}

// AppendJSON appends the stored form, a compact JSON object, to b. Print is no
// part of it.
func (f *Failed) AppendJSON(b []byte) []byte {
	b = appendString(append(b, `{"kind":`...), string(f.Kind))
	b = appendInt(b, `,"status":`, f.Status)
	b = appendText(b, `,"message":`, f.Message)
	b = appendInt(b, `,"attempts":`, f.Attempts)
	b = strconv.AppendInt(append(b, `,"at":`...), f.At.UnixMilli(), 10)
	b = appendString(append(b, `,"queue":`...), f.Request.Queue)
	b = f.Request.AppendJSON(append(b, `,"request":`...))
	return append(b, '}')
}

// ParseFailed reads the stored form. The request's attempts count, where the
// failure does not say how many there were.
func ParseFailed(b []byte) (*Failed, error) {
	var s storedFailed
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("stored failure: %w", err)
	}
	r, err := ParseRequest(s.Request)
	if err != nil {
		return nil, fmt.Errorf("stored failure: %w", err)
	}
	switch {
	case s.Kind == "" || len(s.Kind) > maxKind:
		return nil, fmt.Errorf("stored failure: kind %.50q", s.Kind)
	case s.Queue == "":
		return nil, errors.New("stored failure: no queue")
	case s.Status < 0 || s.Attempts < 0:
		return nil, fmt.Errorf("stored failure: status %d, attempts %d", s.Status, s.Attempts)
	}
	r.Queue = s.Queue
	f := &Failed{
		Request: r, Kind: s.Kind, Status: s.Status, Message: shorten(oneLine(s.Message), maxMessage),
		Attempts: s.Attempts, At: time.UnixMilli(s.At).UTC(),
	}
	if f.Attempts == 0 {
		f.Attempts = r.Attempt + 1
	}
	return f, nil
}

// Requeued is the request to be filed anew: its attempts start over, and it
// tells how it had ended.
func (f *Failed) Requeued() *Request {
	r := *f.Request
	r.Attempt, r.Last, r.After, r.Print = 0, f.Word(), 0, f.Print
	return &r
}
