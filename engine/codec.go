package engine

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The bounds of a request's stored form. They are wider than what the engine
// admits, so that a store never refuses what the engine let through.
const (
	maxStored   = 64 << 20   // bytes of the whole
	maxURLBytes = 8 * MaxURL // bytes of a URL
	maxPriority = 100
	maxLast     = 40 // bytes of a failure's word
)

// AppendJSON appends the request's stored form to b: a compact JSON object
// with "url" first, defaults left out, and the fields in a fixed order, so that
// equal requests have equal bytes. Text that is not UTF-8 is mended with
// U+FFFD; a body is kept exactly, as "body" when it is UTF-8 and as
// "body_base64" when not. Meta must be valid JSON.
func (r *Request) AppendJSON(b []byte) []byte {
	b = append(b, `{"url":`...)
	b = appendString(b, r.URL)
	b = appendText(b, `,"original":`, r.Original)
	if r.Method != http.MethodGet {
		b = appendText(b, `,"method":`, r.Method)
	}
	if len(r.Body) > 0 {
		b = appendBody(b, r.Body)
	}
	if len(r.Header) > 0 {
		b = appendHeader(b, r.Header)
	}
	b = appendText(b, `,"key":`, r.Key)
	b = appendText(b, `,"kind":`, r.Kind)
	if len(r.Meta) > 0 {
		b = append(append(b, `,"meta":`...), r.Meta...)
	}
	b = appendInt(b, `,"depth":`, r.Depth)
	b = appendInt(b, `,"priority":`, r.Priority)
	b = appendText(b, `,"referrer":`, r.Referrer)
	b = appendInt(b, `,"attempt":`, r.Attempt)
	b = appendText(b, `,"last":`, r.Last)
	if len(r.Hops) > 0 {
		b = appendHops(b, r.Hops)
	}
	b = appendText(b, `,"proxy":`, r.Proxy)
	b = appendText(b, `,"jar":`, r.Jar)
	if r.Timeout != 0 {
		b = appendText(b, `,"timeout":`, r.Timeout.String())
	}
	if len(r.Buckets) > 0 {
		b = appendStrings(append(b, `,"buckets":`...), r.Buckets)
	}
	return append(b, '}')
}

// ParseRequest reads a request's stored form. It is strict: unknown, repeated
// and missing fields, wrong types, values out of range and a URL that is not an
// absolute http or https one are errors. The request keeps no part of b.
func ParseRequest(b []byte) (*Request, error) {
	if len(b) > maxStored {
		return nil, fmt.Errorf("stored request: %d bytes, more than %d", len(b), maxStored)
	}
	p := parser{s: string(b)}
	r := new(Request)
	if err := p.request(r); err != nil {
		return nil, fmt.Errorf("stored request: byte %d: %w", p.i, err)
	}
	if err := r.Check(); err != nil {
		return nil, fmt.Errorf("stored request: %w", err)
	}
	return r, nil
}

// Check reports what keeps r from being stored: a URL that is not absolute
// http or https or holds a fragment, spaces or control characters, a value out
// of range, or meta that is not JSON.
func (r *Request) Check() error {
	if err := checkURL("url", r.URL); err != nil {
		return err
	}
	if r.Original != "" {
		if err := checkURL("original", r.Original); err != nil {
			return err
		}
	}
	switch {
	case r.Method != "" && !isMethod(r.Method):
		return fmt.Errorf("method %.40q is not an upper case word", r.Method)
	case r.Depth < 0 || r.Depth > math.MaxInt32:
		return fmt.Errorf("depth %d is not from 0 to %d", r.Depth, math.MaxInt32)
	case r.Priority < -maxPriority || r.Priority > maxPriority:
		return fmt.Errorf("priority %d is not from -%d to %d", r.Priority, maxPriority, maxPriority)
	case r.Attempt < 0 || r.Attempt > math.MaxInt32:
		return fmt.Errorf("attempt %d is not from 0 to %d", r.Attempt, math.MaxInt32)
	case len(r.Last) > maxLast:
		return fmt.Errorf("last failure %.40q is longer than %d bytes", r.Last, maxLast)
	case r.Timeout < 0:
		return fmt.Errorf("timeout %v is negative", r.Timeout)
	case len(r.Meta) > 0 && !json.Valid(r.Meta):
		return errors.New("meta is not JSON")
	case len(r.Buckets) > MaxBuckets:
		return fmt.Errorf("%d buckets, more than %d", len(r.Buckets), MaxBuckets)
	case slices.Contains(r.Buckets, ""):
		return errors.New("a bucket without a name")
	case r.heldBytes() > maxStored/8:
		return fmt.Errorf("body, headers and meta are more than %d bytes", maxStored/8)
	}
	for _, h := range r.Hops {
		if err := checkURL("hop", h.URL); err != nil {
			return err
		}
	}
	return nil
}

