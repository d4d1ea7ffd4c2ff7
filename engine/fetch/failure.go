package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"downpour/engine"
)

// A proxyError is a proxy's fault: nothing of the request has reached the site,
// unless the proxy took it and was silent.
type proxyError struct {
	what   string
	err    error
	silent bool // it closed the connection without an octet of an answer
}

func (e *proxyError) Error() string { return e.what + ": " + e.err.Error() }
func (e *proxyError) Unwrap() error { return e.err }

// A connectError is a proxy's refusal.
type connectError struct {
	proxy     string
	status    int
	challenge []string // Proxy-Authenticate
}

func (e *connectError) Error() string {
	if e.denied() {
		return fmt.Sprintf("the proxy %s asks for a user and password (%d); give them in its URL", e.proxy, e.status)
	}
	return fmt.Sprintf("the proxy %s answered %d to CONNECT", e.proxy, e.status)
}

// denied reports whether the proxy wants another user or password. Tinyproxy
// says 401 where these are wrong.
func (e *connectError) denied() bool {
	return e.status == http.StatusProxyAuthRequired || e.status == http.StatusUnauthorized
}

// proxyFault reports whether the proxy, not the site, is to blame.
func proxyFault(err error) bool {
	var c *connectError
	if errors.As(err, &c) {
		return c.denied()
	}
	var p *proxyError
	var op *net.OpError
	return errors.As(err, &p) || errors.As(err, &op) && op.Op == "proxyconnect"
}

func invalid(format string, args ...any) error {
	return &engine.Failure{Kind: engine.FailInvalid, Message: fmt.Sprintf(format, args...)}
}

// failure makes a *Failure of whatever went wrong, with a message on one line
// that a person can act on.
func (x *exchange) failure(err error) error {
	f := x.classify(err)
	if x.resp != nil {
		f.Status = x.resp.Status
	}
	var c *connectError
	if errors.As(err, &c) {
		f.Status = c.status
	}
	f.Attempts = x.req.Attempt + 1
	return f
}

func (x *exchange) classify(err error) *engine.Failure {
	var f *engine.Failure
	if errors.As(err, &f) {
		return &engine.Failure{Kind: f.Kind, Message: f.Message, Err: f.Err}
	}
	fail := func(kind engine.FailureKind, format string, args ...any) *engine.Failure {
		return &engine.Failure{Kind: kind, Message: oneLine(fmt.Sprintf(format, args...)), Err: err}
	}
	if x.ctx != nil {
		switch cause := context.Cause(x.ctx); {
		case errors.Is(cause, errWhole):
			return fail(engine.FailTimeout, "no whole answer within %v; --timeout allows more", x.timeout())
		case errors.Is(cause, errIdle):
			return fail(engine.FailTimeout, "nothing came for %v; --idle-timeout allows more", x.fetcher.cfg.IdleTimeout)
		case errors.Is(cause, errResent):
			return fail(engine.FailProtocol, "the server rejected the request as a protocol error, %d times", maxSends)
		case cause != nil:
			err = cause
			return fail(engine.FailCancelled, "the fetch was stopped: %v", cause)
		}
	}
	var c *connectError
	var p *proxyError
	switch {
	case errors.As(err, &c):
		return fail(engine.FailProxy, "%v", c)
	case errors.As(err, &p):
		return fail(engine.FailProxy, "%v", p)
	}
	if kind, message := x.connection(err); kind != "" {
		return fail(kind, "%s", message)
	}
	return fail(transfer(err), "%v", unwrapBroken(err))
}

// connection classifies what goes wrong before anything has been sent.
func (x *exchange) connection(err error) (engine.FailureKind, string) {
	host := x.url.Hostname()
	var op *net.OpError
	isOp := errors.As(err, &op)
	if isOp && op.Op == "proxyconnect" {
		return engine.FailProxy, fmt.Sprintf("the proxy %s: %v", x.route.proxy.Host, op.Err)
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		switch {
		case dns.IsNotFound:
			return engine.FailDNS, "no such host: " + host
		case dns.IsTimeout:
			return engine.FailDNS, "no answer from the name server about " + host
		}
		return engine.FailDNS, "name server: " + dns.Err + " for " + host
	}
	if message := tlsMessage(err, host); message != "" {
		return engine.FailTLS, message
	}
	if isOp && op.Op == "dial" {
		if op.Timeout() {
			return engine.FailTimeout, fmt.Sprintf("no connection to %s within %v; --connect-timeout allows more", hostPort(x.url), x.fetcher.cfg.ConnectTimeout)
		}
		var no syscall.Errno
		if errors.As(err, &no) {
			return engine.FailConnect, fmt.Sprintf("%s at %s", no.Error(), op.Addr)
		}
		return engine.FailConnect, op.Err.Error()
	}
	return "", ""
}

// protocolErrors are fragments of the messages with which net/http says that an
// answer is not HTTP; it has no types for them.
var protocolErrors = [...]string{
	"malformed", "bad Content-Length", "invalid empty Content-Length", "multiple Content-Length", "unsupported transfer encoding",
	"too many transfer encodings", "bad trailer key", "chunk", "PROTOCOL_ERROR", "FRAME_SIZE_ERROR", "COMPRESSION_ERROR", "FLOW_CONTROL_ERROR",
	"invalid header", "invalid byte", "header line too long", "trailer", "too many 1xx", "request with Host header", "unexpected response", "response header",
}

// transfer classifies what goes wrong once the request is on its way.
func transfer(err error) engine.FailureKind {
	text := err.Error()
	for _, big := range [...]string{"response headers exceeded", "header list larger", "read limit of"} {
		if strings.Contains(text, big) {
			return engine.FailTooLarge
		}
	}
	if hungUp(err) {
		return engine.FailReset
	}
	for _, p := range protocolErrors {
		if strings.Contains(text, p) {
			return engine.FailProtocol
		}
	}
	return engine.FailReset
}

// hungUp reports whether the other side has ended the connection.
func hungUp(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// unwrapBroken puts into words the errors that carry none.
func unwrapBroken(err error) string {
	switch {
	case transfer(err) != engine.FailReset:
		return strings.TrimPrefix(strings.TrimPrefix(err.Error(), "net/http: "), "HTTP/1.x transport connection broken: ")
	case errors.Is(err, syscall.ECONNRESET):
		return "the server reset the connection"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), strings.Contains(err.Error(), "server closed idle"):
		return "the server closed the connection before the answer was complete"
	}
	return err.Error()
}

// oneLine keeps what a server sent from breaking a log line or a terminal.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '?'
		}
		return r
	}, s)
}
