package cli

import (
	"net/http"
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
		auth[host] = fetch.Auth{User: l.User, Password: l.Password}
	}
	header := http.Header{}
	for name, values := range headers {
		for _, v := range values {
			header.Add(name, v)
		}
	}
	f := fetch.Config{
		UserAgent: cfg.UserAgent, Header: header,
		Timeout: cfg.Timeout, ConnectTimeout: s.duration("connect-timeout"), IdleTimeout: s.duration("idle-timeout"),
		MaxBody: s.number("max-body"), Concurrency: cfg.Concurrency,
		Proxies: s.list("proxy"), Env: proxyEnv(r.p.getenv),
		Resolve: resolve, Private: s.bool("allow-private"),
		Auth: auth, Cookies: s.bool("cookies"),
	}
	if r.parts.site != nil {
		f.Local = map[string]string{siteHost + ":80": r.parts.site.addr}
	}
	if r.parts.fetcher, err = fetch.New(f); err != nil {
		return &usageError{err.Error()}
	}
	return nil
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
