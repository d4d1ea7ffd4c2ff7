package engine

import (
	"bytes"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// same counts a page by what it says. It reports whether r is far from the
// seeds and its host has answered very many URLs with the same page: then its
// links to that host lead nowhere new.
func (t *traps) same(r *Request, resp *Response) bool {
	if len(resp.Body) == 0 || r.MethodOrGet() != "GET" || !strings.Contains(resp.Header.Get("Content-Type"), "html") {
		return false
	}
	u, err := r.parsed()
	if err != nil {
		return false
	}
	print := likeness(u.Host(), resp.Body)
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.bodies.add(print, bodySlots)
	if n > 1 {
		t.alike++
	}
	return t.similar >= 0 && n > t.similar && r.Depth > trapDepth
}

// likeness is a digest of a host's page but for what the URLs in its tags say
// after a question mark or a semicolon: a session there makes no other page.
func likeness(host string, page []byte) uint64 {
	var d xxhash.Digest
	d.Reset()
	d.WriteString(host)
	for {
		open := bytes.IndexByte(page, '<')
		if open < 0 {
			break
		}
		d.Write(page[:open])
		page = page[open:]
		end := bytes.IndexByte(page, '>')
		if end < 0 {
			break
		}
		digestTag(&d, page[:end])
		page = page[end:]
	}
	d.Write(page)
	return d.Sum64()
}

func digestTag(d *xxhash.Digest, tag []byte) {
	for {
		query := bytes.IndexAny(tag, "?;")
		if query < 0 {
			d.Write(tag)
			return
		}
		d.Write(tag[:query])
		tag = tag[query:]
		end := bytes.IndexAny(tag, "\"' \t\r\n")
		if end < 0 {
			return
		}
		tag = tag[end:]
	}
}
