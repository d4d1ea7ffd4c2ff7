package engine

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"downpour/policies"

	"github.com/cespare/xxhash/v2"
)

// A Request is one thing to fetch, with everything that has to survive a
// restart or a trip to another worker. AppendJSON and ParseRequest are its
// stored form; fields marked "not stored" live in this process alone.
//
// A Request belongs to one goroutine at a time and is not safe for concurrent
// use.
type Request struct {
	URL      string          // absolute http or https URL as found, without fragment
	Original string          // the URL that was pushed, once a redirect has moved the request; "" before
	Method   string          // upper case; "" is GET
	Body     []byte          // request body; nil for none
	Header   http.Header     // headers set for this request alone; nil for none
	Key      string          // identity in place of method, canonical URL and body; "" for those
	Kind     string          // names the hooks that apply; "" for the script's own
	Meta     json.RawMessage // the script's own data, a JSON value; nil for none
	Depth    int             // links between a seed and this request; a seed has 0
	Priority int             // higher levels of a queue are taken first; 0 is normal, -100 to 100
	Referrer string          // URL of the page that pushed it; "" for a seed
	Attempt  int             // fetches of it so far that ended in a retry
	Last     string          // how the last of them ended, in a word: "503", "timeout"; "" before
	Hops     []Hop           // redirects that led here from Original, and refreshes from the page before
	Proxy    string          // proxy URL for this request alone; "" for the crawl's
	Jar      string          // name of the cookie jar to use; "" for the crawl's
	Timeout  time.Duration   // of the whole fetch; 0 for the crawl's
	Buckets  []string        // what it shares with requests of other queues, as the policy says; at most MaxBuckets

	Queue   string        // the queue it waits in, set on admission; not stored: the store files it there
	Print   uint64        // fingerprint of its identity, set on admission; not stored
	Again   bool          // push it even when its identity has been seen; not stored
	Refresh bool          // the page at hand says that it is to be shown instead; not stored: it becomes a hop
	After   time.Duration // not to be leased before this long after the push or put-back; not stored as such

	at policies.URL // the URL when it was last parsed; not stored
}

// SetURL makes u, without its fragment, the request's URL. It spares whoever
// asks for its parts from parsing it again.
func (r *Request) SetURL(u policies.URL) {
	r.at = u.WithoutFragment()
	r.URL = r.at.Href()
}

// parsed is the request's URL. One that is as the standard writes it is parsed
// once.
func (r *Request) parsed() (policies.URL, error) {
	if r.at.Href() == r.URL && r.URL != "" {
		return r.at, nil
	}
	u, err := policies.ParseURL(r.URL)
	r.at = u.WithoutFragment()
	return u, err
}

// A Hop is one redirect, or a page's refresh: the URL that answered and its status.
type Hop struct {
	URL    string `json:"url"`
	Status int    `json:"status"`
}

// MethodOrGet is the request's method with the default filled in.
func (r *Request) MethodOrGet() string {
	if r.Method == "" {
		return http.MethodGet
	}
	return r.Method
}

// redirected reports whether a redirect led to the request; else it is one that
// a page asked for.
func (r *Request) redirected() bool {
	return len(r.Hops) > 0 && policies.IsRedirect(r.Hops[len(r.Hops)-1].Status)
}

// OriginalURL is the URL that was pushed, before any redirect.
func (r *Request) OriginalURL() string {
	if r.Original == "" {
		return r.URL
	}
	return r.Original
}

// Fingerprint is the 64-bit identity of a request: of key if the request has
// one, else of method, canonical URL, body and cookie jar. It is the same in every process
// and version: stores keep it.
func Fingerprint(r *Request, canonical string) uint64 {
	var room [512]byte
	b := room[:0]
	if r.Key != "" {
		b = append(b, "key\x00"...)
		b = append(b, r.Key...)
		return xxhash.Sum64(b)
	}
	b = append(b, strings.ToUpper(r.MethodOrGet())...)
	b = append(b, 0)
	b = append(b, canonical...)
	if len(r.Body) > 0 {
		b = append(b, 0)
		b = append(b, r.Body...)
	}
	if r.Jar != "" {
		b = append(b, "\x00jar\x00"...)
		b = append(b, r.Jar...)
	}
	return xxhash.Sum64(b)
}
