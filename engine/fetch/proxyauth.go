package fetch

import (
	"context"
	"net/http"
	"net/url"
)

// A proxy that wants a login is given it at once by Basic, as everywhere; one
// that answers with a Digest challenge gets that instead (RFC 9110 §11.7).

// proxyLogin is the account of a proxy's URL, nil for none. The password goes
// out of the URL: net/http would send it by Basic whatever the proxy asks for.
func proxyLogin(p *url.URL) *login {
	if p.User == nil {
		return nil
	}
	password, _ := p.User.Password()
	return &login{account: Auth{User: p.User.Username(), Password: password}, basic: true, gen: 1}
}

// proxyHeader is the Proxy-Authorization for one request, "" for none.
func (r *route) proxyHeader(method, uri string) string {
	if r.login == nil {
		return ""
	}
	text, _ := r.login.header(method, uri)
	return text
}

// connectHeader is http.Transport's GetProxyConnectHeader.
func (r *route) connectHeader(_ context.Context, _ *url.URL, target string) (http.Header, error) {
	text := r.proxyHeader(http.MethodConnect, target)
	if text == "" {
		return nil, nil
	}
	return http.Header{"Proxy-Authorization": {text}}, nil
}

// challenged reports whether a proxy's refusal asks for a login in a way that
// has not been tried.
func (r *route) challenged(refusal *connectError, answered int) bool {
	return refusal.status == http.StatusProxyAuthRequired && r.login != nil && answered < maxAnswers &&
		r.login.learn(refusal.challenge, r.login.generation(), answered > 0)
}
