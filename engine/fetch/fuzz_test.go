package fetch

import (
	"bufio"
	"io"
	"strings"
	"testing"
	"time"

	"downpour/policies"

	"golang.org/x/net/http/httpguts"
)

// FuzzCookie: whatever a site sets, what is sent back is one valid header, to
// that site alone.
func FuzzCookie(f *testing.F) {
	for _, s := range []string{
		"a=b", "a=b; Path=/x; Domain=.a.test; Max-Age=3; Secure", "__Host-a=b", "a=b; Expires=Wed, 09 Jun 2021 10:18:14 GMT", "=x;;; domain=", "\"a\"=\x80",
	} {
		f.Add(s, "http://x.a.test/d/e")
	}
	now := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	other, err := policies.ParseURL("https://elsewhere.example/d/e")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line, url string) {
		u, err := policies.ParseURL(url)
		if err != nil || !u.IsHTTP() || policies.Domain(u.Hostname()) == "elsewhere.example" {
			return
		}
		j := newJar()
		j.store(u, []string{line}, now)
		if got := j.header(u, now); !httpguts.ValidHeaderFieldValue(got) {
			t.Fatalf("%q from %s sends %q", line, url, got)
		}
		if got := j.header(other, now); got != "" {
			t.Fatalf("%q from %s sends %q to %s", line, url, got, other)
		}
	})
}

// FuzzChallenges: any challenge is answered with a valid header or not at all.
func FuzzChallenges(f *testing.F) {
	for _, s := range []string{`Basic realm="x"`, `Digest realm="b\"", nonce="n", qop="auth,auth-int", algorithm=SHA-256-sess, opaque=o`, "a=b, c", `Digest nonce="`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if !httpguts.ValidHeaderFieldValue(line) {
			return // net/http refuses the answer
		}
		c := strongest(challenges([]string{line}))
		if c == nil || c.scheme != "digest" {
			return
		}
		if h := newDigest(c).header(Auth{User: "bob", Password: "pw"}, "GET", "/"); !httpguts.ValidHeaderFieldValue(h) {
			t.Fatalf("%q is answered with %q", line, h)
		}
	})
}

// FuzzDecoders: no body, however broken, is more than an error.
func FuzzDecoders(f *testing.F) {
	for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
		f.Add(coding, string(pack(f, coding, []byte("hello, hello, hello"))))
	}
	f.Fuzz(func(_ *testing.T, coding, body string) {
		d := newDecoder(coding)
		defer d.release()
		if d.reset(bufio.NewReader(strings.NewReader(body))) == nil {
			io.Copy(io.Discard, io.LimitReader(d, 1<<20))
		}
	})
}
