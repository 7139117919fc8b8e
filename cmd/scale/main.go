// Command scale rehearses fleets of growing size on a real control plane with the controller's real binary, and says
// what they cost it: processor time, memory and requests, how soon it writes and judges, and how all of that grows. It
// fails if something grows more than it may.
//
// It needs binaries that the Makefile builds: $DEVCLUSTER and $DAEMONGATE. SCALE_SYNCS, SCALE_NODES and SCALE_OBJECTS,
// of one Sync, are the sizes, such as 10,100,1000, each on a cluster of its own; "none" leaves one of them out.
// SCALE_STEADY is for how many seconds is measured what it costs that nothing happens, SCALE_PUSHES how many commits
// are pushed one after the other, SCALE_LOG is a file for the controllers' logs, and SCALE_PROFILES a folder for
// profiles of them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/daemongate/daemongate/cmd/scale/growth"
	"github.com/daemongate/daemongate/manifests/clustertest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	clustertest.Quiet()
	r := &rehearsal{binary: os.Getenv("DAEMONGATE"), out: out, log: io.Discard, quiet: 5 * time.Second,
		profiles: os.Getenv("SCALE_PROFILES")}
	if r.binary == "" {
		return errors.New("DAEMONGATE is not set to the binary: run make scale")
	}
	steady, err := sizes("SCALE_STEADY", "60")
	if err != nil {
		return err
	}
	pushes, err := sizes("SCALE_PUSHES", "50")
	if err != nil {
		return err
	}
	if len(steady) != 1 || len(pushes) != 1 {
		return errors.New("SCALE_STEADY and SCALE_PUSHES: give one number each")
	}
	r.steady, r.pushes = time.Duration(steady[0])*time.Second, pushes[0]
	syncs, err := sizes("SCALE_SYNCS", "10,100,1000")
	if err != nil {
		return err
	}
	nodes, err := sizes("SCALE_NODES", "50,500,5000")
	if err != nil {
		return err
	}
	objects, err := sizes("SCALE_OBJECTS", "100,1000,10000")
	if err != nil {
		return err
	}
	if name := os.Getenv("SCALE_LOG"); name != "" {
		log, err := os.Create(name)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, log.Close()) }()
		r.log = log
	}
	var exceeded []string
	for _, part := range []struct {
		what    string
		sizes   []int
		measure func(context.Context, int) ([]growth.Figure, error)
	}{{"Syncs", syncs, r.syncs}, {"nodes", nodes, r.nodes},
		{"objects", objects, r.objects}} {
		more, err := r.grow(ctx, part.what, part.sizes, part.measure)
		if err != nil {
			return err
		}
		exceeded = append(exceeded, more...)
	}
	if len(exceeded) > 0 {
		return errors.New("something grows more than it may:\n" + strings.Join(exceeded, "\n"))
	}
	return nil
}

// sizes reads a variable that names some.
func sizes(name, otherwise string) (all []int, err error) {
	text := os.Getenv(name)
	switch text {
	case "none":
		return nil, nil
	case "":
		text = otherwise
	}
	for one := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(one))
		if err != nil || n < 1 || slices.Contains(all, n) {
			return nil, fmt.Errorf("%s=%s: give different numbers, 1 at least, with commas between, or none", name,
				text)
		}
		all = append(all, n)
	}
	slices.Sort(all)
	return all, nil
}

// rehearsal measures.
type rehearsal struct {
	binary   string // of Daemongate
	profiles string // folder for profiles of the controllers, empty if none are kept
	out, log io.Writer
	// steady is how long nothing happens while is measured what that costs, quiet how long the API server is asked
	// nothing when something is over, and pushes how many single ones are measured.
	steady, quiet time.Duration
	pushes        int
}

// grow measures at each size, prints the table, and says what grows more than it may.
func (r *rehearsal) grow(ctx context.Context, what string, sizes []int,
	measure func(context.Context, int) ([]growth.Figure, error)) (exceeded []string, err error) {
	if len(sizes) == 0 {
		return nil, nil
	}
	table := growth.Table{What: what, Sizes: sizes}
	for _, size := range sizes {
		began, waited := time.Now(), pressure()
		figures, err := measure(ctx, size)
		if err != nil {
			return nil, fmt.Errorf("%d %s: %w", size, what, err)
		}
		// Processor time and memory hardly depend on what else the machine does; times by the wall clock do.
		busy := 100 * (pressure() - waited).Seconds() / time.Since(began).Seconds()
		figures = append(figures, growth.Figure{Name: "the machine: time in which somebody waited for a processor, %",
			Values: []float64{busy}})
		for i, f := range figures {
			if len(table.Figures) <= i {
				table.Figures = append(table.Figures, f)
			} else {
				table.Figures[i].Values = append(table.Figures[i].Values, f.Values...)
			}
		}
		r.say("%d %s were measured in %s", size, what, time.Since(began).Round(time.Second))
	}
	if err := table.Print(r.out); err != nil {
		return nil, err
	}
	return table.Exceeded(), nil
}

// say tells who waits how far it is.
func (r *rehearsal) say(format string, args ...any) {
	_, _ = fmt.Fprintf(r.out, "%s  %s\n", time.Now().Format("15:04:05"), fmt.Sprintf(format, args...))
}

// patience is how long anything may take at most: a thousand Syncs take minutes where the processors are busy.
const patience = 20 * time.Minute

// until waits for something.
func until(ctx context.Context, what string, is func() (bool, error)) error {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if done, err := is(); err != nil || done {
			return err
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("waited %s in vain for %s", patience, what)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
