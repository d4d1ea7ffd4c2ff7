package frontier

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// segmentSize is the length at which a new segment is begun, maxOpen how many
// segments are kept open for reading.
const (
	segmentSize = 64 << 20
	maxOpen     = 32
)

// A segment is one file of a journal. All but the last are only read.
type segment struct {
	number  uint32
	cleaned uint32 // number of the last segment when this one was cleaned; 0 for never
	size    int64
	dead    int64    // bytes a cleaning would save, about
	file    *os.File // nil when closed
}

func segmentPath(dir string, number uint32) string {
	return filepath.Join(dir, fmt.Sprintf("%08d.seg", number))
}

// segmentNumbers lists the segments of a folder in order, and wants none to be
// missing: none is ever removed before its crawl has ended.
func segmentNumbers(dir string) (last uint32, err error) {
	names, err := filepath.Glob(filepath.Join(dir, "????????.seg"))
	if err != nil {
		return 0, err
	}
	for _, path := range names { // Glob sorts
		if path != segmentPath(dir, last+1) {
			return 0, fmt.Errorf("%s is missing", segmentPath(dir, last+1))
		}
		last++
	}
	return last, nil
}

// A frameReader reads a segment's frames one by one.
type frameReader struct {
	path string
	size int64
	at   int64 // where the next frame begins
	file *os.File
	r    *bufio.Reader
	buf  []byte
}

// errTorn says that a segment ends in the middle of a frame, or in what is none.
var errTorn = errors.New("torn frame")

func openFrames(path string) (*frameReader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	fr := &frameReader{path: path, size: st.Size(), file: f, r: bufio.NewReaderSize(f, 1<<18)}
	if err := fr.format(); err != nil {
		f.Close()
		return nil, err
	}
	return fr, nil
}

// format checks the first line.
func (fr *frameReader) format() error {
	line, err := fr.r.Peek(min(len(formatLine), int(fr.size)))
	if err != nil {
		return err
	}
	switch have := string(line); {
	case have == formatLine:
		_, _ = fr.r.Discard(len(formatLine)) // peeked at already
		fr.at = int64(len(formatLine))
		return nil
	case strings.HasPrefix(formatLine, have):
		return errTorn
	case strings.HasPrefix(have, formatName):
		return fmt.Errorf("%s is of a format this version does not read: finish the crawl with the version that began it, or start over with --fresh", fr.path)
	default:
		return fmt.Errorf("%s is not a journal of Downpour: name another folder, or start over with --fresh", fr.path)
	}
}

// next gives the next frame's payload, good until the call after, and where in
// the file it begins. It ends with io.EOF, or errTorn when what is left is no
// whole frame.
func (fr *frameReader) next() (payload []byte, at int64, err error) {
	if fr.at == fr.size {
		return nil, 0, io.EOF
	}
	var head [frameHead]byte
	if fr.size-fr.at < frameHead {
		return nil, 0, errTorn
	}
	if _, err := io.ReadFull(fr.r, head[:]); err != nil {
		return nil, 0, err
	}
	n := int64(binary.LittleEndian.Uint32(head[:]))
	if n == 0 || n > fr.size-fr.at-frameHead {
		return nil, 0, errTorn
	}
	if int64(cap(fr.buf)) < n {
		fr.buf = make([]byte, n+n/4)
	}
	payload = fr.buf[:n]
	if _, err := io.ReadFull(fr.r, payload); err != nil {
		return nil, 0, err
	}
	if crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
		return nil, 0, errTorn
	}
	at = fr.at + frameHead
	fr.at = at + n
	return payload, at, nil
}

func (fr *frameReader) close() { fr.file.Close() }

// reading gives the segment's file for reading, opened if need be.
func (j *Journal) reading(s *segment) (*os.File, error) {
	if s.file != nil {
		return s.file, nil
	}
	if j.nopen >= maxOpen {
		for _, o := range j.segs[:len(j.segs)-1] {
			if o.file != nil {
				o.file.Close()
				o.file = nil
				j.nopen--
				break
			}
		}
	}
	f, err := os.Open(segmentPath(j.dir, s.number))
	if err != nil {
		return nil, err
	}
	s.file = f
	j.nopen++
	return f, nil
}

// last is the segment that is written to.
func (j *Journal) last() *segment { return j.segs[len(j.segs)-1] }

// segment is the one of a number that was read from an index entry.
func (j *Journal) segment(number uint32) *segment { return j.segs[number-1] }

// startSegment begins the next segment. The one before is synced first, so
// that only the last can be torn.
func (j *Journal) startSegment() error {
	s := &segment{number: uint32(len(j.segs)) + 1}
	if s.number > 1 {
		if err := j.last().file.Sync(); err != nil {
			return fmt.Errorf("sync the journal: %w", err)
		}
	}
	f, err := os.OpenFile(segmentPath(j.dir, s.number), os.O_RDWR|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o644)
	if err != nil {
		return j.writeError(err)
	}
	s.file = f
	j.nopen++
	j.segs = append(j.segs, s)
	j.newFile = true
	b := append([]byte(formatLine), j.head(s.number, 0)...)
	n, err := f.Write(b)
	s.size = int64(n)
	if err != nil {
		return j.writeError(err)
	}
	return nil
}

// head is the first frame of a segment.
func (j *Journal) head(number, cleaned uint32) []byte {
	b := appendUints(beginFrame(nil), opSegment, uint64(number), uint64(cleaned))
	b = appendUints(b, opTotals, uint64(j.x.finished), uint64(j.x.charged))
	b = appendLen(appendMarks(b, j.marks), j.note)
	if j.x.aside > 0 {
		b = appendUints(b, opAside, uint64(j.x.aside))
	}
	endFrame(b)
	return b
}

// writeError words an error of the disk for a person.
func (j *Journal) writeError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: make room in %s and run the same command to go on", err, j.dir)
	}
	return fmt.Errorf("write the journal: %w", err)
}
