package fetch

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"downpour/engine"
)

// pieces is a connection that brings its answer in pieces of at most size.
type pieces struct {
	net.Conn
	answer string
	size   int
}

func (c *pieces) Write(p []byte) (int, error) { return len(p), nil }

func (c *pieces) Read(p []byte) (int, error) {
	if c.answer == "" {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.size)], c.answer)
	c.answer = c.answer[n:]
	return n, nil
}

// through is what a lenientConn makes of an answer that comes in pieces.
func through(request, answer string, size int) string {
	c := &lenientConn{Conn: &pieces{answer: answer, size: size}, limit: 1 << 10}
	io.WriteString(c, request)
	out, _ := io.ReadAll(c)
	return string(out)
}

const (
	getLine = "GET / HTTP/1.1\r\n\r\n"
	okLine  = "HTTP/1.1 200 OK\r\n"
	chunked = "Transfer-Encoding: chunked\r\n\r\n"
)

func TestLenient(t *testing.T) {
	for _, row := range []struct{ name, request, in, want string }{
		{"nothing wrong", getLine, okLine + "A: b\r\n c\r\nContent-Length: 2\r\n\r\nhi\nho", ""},
		{"bare line feeds are fine", getLine, "HTTP/1.1 200 OK\nA: b\n\nhi", ""},
		{"no headers", getLine, okLine + "\r\nhi", ""},
		{"a line without a colon", getLine, okLine + "oops\r\nA: b\r\n\r\nhi: x\noops\n", okLine + "A: b\r\n\r\nhi: x\noops\n"},
		{"a line without a name", getLine, okLine + ": x\r\nA: b\r\n\r\n", okLine + "A: b\r\n\r\n"},
		{"a blank in the name", getLine, okLine + "A b: x\r\nA: b\r\n\r\n", okLine + "A: b\r\n\r\n"},
		{"a blank before the colon", getLine, okLine + "A : b\r\n\r\n", okLine + "A: b\r\n\r\n"},
		{"a continuation of nothing", getLine, okLine + " A: b\r\nC: d\r\n e\r\n\r\n", okLine + "C: d\r\n e\r\n\r\n"},
		{"a length that is no number", getLine, okLine + "Content-Length: nah\r\n\r\nhi", okLine + "\r\nhi"},
		{"a negative length", getLine, okLine + "content-length: -2\r\n\r\nhi", okLine + "\r\nhi"},
		{"a length beyond 63 bits", getLine, okLine + "Content-Length: 36893488147419103232\r\n\r\nhi", okLine + "\r\nhi"},
		{"a length said twice", getLine, okLine + "Content-Length: 2, 02,2\r\n\r\nhi", okLine + "Content-Length: 2\r\n\r\nhi"},
		{"two lengths", getLine, okLine + "Content-Length: 2, 3\r\n\r\nhi", ""},
		{"identity", getLine, okLine + "Transfer-Encoding: identity\r\n\r\nhi", okLine + "\r\nhi"},
		{"chunked twice", getLine, okLine + "Transfer-Encoding: Chunked, chunked\r\n\r\n0\r\n\r\n", okLine + chunked + "0\r\n\r\n"},
		{"gzip as a transfer coding", getLine, okLine + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", okLine + "Transfer-Encoding: chunked\r\nDownpour-Transfer-Coding: gzip\r\n\r\n0\r\n\r\n"},
		{"gzip alone as a transfer coding", getLine, okLine + "Transfer-Encoding: gzip\r\n\r\nhi", okLine + "Downpour-Transfer-Coding: gzip\r\n\r\nhi"},
		{"chunks below a compression", getLine, okLine + "Transfer-Encoding: chunked, gzip\r\n\r\n", ""},
		{"a transfer coding nobody knows", getLine, okLine + "Transfer-Encoding: lzma, chunked\r\n\r\n0\r\n\r\n", okLine + chunked + "0\r\n\r\n"},
		{"nothing but a transfer coding nobody knows", getLine, okLine + "Transfer-Encoding: lzma\r\n\r\nhi", okLine + "\r\nhi"},
		{"a version of many digits", getLine, "HTTP/1.01023 200 OK\r\n\r\nhi", "HTTP/1.0 200 OK\r\n\r\nhi"},
		{"a carriage return in a header", getLine, okLine + "A: b\rContent-Length: 0\r\n\r\n", okLine + "A: b Content-Length: 0\r\n\r\n"},
		{"chunks", getLine, okLine + chunked + "2\r\nhi\r\n0\r\n\r\n", ""},
		{"chunks with bare line feeds", getLine, okLine + chunked + "2;x=y\nhi\n3\n\nho\n0\nA: b\n\n", okLine + chunked + "2;x=y\r\nhi\r\n3\r\n\nho\r\n0\r\nA: b\r\n\r\n"},
		{"chunks that break off", getLine, okLine + chunked + "2\nhi\nzz\nleft\nas it is", okLine + chunked + "2\r\nhi\r\nzz\r\nleft\nas it is"},
		{"no chunks after HEAD", "HEAD / HTTP/1.1\r\n\r\n", okLine + chunked, ""},
		{"no chunks after 204", getLine, "HTTP/1.1 204 OK\r\n" + chunked + "\n", ""},
		{"after a 1xx", getLine, "HTTP/1.1 103 Hints\r\noops\r\n\r\n" + okLine + "oops\r\n\r\nhi", "HTTP/1.1 103 Hints\r\n\r\n" + okLine + "\r\nhi"},
		{"not HTTP", getLine, "SSH-2.0-x\r\n", ""},
		{"a head without end", getLine, okLine + "oops\r\n" + strings.Repeat("A: b\r\n", 1000), ""},
		{"unasked", "", okLine + "oops\r\n\r\n", ""},
		{"a body that is no request", "data", okLine + "oops\r\n\r\n", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.want == "" {
				row.want = row.in
			}
			for _, size := range []int{1, 2, 3, 7, max(1, headEnd([]byte(row.in), 0)), 1 << 20} {
				if got := through(row.request, row.in, size); got != row.want {
					t.Errorf("in pieces of %d: %q, want %q", size, got, row.want)
				}
			}
		})
	}
}

