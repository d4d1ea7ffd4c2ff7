package fetch

import (
	"bytes"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
)

// A lenientConn is an HTTP/1 connection that puts right, before net/http sees
// them, the faults in answers that browsers overlook and net/http does not:
// a version with too many digits, header lines that are none, a carriage return
// within one, a Content-Length that is no number, transfer codings that are
// none, chunks whose lines end in a bare line feed. An answer without such
// faults passes as it is.
//
// It relies on requests not being pipelined: what is read after a request has
// been written begins with a head.
type lenientConn struct {
	net.Conn
	limit int // octets of a head

	asked atomic.Bool // a request has been written whose head has not been read
	bare  atomic.Bool // its answer has no body: HEAD

	in     []byte // read and not yet let go of
	looked int    // octets of in that hold no end of a head
	out    []byte // to be delivered
	chunks *rechunker
	err    error // with which reading ended, once out is empty
}

// Write notes that a request begins.
func (c *lenientConn) Write(p []byte) (int, error) {
	if method, _, ok := bytes.Cut(p[:min(len(p), 16)], []byte(" ")); ok && upper(method) {
		c.bare.Store(string(method) == "HEAD")
		c.asked.Store(true)
	}
	return c.Conn.Write(p)
}

func upper(p []byte) bool {
	for _, b := range p {
		if b < 'A' || b > 'Z' {
			return false
		}
	}
	return len(p) > 0
}

func (c *lenientConn) Read(p []byte) (int, error) {
	for {
		if len(c.out) > 0 {
			n := copy(p, c.out)
			c.out = c.out[n:]
			return n, nil
		}
		if c.err != nil {
			return 0, c.err
		}
		n, err := c.Conn.Read(p)
		switch {
		case c.asked.Load():
			c.chunks = nil
			if len(c.in) == 0 && err == nil && c.passes(p[:n]) {
				return n, nil
			}
			c.in = append(c.in, p[:n]...)
			c.heads(err != nil)
		case c.chunks != nil && n > 0:
			c.out = c.chunks.feed(c.out[:0], p[:n])
		default:
			return n, err
		}
		if err != nil {
			c.err = err
		}
	}
}

// passes reports whether p begins with a whole head, not of a 1xx answer, that
// needs no mending.
func (c *lenientConn) passes(p []byte) bool {
	end := headEnd(p, 0)
	if end < 0 || interim(p) {
		return false
	}
	_, mended, chunked := mend(p[:end])
	if mended || chunked && end < len(p) && bareChunk(p[end:]) {
		return false
	}
	if chunked && end == len(p) && c.chunksFollow(p) {
		c.chunks = new(rechunker)
	}
	c.asked.Store(false)
	return true
}

// heads mends the heads in c.in as they become whole, and lets go of what
// follows the last. At the end of the connection, or above the limit, what is
// there passes as it is: net/http will say what is wrong.
func (c *lenientConn) heads(last bool) {
	for {
		end := headEnd(c.in, c.looked)
		if end < 0 {
			c.looked = max(0, len(c.in)-3) // what ends it may be cut
			if !last && len(c.in) <= c.limit {
				return
			}
			c.looked = 0
			c.asked.Store(false)
			break
		}
		c.looked = 0
		head, _, chunked := mend(c.in[:end])
		c.out = append(c.out, head...)
		if rest := c.in[end:]; chunked && c.chunksFollow(c.in) && bareChunk(rest) {
			c.chunks = new(rechunker)
			c.out = c.chunks.feed(c.out, rest)
			c.in = nil
			c.asked.Store(false)
			return
		}
		done := !interim(c.in)
		c.in = c.in[end:]
		if done {
			c.asked.Store(false)
			break
		}
		if len(c.in) == 0 {
			return
		}
	}
	c.out = append(c.out, c.in...)
	c.in = nil
}

// headEnd is where the head at the front of p ends, -1 where it does not. It is
// known not to end before from.
func headEnd(p []byte, from int) int {
	for i := from; ; {
		j := bytes.IndexByte(p[i:], '\n')
		if j < 0 {
			return -1
		}
		i += j + 1
		switch {
		case i < len(p) && p[i] == '\n':
			return i + 1
		case i+1 < len(p) && p[i] == '\r' && p[i+1] == '\n':
			return i + 2
		}
	}
}

// status is the status code of a head, "" where it has none.
func status(head []byte) string {
	i := versionEnd(head)
	if i == 0 || len(head) < i+len(" 200") {
		return ""
	}
	return string(head[i+1 : i+len(" 200")])
}

// interim reports whether a head is followed by another: of the 1xx, all but
// 101.
func interim(head []byte) bool {
	s := status(head)
	return strings.HasPrefix(s, "1") && s != "101"
}

// chunksFollow reports whether a head that says so is followed by chunks.
func (c *lenientConn) chunksFollow(head []byte) bool {
	s := status(head)
	return !c.bare.Load() && !strings.HasPrefix(s, "1") && s != "204" && s != "304"
}

