package fetch

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"strings"
)

// A digest answers one Digest challenge (RFC 7616), again and again while its
// nonce holds.
type digest struct {
	realm, nonce, opaque string
	algorithm            string // as it was written; "" for none
	hash                 func(string) string
	session              bool // the algorithm ends in "-sess"
	qop                  bool // qop=auth, else as RFC 2069 had it
	count                int  // requests made with the nonce
	random               func() string
}

// digestRank is how strong a Digest challenge is, 0 where it cannot be
// answered.
func digestRank(c *challenge) int {
	if c.params["nonce"] == "" {
		return 0
	}
	if q, ok := c.params["qop"]; ok && !offers(q, "auth") {
		return 0
	}
	switch algorithm(c.params["algorithm"]) {
	case "MD5":
		return 2
	case "SHA-256":
		return 3
	case "SHA-512-256":
		return 4
	}
	return 0
}

func algorithm(name string) string {
	name = strings.TrimSuffix(strings.ToUpper(name), "-SESS")
	if name == "" {
		return "MD5"
	}
	return name
}

func offers(list, word string) bool {
	for w := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.TrimSpace(w), word) {
			return true
		}
	}
	return false
}

func newDigest(c *challenge) *digest {
	d := &digest{
		realm: c.params["realm"], nonce: c.params["nonce"], opaque: c.params["opaque"],
		algorithm: c.params["algorithm"],
		session:   strings.HasSuffix(strings.ToUpper(c.params["algorithm"]), "-SESS"),
		qop:       offers(c.params["qop"], "auth"),
		random:    func() string { b := make([]byte, 16); _, _ = rand.Read(b); return hex.EncodeToString(b) },
	}
	switch algorithm(d.algorithm) {
	case "SHA-256":
		d.hash = func(s string) string { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]) }
	case "SHA-512-256":
		d.hash = func(s string) string { h := sha512.Sum512_256([]byte(s)); return hex.EncodeToString(h[:]) }
	default:
		d.hash = func(s string) string { h := md5.Sum([]byte(s)); return hex.EncodeToString(h[:]) }
	}
	return d
}

// header is the Authorization header for one request (RFC 7616 §3.4).
func (d *digest) header(a Auth, method, uri string) string {
	d.count++
	cnonce := d.random()
	nc := fmt.Sprintf("%08x", d.count)
	var b strings.Builder
	fmt.Fprintf(&b, `Digest username=%s, realm=%s, nonce=%s, uri=%s, response="%s"`,
		quote(a.User), quote(d.realm), quote(d.nonce), quote(uri), d.response(a, method, uri, nc, cnonce))
	if d.algorithm != "" {
		b.WriteString(", algorithm=" + d.algorithm)
	}
	if d.opaque != "" {
		b.WriteString(", opaque=" + quote(d.opaque))
	}
	if d.qop {
		b.WriteString(", qop=auth, nc=" + nc)
	}
	if d.qop || d.session {
		b.WriteString(", cnonce=" + quote(cnonce))
	}
	return b.String()
}

// response is RFC 7616 §3.4.1.
func (d *digest) response(a Auth, method, uri, nc, cnonce string) string {
	a1 := a.User + ":" + d.realm + ":" + a.Password
	if d.session {
		a1 = d.hash(a1) + ":" + d.nonce + ":" + cnonce
	}
	a2 := d.hash(method + ":" + uri)
	if !d.qop {
		return d.hash(d.hash(a1) + ":" + d.nonce + ":" + a2)
	}
	return d.hash(d.hash(a1) + ":" + d.nonce + ":" + nc + ":" + cnonce + ":auth:" + a2)
}

var quoting = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func quote(s string) string { return `"` + quoting.Replace(s) + `"` }
