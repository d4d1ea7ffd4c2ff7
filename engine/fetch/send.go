package fetch

import (
	"errors"
	"io"
	"net/http"
	"time"

	"downpour/policies"
)

const (
	maxAnswers = 2        // to challenges, for one exchange: the second to a stale nonce
	maxSends   = 2        // of one request on new HTTP/2 connections: net/http would send what the server keeps rejecting seven times
	maxDrain   = 64 << 10 // octets read so that a connection can be used again
)

// send gets the answer's head. Where a proxy of the list fails the next one is
// tried: nothing has reached the site then, or nothing that would do harm twice.
func (x *exchange) send() (*http.Response, error) {
	for try := 1; ; try++ {
		r, again, err := x.fetcher.routes.choose(x.url, x.req.Proxy)
		if err != nil {
			return nil, err
		}
		x.route = r
		answer, err := x.admitted()
		if err == nil {
			r.worked()
			return answer, nil
		}
		if r.proxy == nil || !proxyFault(err) {
			return nil, err
		}
		r.failed(time.Now())
		if !again || try == maxTries || x.ctx.Err() != nil || x.forwarded(err) {
			return nil, err
		}
	}
}

// forwarded reports whether a proxy that failed may have passed on a request
// that is not to be made twice (RFC 9110 §9.2.2).
func (x *exchange) forwarded(err error) bool {
	var p *proxyError
	return errors.As(err, &p) && p.silent && x.url.Scheme() == "http" && !policies.SafeMethod(x.req.MethodOrGet())
}

// admitted sends the request, and again with what the proxy's challenge asks
// for.
func (x *exchange) admitted() (*http.Response, error) {
	for answered := 0; ; answered++ {
		answer, err := x.authorized()
		var refusal *connectError
		if !errors.As(err, &refusal) || !x.route.challenged(refusal, answered) {
			return answer, err
		}
		x.trace.restart()
	}
}

// authorized sends the request, and again with what a challenge asks for. A
// login that has worked for this origin is sent at once.
func (x *exchange) authorized() (*http.Response, error) {
	if x.login == nil {
		return x.once()
	}
	sent := x.login.authorize(x)
	for answered := 0; ; answered++ {
		answer, err := x.once()
		if err != nil || answer.StatusCode != http.StatusUnauthorized || answered == maxAnswers {
			return answer, err
		}
		if !x.login.learn(answer.Header["Www-Authenticate"], sent, answered > 0) {
			return answer, nil
		}
		drain(answer)
		x.trace.restart()
		sent = x.login.authorize(x)
	}
}

// once is one round trip.
func (x *exchange) once() (*http.Response, error) {
	absolute := x.route.absolute && x.url.Scheme() == "http"
	if x.owned {
		delete(x.header, "Proxy-Authorization") // it was for the proxy tried before
	}
	if absolute {
		if text := x.route.proxyHeader(x.req.MethodOrGet(), "http://"+x.url.Host()+x.url.PathQuery()); text != "" {
			x.set("Proxy-Authorization", text)
		}
	}
	answer, err := x.route.over(x.fetcher, x.url).RoundTrip(x.message(absolute))
	if err != nil {
		return nil, err
	}
	if absolute && answer.StatusCode == http.StatusProxyAuthRequired {
		drain(answer)
		return nil, &connectError{proxy: x.route.proxy.Host, status: answer.StatusCode, challenge: answer.Header["Proxy-Authenticate"]}
	}
	return answer, nil
}

// drain reads the rest of a small body, so that its connection can be used
// again, and closes it.
func drain(answer *http.Response) {
	if answer.ContentLength <= maxDrain {
		_, _ = io.CopyN(io.Discard, answer.Body, maxDrain) // what is lost is one connection
	}
	answer.Body.Close()
}
