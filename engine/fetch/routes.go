package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"downpour/policies"
)

const (
	maxRoutes  = 128             // proxies whose connections are kept
	maxTries   = 3               // proxies of the list tried for one exchange
	firstRest  = 2 * time.Second // of a proxy that failed, doubled each time
	longestOff = 5 * time.Minute // of a proxy that keeps failing
)

// A route is one way to the sites: straight, or through one proxy. It has
// connections of its own, so that none is ever used for another proxy.
type route struct {
	transport *http.Transport
	loose     *http.Transport // for hosts whose certificates are not verified; nil where transport tells them apart
	proxy     *url.URL        // nil: straight
	shown     string          // the proxy without its credentials, for people
	login     *login          // to the proxy; nil for none
	absolute  bool            // http requests name the whole URL: the proxy speaks HTTP

	mu    sync.Mutex // guards what follows
	fails int        // in a row
	until time.Time  // it rests
}

// routes holds the ways there are.
type routes struct {
	fetcher *Fetcher
	direct  *route
	list    []*route // Config.Proxies
	next    atomic.Uint64

	mu    sync.Mutex // guards known, order
	known map[string]*route
	order []string // of known, oldest first
}

func (s *routes) init(f *Fetcher) error {
	s.fetcher = f
	s.direct = &route{transport: f.transport(nil)}
	f.straight(s.direct.transport, f.direct())
	s.known = make(map[string]*route)
	for _, p := range f.cfg.Proxies {
		r, err := f.through(p)
		if err != nil {
			return err
		}
		s.list = append(s.list, r)
	}
	for _, p := range [...]string{f.cfg.Env.HTTP, f.cfg.Env.HTTPS} {
		if p == "" {
			continue
		}
		if _, err := s.get(p); err != nil {
			return fmt.Errorf("environment: %w", err)
		}
	}
	return nil
}

// transport makes the connections of one route.
func (f *Fetcher) transport(dial dialFunc) *http.Transport {
	t := &http.Transport{
		DialContext:            dial,
		TLSClientConfig:        f.tls(),
		TLSHandshakeTimeout:    f.cfg.ConnectTimeout,
		DisableCompression:     true, // codings are undone here
		MaxIdleConns:           max(256, 4*f.cfg.Concurrency),
		MaxIdleConnsPerHost:    f.cfg.Concurrency,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: f.cfg.MaxHeader,
		ReadBufferSize:         16 << 10,
		Protocols:              new(http.Protocols),
		HTTP2:                  &http.HTTP2Config{MaxReceiveBufferPerStream: 1 << 20, SendPingTimeout: 15 * time.Second},
	}
	t.Protocols.SetHTTP1(true)
	t.Protocols.SetHTTP2(true)
	return t
}

// get is the route through one proxy.
func (s *routes) get(proxy string) (*route, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.known[proxy]; r != nil {
		return r, nil
	}
	r, err := s.fetcher.through(proxy)
	if err != nil {
		return nil, err
	}
	if len(s.order) >= maxRoutes {
		oldest := s.order[0]
		s.order = append(s.order[:0], s.order[1:]...)
		s.known[oldest].idle()
		delete(s.known, oldest)
	}
	s.known[proxy] = r
	s.order = append(s.order, proxy)
	return r, nil
}

// through makes the route through a proxy given as a URL, or as host:port for
// an HTTP one.
func (f *Fetcher) through(proxy string) (*route, error) {
	if !strings.Contains(proxy, "://") {
		proxy = "http://" + proxy
	}
	u, err := url.Parse(proxy)
	if err != nil || u.Hostname() == "" {
		return nil, errors.New("proxy is not a URL such as http://user:password@host:port") // the text may hold a password
	}
	r := &route{proxy: u, shown: u.Scheme + "://" + u.Host}
	switch u.Scheme {
	case "http", "https":
		r.login, r.absolute = proxyLogin(u), true
		r.transport = f.connecting(r)
		if len(f.insecure) > 0 {
			r.loose = f.connecting(r)
			r.loose.TLSClientConfig.InsecureSkipVerify = true
		}
	case "socks5", "socks5h":
		dial, err := f.socks(u)
		if err != nil {
			return nil, err
		}
		r.transport = f.transport(nil)
		f.straight(r.transport, dial)
	default:
		return nil, fmt.Errorf("proxy %s: scheme %q is not one of http, https, socks5, socks5h", r.shown, u.Scheme)
	}
	return r, nil
}

// connecting makes the connections through an HTTP proxy.
func (f *Fetcher) connecting(r *route) *http.Transport {
	bare := *r.proxy
	bare.User = nil // the login is ours to send
	t := f.transport(f.toProxy())
	t.DialTLSContext = f.toTLSProxy() // to a proxy by https: it is verified whatever the site
	t.Proxy = http.ProxyURL(&bare)
	t.GetProxyConnectHeader = r.connectHeader
	t.OnProxyConnectResponse = connectAnswer
	return t
}

// over is the transport for a URL.
func (r *route) over(f *Fetcher, u policies.URL) *http.Transport {
	if r.loose != nil && f.trusts(u.Hostname(), hostPort(u)) {
		return r.loose
	}
	return r.transport
}

// idle closes the connections that are not in use.
func (r *route) idle() {
	r.transport.CloseIdleConnections()
	if r.loose != nil {
		r.loose.CloseIdleConnections()
	}
}

// connectAnswer judges a proxy's answer to CONNECT.
func connectAnswer(_ context.Context, p *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return &connectError{proxy: p.Host, status: answer.StatusCode, challenge: answer.Header["Proxy-Authenticate"]}
}

// choose finds the way for a request: Local hosts straight, then the request's
// own proxy, the list in turn, the environment. again says whether another
// call may find another way.
func (s *routes) choose(u policies.URL, own string) (r *route, again bool, err error) {
	switch {
	case len(s.fetcher.local) > 0 && s.fetcher.local[hostPort(u)] != "":
		return s.direct, false, nil
	case own != "":
		r, err = s.get(own)
		if err != nil {
			err = invalid("%s", err)
		}
		return r, false, err
	case len(s.list) > 0:
		return s.rotate(time.Now()), len(s.list) > 1, nil
	}
	env := &s.fetcher.cfg.Env
	proxy := env.HTTP
	if u.Scheme() == "https" {
		proxy = env.HTTPS
	}
	if proxy == "" || bypass(env.No, u.Hostname()) {
		return s.direct, false, nil
	}
	r, err = s.get(proxy)
	return r, false, err
}

// rotate takes the next proxy that does not rest; where all do, the one whose
// rest ends first. There is no straight way instead.
func (s *routes) rotate(now time.Time) *route {
	n := uint64(len(s.list))
	turn := s.next.Add(1) - 1
	var best *route
	var earliest time.Time
	for i := range n {
		r := s.list[(turn+i)%n]
		until := r.rests()
		if !until.After(now) {
			return r
		}
		if best == nil || until.Before(earliest) {
			best, earliest = r, until
		}
	}
	return best
}

func (r *route) rests() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.until
}

// failed lets the proxy rest; worked ends that.
func (r *route) failed(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.until = now.Add(min(longestOff, firstRest<<min(r.fails, 10)))
	r.fails++
}

func (r *route) worked() {
	if r.proxy == nil {
		return
	}
	r.mu.Lock()
	r.fails, r.until = 0, time.Time{}
	r.mu.Unlock()
}

func (s *routes) close() {
	s.direct.idle()
	for _, r := range s.list {
		r.idle()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.known {
		r.idle()
	}
}
