package policies

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"
)

// Errors of Redirect, for errors.Is.
var (
	ErrNotRedirect    = errors.New("not a redirect")
	ErrNoLocation     = errors.New("redirect without a location")
	ErrRedirectScheme = errors.New("redirect to a scheme other than http and https")
	ErrRedirectBody   = errors.New("redirect that asks for the request's body on another origin than the one it is for")
)

// Next is where a redirect leads and how it is asked for.
type Next struct {
	URL        URL
	Method     string
	KeepBody   bool // send the request's body again; else none, and no header that describes one
	SameOrigin bool // else Authorization, Cookie and headers set for the request stay behind
}

// Check is ErrRedirectBody where following the redirect would hand the request's
// body to another origin. The Fetch Standard lets that happen, for a page's own
// script knows what it sends; a crawl that logs in somewhere does not mean
// whoever that site points to.
func (n Next) Check(body []byte) error {
	if n.KeepBody && !n.SameOrigin && len(body) > 0 {
		return ErrRedirectBody
	}
	return nil
}

// IsRedirect reports whether status sends the client elsewhere: 301, 302, 303,
// 307 or 308, the redirect statuses of the Fetch Standard.
func IsRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// Redirect says where a redirect leads and with which method, as HTTP-redirect
// fetch of the Fetch Standard does. location is the header's value as it came,
// in whatever octets. A target without a fragment keeps that of from (RFC 9110
// §10.2.2). User name and password in location are dropped: no site may choose
// what credentials are sent.
//
// The error is ErrNotRedirect, ErrNoLocation, ErrRedirectScheme or one of Join.
func Redirect(status int, method string, from URL, location string) (Next, error) {
	if !IsRedirect(status) {
		return Next{}, fmt.Errorf("%w: status %d", ErrNotRedirect, status)
	}
	if location == "" {
		return Next{}, ErrNoLocation
	}
	to, err := from.Join(utf8Text(location))
	if err != nil {
		return Next{}, fmt.Errorf("redirect to %q: %w", shorten(location), err)
	}
	if !to.IsHTTP() {
		return Next{}, fmt.Errorf("%w: %s", ErrRedirectScheme, to.Scheme())
	}
	n := Next{Method: method, KeepBody: true, SameOrigin: from.SameOrigin(to)}
	if !n.SameOrigin || to.userinfo() != from.userinfo() {
		to = to.WithoutUserinfo()
	}
	if !to.HasFragment() && from.HasFragment() {
		to = to.withFragmentOf(from)
	}
	n.URL = to
	if method == "" {
		n.Method = http.MethodGet
	}
	if becomesGet(status, n.Method) {
		n.Method, n.KeepBody = http.MethodGet, false
	}
	return n, nil
}

// becomesGet reports whether a request with this method is repeated as a GET
// without a body.
func becomesGet(status int, method string) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound:
		return method == http.MethodPost
	case http.StatusSeeOther:
		return method != http.MethodGet && method != http.MethodHead
	}
	return false
}

// utf8Text is a site's text as UTF-8. Octets of text that is not are escaped,
// so that they are sent back as they came, as browsers do.
func utf8Text(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c >= 0x80 {
			b.Write([]byte{'%', upperHex[c>>4], upperHex[c&15]})
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// shorten bounds what of a site's text an error repeats.
func shorten(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
