package fetch

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The Netscape form has a line of seven fields a cookie. Before the cookies of
// a named jar stands a comment of ours, which other programs skip.
const (
	netscapeHead = "# Netscape HTTP Cookie File\n"
	jarMark      = "# jar "
	httpOnly     = "#HttpOnly_"
)

// write writes the cookies of all jars that have not expired.
func (s *jars) write(w io.Writer, now time.Time) error {
	b := bufio.NewWriter(w)
	_, _ = b.WriteString(netscapeHead) // bufio keeps the first error for Flush
	names, list := s.all()
	for i, j := range list {
		cookies := j.list(now)
		if names[i] != "" && len(cookies) > 0 {
			_, _ = b.WriteString(jarMark + strconv.Quote(names[i]) + "\n")
		}
		for _, c := range cookies {
			_, _ = b.WriteString(c.netscape())
		}
	}
	return b.Flush()
}

// list lists what has not expired, in the order of creation.
func (j *jar) list(now time.Time) []*cookie {
	j.mu.Lock()
	defer j.mu.Unlock()
	var all []*cookie
	for _, site := range j.sites {
		for _, c := range site {
			if c.expires.IsZero() || c.expires.After(now) {
				all = append(all, c)
			}
		}
	}
	slices.SortFunc(all, func(a, b *cookie) int { return cmp.Compare(a.serial, b.serial) })
	return all
}

// netscape is the cookie's line, "" for one that the form cannot hold.
func (c *cookie) netscape() string {
	if strings.ContainsRune(c.name+c.path, '\t') {
		return ""
	}
	domain, below, secure, expires := c.domain, "FALSE", "FALSE", int64(0)
	if !c.hostOnly {
		domain, below = "."+domain, "TRUE"
	}
	if c.secure {
		secure = "TRUE"
	}
	if !c.expires.IsZero() {
		expires = c.expires.Unix()
	}
	return strings.Join([]string{domain, below, c.path, secure, strconv.FormatInt(expires, 10), c.name, c.value}, "\t") + "\n"
}

// read adds the cookies of a file.
func (s *jars) read(r io.Reader, now time.Time) error {
	into, err := s.get("")
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<10)
	n := 0
	for err == nil && lines.Scan() {
		n++
		line := strings.TrimRight(lines.Text(), "\r")
		if name, ok := strings.CutPrefix(line, jarMark); ok {
			if name, err = strconv.Unquote(name); err == nil {
				into, err = s.get(name)
			}
			continue
		}
		line = strings.TrimPrefix(line, httpOnly)
		if line == "" || line[0] == '#' {
			continue
		}
		var c *cookie
		if c, err = parseNetscape(line, now); err == nil {
			into.add(c, now)
		}
	}
	if err = cmp.Or(err, lines.Err()); err != nil {
		return fmt.Errorf("line %d: %w", n, err)
	}
	return nil
}

func parseNetscape(line string, now time.Time) (*cookie, error) {
	f := strings.SplitN(line, "\t", 7)
	if len(f) == 6 {
		f = append(f, "") // no value
	}
	if len(f) != 7 {
		return nil, errors.New("a cookie has seven fields with tabs between them")
	}
	expires, err := strconv.ParseFloat(f[4], 64)
	if err != nil {
		return nil, fmt.Errorf("%q is no time to expire at", f[4])
	}
	c := &cookie{
		name: f[5], value: f[6], domain: strings.ToLower(strings.TrimPrefix(f[0], ".")), path: f[2],
		hostOnly: !strings.EqualFold(f[1], "TRUE"), secure: strings.EqualFold(f[3], "TRUE"),
	}
	control := func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
	if c.domain == "" || c.name == "" || !strings.HasPrefix(c.path, "/") || strings.ContainsFunc(line, control) {
		return nil, errors.New("not a cookie")
	}
	if expires > 0 {
		c.expires = time.Unix(int64(min(expires, float64(now.Add(maxAge).Unix()))), 0)
	}
	return c, nil
}

// add files a cookie that no answer has set.
func (j *jar) add(c *cookie, now time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fileLocked(c, site(c.domain), now)
}
