//go:build unix

package frontier

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A meter measures the stretches between start and stop: by the clock and, as
// other programs may have kept the processor busy, by the processor time of
// this process and of a server.
type meter struct {
	server *redisServer // nil for none

	wall, cpu, serverCPU time.Duration
	began                time.Time
	cpu0, server0        time.Duration
}

func (m *meter) start() {
	m.began, m.cpu0, m.server0 = time.Now(), ownCPU(), m.server.cpu()
}

func (m *meter) stop() {
	m.wall += time.Since(m.began)
	m.cpu += ownCPU() - m.cpu0
	m.serverCPU += m.server.cpu() - m.server0
}

// report adds what n URLs took. "urls/core-s" is what the side that has one core
// alone would do in a second of processor time: the server if there is one,
// else this process.
func (m *meter) report(b *testing.B, n int) {
	micros := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 / float64(n) }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(n)/m.wall.Seconds(), "urls/s")
	b.ReportMetric(micros(m.cpu), "cpu-µs/url")
	side := m.cpu
	if m.server != nil {
		b.ReportMetric(micros(m.serverCPU), "server-cpu-µs/url")
		side = m.serverCPU
	}
	b.ReportMetric(float64(n)/side.Seconds(), "urls/core-s")
}

// ownCPU is the processor time of this process, the system's part included.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// cpu is the processor time of the server, 0 where the system does not tell.
func (s *redisServer) cpu() time.Duration {
	if s == nil {
		return 0
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	// proc(5): utime and stime are the 12th and 13th field behind the name, in
	// ticks of 10 ms.
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	var user, system int64
	if _, err := fmt.Sscan(f[11]+" "+f[12], &user, &system); err != nil {
		return 0
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}
