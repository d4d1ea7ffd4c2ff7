package fetch

import (
	"bytes"
	"strconv"
)

// maxSizeLine bounds the line in front of a chunk.
const maxSizeLine = 4096

// bareChunk reports whether the first line of a chunked body ends in a line
// feed without a carriage return, or may do so once it is there.
func bareChunk(body []byte) bool {
	i := bytes.IndexByte(body, '\n')
	return i <= 0 || body[i-1] != '\r'
}

// A rechunker rewrites a chunked body so that its lines end as RFC 9112 §7.1
// asks for. What is no chunk passes as it is, for net/http to refuse.
type rechunker struct {
	state chunkState
	line  []byte
	left  uint64 // of the chunk's data
}

type chunkState int

const (
	chunkSize chunkState = iota
	chunkData
	chunkEnd
	chunkTrailer
	chunkPass // all that follows passes
)

// feed appends to out what p becomes.
func (r *rechunker) feed(out, p []byte) []byte {
	for len(p) > 0 {
		switch r.state {
		case chunkPass:
			return append(out, p...)
		case chunkData:
			n := min(uint64(len(p)), r.left)
			out, p = append(out, p[:n]...), p[n:]
			if r.left -= n; r.left == 0 {
				r.state = chunkEnd
			}
			continue
		}
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			r.line = append(r.line, p...)
			if len(r.line) > maxSizeLine {
				out, r.state = append(out, r.line...), chunkPass
			}
			return out
		}
		r.line = append(r.line, p[:i]...)
		out = r.endLine(out, bytes.TrimSuffix(r.line, []byte("\r")))
		r.line, p = r.line[:0], p[i+1:]
	}
	return out
}

// endLine takes a line outside the data.
func (r *rechunker) endLine(out, line []byte) []byte {
	out = append(append(out, line...), "\r\n"...)
	switch r.state {
	case chunkSize:
		digits, _, _ := bytes.Cut(line, []byte(";"))
		n, err := strconv.ParseUint(string(bytes.TrimSpace(digits)), 16, 63)
		switch {
		case err != nil:
			r.state = chunkPass
		case n == 0:
			r.state = chunkTrailer
		default:
			r.left, r.state = n, chunkData
		}
	case chunkEnd:
		if r.state = chunkSize; len(line) > 0 {
			r.state = chunkPass
		}
	case chunkTrailer:
		if len(line) == 0 {
			r.state = chunkPass
		}
	}
	return out
}
