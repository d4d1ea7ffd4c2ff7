package cli

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// terminal opens a pseudo-terminal. shown closes it and returns what has been
// written to it.
func terminal(t *testing.T) (tty *os.File, shown func() string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	if tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	var text strings.Builder
	var reading sync.WaitGroup
	reading.Go(func() {
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			text.Write(buf[:n])
			if err != nil { // EIO: the other side is closed
				return
			}
		}
	})
	return tty, func() string {
		tty.Close()
		reading.Wait()
		return text.String()
	}
}

// TestTerminalInjection: on a terminal neither the log, nor print, nor an item,
// nor the progress line, nor the verdict lets through what could move the
// cursor, name the window or turn the text around.
func TestTerminalInjection(t *testing.T) {
	inFolder(t, telling)
	tty, shown := terminal(t)
	s := hostileSite(t)
	args := []string{"run", "crawl.lua", s.URL + "/%1b[2J?\u202e\u009b", "--verbose"}
	p := &process{
		command: append([]string{"downpour"}, args...), stdin: strings.NewReader(""), stdout: tty, stderr: tty,
		getenv: func(name string) (string, bool) { return "", name == "NO_COLOR" },
	}
	if status := p.main(t.Context(), args); status != statusVerdict {
		t.Errorf("exit status %d, want %d", status, statusVerdict)
	}
	text := shown()
	if strings.Count(text, "pwn") < 4 {
		t.Errorf("the title was to be shown in four places at least: %q", text)
	}
	// What the command itself writes: it clears the progress line.
	own := strings.NewReplacer("\x1b[K", "", "\x1b[2K", "", "\x1b[?25l", "", "\x1b[?25h", "", "\r\n", "\n", "\r", "")
	for i, r := range own.Replace(text) {
		if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == utf8.RuneError {
			t.Fatalf("%q at %d reached the terminal: %q", r, i, text)
		}
	}
	if strings.Contains(text, "\n2026-01-01 error forged") {
		t.Errorf("a line of the site's own: %q", text)
	}
}
