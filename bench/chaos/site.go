package main

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// workerHeader names the process that sends a request.
const workerHeader = "Chaos-Worker"

// A visit is a request as the site saw it.
type visit struct {
	at   time.Time
	host string
	path string
	life string // of the worker that sent it
}

// A site is a web server of many hosts. The pages of a host are a tree whose
// root also leads to the roots of other hosts, so that all can be reached from
// the first.
type site struct {
	hosts, pages int
	addr         string
	server       *http.Server

	mu     sync.Mutex // guards what follows
	visits []visit
	seen   map[string]bool // pages, by host and path
}

// newSite starts a site on a port of its own. Close it.
func newSite(hosts, pages int) (*site, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &site{hosts: hosts, pages: pages, addr: l.Addr().String(), seen: map[string]bool{}}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.server.Serve(l) }() // until close
	return s, nil
}

func (s *site) close() { _ = s.server.Close() }

func hostName(h int) string { return fmt.Sprintf("h%03d.test", h) }

func pagePath(p int) string { return "/" + strconv.Itoa(p) }

// seed is the URL from which all pages can be reached.
func (s *site) seed() string { return "http://" + hostName(0) + pagePath(0) }

// ServeHTTP answers with a page and records the visit.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := visit{at: time.Now(), host: r.Host, path: r.URL.Path, life: r.Header.Get(workerHeader)}
	h, herr := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(r.Host, "h"), ".test"))
	p, perr := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
	known := herr == nil && perr == nil && h < s.hosts && p < s.pages
	s.mu.Lock()
	s.visits = append(s.visits, v)
	if known {
		s.seen[v.host+v.path] = true
	}
	s.mu.Unlock()
	if !known {
		http.NotFound(w, r) // robots.txt: there is none
		return
	}
	w.Header().Set("Content-Type", "text/html")
	for _, c := range children(p, s.pages) {
		fmt.Fprintf(w, "<a href=%q>page</a>\n", pagePath(c))
	}
	if p == 0 {
		for _, c := range children(h, s.hosts) {
			fmt.Fprintf(w, "<a href=%q>host</a>\n", "http://"+hostName(c)+pagePath(0))
		}
	}
}

// children are those of a node in a tree of n: 0 is the root.
func children(node, n int) []int {
	var c []int
	for i := 2*node + 1; i <= 2*node+2 && i < n; i++ {
		c = append(c, i)
	}
	return c
}

// progress is how much of the site has been fetched, from 0 to 1.
func (s *site) progress() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return float64(len(s.seen)) / float64(s.hosts*s.pages)
}