// mend puts a head right. chunked reports whether its body comes in chunks.
func mend(head []byte) (out []byte, mended, chunked bool) {
	i := bytes.IndexByte(head, '\n') + 1
	if version := versionEnd(head); version > len("HTTP/1.1") {
		out, mended = append(bytes.Clone(head[:len("HTTP/1.1")]), head[version:i]...), true
	}
	keep := func(upTo int) { // from here on the head is copied
		if !mended {
			out, mended = append(make([]byte, 0, len(head)+16), head[:upTo]...), true
		}
	}
	first := true
	for i < len(head) {
		end := i + bytes.IndexByte(head[i:], '\n') + 1
		line := bytes.TrimRight(head[i:end], "\r\n")
		fixed, drop := line, false
		switch {
		case len(line) == 0:
		case line[0] == ' ' || line[0] == '\t':
			drop = first // nothing that it could continue
		default:
			var is bool
			fixed, drop, is = mendLine(line)
			chunked = chunked || is
			first = first && drop
		}
		if drop || !bytes.Equal(fixed, line) {
			keep(i)
		}
		if mended && !drop {
			out = append(append(out, fixed...), head[i+len(line):end]...)
		}
		i = end
	}
	if !mended {
		out = head
	}
	return out, mended, chunked
}

// versionEnd is where the version at the front of a head ends, 0 where there is
// none of HTTP/1. Browsers read one digit of its minor part.
func versionEnd(head []byte) int {
	i := len("HTTP/1.")
	if !bytes.HasPrefix(head, []byte("HTTP/1.")) {
		return 0
	}
	for i < len(head) && '0' <= head[i] && head[i] <= '9' {
		i++
	}
	return i
}

// mendLine puts one header line right, or says to drop it. chunked reports
// that it is a Transfer-Encoding that ends in chunks.
func mendLine(line []byte) (fixed []byte, drop, chunked bool) {
	if bytes.IndexByte(line, 0) >= 0 {
		return line, false, false // no oversight: net/http refuses it
	}
	line = bytes.ReplaceAll(line, []byte("\r"), []byte(" ")) // RFC 9112 §2.2
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 {
		return line, true, false
	}
	name, value := bytes.TrimRight(line[:colon], " \t"), string(bytes.TrimSpace(line[colon+1:]))
	fixed = line
	if len(name) < colon {
		fixed = append(bytes.Clone(name), line[colon:]...)
	}
	switch {
	case bytes.ContainsAny(name, " \t"):
		return line, true, false
	case len(name) == len("Transfer-Encoding") && strings.EqualFold(string(name), "Transfer-Encoding"):
		return mendTransfer(fixed, value)
	case len(name) == len("Content-Length") && strings.EqualFold(string(name), "Content-Length"):
		return mendLength(fixed, value)
	}
	return fixed, false, false
}

// transferCoding is the header in which a lenientConn hands the transfer codings
// but "chunked" to the decoders.
const transferCoding = "Downpour-Transfer-Coding"

// mendTransfer takes "identity", repetitions and codings that nobody knows out
// of a Transfer-Encoding, and hands over compressions. Compressions above
// "chunked", which leave the length to be guessed, are net/http's to refuse.
func mendTransfer(line []byte, value string) (fixed []byte, drop, chunked bool) {
	if strings.EqualFold(value, "chunked") {
		return line, false, true
	}
	var packed []string
	for name := range strings.SplitSeq(value, ",") {
		switch name = strings.ToLower(strings.TrimSpace(name)); name {
		case "chunked":
			chunked = true
		case "gzip", "x-gzip", "deflate":
			if chunked {
				return line, false, false
			}
			packed = append(packed, name)
		}
	}
	if chunked {
		fixed = []byte("Transfer-Encoding: chunked")
	}
	if len(packed) > 0 {
		if chunked {
			fixed = append(fixed, "\r\n"...)
		}
		fixed = append(fixed, transferCoding+": "+strings.Join(packed, ", ")...)
	}
	return fixed, len(fixed) == 0, chunked
}

// mendLength drops a Content-Length that is no number; the body then ends with
// the connection. One number said several times is said once.
func mendLength(line []byte, value string) (fixed []byte, drop, chunked bool) {
	if _, err := strconv.ParseInt(value, 10, 64); err == nil && value[0] >= '0' {
		return line, false, false
	}
	first, rest, list := strings.Cut(value, ",")
	n, err := strconv.ParseUint(strings.TrimSpace(first), 10, 63)
	for list && err == nil {
		var next string
		var m uint64
		next, rest, list = strings.Cut(rest, ",")
		if m, err = strconv.ParseUint(strings.TrimSpace(next), 10, 63); err == nil && m != n {
			return line, false, false // they differ: net/http refuses it
		}
	}
	if err != nil {
		return line, true, false
	}
	return []byte("Content-Length: " + strconv.FormatUint(n, 10)), false, false
}
