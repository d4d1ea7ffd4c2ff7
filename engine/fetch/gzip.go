package fetch

import (
	"bufio"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"
)

var errGzip = errors.New("not gzip, or a wrong checksum")

// A gzipDecoder reads RFC 1952, member after member. Fields of the head may
// have any length, and what follows the last member, such as padding, is
// ignored, as browsers and gzip(1) do.
type gzipDecoder struct {
	src   *bufio.Reader
	flate io.ReadCloser
	sum   uint32 // of the member so far
	size  uint32
}

func (d *gzipDecoder) reset(src *bufio.Reader) error {
	d.src = src
	return d.member()
}

// member reads a member's head (RFC 1952 §2.3).
func (d *gzipDecoder) member() error {
	var head [10]byte
	if _, err := io.ReadFull(d.src, head[:]); err != nil {
		return unexpected(err)
	}
	flags := head[3]
	if head[0] != 0x1f || head[1] != 0x8b || head[2] != 8 || flags&0xe0 != 0 {
		return errGzip
	}
	if err := d.fields(flags); err != nil {
		return unexpected(err)
	}
	d.sum, d.size = 0, 0
	if d.flate == nil {
		d.flate = flate.NewReader(d.src)
		return nil
	}
	return d.flate.(flate.Resetter).Reset(d.src, nil)
}

// fields skips the optional fields of a head.
func (d *gzipDecoder) fields(flags byte) error {
	skip := 0
	if flags&4 != 0 { // extra
		var n [2]byte
		if _, err := io.ReadFull(d.src, n[:]); err != nil {
			return err
		}
		skip = int(binary.LittleEndian.Uint16(n[:]))
	}
	if _, err := d.src.Discard(skip); err != nil {
		return err
	}
	for _, flag := range [...]byte{8, 16} { // name, comment
		if flags&flag == 0 {
			continue
		}
		for b := byte(1); b != 0; {
			var err error
			if b, err = d.src.ReadByte(); err != nil {
				return err
			}
		}
	}
	if flags&2 != 0 { // checksum of the head
		_, err := d.src.Discard(2)
		return err
	}
	return nil
}

func (d *gzipDecoder) Read(p []byte) (int, error) {
	for {
		n, err := d.flate.Read(p)
		d.sum = crc32.Update(d.sum, crc32.IEEETable, p[:n])
		d.size += uint32(n)
		switch {
		case err == nil || !errors.Is(err, io.EOF):
			return n, err
		case n > 0:
			return n, nil // the end comes again
		}
		if err = d.trailer(); err != nil {
			return 0, err
		}
		if magic, _ := d.src.Peek(2); string(magic) != "\x1f\x8b" {
			return 0, io.EOF
		}
		if err = d.member(); err != nil {
			return 0, err
		}
	}
}

func (d *gzipDecoder) trailer() error {
	var t [8]byte
	if _, err := io.ReadFull(d.src, t[:]); err != nil {
		return unexpected(err)
	}
	if binary.LittleEndian.Uint32(t[:4]) != d.sum || binary.LittleEndian.Uint32(t[4:]) != d.size {
		return errGzip
	}
	return nil
}

func (d *gzipDecoder) release() {
	d.src = nil
	gzipPool.Put(d)
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
