package fetch

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"

	"downpour/engine"
	"downpour/policies"
)

// An exchange is one call of Fetch.
type exchange struct {
	fetcher *Fetcher
	req     *engine.Request
	url     policies.URL
	header  http.Header // to be sent; shared with other exchanges while owned is false
	owned   bool
	hostHdr string          // the Host header where the request sets one
	jar     *jar            // cookies; nil for none
	login   *login          // user and password that the host may have; nil for none
	ctx     context.Context //nolint:containedctx // an exchange is one call of Fetch
	clock   clock
	route   *route
	resp    *engine.Response
	packed  []string // transfer codings of the answer but "chunked"
	trace   trace
	shelf   shelf
}

// begin makes the response out of the answer's head.
func (x *exchange) begin(answer *http.Response) {
	r := &engine.Response{
		URL:     x.url.String(),
		Status:  answer.StatusCode,
		Proto:   answer.Proto,
		Message: reason(answer),
		Header:  answer.Header,
		Proxy:   x.route.shown,
		Start:   x.clock.begun,
	}
	if answer.ProtoMajor == 2 {
		r.Proto = "HTTP/2"
	}
	r.ProxyHit = x.route.absolute && x.url.Scheme() == "http" && proxyHit(answer.Header)
	if x.packed = answer.Header[transferCoding]; x.packed != nil {
		delete(answer.Header, transferCoding)
	}
	x.resp = r
	if lines := answer.Header["Set-Cookie"]; x.jar != nil && len(lines) > 0 {
		x.jar.store(x.url, lines, time.Now())
		x.fetcher.stateFailed(x.fetcher.cookies.changed(time.Now()))
	}
	x.trace.fill(r)
	r.TLS = x.trace.tlsFacts(answer.TLS)
	if x.shelf.held {
		x.adopt()
	}
}

// reason is the reason phrase as it was sent.
func reason(answer *http.Response) string {
	_, phrase, _ := strings.Cut(answer.Status, " ")
	return strings.TrimSpace(phrase)
}

// tell calls notify for the status line and the headers.
func (x *exchange) tell(notify func(engine.Event, *engine.Response) error) error {
	if notify == nil {
		return nil
	}
	x.clock.pause()
	defer x.clock.resume()
	if err := notify(engine.EventStatus, x.resp); err != nil {
		return err
	}
	return notify(engine.EventHeaders, x.resp)
}

// finish completes the timing.
func (x *exchange) finish() *engine.Response {
	x.resp.Timing.Total = x.clock.spent()
	return x.resp
}

func (x *exchange) timeout() time.Duration {
	if x.req.Timeout > 0 {
		return x.req.Timeout
	}
	return x.fetcher.cfg.Timeout
}

// A trace notes how a connection came to be. The transport may dial on after
// the exchange has ended, so what it notes is under a lock.
type trace struct {
	hooks  httptrace.ClientTrace
	cancel context.CancelCauseFunc

	mu       sync.Mutex // guards what follows
	dns      time.Duration
	connect  time.Duration
	tlsBegun time.Time
	tls      time.Duration
	wrote    time.Time
	first    time.Time
	peer     net.Addr
	got      net.Conn // last connection got
	reused   bool
	fresh    int // HTTP/2 connections made for one round trip
}

type traceKey struct{}

// attach returns ctx with the hooks in it; cancel ends the exchange.
func (t *trace) attach(ctx context.Context, cancel context.CancelCauseFunc) context.Context {
	t.cancel, t.fresh = cancel, 0
	t.hooks = httptrace.ClientTrace{
		GotConn:              t.gotConn,
		WroteRequest:         t.wroteAll,
		GotFirstResponseByte: t.gotFirst,
		TLSHandshakeStart:    t.startTLS,
		TLSHandshakeDone:     t.doneTLS,
	}
	return httptrace.WithClientTrace(context.WithValue(ctx, traceKey{}, t), &t.hooks)
}

// dialled is told by the dialer how long lookup and connection took.
func (t *trace) dialled(dns, connect time.Duration) {
	t.mu.Lock()
	t.dns, t.connect = dns, connect
	t.mu.Unlock()
}

// gotConn ends the exchange where the server has rejected its request as the
// first of several HTTP/2 connections. One that was on its way over a connection
// that others had used may have met the end of that (RFC 9113 §6.8): it is sent
// again as often as net/http likes.
func (t *trace) gotConn(info httptrace.GotConnInfo) {
	t.mu.Lock()
	t.reused, t.peer, t.got = info.Reused, info.Conn.RemoteAddr(), info.Conn
	again := t.fresh == maxSends
	if _, ok := info.Conn.(*tls.Conn); ok && !info.Reused {
		t.fresh++
	}
	t.mu.Unlock()
	if again {
		t.cancel(errResent)
	}
}

func (t *trace) wroteAll(info httptrace.WroteRequestInfo) {
	if info.Err != nil {
		return
	}
	now := time.Now()
	t.mu.Lock()
	t.wrote = now
	t.mu.Unlock()
}

func (t *trace) gotFirst() {
	now := time.Now()
	t.mu.Lock()
	if t.first.IsZero() {
		t.first = now
	}
	t.mu.Unlock()
}

func (t *trace) startTLS() {
	now := time.Now()
	t.mu.Lock()
	t.tlsBegun = now
	t.mu.Unlock()
}

func (t *trace) doneTLS(tls.ConnectionState, error) {
	now := time.Now()
	t.mu.Lock()
	t.tls = now.Sub(t.tlsBegun)
	t.mu.Unlock()
}

// restart forgets what belongs to an answer that was not the last.
func (t *trace) restart() {
	t.mu.Lock()
	t.first = time.Time{}
	t.mu.Unlock()
}

// fill writes what was noted into r.
func (t *trace) fill(r *engine.Response) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.Wrote, r.First = t.wrote, t.first
	if r.First.IsZero() {
		r.First = time.Now()
	}
	r.Timing.FirstByte = r.First.Sub(r.Start)
	if !t.reused {
		r.Timing.DNS, r.Timing.Connect, r.Timing.TLS = t.dns, t.connect, t.tls
	}
	if a, ok := t.peer.(*net.TCPAddr); ok {
		r.IP = a.AddrPort().Addr().Unmap().String()
	}
}