// TestLenientKeepAlive: answers follow one another on a connection.
func TestLenientKeepAlive(t *testing.T) {
	answers := []string{
		okLine + chunked + "2\nhi\n0\n\n",
		okLine + "oops\r\nContent-Length: 2\r\n\r\nhi",
		okLine + "Content-Length: 2\r\n\r\nhi",
		"HTTP/1.1 100 Continue\r\n\r\n" + okLine + chunked + "1\r\nh\r\n1\r\ni\r\n0\r\n\r\n",
		okLine + chunked + "2\nhi\n0\n\n",
	}
	conns := 0
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns++
			go func() {
				defer c.Close()
				r := bufio.NewReader(c)
				for _, a := range answers {
					if _, err := readHead(r); err != nil {
						return
					}
					io.WriteString(c, a)
				}
			}()
		}
	}()
	f := newFetcher(t, Config{})
	for i := range answers {
		resp, err := get(t, f, "http://"+l.Addr().String())
		if err != nil || string(resp.Body) != "hi" {
			t.Fatalf("answer %d: %v, error %v", i, resp, err)
		}
	}
	if conns != 1 {
		t.Errorf("%d connections", conns)
	}
}

// TestLenientReadError: an error passes on, after what came before it.
func TestLenientReadError(t *testing.T) {
	base := rawServer(t, func(c net.Conn, _ string) {
		io.WriteString(c, okLine+"oops\r\nContent-Length: 5\r\n\r\nhi")
		c.(*net.TCPConn).SetLinger(0) // a reset, not an end
	})
	resp, err := get(t, newFetcher(t, Config{}), base)
	var f *engine.Failure
	if !errors.As(err, &f) || f.Kind != engine.FailReset || resp == nil || resp.Status != 200 {
		t.Errorf("%v, error %v", resp, err)
	}
}

// FuzzLenient: in whatever pieces an answer comes, the same is made of it, and
// it is not mended twice.
func FuzzLenient(f *testing.F) {
	for _, s := range []string{
		okLine + "A: b\r\n\r\nhi", okLine + "oops\n\nhi", okLine + chunked + "2\nhi\n0\n\n",
		"HTTP/1.1 103 x\r\n\r\n" + okLine + "Content-Length: 1,1\r\n\r\n", okLine + " A\r\n\r\n",
	} {
		f.Add(s, 1)
	}
	f.Fuzz(func(t *testing.T, answer string, size int) {
		if size < 1 || size > 1<<12 || len(answer) > 900 { // below the limit of a head
			return
		}
		whole := through(getLine, answer, 1<<20)
		if got := through(getLine, answer, size); got != whole {
			t.Fatalf("in pieces of %d: %q, at once: %q", size, got, whole)
		}
		if again := through(getLine, whole, 1<<20); again != whole && len(whole) < 1000 {
			t.Fatalf("once: %q, twice: %q", whole, again)
		}
	})
}

func BenchmarkLenient(b *testing.B) {
	answer := []byte(okLine + "Date: Mon, 01 Jan 2024 00:00:00 GMT\r\nServer: x\r\nContent-Type: text/html\r\nContent-Length: 15000\r\n\r\n")
	answer = append(answer, bytes.Repeat([]byte("x"), 15000)...)
	c := &lenientConn{limit: 1 << 18}
	b.ReportAllocs()
	for b.Loop() {
		c.asked.Store(true)
		if !c.passes(answer) {
			b.Fatal("mended")
		}
	}
}
