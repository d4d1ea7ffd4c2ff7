package fetch

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"time"

	"downpour/engine"
	"downpour/engine/fetch/cache"
	"downpour/policies"
)

// A shelf is what the cache has for one exchange.
type shelf struct {
	use      bool         // the request may be answered from the cache
	key      string       // the URL without user and password
	identity string       // whose answers these are
	request  http.Header  // as it is sent, but for conditions and logins
	entry    *cache.Entry // the one of the URL; nil for none
	match    bool         // it answers this request, if it is fresh or the site says that it holds
	asked    bool         // the request carries the entry's validators
	held     bool         // and the site says that it holds
}

// openCache opens the folder that cfg names, if it names one.
func (f *Fetcher) openCache() (err error) {
	cfg := &f.cfg
	switch {
	case cfg.Cache == "" && (cfg.Offline || cfg.Recrawl):
		return fmt.Errorf("offline and recrawl need a cache")
	case cfg.Offline && cfg.Recrawl:
		return fmt.Errorf("offline and recrawl exclude each other: one asks nothing of the sites, the other everything")
	case cfg.Cache == "":
		return nil
	}
	f.cache, err = cache.Open(cfg.Cache, cfg.CacheSize)
	return err
}

// Kept reports whether the cache holds anything.
func (f *Fetcher) Kept() bool { return f.cache != nil && !f.cache.Empty() }

// Unmet are the pages in the cache that have not been asked for since begun:
// what a crawl before had, and the one that began then has not met. Those that
// were got with another account or cookie jar than a plain request for them has
// are left out. It looks when it is ranged over.
func (f *Fetcher) Unmet(begun time.Time) iter.Seq[string] {
	return func(yield func(string) bool) {
		for e := range f.cache.Older(begun) {
			x := exchange{fetcher: f, req: &engine.Request{URL: e.URL}}
			if e.Status/100 == 2 && x.prepare() == nil && x.identity() == e.Identity && !yield(e.URL) {
				return
			}
		}
	}
}

// look takes what the cache has for the request off the shelf. It reports
// whether that is the answer; otherwise its validators go with the request. In
// offline mode it fails where there is nothing.
func (x *exchange) look() (answered bool, err error) {
	f, s := x.fetcher, &x.shelf
	if f.cache == nil {
		return false, nil
	}
	s.key = x.url.Origin() + x.url.PathQuery()
	s.use = cache.Usable(x.req.MethodOrGet(), len(x.req.Body) > 0, x.header)
	if s.use {
		s.identity, s.request = x.identity(), x.header.Clone()
		s.entry = f.cache.Get(s.key)
		s.match = s.entry != nil && s.entry.Matches(s.identity, s.request)
	}
	switch {
	case f.cfg.Offline && !s.match:
		return false, &engine.Failure{Kind: engine.FailOffline, Message: "not in the cache, and --offline asks nothing of the network"}
	case f.cfg.Offline, s.match && !f.cfg.Recrawl && s.entry.Fresh(s.request, time.Now()):
		return true, nil
	case s.match:
		x.conditions()
	}
	return false, nil
}

// identity tells answers apart that different accounts were given, without
// naming them.
func (x *exchange) identity() string {
	who := x.header.Get("Authorization")
	if x.login != nil {
		who = "account " + x.login.account.User + ":" + x.login.account.Password + " " + x.login.account.Token
	}
	if x.req.Jar != "" {
		who += " jar " + x.req.Jar
	}
	if who == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(who))
	return hex.EncodeToString(sum[:16])
}

// conditions asks for the answer only if it is another than the entry.
func (x *exchange) conditions() {
	etag, modified := x.shelf.entry.Conditions()
	if etag != "" {
		x.set("If-None-Match", etag)
	}
	if modified != "" {
		x.set("If-Modified-Since", modified)
	}
	x.shelf.asked = etag != "" || modified != ""
}

