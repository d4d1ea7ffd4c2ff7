package fetch

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"

	"downpour/engine"

	"github.com/andybalholm/brotli"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

// coded is an answer with a coded body.
func coded(coding string, body []byte) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s", coding, len(body), body)
}

func TestContentEncodings(t *testing.T) {
	var rows []struct {
		Name, Expect string
		Coding       string `json:"content_encoding"`
		Body         []byte `json:"body_b64"`
		Sum          string `json:"plain_sha256"`
		Len          int    `json:"plain_len"`
	}
	loadSuite(t, "http-content_encodings.json", &rows)
	f := newFetcher(t, Config{})
	for _, row := range rows {
		t.Run(row.Name, func(t *testing.T) {
			resp, err := get(t, f, rawServer(t, say(coded(row.Coding, row.Body))))
			sum := sha256.Sum256(resp.Body)
			whole := hex.EncodeToString(sum[:]) == row.Sum
			switch {
			case strings.HasPrefix(row.Expect, "partial"):
				if kindOf(err) != engine.FailEncoding || len(resp.Body) == 0 || whole {
					t.Errorf("%d octets, error %v; want a part of the body and kind encoding", len(resp.Body), err)
				}
			case strings.HasPrefix(row.Expect, "refused"):
				if kindOf(err) != engine.FailEncoding {
					t.Errorf("error %v, want kind encoding", err)
				}
			case strings.Contains(row.Expect, "both members"):
				if err != nil || len(resp.Body) != row.Len && len(resp.Body) != 2*row.Len {
					t.Errorf("%d octets, error %v", len(resp.Body), err)
				}
			default:
				if err != nil || !whole {
					t.Errorf("%d octets of %d, error %v", len(resp.Body), row.Len, err)
				}
			}
		})
	}
}

func pack(t testing.TB, coding string, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "deflate":
		w = zlib.NewWriter(&b)
	case "raw":
		w, _ = flate.NewWriter(&b, 9)
	case "br":
		w = brotli.NewWriter(&b)
	case "zstd":
		w, _ = zstd.NewWriter(&b)
	}
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestDecode(t *testing.T) {
	plain := []byte(strings.Repeat("hello, world\n", 10_000))
	gz := pack(t, "gzip", plain)
	var fields bytes.Buffer
	w := gzip.NewWriter(&fields)
	w.Name, w.Comment, w.Extra = strings.Repeat("n", 5000), strings.Repeat("c", 50_000), make([]byte, 30_000)
	w.Write(plain)
	w.Close()
	badSum := bytes.Clone(gz)
	badSum[len(badSum)-6] ^= 1
	f := newFetcher(t, Config{})
	for _, row := range []struct {
		name, coding string
		body         []byte
		want         string
		kind         engine.FailureKind
	}{
		{"gzip", "gzip", gz, string(plain), ""},
		{"gzip with long fields", "gzip", fields.Bytes(), string(plain), ""},
		{"raw deflate", "deflate", pack(t, "raw", plain), string(plain), ""},
		{"zlib deflate", "deflate", pack(t, "deflate", plain), string(plain), ""},
		{"br", "br", pack(t, "br", plain), string(plain), ""},
		{"zstd", "zstd", pack(t, "zstd", plain), string(plain), ""},
		{"br then gzip", "br, gzip", pack(t, "gzip", pack(t, "br", plain)), string(plain), ""},
		{"zstd then deflate then br", "zstd, deflate, br", pack(t, "br", pack(t, "deflate", pack(t, "zstd", plain))), string(plain), ""},
		{"no coding at all", "utf-8", plain, string(plain), ""},
		{"empty body", "gzip", nil, "", ""},
		{"empty body, zstd", "zstd", nil, "", ""},
		{"empty body, br", "br", nil, "", ""},
		{"empty body, deflate in gzip", "deflate, gzip", pack(t, "gzip", nil), "", ""},
		{"garbage after the members", "gzip", append(bytes.Clone(gz), "\x00\x00trailing"...), string(plain), ""},
		{"not gzip", "gzip", []byte("<html>not packed"), "", engine.FailEncoding},
		{"wrong checksum", "gzip", badSum, string(plain), engine.FailEncoding},
		{"cut gzip", "gzip", gz[:len(gz)-9], "", engine.FailEncoding},
		{"cut deflate", "deflate", pack(t, "deflate", plain)[:40], "", engine.FailEncoding},
		{"cut br", "br", pack(t, "br", plain)[:12], "", engine.FailEncoding},
		{"cut zstd", "zstd", pack(t, "zstd", plain)[:12], "", engine.FailEncoding},
		{"unknown coding", "compress", plain, "", engine.FailEncoding},
		{"six codings", "gzip,gzip,gzip,gzip,gzip,gzip", gz, "", engine.FailEncoding},
	} {
		t.Run(row.name, func(t *testing.T) {
			resp, err := get(t, f, rawServer(t, say(coded(row.coding, row.body))))
			if kindOf(err) != row.kind {
				t.Fatalf("error %v, want kind %q", err, row.kind)
			}
			if row.kind == "" {
				if diff := cmp.Diff(row.want, string(resp.Body)); diff != "" {
					t.Errorf("body (-want +got):\n%s", diff)
				}
				if resp.Wire != int64(len(row.body)) {
					t.Errorf("%d octets over the wire, want %d", resp.Wire, len(row.body))
				}
			}
		})
	}
}

