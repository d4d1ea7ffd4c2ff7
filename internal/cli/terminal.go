package cli

import (
	"io"
	"os"

	"downpour/internal/monitor"

	"golang.org/x/term"
)

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// columns is the width of the terminal, 0 where it does not say.
func columns(f *os.File) func() int {
	return func() int {
		w, _, err := term.GetSize(int(f.Fd()))
		if err != nil {
			return 0
		}
		return w
	}
}

// safe is a terminal to which nothing is written that it could take for a
// command.
type safe struct{ w io.Writer }

func (s safe) Write(p []byte) (int, error) {
	if _, err := io.WriteString(s.w, monitor.EscapeLines(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
