package fetch

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"downpour/policies"
)

// maxOrigins bounds the origins whose challenge is remembered.
const maxOrigins = 4096

// An authStore knows which host may have which user and password, and how each
// origin asks for them.
type authStore struct {
	accounts map[string]Auth // by host, host:port or origin, in lower case

	mu     sync.Mutex // guards logins
	logins map[string]*login
}

func newAuthStore(m map[string]Auth) (*authStore, error) {
	s := &authStore{accounts: make(map[string]Auth, len(m)), logins: make(map[string]*login)}
	for host, a := range m {
		if host == "" || strings.ContainsAny(host, " /") && !strings.Contains(host, "://") {
			return nil, fmt.Errorf("auth: %q is neither a host, host:port nor an origin", host)
		}
		if a.Token != "" && (a.User != "" || a.Password != "" || strings.ContainsFunc(a.Token, func(r rune) bool { return r <= ' ' || r >= 0x7f })) {
			return nil, errors.New("auth: " + host + " has a token beside a user, or one with a blank or another character that cannot be sent")
		}
		if strings.ContainsAny(a.User, ":\r\n\x00") || strings.ContainsAny(a.Password, "\r\n\x00") {
			return nil, errors.New("auth: the user for " + host + " has a colon or a control character")
		}
		s.accounts[strings.TrimSuffix(strings.ToLower(host), "/")] = a
	}
	return s, nil
}

// find is the login for u's origin: of its own userinfo, else of the accounts.
// It is nil where there is none.
func (s *authStore) find(u policies.URL) *login {
	named := u.Username() != "" || u.Password() != ""
	if !named && len(s.accounts) == 0 {
		return nil
	}
	account, ok := Auth{}, named
	key := u.Origin()
	if named {
		account = Auth{User: unescape(u.Username()), Password: unescape(u.Password())}
		key += " " + u.Username() + ":" + u.Password()
	} else {
		for _, k := range [...]string{key, hostPort(u), u.Host(), u.Hostname()} {
			if account, ok = s.accounts[k]; ok {
				break
			}
		}
	}
	if !ok {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.logins[key]
	if l == nil {
		if len(s.logins) >= maxOrigins {
			clear(s.logins)
		}
		l = &login{account: account}
		s.logins[key] = l
	}
	return l
}

func unescape(s string) string {
	if t, err := url.PathUnescape(s); err == nil {
		return t
	}
	return s
}

// A login is an account at one origin, with the challenge last seen there. It
// sends nothing before it has been asked to.
type login struct {
	account Auth

	mu     sync.Mutex // guards what follows
	basic  bool
	digest *digest // nil: not asked for
	gen    int     // challenges seen
}

// header is what the origin is known to ask for, "" for nothing yet, and which
// challenge that answers, 0 for none. A token is sent unasked: whoever gives
// one for a host means every request to it (RFC 6750 §2.1).
func (l *login) header(method, uri string) (text string, answers int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.account.Token != "":
		text = "Bearer " + l.account.Token
	case l.digest != nil:
		text = l.digest.header(l.account, method, uri)
	case l.basic:
		text = basic(l.account)
	default:
		return "", 0
	}
	return text, l.gen
}

// authorize sets the Authorization header that header says.
func (l *login) authorize(x *exchange) int {
	text, answers := l.header(x.req.MethodOrGet(), x.url.PathQuery())
	if text != "" {
		x.set("Authorization", text)
	}
	return answers
}

// generation counts the challenges seen.
func (l *login) generation() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.gen
}

// learn reads the challenges of a 401 and reports whether to try again. sent is
// the challenge that has just been answered in vain, 0 for none; twice says
// that this exchange has answered one before.
func (l *login) learn(header []string, sent int, twice bool) bool {
	chosen := strongest(challenges(header))
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case chosen == nil || l.account.Token != "":
		return false
	case sent != 0 && sent != l.gen: // another exchange has learnt since
		return !twice
	case chosen.scheme == "basic":
		if sent != 0 && l.basic && l.digest == nil {
			return false // it is the wrong password
		}
		l.basic, l.digest = true, nil
	default:
		stale := strings.EqualFold(chosen.params["stale"], "true")
		if sent != 0 && l.digest != nil && (twice || chosen.params["nonce"] == l.digest.nonce) && !stale {
			return false
		}
		l.digest = newDigest(chosen)
	}
	l.gen++
	return true
}

// basic is RFC 7617 §2, in UTF-8.
func basic(a Auth) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(a.User+":"+a.Password))
}

// A challenge is one of WWW-Authenticate: scheme and parameter names are in
// lower case.
type challenge struct {
	scheme string
	params map[string]string
}

// strongest chooses the challenge to answer, nil for none that can be.
func strongest(list []challenge) *challenge {
	var best *challenge
	rank := 0
	for i := range list {
		r := 0
		switch c := &list[i]; c.scheme {
		case "basic":
			r = 1
		case "digest":
			r = digestRank(c)
		}
		if r > rank {
			best, rank = &list[i], r
		}
	}
	return best
}

// challenges parses header lines (RFC 9110 §11.6.1). What follows an error in a
// line is left out.
func challenges(lines []string) []challenge {
	var list []challenge
	for _, line := range lines {
		p := parser{line}
		for {
			p.skip(" \t,")
			name := p.token()
			if name == "" {
				break
			}
			rest := parser{strings.TrimLeft(p.s, " \t")}
			if strings.HasPrefix(rest.s, "=") && len(list) > 0 {
				rest.s = strings.TrimLeft(rest.s[1:], " \t")
				list[len(list)-1].params[strings.ToLower(name)] = rest.value()
				p = rest
				continue
			}
			list = append(list, challenge{strings.ToLower(name), map[string]string{}})
		}
	}
	return list
}

// A parser takes pieces off the front of a header value.
type parser struct{ s string }

func (p *parser) skip(set string) { p.s = strings.TrimLeft(p.s, set) }

func (p *parser) token() string {
	end := strings.IndexAny(p.s, " \t,=\"")
	if end < 0 {
		end = len(p.s)
	}
	t := p.s[:end]
	p.s = p.s[end:]
	return t
}

// value takes a token or a quoted string.
func (p *parser) value() string {
	if !strings.HasPrefix(p.s, `"`) {
		return p.token()
	}
	var b strings.Builder
	for i := 1; i < len(p.s); i++ {
		switch c := p.s[i]; {
		case c == '"':
			p.s = p.s[i+1:]
			return b.String()
		case c == '\\' && i+1 < len(p.s):
			i++
			b.WriteByte(p.s[i])
		default:
			b.WriteByte(c)
		}
	}
	p.s = ""
	return b.String()
}
