package fetch

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"

	"downpour/engine"
	"downpour/policies"
)

const (
	trusted  = 1 << 20  // octets of a Content-Length that memory is set aside for
	keepBuf  = 1 << 20  // the largest buffer kept for another body
	giveBuf  = 64 << 10 // from here on a buffer is given away rather than copied
	startBuf = 32 << 10
	slack    = 64 << 10 // octets a coded body may be longer than the limit on the decoded one
)

var bufPool = sync.Pool{New: func() any { b := make([]byte, 0, startBuf); return &b }}

// read reads the body into the response. The body of a redirect is read only
// when it is small, and what goes wrong with it is no failure.
func (x *exchange) read(answer *http.Response) error {
	limit := x.fetcher.cfg.MaxBody
	redirect := policies.IsRedirect(answer.StatusCode) && answer.Header.Get("Location") != ""
	switch {
	case x.shelf.held:
		x.resp.Body = x.shelf.entry.Body
		return nil
	case answer.StatusCode == http.StatusSwitchingProtocols:
		return &engine.Failure{Kind: engine.FailProtocol, Message: "the server switched to another protocol, unasked"}
	case redirect:
		limit = min(limit, maxDrain)
		if answer.ContentLength > limit {
			return nil
		}
	}
	if answer.Body == http.NoBody { // HEAD, 204, 304: Content-Length speaks of something else
		x.resp.Body = []byte{}
		return nil
	}
	wire := wireReader{src: answer.Body, clock: &x.clock, limit: limit + slack}
	body, err := x.decode(answer, &wire, limit)
	x.resp.Wire = wire.n
	if body == nil {
		body = []byte{}
	}
	x.resp.Body = body
	if redirect && x.ctx.Err() == nil {
		return nil
	}
	return err
}

// decode reads the body through its decoders.
func (x *exchange) decode(answer *http.Response, wire *wireReader, limit int64) ([]byte, error) {
	list, err := codings(append(slices.Clip(answer.Header["Content-Encoding"]), x.packed...))
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		if answer.ContentLength > limit {
			return nil, tooLarge(fmt.Sprintf("the body has %d octets", answer.ContentLength), limit)
		}
		body, err := readAll(wire, answer.ContentLength, limit)
		return body, x.incomplete(answer, wire, err)
	}
	var stack decoders
	defer stack.release()
	src, coding, err := stack.build(wire, list, limit)
	if errors.Is(err, io.EOF) { // nothing, coded or not, is nothing
		return nil, nil
	}
	if err != nil {
		return nil, x.undecoded(answer, wire, coding, err)
	}
	body, err := readAll(src, -1, limit)
	if err != nil {
		return body, x.undecoded(answer, wire, list[0], err)
	}
	wire.rest()
	return body, nil
}

// decoders are the decoders of one body, outermost coding first, each with a
// reader in front.
type decoders struct {
	list  [maxCodings]decoder
	peeks [maxCodings]*bufio.Reader
	n     int
}

// build stacks the decoders for list on src. io.EOF says that a layer holds
// nothing at all; another error comes with the coding at fault.
func (s *decoders) build(src io.Reader, list []string, limit int64) (io.Reader, string, error) {
	for i := len(list) - 1; i >= 0; i-- {
		peek := peekPool.Get().(*bufio.Reader)
		peek.Reset(src)
		d := newDecoder(list[i])
		s.peeks[s.n], s.list[s.n] = peek, d
		s.n++
		if _, err := peek.Peek(1); err == io.EOF {
			return nil, "", io.EOF
		}
		if err := d.reset(peek); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, list[i], err
		}
		src = d
		if i > 0 {
			src = &layer{src: d, left: limit + slack, limit: limit}
		}
	}
	return src, "", nil
}

// release puts the decoders back for another body.
func (s *decoders) release() {
	for i := range s.n {
		s.peeks[i].Reset(nil)
		peekPool.Put(s.peeks[i])
		s.list[i].release()
	}
}

// undecoded tells a broken connection from a broken coding.
func (x *exchange) undecoded(answer *http.Response, wire *wireReader, coding string, err error) error {
	var f *engine.Failure
	switch {
	case errors.As(err, &f):
		return err
	case wire.err != nil && !errors.Is(wire.err, io.EOF):
		return x.incomplete(answer, wire, wire.err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return undecodable("the %s body ends early, after %d octets", coding, wire.n)
	}
	return undecodable("the %s body is broken: %v", coding, err)
}

// incomplete says how much of the body came.
func (x *exchange) incomplete(answer *http.Response, wire *wireReader, err error) error {
	if !errors.Is(err, io.ErrUnexpectedEOF) || x.ctx.Err() != nil {
		return err
	}
	message := fmt.Sprintf("the connection ended within the body, after %d octets", wire.n)
	if answer.ContentLength > 0 {
		message += fmt.Sprintf(" of %d", answer.ContentLength)
	}
	return &engine.Failure{Kind: engine.FailReset, Message: message, Err: err}
}

func tooLarge(what string, limit int64) error {
	return &engine.Failure{
		Kind:    engine.FailTooLarge,
		Message: fmt.Sprintf("%s, more than the limit of %d; --max-body allows more", what, limit),
	}
}

// readAll reads r to its end. size is how long it says it is, negative where it
// does not. What has been read is returned beside the error.
func readAll(r io.Reader, size, limit int64) ([]byte, error) {
	if size >= 0 && size <= trusted {
		return readInto(r, make([]byte, 0, size+1), limit)
	}
	pooled := bufPool.Get().(*[]byte)
	buf, err := readInto(r, (*pooled)[:0], limit)
	if len(buf) >= giveBuf {
		*pooled = make([]byte, 0, startBuf)
		bufPool.Put(pooled)
		return buf, err
	}
	body := bytes.Clone(buf)
	if cap(buf) <= keepBuf {
		*pooled = buf[:0]
	}
	bufPool.Put(pooled)
	return body, err
}

// readInto appends r to buf until it ends or has brought more than limit.
func readInto(r io.Reader, buf []byte, limit int64) ([]byte, error) {
	for empty := 0; ; {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if int64(len(buf)) > limit {
			return buf[:limit], tooLarge("the body goes on", limit)
		}
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
		if n > 0 {
			empty = 0
		} else if empty++; empty > 100 {
			return buf, io.ErrNoProgress
		}
	}
}

// A wireReader reads the body as it comes: it counts, keeps the clock informed,
// and ends what brings much and decodes to little.
type wireReader struct {
	src   io.Reader
	clock *clock
	n     int64
	limit int64
	err   error // with which src ended
}

func (w *wireReader) Read(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	w.clock.wait()
	n, err := w.src.Read(p)
	w.clock.done()
	w.n += int64(n)
	if w.n > w.limit {
		err = tooLarge("the body goes on", w.limit-slack)
	}
	w.err = err
	return n, err
}

// rest reads what follows the coded body, a little of it, so that the end of
// the message is reached and the connection can be used again.
func (w *wireReader) rest() {
	var scrap [512]byte
	for range maxDrain / len(scrap) {
		if _, err := w.Read(scrap[:]); err != nil {
			return
		}
	}
}

// A layer bounds what comes out of a coding below another.
type layer struct {
	src   io.Reader
	left  int64
	limit int64
}

func (l *layer) Read(p []byte) (int, error) {
	n, err := l.src.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, tooLarge("the body goes on", l.limit)
	}
	return n, err
}
