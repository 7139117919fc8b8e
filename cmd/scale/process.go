package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// process is Daemongate's binary at work.
type process struct {
	command *exec.Cmd
	ended   chan struct{}
	metrics string // the address at which it serves its metrics
	began   time.Time
}

// startProcess starts the binary; its log goes to out.
func startProcess(binary string, out io.Writer, metrics string, args ...string) (*process, error) {
	p := &process{command: exec.Command(binary, args...), ended: make(chan struct{}), metrics: metrics,
		began: time.Now()}
	p.command.Stdout, p.command.Stderr = out, out
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.ended)
		_ = p.command.Wait() // how it ended is in its log
	}()
	return p, nil
}

// stop ends it as a Deployment does.
func (p *process) stop() {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
		_ = p.command.Process.Kill()
		<-p.ended
	}
}

// tick is what the times of /proc/PID/stat are counted in: USER_HZ, which is 100 wherever Go runs.
const tick = 10 * time.Millisecond

// used is what a process has used.
type used struct {
	own, renders  time.Duration // processor time of its own, and of its children, which render
	memory, peak  float64       // MB
	anonymous     float64       // MB of memory that are no pages of its program, which others share
	goroutines    float64
	panics, loops float64 // panics that were caught, and Syncs that it looks after
}

// look is what it has used until now.
func (p *process) look(ctx context.Context) (u used, err error) {
	select {
	case <-p.ended:
		return u, errors.New("the controller has ended: see its log")
	default:
	}
	at := fmt.Sprintf("/proc/%d/", p.command.Process.Pid)
	stat, err := os.ReadFile(at + "stat")
	if err != nil {
		return u, err
	}
	status, err := os.ReadFile(at + "status")
	if err != nil {
		return u, err
	}
	if u, err = usedOf(string(stat), string(status)); err != nil {
		return u, err
	}
	u.renders += usedByChildren(p.command.Process.Pid)
	return u, p.tells(ctx, &u)
}

// usedByChildren is the processor time of a process's children that live: that of those that have ended is told of the
// process itself. A child that ends meanwhile is missed until the next look.
func usedByChildren(parent int) (all time.Duration) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is right
	for _, name := range stats {
		stat, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) > 15 && fields[1] == strconv.Itoa(parent) {
			own, err := timesOf(fields, 2)
			if err == nil {
				all += own[0] + own[1]
			}
		}
	}
	return all
}

// timesOf are the first n of the times in /proc/PID/stat, behind the name: of the user and the system, and then those
// of children that have ended.
func timesOf(fields []string, n int) ([]time.Duration, error) {
	times := make([]time.Duration, n)
	for i := range times {
		ticks, err := strconv.ParseInt(fields[11+i], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("/proc/PID/stat: %w", err)
		}
		times[i] = time.Duration(ticks) * tick
	}
	return times, nil
}

// usedOf reads /proc/PID/stat and /proc/PID/status: see proc(5).
func usedOf(stat, status string) (u used, err error) {
	fields := strings.Fields(stat[strings.LastIndex(stat, ")")+1:])
	if len(fields) < 15 {
		return u, fmt.Errorf("/proc/PID/stat: %q", stat)
	}
	times, err := timesOf(fields, 4)
	if err != nil {
		return u, err
	}
	u.own, u.renders = times[0]+times[1], times[2]+times[3]
	for name, into := range map[string]*float64{"VmRSS:": &u.memory, "VmHWM:": &u.peak, "RssAnon:": &u.anonymous} {
		if *into, err = memoryOf(status, name); err != nil {
			return u, err
		}
	}
	return u, nil
}

// memoryOf is a line of /proc/PID/status, in MB.
func memoryOf(status, name string) (float64, error) {
	_, after, _ := strings.Cut(status, name)
	text, _, found := strings.Cut(after, " kB")
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || !found {
		return 0, fmt.Errorf("/proc/PID/status has no %s", name)
	}
	return float64(n) * 1024 / 1e6, nil
}

// peakOfChildren is the largest memory, in MB, that one of a process's children has had that live.
func peakOfChildren(parent int) (most float64) {
	names, _ := filepath.Glob("/proc/[0-9]*/status") // the pattern is right
	for _, name := range names {
		status, err := os.ReadFile(name)
		if err != nil || !strings.Contains(string(status), fmt.Sprintf("\nPPid:\t%d\n", parent)) {
			continue // it is another's, or has ended
		}
		if peak, err := memoryOf(string(status), "VmHWM:"); err == nil {
			most = max(most, peak)
		}
	}
	return most
}

// tells adds what it tells of itself. While it is not there yet that is nothing.
func (p *process) tells(ctx context.Context, u *used) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.metrics+"/metrics", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil
	}
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(answer.Body)
	if err != nil {
		return fmt.Errorf("the controller's metrics: %w", err)
	}
	for _, m := range families["go_goroutines"].GetMetric() {
		u.goroutines = m.GetGauge().GetValue()
	}
	for _, m := range families["daemongate_panics_total"].GetMetric() {
		u.panics = m.GetCounter().GetValue()
	}
	u.loops = float64(len(families["daemongate_sync_suspended"].GetMetric()))
	return nil
}

// pressure is for how long since the machine started something that could run waited for a processor; 0 where the
// kernel does not say (/proc/pressure/cpu).
func pressure() time.Duration {
	text, err := os.ReadFile("/proc/pressure/cpu")
	if err != nil {
		return 0
	}
	return pressureOf(string(text))
}

func pressureOf(text string) time.Duration {
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "some ") {
			continue
		}
		_, total, _ := strings.Cut(strings.TrimSpace(line), "total=")
		n, _ := strconv.ParseInt(total, 10, 64)
		return time.Duration(n) * time.Microsecond
	}
	return 0
}
