package engine

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// A Fetcher makes one HTTP exchange. Any status is a success: a Fetch fails
// only with a *Failure. Redirects are not followed; what is answered is handed
// over. It is safe for concurrent use.
type Fetcher interface {
	// Fetch calls notify twice on the calling goroutine, with EventStatus and
	// EventHeaders, before it reads the body; an error from notify cuts the
	// transfer and is returned as it is, beside what was received.
	Fetch(ctx context.Context, req *Request, notify func(Event, *Response) error) (*Response, error)
	Close() error
}

// A Response is what came back from one exchange. Its body has been read
// whole, within the limit, and its content codings removed.
type Response struct {
	URL       string      // the URL fetched
	Status    int         // 100 to 999
	Proto     string      // "HTTP/1.1"
	Message   string      // reason phrase; the standard one where HTTP/2 has none
	Header    http.Header // canonical names
	Body      []byte      // decoded octets; do not modify; nil until it has been read
	Wire      int64       // octets of the body as they came over the wire
	IP        string      // address of the peer, without port; "" from a cache
	Proxy     string      // proxy used, without credentials; "" for none
	FromCache bool        // answered from the crawl's cache: nothing was asked of anybody
	ProxyHit  bool        // answered from a proxy's cache, as its X-Cache says: nothing was asked of the site
	Change    Change      // since the crawl before; "" unless the crawl compares
	TLS       *TLS        // of a connection by https; nil for none and from a cache
	Timing    Timing
	Start     time.Time // when the exchange began
	Wrote     time.Time // when the request had been handed to the operating system; zero if it was not
	First     time.Time // when the first octet of the answer was there: the request had then certainly been seen
}

// Unasked reports that the site has seen nothing of the exchange, so that no
// rest is owed to it.
func (r *Response) Unasked() bool { return r.FromCache || r.ProxyHit }

// A Change is what has become of a page since the crawl before, the same word
// in Lua and reports.
type Change string

// The changes.
const (
	ChangeNew  Change = "new"       // it was not there, or not fetched
	ChangeSome Change = "changed"   // its octets are others
	ChangeNone Change = "unchanged" // the site says so, or its octets are the same
	ChangeGone Change = "gone"      // it was there, and is answered with 404 or 410
)

// TLS is what is known of a connection by https.
type TLS struct {
	Version  string // "TLS 1.3"
	Subject  string // of the site's certificate, such as "CN=example.org"
	Issuer   string
	NotAfter time.Time
}

// Timing is how long each part of an exchange took; zero for parts that did
// not happen, such as DNS on a connection used again.
type Timing struct {
	DNS, Connect, TLS, FirstByte, Total time.Duration
}

// FailureKind is a class of failures, the same word in Lua, logs and reports.
type FailureKind string

// The kinds of failures.
const (
	FailDNS       FailureKind = "dns"       // the name does not resolve
	FailConnect   FailureKind = "connect"   // refused, unreachable
	FailTimeout   FailureKind = "timeout"   // connect, idle or whole request
	FailTLS       FailureKind = "tls"       // handshake or verification
	FailReset     FailureKind = "reset"     // the connection ended before the answer did
	FailProtocol  FailureKind = "protocol"  // what came is not HTTP
	FailEncoding  FailureKind = "encoding"  // a content coding that cannot be undone
	FailTooLarge  FailureKind = "too_large" // body or headers above their limit
	FailStatus    FailureKind = "status"    // an answer outside 2xx
	FailRedirect  FailureKind = "redirect"  // a loop, too many, no or a bad Location
	FailBlocked   FailureKind = "blocked"   // the address guard forbids it
	FailProxy     FailureKind = "proxy"     // the proxy failed or refused
	FailCancelled FailureKind = "cancelled" // a hook cancelled it
	FailInvalid   FailureKind = "invalid"   // the request cannot be sent: URL, method, headers
	FailOffline   FailureKind = "offline"   // not in the cache, and nothing may be asked of the network
	FailHostDown  FailureKind = "host_down" // not fetched: its host has not answered for long
	FailSetAside  FailureKind = "set_aside" // it ended three workers in a row; only a store says so
)

// A Failure is why a request has no success, as on_error receives it.
type Failure struct {
	Kind     FailureKind
	Message  string // for people: what happened, lower case, one line
	Status   int    // HTTP status where there was one, else 0
	Attempts int    // fetches made, this one included
	Err      error  // the cause; may be nil
}

// Error reads well in a log line: "timeout: no answer within 30s".
func (f *Failure) Error() string { return fmt.Sprintf("%s: %s", f.Kind, f.Message) }

// Unwrap is the cause.
func (f *Failure) Unwrap() error { return f.Err }
