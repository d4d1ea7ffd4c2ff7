package frontier

import (
	"strings"

	"downpour/engine"
)

// appendStored appends what a server keeps of a request: its stored form, or
// the URL alone when that is all there is to say, as of most that are queued.
// The two cannot be mistaken: one begins with '{', the other with "http".
func appendStored(b []byte, r *engine.Request) []byte {
	const head, tail = `{"url":"`, `"}`
	start := len(b)
	b = r.AppendJSON(b)
	// Any other field, and anything in the URL to be escaped, makes it longer.
	if len(b)-start != len(head)+len(r.URL)+len(tail) {
		return b
	}
	return append(b[:start], r.URL...)
}

// parseStored reads what appendStored has written, or another client of the
// server as JSON.
func parseStored(raw string) (*engine.Request, error) {
	if !strings.HasPrefix(raw, "http") {
		return engine.ParseRequest([]byte(raw))
	}
	r := &engine.Request{URL: raw}
	if err := r.Check(); err != nil {
		return nil, err
	}
	return r, nil
}
