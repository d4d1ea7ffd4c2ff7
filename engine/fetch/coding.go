package fetch

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"sync"

	"downpour/engine"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

const (
	maxCodings = 5       // on one body, as curl has it
	maxWindow  = 8 << 20 // of zstd (RFC 9659 §3)
	peekSize   = 8 << 10 // of the reader in front of a decoder
)

// codings lists the content codings of a body in the order in which they were
// applied, identity left out (RFC 9110 §8.4). Names that are no coding at all,
// such as "utf-8", are left out too, as browsers do.
func codings(values []string) ([]string, error) {
	var list []string
	for _, v := range values {
		for name := range strings.SplitSeq(v, ",") {
			switch name = strings.ToLower(strings.TrimSpace(name)); name {
			case "gzip", "x-gzip":
				list = append(list, "gzip")
			case "deflate", "br", "zstd":
				list = append(list, name)
			case "compress", "x-compress", "dcb", "dcz", "exi", "pack200-gzip", "aes128gcm":
				return nil, undecodable("content coding %q was not asked for and is not known", name)
			}
		}
	}
	if len(list) > maxCodings {
		return nil, undecodable("the body is coded %d times; %d are the most that is undone", len(list), maxCodings)
	}
	return list, nil
}

func undecodable(format string, args ...any) error {
	return &engine.Failure{Kind: engine.FailEncoding, Message: fmt.Sprintf(format, args...)}
}

// A decoder undoes one coding. release puts it back for another body.
type decoder interface {
	io.Reader
	reset(src *bufio.Reader) error
	release()
}

var (
	gzipPool   = sync.Pool{New: func() any { return new(gzipDecoder) }}
	flatePool  = sync.Pool{New: func() any { return new(flateDecoder) }}
	brotliPool = sync.Pool{New: func() any { return &brotliDecoder{Reader: brotli.NewReader(nil)} }}
	zstdPool   = sync.Pool{New: func() any { return new(zstdDecoder) }}
	peekPool   = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, peekSize) }}
)

func newDecoder(coding string) decoder {
	switch coding {
	case "gzip":
		return gzipPool.Get().(*gzipDecoder)
	case "deflate":
		return flatePool.Get().(*flateDecoder)
	case "br":
		return brotliPool.Get().(*brotliDecoder)
	}
	return zstdPool.Get().(*zstdDecoder)
}

// A flateDecoder reads zlib's format, which RFC 9110 §8.4.1.2 asks for, and the
// raw one, which some servers send in its place.
type flateDecoder struct {
	io.Reader
	raw  io.ReadCloser
	zlib io.ReadCloser
}

func (d *flateDecoder) reset(src *bufio.Reader) (err error) {
	head, _ := src.Peek(2)
	if len(head) == 2 && head[0]&0x0f == 8 && (uint(head[0])<<8|uint(head[1]))%31 == 0 {
		if d.zlib == nil {
			d.zlib, err = zlib.NewReader(src)
		} else {
			err = d.zlib.(zlib.Resetter).Reset(src, nil)
		}
		d.Reader = d.zlib
		return err
	}
	if d.raw == nil {
		d.raw = flate.NewReader(src)
	} else {
		err = d.raw.(flate.Resetter).Reset(src, nil)
	}
	d.Reader = d.raw
	return err
}

func (d *flateDecoder) release() { flatePool.Put(d) }

type brotliDecoder struct{ *brotli.Reader }

func (d *brotliDecoder) reset(src *bufio.Reader) error { return d.Reset(src) }
func (d *brotliDecoder) release()                      { brotliPool.Put(d) }

type zstdDecoder struct{ *zstd.Decoder }

func (d *zstdDecoder) reset(src *bufio.Reader) (err error) {
	if d.Decoder == nil {
		d.Decoder, err = zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		return err
	}
	return d.Reset(src)
}

func (d *zstdDecoder) release() {
	if d.Decoder != nil {
		_ = d.Reset(nil) // lets go of the body
	}
	zstdPool.Put(d)
}