// TestCutCodedBody: a connection that ends is a reset, whatever the coding.
func TestCutCodedBody(t *testing.T) {
	gz := pack(t, "gzip", []byte(strings.Repeat("hello, world ", 1000)))
	reply := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(gz), gz[:30])
	_, err := get(t, newFetcher(t, Config{}), rawServer(t, say(reply)))
	if kindOf(err) != engine.FailReset || !strings.Contains(err.Error(), "after 30 octets of ") {
		t.Errorf("error %v", err)
	}
}

// zeros is n zero octets.
type zeros struct{ n int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.n <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), z.n)
	clear(p[:n])
	z.n -= n
	return int(n), nil
}

func bomb(t *testing.T, coding string, size int64) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "gzip":
		w, _ = gzip.NewWriterLevel(&b, 1)
	case "br":
		w = brotli.NewWriterLevel(&b, 1)
	case "zstd":
		w, _ = zstd.NewWriter(&b)
	}
	if _, err := io.Copy(w, &zeros{size}); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return b.Bytes()
}

// TestBombs: what grows without end is cut at the limit, in bounded memory.
func TestBombs(t *testing.T) {
	const limit = 1 << 20
	endless := func(head, piece string) func(net.Conn, string) {
		return func(c net.Conn, _ string) {
			io.WriteString(c, head)
			for {
				if _, err := io.WriteString(c, piece); err != nil {
					return
				}
			}
		}
	}
	chunk := fmt.Sprintf("%x\r\n%s\r\n", 64<<10, strings.Repeat("a", 64<<10))
	stored := "\x00\x00\x00\xff\xff" // an empty block of deflate
	for _, row := range []struct {
		name  string
		serve func(net.Conn, string)
		kind  engine.FailureKind
	}{
		{"gzip", say(coded("gzip", bomb(t, "gzip", 64<<20))), engine.FailTooLarge},
		{"br", say(coded("br", bomb(t, "br", 64<<20))), engine.FailTooLarge},
		{"zstd", say(coded("zstd", bomb(t, "zstd", 64<<20))), engine.FailTooLarge},
		{"gzip of gzip", say(coded("gzip, gzip", pack(t, "gzip", bomb(t, "gzip", 64<<20)))), engine.FailTooLarge},
		{"large inner layer", say(coded("gzip, gzip", pack(t, "gzip", append(pack(t, "gzip", []byte("x")), make([]byte, 16<<20)...)))), ""},
		{"zstd with a window of 2 GiB", say(coded("zstd", []byte("\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00"))), engine.FailEncoding},
		{"endless chunks", endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunk), engine.FailTooLarge},
		{"endless until close", endless("HTTP/1.1 200 OK\r\n\r\n", chunk), engine.FailTooLarge},
		{"endless blocks of nothing", endless("HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n", strings.Repeat(stored, 1000)), engine.FailTooLarge},
		{"endless padding after gzip", endless("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"+gzipped("x"), strings.Repeat("\x00", 4096)), ""},
		{"Content-Length of 10 GiB", say("HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\nx"), engine.FailTooLarge},
		{"Content-Length just below the limit, nothing sent", say("HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n"), engine.FailReset},
		{"one header of 9 MiB", say("HTTP/1.1 200 OK\r\nX-Big: " + strings.Repeat("a", 9<<20) + "\r\n\r\n"), engine.FailTooLarge},
		{"endless headers", endless("HTTP/1.1 200 OK\r\n", strings.Repeat("X-A: b\r\n", 1000)), engine.FailTooLarge},
		{"endless status line", endless("HTTP/1.1 200 ", strings.Repeat("a", 4096)), engine.FailTooLarge},
		{"endless 103", endless("", strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 100)), engine.FailTooLarge},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFetcher(t, Config{MaxBody: limit})
			base := rawServer(t, row.serve)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			resp, err := get(t, f, base)
			runtime.ReadMemStats(&after)
			if kindOf(err) != row.kind {
				t.Fatalf("error %v, want kind %q", err, row.kind)
			}
			if resp != nil && len(resp.Body) > limit {
				t.Errorf("%d octets, limit %d", len(resp.Body), limit)
			}
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
				t.Errorf("%d MiB allocated", grown>>20)
			}
		})
	}
}

func TestTooLargeSaysHowToAllow(t *testing.T) {
	_, err := get(t, newFetcher(t, Config{MaxBody: 10}), rawServer(t, say("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world")))
	var fail *engine.Failure
	want := &engine.Failure{Kind: engine.FailTooLarge, Message: "the body has 11 octets, more than the limit of 10; --max-body allows more", Status: 200, Attempts: 1}
	if !errors.As(err, &fail) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, fail); diff != "" {
		t.Errorf("failure (-want +got):\n%s", diff)
	}
}

// TestDecodersAreClean: a decoder that failed is as good as new for the next.
func TestDecodersAreClean(t *testing.T) {
	for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
		t.Run(coding, func(t *testing.T) {
			good := pack(t, coding, []byte("fine"))
			for range 3 {
				d := newDecoder(coding)
				if err := d.reset(bufio.NewReader(strings.NewReader("\x1f\x8b garbage"))); err == nil {
					io.Copy(io.Discard, d)
				}
				d.release()
				d = newDecoder(coding)
				if err := d.reset(bufio.NewReader(bytes.NewReader(good))); err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(d)
				if err != nil || string(got) != "fine" {
					t.Fatalf("%q, %v", got, err)
				}
				d.release()
			}
		})
	}
}