// serve answers the exchange from the cache.
func (x *exchange) serve(notify func(engine.Event, *engine.Response) error) (*engine.Response, error) {
	e := x.shelf.entry
	x.resp = &engine.Response{
		URL: x.url.String(), Status: e.Status, Proto: e.Proto, Message: e.Message, Header: e.Header,
		FromCache: true, Start: x.clock.begun, First: time.Now(),
	}
	if err := x.tell(notify); err != nil {
		return x.finish(), err
	}
	x.resp.Body = e.Body
	return x.finish(), nil
}

// ask is send with the entry's validators, and without them where the site
// says of another answer than the entry that it holds (RFC 9111 §4.3.4).
func (x *exchange) ask() (*http.Response, error) {
	s := &x.shelf
	answer, err := x.send()
	if err != nil || !s.asked || answer.StatusCode != http.StatusNotModified {
		return answer, err
	}
	if s.held = s.entry.Update(answer.Header, x.clock.begun, time.Now()); s.held {
		return answer, nil
	}
	drain(answer)
	x.trace.restart()
	delete(x.header, "If-None-Match")
	delete(x.header, "If-Modified-Since")
	s.asked = false
	return x.send()
}

// adopt makes the entry the answer that a 304 says it is.
func (x *exchange) adopt() {
	e, r := x.shelf.entry, x.resp
	r.Status, r.Message, r.Header = e.Status, e.Message, e.Header
}

// settle keeps the answer, now that it is whole, or forgets what it replaces,
// and says what has changed.
func (x *exchange) settle() {
	f, s, r := x.fetcher, &x.shelf, x.resp
	if f.cache == nil {
		return
	}
	if !s.use {
		x.invalidate()
		return
	}
	sum := cache.Sum(r.Body)
	if f.cfg.Recrawl {
		r.Change = s.change(r.Status, sum)
	}
	e := &cache.Entry{
		URL: s.key, Identity: s.identity, Status: r.Status, Proto: r.Proto, Message: r.Message, Header: r.Header,
		Asked: r.Start, Answered: r.First, Sum: sum, Body: r.Body,
	}
	var err error
	switch {
	case cache.Storable(r.Status, r.Header):
		e.Vary(s.request)
		err = f.cache.Put(e)
	case f.cfg.Recrawl && r.Status/100 == 2:
		e.Bare, e.Header, e.Body = true, nil, nil
		err = f.cache.Put(e)
	case s.entry != nil && r.Status < 500: // after a server's error the entry may hold again
		err = f.cache.Remove(s.key)
	}
	f.stateFailed(err)
}

// change compares the answer with the entry.
func (s *shelf) change(status int, sum uint64) engine.Change {
	was := s.entry != nil && s.entry.Status/100 == 2
	switch {
	case was && (status == http.StatusNotFound || status == http.StatusGone):
		return engine.ChangeGone
	case status/100 != 2:
		return ""
	case !was:
		return engine.ChangeNew
	case s.held || s.entry.Sum == sum:
		return engine.ChangeNone
	}
	return engine.ChangeSome
}

// invalidate forgets what a request that changes things has made old
// (RFC 9111 §4.4).
func (x *exchange) invalidate() {
	if policies.SafeMethod(x.req.MethodOrGet()) || x.resp.Status/100 > 3 {
		return
	}
	x.fetcher.stateFailed(x.fetcher.cache.Remove(x.shelf.key))
	for _, name := range [...]string{"Location", "Content-Location"} {
		ref := x.resp.Header.Get(name)
		if ref == "" {
			continue
		}
		if u, err := x.url.Join(ref); err == nil && u.Origin() == x.url.Origin() {
			x.fetcher.stateFailed(x.fetcher.cache.Remove(u.Origin() + u.PathQuery()))
		}
	}
}

// proxyHit reports whether an answer that came by a proxy comes from its
// cache. Of several X-Cache the last is the nearest proxy's.
func proxyHit(h http.Header) bool {
	lines := h["X-Cache"]
	if len(lines) == 0 {
		return false
	}
	last := lines[len(lines)-1]
	last = strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
	word, _, _ := strings.Cut(last, " ")
	return strings.EqualFold(word, "HIT")
}
