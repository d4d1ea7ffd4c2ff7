package fetch

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"downpour/engine"
	"downpour/policies"

	"golang.org/x/net/http/httpguts"
)

// prepare checks the request and gathers its headers. It fails with a *Failure
// of kind invalid or blocked.
func (x *exchange) prepare() error {
	var err error
	if x.url, err = policies.ParseURL(x.req.URL); err != nil {
		return &engine.Failure{Kind: engine.FailInvalid, Message: fmt.Sprintf("%q is not a URL", x.req.URL), Err: err}
	}
	if !x.url.IsHTTP() || x.url.Hostname() == "" {
		return invalid("%q is neither an http nor an https URL", x.req.URL)
	}
	if method := x.req.MethodOrGet(); !validMethod(method) {
		return invalid("%q is not a method that can be sent", method)
	}
	if err = x.fetcher.checkHost(x.url); err != nil {
		return err
	}
	x.login = x.fetcher.auth.find(x.url)
	return x.gather()
}

// gather puts the headers together: the crawl's, the request's, the cookies.
func (x *exchange) gather() error {
	x.header = x.fetcher.header
	switch h := x.fetcher.home; {
	case x.strayed():
		x.header = x.fetcher.away
	case h != nil && !h.knows(x.req, x.url):
		x.header = h.abroad
		x.fetcher.withheld(x.url)
	}
	for name, values := range x.req.Header {
		if err := checkHeader(name, values); err != nil {
			return invalid("%s", err)
		}
		name = http.CanonicalHeaderKey(name)
		switch {
		case name == "Host" && len(values) > 0:
			x.hostHdr = values[0]
		case name == "Authorization":
			x.login = nil
			fallthrough
		default:
			x.set(name, values...)
		}
	}
	if x.header["Range"] != nil && x.req.Header["Accept-Encoding"] == nil {
		x.set("Accept-Encoding", "identity") // Fetch §4.6: octets of the resource, not of a coding of it
	}
	if x.fetcher.cookies != nil {
		jar, err := x.fetcher.cookies.get(x.req.Jar)
		if err != nil {
			return err
		}
		x.jar = jar
		if line := jar.header(x.url, time.Now()); line != "" {
			if own := x.header.Get("Cookie"); own != "" {
				line = own + "; " + line
			}
			x.set("Cookie", line)
		}
	}
	return nil
}

// strayed reports whether a redirect of another origin led to the request.
func (x *exchange) strayed() bool {
	for _, h := range x.req.Hops {
		if from, err := policies.ParseURL(h.URL); err != nil || !from.SameOrigin(x.url) {
			return true
		}
	}
	return false
}

// set sets one header in a copy of the shared ones.
func (x *exchange) set(name string, values ...string) {
	if !x.owned {
		own := make(http.Header, len(x.header)+len(x.req.Header)+1)
		for k, v := range x.header {
			own[k] = v
		}
		x.header, x.owned = own, true
	}
	x.header[name] = values
}

// message makes the request for the transport. absolute asks for the form that
// HTTP proxies want (RFC 9112 §3.2.2).
func (x *exchange) message(absolute bool) *http.Request {
	m := &http.Request{
		Method: x.req.MethodOrGet(), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: x.header, Host: x.hostHdr, URL: target(x.url, absolute),
	}
	if len(x.req.Body) > 0 {
		m.ContentLength = int64(len(x.req.Body))
		m.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(x.req.Body)), nil }
		m.Body, _ = m.GetBody()
	}
	return m.WithContext(x.trace.attach(x.ctx, x.clock.cancel))
}

// target makes net/http send path and query octet by octet as they stand:
// its own URL type refuses some that browsers send, such as a lone "%".
func target(u policies.URL, absolute bool) *url.URL {
	t := &url.URL{Scheme: u.Scheme(), Host: u.Host()}
	pathQuery := u.PathQuery()
	switch {
	case absolute:
		t.Opaque = "//" + u.Host() + pathQuery
	case !strings.HasPrefix(pathQuery, "//"):
		t.Opaque = pathQuery
	default: // an opaque part with two slashes would be taken for an authority
		path, err := url.PathUnescape(u.Path())
		if err != nil {
			t.Opaque = "//" + u.Host() + pathQuery
			break
		}
		t.Path, t.RawPath = path, u.Path()
		_, t.RawQuery, t.ForceQuery = strings.Cut(pathQuery, "?")
	}
	return t
}

// refused are the headers that say how the message is framed, or that belong
// to the connection or to a proxy: they are the transport's to set.
var refused = map[string]bool{
	"Connection": true, "Content-Length": true, "Expect": true, "Keep-Alive": true, "Proxy-Authorization": true,
	"Proxy-Connection": true, "Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
}

// checkHeader refuses names and values that cannot be sent, or would say more
// than one header (RFC 9110 §5.5).
func checkHeader(name string, values []string) error {
	if !httpguts.ValidHeaderFieldName(name) {
		return fmt.Errorf("%q is not a header name", name)
	}
	if refused[http.CanonicalHeaderKey(name)] {
		return fmt.Errorf("header %s is set by the connection and cannot be given", name)
	}
	for _, v := range values {
		if !httpguts.ValidHeaderFieldValue(v) {
			return fmt.Errorf("header %s has a line break or another control character in its value %q", name, v)
		}
	}
	return nil
}

// validMethod is RFC 9110 §9.1 without CONNECT, which is no exchange.
func validMethod(m string) bool {
	return m != http.MethodConnect && httpguts.ValidHeaderFieldName(m)
}
