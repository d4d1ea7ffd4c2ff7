// Package fetch makes one HTTP exchange at a time for the crawl: it chooses the
// way (straight, or through a proxy), refuses addresses that are nobody's
// business, sends the request, and reads the answer within its limits of time
// and size, with its content codings removed.
//
// Nothing is followed and nothing is retried here but what HTTP itself asks
// for: the answer to a WWW-Authenticate challenge, and a request that a closing
// connection never delivered.
package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"downpour/engine"
	"downpour/engine/fetch/cache"
	"downpour/policies"

	"golang.org/x/net/http/httpguts"
)

// A Config says how a Fetcher works. The zero value of a field is its default;
// New checks and copies what it keeps.
type Config struct {
	UserAgent string // "" is "downpour"
	// Header is sent with every request; a request's own headers replace it. Where
	// a redirect has led to another origin, only what can be no secret is sent, and
	// what by its name is one (Authorization, Cookie, X-Api-Key) goes to the homes
	// alone: the origins of Homes, and those of requests at depth 0, which come from
	// the crawl's owner and not from a page.
	Header http.Header
	Homes  []string // URLs
	Roams  bool     // everywhere is home

	Timeout        time.Duration // of a whole exchange; 0 is 30 s
	ConnectTimeout time.Duration // of name lookup and connection, and again of the TLS handshake; 0 is 10 s
	IdleTimeout    time.Duration // between two reads of a body; 0 is 15 s
	MaxBody        int64         // octets of a body after decoding; 0 is 10 MiB
	MaxHeader      int64         // octets of status line and headers; 0 is 256 KiB
	Concurrency    int           // exchanges at a time, for the number of idle connections kept; 0 is 16

	Proxies []string // proxy URLs, taken in turn; empty: what Env says
	Env     ProxyEnv // the environment's proxies

	// Resolve maps "host:port", or "*:port", to the addresses to connect to in
	// its place: "addr" or "addr:port", several with commas. The address guard
	// holds for them. Proxies resolve names by themselves.
	Resolve map[string]string
	// Local maps "host:port" to the address of a server of this process. Such a
	// host is reached without a proxy and exempt from the address guard.
	Local map[string]string

	Private bool            // connect to private, loopback and other special addresses too
	Auth    map[string]Auth // by "host", "host:port" or "https://host:port"
	Cookies bool            // keep cookies and send them back

	Cache     string // folder of a cache (RFC 9111), which processes may share; "" for none
	CacheSize int64  // octets it may hold; 0 is 4 GiB
	Offline   bool   // answer from the cache alone, however old its answers are
	Recrawl   bool   // ask the sites whether what the cache has still holds, however fresh, and tell what has changed

	RootCAs       *x509.CertPool    // certificate authorities trusted; nil: the system's
	MinTLS        uint16            // least version, such as tls.VersionTLS13; 0 is TLS 1.2
	Certificates  []tls.Certificate // the crawl's own, for sites that ask for one
	InsecureHosts []string          // "host" or "host:port" whose certificates are not verified

	Resolver *net.Resolver // looks names up; nil: the system's
	Log      *slog.Logger  // nil discards
}

// ProxyEnv is what the environment says about proxies: the values of
// http_proxy, https_proxy and no_proxy.
type ProxyEnv struct {
	HTTP  string
	HTTPS string
	No    string
}

// Auth is a user name and password for one host, or a bearer token.
type Auth struct {
	User     string
	Password string
	Token    string
}

// A Fetcher implements engine.Fetcher over net/http's Transport. It is safe for
// concurrent use.
type Fetcher struct {
	cfg     Config
	header  http.Header // of every request; read only
	home    *home       // where its secrets are sent; nil: everywhere, or there are none
	away    http.Header // of those that a redirect has led to another origin; read only
	guard   guard
	routes  routes
	auth    *authStore
	cookies *jars               // nil: none kept
	cache   *cache.Folder       // nil: none kept
	local   map[string]string   // host:port in lower case to addr:port
	resolve map[string][]string // host:port in lower case to addr:port

	insecure    map[string]bool // hosts, or host:port, in lower case
	stateWarned sync.Once
	homeWarned  sync.Once // of secrets that a site was not sent
}

var _ engine.Fetcher = (*Fetcher)(nil)

