package cli

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"downpour/engine"
	"downpour/engine/fetch"
	"downpour/internal/option"
)

func (r *runner) openFetcher(cfg engine.Config) error {
	s := r.set
	resolve, err := resolutions(s.list("resolve"))
	if err != nil {
		return err
	}
	headers, _ := s["headers"].(map[string][]string)
	logins, _ := s["auth"].(map[string]option.Login)
	auth := map[string]fetch.Auth{}
	for host, l := range logins {
		auth[host] = fetch.Auth{User: l.User, Password: l.Password, Token: l.Token}
	}
	header := http.Header{}
	for name, values := range headers {
		for _, v := range values {
			header.Add(name, v)
		}
	}
	f := fetch.Config{
		UserAgent: cfg.UserAgent, Header: header, Homes: r.homes(), Roams: bounded(s),
		Timeout: cfg.Timeout, ConnectTimeout: s.duration("connect-timeout"), IdleTimeout: s.duration("idle-timeout"),
		MaxBody: s.number("max-body"), Concurrency: cfg.Concurrency,
		Proxies: s.list("proxy"), Env: proxyEnv(r.p.getenv),
		Resolve: resolve, Private: s.bool("allow-private"),
		Auth: auth, Cookies: s.bool("cookies"),
		Cache: r.cacheFolder(), CacheSize: s.number("cache-size"), Offline: s.bool("offline"), Recrawl: s.bool("recrawl"),
		MinTLS: tlsVersions[s.text("min-tls")], InsecureHosts: s.list("insecure-hosts"),
		Log: r.log,
	}
	if f.RootCAs, err = authorities(s.text("ca-file")); err != nil {
		return err
	}
	if f.Certificates, err = clientCertificate(s.text("client-cert"), s.text("client-key")); err != nil {
		return err
	}
	if r.parts.site != nil {
		f.Local = map[string]string{siteHost + ":80": r.parts.site.addr}
	}
	if r.parts.fetcher, err = fetch.New(f); err != nil {
		return &usageError{err.Error()}
	}
	if f.Recrawl && !r.parts.fetcher.Kept() {
		r.say("no pages are kept from a run before: all count as new, and are kept for the next --recrawl")
	}
	return r.importCookies()
}

// homes are the seeds that are known before the crawl begins: a crawl that goes
// on begins with their pages.
func (r *runner) homes() []string {
	list, _ := r.set["seeds"].([]string)
	if r.asked.has("seeds") {
		list = nil // files
	}
	var urls []string
	for _, s := range append(list[:len(list):len(list)], r.urls...) {
		if u, err := seedURL(s); err == nil {
			urls = append(urls, u)
		}
	}
	return urls
}

// bounded reports whether the crawl keeps to the sites it was given.
func bounded(s settings) bool {
	return s.bool("same-host") || s.bool("same-domain") || len(s.list("domains")) > 0
}

// cacheFolder is the folder of the cache: the one that is named, or with
// --recrawl one beside the crawl's state.
func (r *runner) cacheFolder() string {
	switch {
	case !r.ownPages():
		return r.set.text("cache")
	case !r.set.bool("recrawl"):
		return ""
	}
	return filepath.Join(r.stateFolder(), "pages")
}

// ownPages reports whether no folder is named for the cache: a named one may
// have pages of other crawls.
func (r *runner) ownPages() bool {
	dir := r.set.text("cache")
	return dir == "" || dir == "off"
}

var tlsVersions = map[string]uint16{
	"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13,
}

// authorities are the system's and those of a file; nil for the system's alone.
func authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, usagef("--ca-file: %v", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, usagef("--ca-file %s: holds no certificate in PEM form", file)
	}
	return pool, nil
}

// clientCertificate reads the crawl's own certificate, whose key may be in the
// same file.
func clientCertificate(cert, key string) ([]tls.Certificate, error) {
	switch {
	case cert == "" && key == "":
		return nil, nil
	case cert == "":
		return nil, usagef("--client-key needs --client-cert")
	case key == "":
		key = cert
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, usagef("--client-cert: %v", err)
	}
	return []tls.Certificate{pair}, nil
}

// importCookies adds the cookies of a file.
func (r *runner) importCookies() error {
	if !r.set.bool("cookies") {
		for _, flag := range [...]string{"import-cookies", "export-cookies"} {
			if r.set.has(flag) {
				return usagef("--%s needs cookies, which are off", flag)
			}
		}
	}
	path := r.set.text("import-cookies")
	if path == "" {
		return nil
	}
	file, err := os.Open(path)
	if err != nil {
		return usagef("--import-cookies: %v", err)
	}
	defer file.Close()
	if err := r.parts.fetcher.LoadCookies(file); err != nil {
		return usagef("--import-cookies %s: %v", path, err)
	}
	return nil
}

// keepCookies makes the cookies last as long as the crawl.
func (r *runner) keepCookies() error {
	dir := r.stateFolder()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return r.parts.fetcher.KeepCookies(filepath.Join(dir, "cookies.txt"), r.parts.store.Resumed())
}

// exportCookies writes the cookies where they were asked for.
func (r *runner) exportCookies() error {
	path := r.set.text("export-cookies")
	if path == "" {
		return nil
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("--export-cookies: %w", err)
	}
	err = r.parts.fetcher.WriteCookies(file)
	if cerr := file.Close(); err == nil {
		err = cerr
	}
	return err
}

// proxyEnv reads the variables every HTTP tool knows. HTTP_PROXY in capitals is
// not read: a CGI program's caller could set it.
func proxyEnv(getenv func(string) (string, bool)) fetch.ProxyEnv {
	first := func(names ...string) string {
		for _, n := range names {
			if v, ok := getenv(n); ok && v != "" {
				return v
			}
		}
		return ""
	}
	return fetch.ProxyEnv{
		HTTP:  first("http_proxy", "all_proxy", "ALL_PROXY"),
		HTTPS: first("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
		No:    first("no_proxy", "NO_PROXY"),
	}
}

// resolutions reads HOST:PORT:ADDR, either of which may be an IPv6 address in
// brackets.
func resolutions(list []string) (map[string]string, error) {
	m := map[string]string{}
	for _, s := range list {
		parts := resolveForm.FindStringSubmatch(s)
		if parts == nil {
			return nil, usagef("--resolve takes HOST:PORT:ADDR, not %q", s)
		}
		key := strings.ToLower(parts[1]) + ":" + parts[2]
		if m[key] != "" {
			parts[3] = m[key] + "," + parts[3]
		}
		m[key] = parts[3]
	}
	return m, nil
}

var resolveForm = regexp.MustCompile(`^(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+):([0-9]+):(.+)$`)