// heldBytes is the size of what has no bound of its own. Stored, a byte takes
// up to six, which is why the bound on it is a fraction of maxStored.
func (r *Request) heldBytes() int {
	n := len(r.Body) + len(r.Meta) + len(r.Key) + len(r.Kind) + len(r.Referrer) + len(r.Proxy)
	for name, values := range r.Header {
		n += len(name)
		for _, v := range values {
			n += len(v) + 3
		}
	}
	for _, name := range r.Buckets {
		n += len(name) + 3
	}
	return n
}

func checkURL(field, u string) error {
	rest, ok := strings.CutPrefix(u, "http://")
	if !ok {
		rest, ok = strings.CutPrefix(u, "https://")
	}
	switch {
	case !ok || rest == "" || rest[0] == '/' || rest[0] == '?':
		return fmt.Errorf("%s %.80q is not an absolute http or https URL", field, u)
	case len(u) > maxURLBytes:
		return fmt.Errorf("%s is %d bytes long, more than %d", field, len(u), maxURLBytes)
	}
	for i := 0; i < len(rest); i++ {
		if c := rest[i]; c <= ' ' || c == '#' || c == 0x7f {
			return fmt.Errorf("%s %.80q holds %q", field, u, c)
		}
	}
	return nil
}

// isMethod reports whether s is a method token (RFC 9110 §5.6.2) without lower
// case letters.
func isMethod(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return len(s) <= 40
}

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string. Plain ASCII, nearly everything
// there is, takes one pass and one copy.
func appendString(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if !plain[s[i]] {
			return appendEscaped(b, s, i)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// plain marks the bytes that stand for themselves in a JSON string.
var plain = func() (t [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// appendEscaped is appendString for a string whose first i bytes are plain.
func appendEscaped(b []byte, s string, i int) []byte {
	b = append(b, '"')
	b = append(b, s[:i]...)
	for i < len(s) {
		c := s[i]
		switch {
		case plain[c]:
			b = append(b, c)
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			b = utf8.AppendRune(b, r)
			i += n - 1
		}
		i++
	}
	return append(b, '"')
}

func appendText(b []byte, name, s string) []byte {
	if s == "" {
		return b
	}
	return appendString(append(b, name...), s)
}

func appendInt(b []byte, name string, n int) []byte {
	if n == 0 {
		return b
	}
	return strconv.AppendInt(append(b, name...), int64(n), 10)
}

func appendBody(b, body []byte) []byte {
	if utf8.Valid(body) {
		return appendString(append(b, `,"body":`...), string(body))
	}
	b = append(b, `,"body_base64":"`...)
	b = base64.StdEncoding.AppendEncode(b, body)
	return append(b, '"')
}

func appendHeader(b []byte, h http.Header) []byte {
	b = append(b, `,"headers":`...)
	open := byte('{')
	for _, name := range slices.Sorted(maps.Keys(h)) {
		b = append(b, open)
		open = ','
		b = append(appendString(b, name), ':')
		b = appendStrings(b, h[name])
	}
	return append(b, '}')
}

func appendStrings(b []byte, list []string) []byte {
	if len(list) == 0 {
		b = append(b, '[')
	}
	for i, s := range list {
		b = append(b, "[,"[min(i, 1)])
		b = appendString(b, s)
	}
	return append(b, ']')
}

func appendHops(b []byte, hops []Hop) []byte {
	b = append(b, `,"hops":`...)
	for i, h := range hops {
		b = append(b, "[,"[min(i, 1)])
		b = appendString(append(b, `{"url":`...), h.URL)
		b = strconv.AppendInt(append(b, `,"status":`...), int64(h.Status), 10)
		b = append(b, '}')
	}
	return append(b, ']')
}

// parseTimeout reads the stored form of Request.Timeout.
func parseTimeout(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("timeout %.40q is not a positive duration", s)
	}
	return d, nil
}
