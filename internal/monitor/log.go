package monitor

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
)

// NewLog makes a logger for people: time, level, message and attributes on one
// line, values of several lines below it. Nothing a site sent reaches the
// terminal unescaped.
func NewLog(w io.Writer, level slog.Level, color bool) *slog.Logger {
	return slog.New(&handler{out: &locked{w: w}, level: level, color: color})
}

type locked struct {
	mu sync.Mutex // guards w
	w  io.Writer
}

type handler struct {
	out   *locked
	level slog.Level
	color bool
	attrs []slog.Attr
	group string // prefix of attribute names
}

var _ slog.Handler = (*handler)(nil)

// Enabled implements slog.Handler.
func (h *handler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	c.attrs = append(append([]slog.Attr(nil), h.attrs...), prefixed(h.group, attrs)...)
	return &c
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	c := *h
	c.group = h.group + name + "."
	return &c
}

func prefixed(group string, attrs []slog.Attr) []slog.Attr {
	var out []slog.Attr
	for _, a := range attrs {
		v := a.Value.Resolve()
		if v.Kind() == slog.KindGroup {
			inner := group
			if a.Key != "" {
				inner += a.Key + "."
			}
			out = append(out, prefixed(inner, v.Group())...)
			continue
		}
		out = append(out, slog.Attr{Key: group + a.Key, Value: v})
	}
	return out
}

var levels = []struct {
	from        slog.Level
	name, color string
}{
	{slog.LevelError, "error", "\x1b[31m"},
	{slog.LevelWarn, "warn ", "\x1b[33m"},
	{slog.LevelInfo, "info ", ""},
	{-1 << 31, "debug", "\x1b[2m"},
}

// detail names an attribute that says for people, on several lines, what the
// others say for machines.
const detail = "detail"

// Handle implements slog.Handler.
func (h *handler) Handle(_ context.Context, r slog.Record) error {
	attrs := h.attrs
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs[:len(attrs):len(attrs)], prefixed(h.group, []slog.Attr{a})...)
		return true
	})
	var b, below bytes.Buffer
	b.WriteString(r.Time.Format("15:04:05 "))
	h.writeLevel(&b, r.Level)
	first, rest, _ := strings.Cut(r.Message, "\n")
	b.WriteString(EscapeLines(first))
	indent(&below, rest)
	writeAttrs(&b, &below, attrs)
	b.WriteByte('\n')
	b.Write(below.Bytes())
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	_, err := h.out.w.Write(b.Bytes())
	return err
}

// writeAttrs adds attributes to the record's line, and what takes several
// lines below it.
func writeAttrs(b, below *bytes.Buffer, attrs []slog.Attr) {
	for _, a := range attrs {
		if a.Key == detail {
			attrs = []slog.Attr{{Value: slog.StringValue(value(a.Value) + "\n")}}
			break
		}
	}
	for _, a := range attrs {
		text := value(a.Value)
		if strings.Contains(text, "\n") {
			head, rest, _ := strings.Cut(text, "\n")
			b.WriteString(": " + EscapeLines(head))
			indent(below, rest)
			continue
		}
		b.WriteString(" " + Escape(a.Key) + "=" + quote(text))
	}
}

func (h *handler) writeLevel(b *bytes.Buffer, l slog.Level) {
	for _, v := range levels {
		if l < v.from {
			continue
		}
		if h.color && v.color != "" {
			b.WriteString(v.color + v.name + "\x1b[0m ")
		} else {
			b.WriteString(v.name + " ")
		}
		return
	}
}

// indent adds text as lines of their own, set in.
func indent(b *bytes.Buffer, text string) {
	for l := range strings.Lines(text) {
		b.WriteString("    " + EscapeLines(strings.TrimRight(l, "\r\n")) + "\n")
	}
}

func value(v slog.Value) string {
	switch v.Kind() {
	case slog.KindDuration:
		return v.Duration().Round(time.Microsecond).String()
	case slog.KindTime:
		return v.Time().Format(time.RFC3339)
	}
	return v.String()
}

// quote puts text in quotes where it would run into what stands around it.
func quote(s string) string {
	e := Escape(s)
	if s == "" || strings.ContainsAny(s, " \"=") && !strings.Contains(s, "://") || strings.Contains(s, " ") {
		return strconv.Quote(strings.ToValidUTF8(s, "\ufffd"))
	}
	return e
}
