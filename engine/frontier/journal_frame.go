package frontier

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"

	"downpour/engine"
)

// A segment is a line that names the format, then frames: the length of the
// payload and its CRC-32C, four bytes each, little-endian, and the payload, a
// row of operations. One frame is one atomic change. The first frame of a
// segment holds opSegment and opTotals.
//
// An operation is its byte and the fields listed here; numbers are uvarints if
// nothing else is said, texts their length and bytes.
const (
	opSegment = 1  // number, cleaned
	opTotals  = 2  // finished, charged, marks as in opMarks, note as in opNote
	opQueue   = 3  // id, name: a queue not named before
	opGroup   = 4  // place, queue, priority (1 byte), flags (1), [at, after], count (1), size (4), entries
	opDone    = 5  // queue, requests finished, ranges: number, then place, segment, first (1), count (1) each
	opState   = 6  // queue, at, rest, newly charged, charged in all, state: text
	opMarks   = 7  // number, then name: text, place each
	opNote    = 8  // text
	opSeen    = 9  // number, then prints (8 each)
	opDrop    = 10 // as opDone, with 0 finished: what was taken out by a command
	opFailed  = 11 // print (8), text: a failure to be kept, its stored form
	opMended  = 12 // print (8), segment: the failure there is kept no longer
	opValue   = 13 // key: text, until (Unix nanoseconds; 0 for good), value: text; in the file of values
	opForget  = 14 // key: text; in the file of values
	opLease   = 15 // number, then queue and twice its expiries in a row each, plus 1 if it is leased now
	opKeep    = 16 // as opState, of a lease that goes on; with opState it ends
	opAside   = 17 // requests set aside in all
)

// The flags of opGroup.
const (
	groupFront   = 1 // goes to the head of its level
	groupDelayed = 2 // at and after follow: when it was filed and for how long it waits, nanoseconds
)

// An entry of a group is the print (8 bytes), the length of the text (4) and
// the text, the request's stored form; none when it is finished.
const entryHead = 12

const (
	formatName = "downpour journal "
	formatLine = formatName + "1\n"
	frameHead  = 8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// beginFrame starts a frame in b, which it empties.
func beginFrame(b []byte) []byte { return append(b[:0], make([]byte, frameHead)...) }

// endFrame fills in the head of the frame that b is.
func endFrame(b []byte) {
	binary.LittleEndian.PutUint32(b, uint32(len(b)-frameHead))
	binary.LittleEndian.PutUint32(b[4:], crc32.Checksum(b[frameHead:], castagnoli))
}

func appendUints(b []byte, op byte, vs ...uint64) []byte {
	b = append(b, op)
	for _, v := range vs {
		b = binary.AppendUvarint(b, v)
	}
	return b
}

func appendLen[T ~string | ~[]byte](b []byte, s T) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendMarks(b []byte, marks engine.Marks) []byte {
	b = binary.AppendUvarint(b, uint64(len(marks)))
	for _, name := range slices.Sorted(maps.Keys(marks)) {
		b = appendLen(b, name)
		b = binary.AppendUvarint(b, uint64(marks[name]))
	}
	return b
}

// groupOp is opGroup without its entries.
type groupOp struct {
	place, queue uint32
	prio         int8
	flags        byte
	at, after    int64
	count        uint8
	size         uint32
}

// appendGroupHead appends an opGroup whose count and size are to be filled in
// by endGroup.
func appendGroupHead(b []byte, g groupOp) []byte {
	b = appendUints(b, opGroup, uint64(g.place), uint64(g.queue))
	b = append(b, byte(g.prio), g.flags)
	if g.flags&groupDelayed != 0 {
		b = binary.AppendUvarint(b, uint64(g.at))
		b = binary.AppendUvarint(b, uint64(g.after))
	}
	return append(b, 0, 0, 0, 0, 0)
}

// endGroup fills in the head of a group whose entries begin at start in b.
func endGroup(b []byte, start int, count uint8) {
	b[start-5] = count
	binary.LittleEndian.PutUint32(b[start-4:], uint32(len(b)-start))
}

// appendEntry appends a request and returns its length too.
func appendEntry(b []byte, r *engine.Request) []byte {
	start := len(b)
	b = binary.LittleEndian.AppendUint64(b, r.Print)
	b = r.AppendJSON(append(b, 0, 0, 0, 0))
	binary.LittleEndian.PutUint32(b[start+8:], uint32(len(b)-start-entryHead))
	return b
}

// appendGone appends an entry whose request is finished.
func appendGone(b []byte, print uint64) []byte {
	return append(binary.LittleEndian.AppendUint64(b, print), 0, 0, 0, 0)
}

var errMalformed = errors.New("malformed record")

// A decoder reads a payload. After the first mistake every read gives zero.
type decoder struct {
	b   []byte
	i   int
	bad bool
}

func (d *decoder) uint() uint64 {
	if d.i < len(d.b) && d.b[d.i] < 0x80 {
		d.i++
		return uint64(d.b[d.i-1])
	}
	v, n := binary.Uvarint(d.b[min(d.i, len(d.b)):])
	if n <= 0 {
		d.bad = true
		return 0
	}
	d.i += n
	return v
}

// uint32 reads a number below 1<<31.
func (d *decoder) uint32() uint32 {
	v := d.uint()
	if v >= 1<<31 {
		d.bad = true
		return 0
	}
	return uint32(v)
}

// int64 reads a number that is not negative as an int64.
func (d *decoder) int64() int64 {
	v := d.uint()
	if v >= 1<<63 {
		d.bad = true
		return 0
	}
	return int64(v)
}

// bytes gives the next n bytes, as part of the payload.
func (d *decoder) bytes(n uint64) []byte {
	if d.bad || n > uint64(len(d.b)-d.i) {
		d.bad = true
		return nil
	}
	d.i += int(n)
	return d.b[d.i-int(n) : d.i]
}

func (d *decoder) byte() byte {
	if b := d.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) text() []byte { return d.bytes(d.uint()) }

func (d *decoder) more() bool { return !d.bad && d.i < len(d.b) }

func (d *decoder) marks() engine.Marks {
	marks := engine.Marks{}
	for range d.uint() {
		name := string(d.text())
		end := d.int64()
		if d.bad {
			return nil
		}
		marks[name] = end
	}
	return marks
}

// group reads an opGroup up to its entries.
func (d *decoder) group() (g groupOp) {
	g.place, g.queue = d.uint32(), d.uint32()
	g.prio, g.flags = int8(d.byte()), d.byte()
	if g.flags&groupDelayed != 0 {
		g.at, g.after = d.int64(), d.int64()
	}
	g.count = d.byte()
	if size := d.bytes(4); size != nil {
		g.size = binary.LittleEndian.Uint32(size)
	}
	if g.place == 0 || g.count == 0 || g.count > maxGroup {
		d.bad = true
	}
	return g
}

// entry reads an entry; its text is empty when it is finished.
func (d *decoder) entry() (print uint64, text []byte) {
	head := d.bytes(entryHead)
	if head == nil {
		return 0, nil
	}
	return binary.LittleEndian.Uint64(head), d.bytes(uint64(binary.LittleEndian.Uint32(head[8:])))
}

func (d *decoder) err() error {
	if d.bad {
		return fmt.Errorf("%w at byte %d of the frame", errMalformed, d.i)
	}
	return nil
}
