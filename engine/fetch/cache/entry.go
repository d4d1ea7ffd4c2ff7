package cache

import (
	"encoding/binary"
	"errors"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
)

// An Entry is one answer kept: the one last got from its URL by GET.
type Entry struct {
	URL      string
	Identity string // whose answer it is: see Matches; "" for anybody's
	Status   int
	Proto    string
	Message  string
	Header   http.Header
	Varied   []string  // the request's values of the names in Vary, in Vary's order
	Asked    time.Time // when the request was sent
	Answered time.Time // when the answer began
	Sum      uint64    // of the body, also of one that was not kept
	Bare     bool      // header and body were not to be kept: Sum alone tells whether the page has changed
	Body     []byte    // content codings removed
}

// The form of a stored entry: magic, the checksum of what follows, the fields
// in order with their lengths, the body.
const (
	magic    = "dpc1"
	headSize = len(magic) + 8
)

var errDamaged = errors.New("damaged cache entry")

// Sum is the checksum of a body.
func Sum(body []byte) uint64 { return xxhash.Sum64(body) }

func (e *Entry) encode() []byte {
	b := make([]byte, headSize, headSize+1024+len(e.Body))
	for _, s := range [...]string{e.URL, e.Identity, e.Proto, e.Message} {
		b = appendText(b, s)
	}
	bare := uint64(0)
	if e.Bare {
		bare = 1
	}
	for _, n := range [...]uint64{uint64(e.Status), uint64(e.Asked.UnixNano()), uint64(e.Answered.UnixNano()), e.Sum, bare} {
		b = binary.AppendUvarint(b, n)
	}
	b = appendTexts(b, e.Varied)
	b = binary.AppendUvarint(b, uint64(len(e.Header)))
	for name, values := range e.Header {
		b = appendTexts(appendText(b, name), values)
	}
	b = append(b, e.Body...)
	copy(b, magic)
	binary.LittleEndian.PutUint64(b[len(magic):], xxhash.Sum64(b[headSize:]))
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendTexts(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendText(b, s)
	}
	return b
}

// decode reads what encode wrote. The entry's body is a part of b.
func decode(b []byte) (*Entry, error) {
	if len(b) < headSize || string(b[:len(magic)]) != magic ||
		binary.LittleEndian.Uint64(b[len(magic):]) != xxhash.Sum64(b[headSize:]) {
		return nil, errDamaged
	}
	d := decoder{rest: b[headSize:]}
	e := d.front()
	e.Varied = d.texts()
	e.Header = make(http.Header)
	for range d.number() {
		if d.failed {
			break
		}
		name := d.text()
		e.Header[name] = d.texts()
	}
	if d.failed {
		return nil, errDamaged
	}
	e.Body = d.rest
	return e, nil
}

// A decoder takes fields off the front of an entry.
type decoder struct {
	rest   []byte
	failed bool
}

// front is the entry without what may be long.
func (d *decoder) front() *Entry {
	e := &Entry{URL: d.text(), Identity: d.text(), Proto: d.text(), Message: d.text()}
	e.Status = int(d.number())
	e.Asked, e.Answered = time.Unix(0, int64(d.number())), time.Unix(0, int64(d.number()))
	e.Sum, e.Bare = d.number(), d.number() == 1
	return e
}

func (d *decoder) number() uint64 {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 {
		d.failed, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

func (d *decoder) text() string {
	n := d.number()
	if n > uint64(len(d.rest)) {
		d.failed, d.rest = true, nil
		return ""
	}
	s := string(d.rest[:n])
	d.rest = d.rest[n:]
	return s
}

func (d *decoder) texts() []string {
	var list []string
	for range d.number() {
		if d.failed {
			return nil
		}
		list = append(list, d.text())
	}
	return list
}

// Matches reports whether the entry answers a request with these headers, made
// by that identity: an account and a cookie jar have answers of their own,
// whatever Vary says (RFC 9111 §4.1).
func (e *Entry) Matches(identity string, request http.Header) bool {
	if e.Bare || e.Identity != identity {
		return false
	}
	names := vary(e.Header)
	return !slices.Contains(names, "*") && slices.Equal(e.Varied, varied(names, request))
}

// Vary notes what the request said in the headers that the answer varies by.
func (e *Entry) Vary(request http.Header) { e.Varied = varied(vary(e.Header), request) }

// vary lists the names in Vary. Authorization is left out: an identity stands
// for it, and its text may differ each time.
func vary(h http.Header) []string {
	var names []string
	for _, line := range h["Vary"] {
		for name := range strings.SplitSeq(line, ",") {
			if name = http.CanonicalHeaderKey(textproto.TrimString(name)); name != "" && name != "Authorization" {
				names = append(names, name)
			}
		}
	}
	return names
}

func varied(names []string, request http.Header) []string {
	var values []string
	for _, name := range names {
		var parts []string
		for _, v := range request[name] {
			parts = append(parts, textproto.TrimString(v))
		}
		values = append(values, strings.Join(parts, ", "))
	}
	return values
}

// hop are the headers that belong to a connection or to the octets that were
// sent, and are not updated by a 304 (RFC 9111 §3.2).
var hop = []string{
	"Connection", "Content-Encoding", "Content-Length", "Content-Range", "Content-Type", "Keep-Alive",
	"Proxy-Authenticate", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// Update makes a 304's headers the entry's (RFC 9111 §4.3.4). It reports
// whether the 304 is about this entry at all: one with another strong ETag is
// not.
func (e *Entry) Update(header http.Header, asked, answered time.Time) bool {
	if now, was := header.Get("Etag"), e.Header.Get("Etag"); strings.HasPrefix(now, `"`) && now != was && "W/"+now != was {
		return false
	}
	own := e.Header.Clone()
	delete(own, "Age") // of the answer before
	for name, values := range header {
		if !slices.Contains(hop, name) {
			own[name] = values
		}
	}
	e.Header, e.Asked, e.Answered = own, asked, answered
	return true
}

// Conditions are the validators with which to ask whether the entry still
// holds; "" for none (RFC 9111 §4.3.1). A page modified in the second in which
// it was got may have been modified again in that second: its date says nothing
// (RFC 9110 §8.8.2.2).
func (e *Entry) Conditions() (etag, modified string) {
	etag, modified = e.Header.Get("Etag"), e.Header.Get("Last-Modified")
	at, err := http.ParseTime(modified)
	date, dateErr := http.ParseTime(e.Header.Get("Date"))
	if err == nil && dateErr == nil && !at.Before(date) {
		modified = ""
	}
	return etag, modified
}
