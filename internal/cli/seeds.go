package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"

	"downpour/policies"
)

// seedLineMax is how long a line of a seeds file may be, in bytes.
const seedLineMax = 64 << 10

// seedURL reads a seed as a person writes it: a URL, or a host with or without
// a path, which gets http://.
func seedURL(s string) (string, error) {
	text := strings.TrimSpace(s)
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := policies.ParseURL(text)
	if err != nil {
		return "", fmt.Errorf("%q is no URL: %w", clip(s), err)
	}
	if !u.IsHTTP() {
		return "", fmt.Errorf("%q: only http and https can be crawled", clip(s))
	}
	return u.String(), nil
}

// clip shortens text for a message.
func clip(s string) string {
	if len(s) <= 200 {
		return s
	}
	return strings.ToValidUTF8(s[:200], "") + "…"
}

// given yields the URLs of the command line, which have been checked.
func given(urls []string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, u := range urls {
			if !yield(u, nil) {
				return
			}
		}
	}
}

// seedFile yields the URLs of a file, or of stdin for "-", one a line, as they
// are asked for. Empty lines and lines that begin with # are passed over; for
// one that is no URL it yields an error that names it, and goes on.
func seedFile(path string, stdin io.Reader) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		r := stdin
		if path != "-" {
			f, err := os.Open(path)
			if err != nil {
				yield("", err)
				return
			}
			defer f.Close()
			r = f
		} else {
			path = "stdin"
		}
		readSeeds(bufio.NewReaderSize(r, seedLineMax), path, yield)
	}
}

func readSeeds(r *bufio.Reader, path string, yield func(string, error) bool) {
	for n := 1; ; n++ {
		line, err := readLine(r)
		if err != nil && !errors.Is(err, errLong) && line == "" {
			if !errors.Is(err, io.EOF) {
				yield("", fmt.Errorf("%s:%d: %w", path, n, err))
			}
			return
		}
		if n == 1 {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		line = strings.TrimSpace(line)
		if err == nil || errors.Is(err, io.EOF) {
			if line == "" || line[0] == '#' {
				continue
			}
			line, err = seedURL(line)
		}
		if err != nil {
			err = fmt.Errorf("%s:%d: %w", path, n, err)
		}
		if !yield(line, err) {
			return
		}
	}
}

var errLong = fmt.Errorf("line is longer than %d bytes", seedLineMax)

// readLine reads a line without its end. A line too long is passed over, with
// errLong.
func readLine(r *bufio.Reader) (string, error) {
	b, err := r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = r.ReadSlice('\n')
		}
		return "", errLong
	}
	line := string(b)
	if err == nil {
		line = line[:len(line)-1]
	}
	return line, err
}

// read yields a script's seeds as URLs.
func read(seeds iter.Seq2[string, error]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for s, err := range seeds {
			if err == nil {
				s, err = seedURL(s)
			}
			if !yield(s, err) {
				return
			}
		}
	}
}

// chain yields all of each in turn.
func chain(seqs ...iter.Seq2[string, error]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, seq := range seqs {
			for u, err := range seq {
				if !yield(u, err) {
					return
				}
			}
		}
	}
}

// told yields what seeds does and tells each URL to f before.
func told(seeds iter.Seq2[string, error], f func(string)) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for u, err := range seeds {
			if err == nil {
				f(u)
			}
			if !yield(u, err) {
				return
			}
		}
	}
}