// New checks cfg and returns a Fetcher. It opens no connection. The caller
// closes it.
func New(cfg Config) (*Fetcher, error) {
	fill(&cfg)
	f := &Fetcher{cfg: cfg}
	f.guard.open = cfg.Private
	var err error
	if f.header, err = baseHeader(&cfg); err != nil {
		return nil, err
	}
	f.away = harmless(f.header)
	f.home = newHome(&cfg, f.header)
	if f.local, err = parseLocal(cfg.Local); err != nil {
		return nil, err
	}
	if f.resolve, err = parseResolve(cfg.Resolve); err != nil {
		return nil, err
	}
	if f.auth, err = newAuthStore(cfg.Auth); err != nil {
		return nil, err
	}
	if f.insecure, err = parseInsecure(cfg.InsecureHosts); err != nil {
		return nil, err
	}
	if err = f.routes.init(f); err != nil {
		return nil, err
	}
	if err = f.openCache(); err != nil {
		return nil, err
	}
	if cfg.Cookies {
		f.cookies = newJars()
	}
	return f, nil
}

func fill(cfg *Config) {
	if cfg.UserAgent == "" {
		cfg.UserAgent = "downpour"
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 30 * time.Second
	}
	if cfg.ConnectTimeout <= 0 {
		cfg.ConnectTimeout = 10 * time.Second
	}
	if cfg.IdleTimeout <= 0 {
		cfg.IdleTimeout = 15 * time.Second
	}
	if cfg.MaxBody <= 0 {
		cfg.MaxBody = 10 << 20
	}
	if cfg.MinTLS == 0 {
		cfg.MinTLS = tls.VersionTLS12
	}
	if cfg.CacheSize <= 0 {
		cfg.CacheSize = 4 << 30
	}
	if cfg.MaxHeader <= 0 {
		cfg.MaxHeader = 256 << 10
	}
	if cfg.Concurrency <= 0 {
		cfg.Concurrency = 16
	}
}

func baseHeader(cfg *Config) (http.Header, error) {
	h := http.Header{
		"Accept":          {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
		"Accept-Encoding": {"gzip, deflate, br, zstd"},
	}
	if !httpguts.ValidHeaderFieldValue(cfg.UserAgent) {
		return nil, fmt.Errorf("user_agent %q holds a control character", cfg.UserAgent)
	}
	h["User-Agent"] = []string{cfg.UserAgent}
	for name, values := range cfg.Header {
		if err := checkHeader(name, values); err != nil {
			return nil, fmt.Errorf("headers: %w", err)
		}
		h[http.CanonicalHeaderKey(name)] = values
	}
	return h, nil
}

// open are the headers that say nothing but what kind of client asks, and for
// what: any site may see them.
var open = map[string]bool{
	"Accept": true, "Accept-Encoding": true, "Accept-Language": true, "Cache-Control": true, "Dnt": true, "From": true,
	"Pragma": true, "Upgrade-Insecure-Requests": true, "User-Agent": true,
}

// harmless are those of the headers h that are no credentials by any name.
func harmless(h http.Header) http.Header {
	away := http.Header{}
	for name, values := range h {
		if open[name] {
			away[name] = values
		}
	}
	return away
}

// stateFailed warns, once, of a folder that cannot be written: the crawl goes on
// without.
func (f *Fetcher) stateFailed(err error) {
	if err != nil && f.cfg.Log != nil {
		f.stateWarned.Do(func() { f.cfg.Log.Warn("not kept", "error", err) })
	}
}

// Permit opens the address guard for a seed whose host is literally a private
// address, or localhost: for that address and port alone. Any seed's origin is
// home to the crawl's headers.
func (f *Fetcher) Permit(seed string) {
	f.guard.permit(seed)
	if u, err := policies.ParseURL(seed); err == nil && f.home != nil {
		f.home.add(u)
	}
}

// Close closes the connections that are idle and saves the cookies.
func (f *Fetcher) Close() error {
	f.routes.close()
	if f.cookies == nil {
		return nil
	}
	return f.cookies.save(time.Now())
}

// Fetch makes one exchange. It fails with a *engine.Failure, or with what
// notify returned. Where the answer had begun, the response comes beside the
// error with what was received; else it is nil. ctx's end is a Failure of kind
// cancelled that wraps ctx's error. notify may be nil.
func (f *Fetcher) Fetch(ctx context.Context, req *engine.Request, notify func(engine.Event, *engine.Response) error) (*engine.Response, error) {
	x := exchange{fetcher: f, req: req}
	if err := x.prepare(); err != nil {
		return nil, x.failure(err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	x.ctx = ctx
	x.clock.start(cancel, x.timeout(), f.cfg.IdleTimeout)
	defer x.clock.stop()

	if answered, err := x.look(); err != nil {
		return nil, x.failure(err)
	} else if answered {
		return x.serve(notify)
	}
	answer, err := x.ask()
	if err != nil {
		return nil, x.failure(err)
	}
	defer answer.Body.Close()
	x.begin(answer)
	if err = x.tell(notify); err != nil {
		cancel(err)
		return x.finish(), err
	}
	if err = x.read(answer); err != nil {
		return x.finish(), x.failure(err)
	}
	x.settle()
	return x.finish(), nil
}
