// Command chaos plays runs in which everything fails that can fail around a controller, on a real control plane, and
// checks the laws of docs/design.md afterwards, by the API server's audit log and the Git history alone.
//
// Each run has a seed: what is pushed, what goes wrong, and at which of the controllers' steps. It needs binaries that
// the Makefile builds: $DEVCLUSTER and $DAEMONGATE. CHAOS_SEEDS is how many runs there are, CHAOS_FIRST the first seed,
// CHAOS_BESIDE how many are played beside each other on one cluster. $DAEMONGATE_BEFORE is an earlier version, if there
// is one: some runs begin with it, and each of its processes that ends is replaced by one of the present version, as in
// an upgrade.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/daemongate/daemongate/manifests/clustertest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

// perCluster is after how many runs a new cluster is started: what they leave behind makes it slow.
const perCluster = 20

func run(ctx context.Context, out io.Writer) error {
	clustertest.Quiet()
	first, err := figure("CHAOS_FIRST", 1)
	if err != nil {
		return err
	}
	seeds, err := figure("CHAOS_SEEDS", 200)
	if err != nil {
		return err
	}
	beside, err := figure("CHAOS_BESIDE", 5)
	if err != nil {
		return err
	}
	binary := os.Getenv("DAEMONGATE")
	if binary == "" {
		return errors.New("DAEMONGATE is not set to the binary: run make chaos")
	}
	binaries := binaries{now: binary, before: os.Getenv("DAEMONGATE_BEFORE")}
	t := &tally{out: out, steps: map[step]int{}, played: played{}}
	for seed := first; seed < first+seeds; seed += perCluster {
		if err := several(ctx, t, binaries, seed, min(perCluster, first+seeds-seed), beside); err != nil {
			return err
		}
	}
	t.print()
	if t.failed > 0 {
		return fmt.Errorf("%d of %d runs broke a law", t.failed, seeds)
	}
	_, _ = fmt.Fprintf(out, "%d runs, no law broken\n", seeds)
	return nil
}

// binaries are what is run.
type binaries struct{ now, before string }

// of are those of a seed, in the order in which a replica runs them.
func (b binaries) of(seed int) []string {
	if b.before != "" && (seed/len(ofTheWriter))%4 == 0 {
		return []string{b.before, b.now}
	}
	return []string{b.now}
}

func figure(name string, otherwise int) (int, error) {
	text := os.Getenv(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%s=%s: give a number, 1 at least", name, text)
	}
	return n, nil
}

// several plays seeds on one cluster, some of them beside each other.
func several(ctx context.Context, t *tally, b binaries, first, n, beside int) error {
	cluster, down, err := clustertest.StartMainWith(theCluster)
	if err != nil {
		return err
	}
	defer down()
	s, err := newStage(ctx, cluster)
	if err != nil {
		return err
	}
	var running errgroup.Group
	running.SetLimit(beside)
	for seed := first; seed < first+n; seed++ {
		running.Go(func() error { return s.tell(ctx, t, newPlan(seed), b.of(seed)) })
	}
	return running.Wait()
}

// tell plays a plan and prints how it went. Of one that did not go well the logs stay.
func (s *stage) tell(ctx context.Context, t *tally, p plan, binaries []string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	dir, err := os.MkdirTemp("", fmt.Sprintf("daemongate-chaos-%d-", p.seed))
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(dir, "controllers.log"))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	began, out := time.Now(), &strings.Builder{}
	_, _ = fmt.Fprintln(out, p)
	if len(binaries) > 1 {
		_, _ = fmt.Fprintln(out, "   begins with the version before this one")
	}
	o, err := s.run(ctx, p, dir, log, binaries...)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	fine := err == nil && len(o.found) == 0
	defer func() { t.add(o, fine, out.String()) }()
	if fine {
		_, _ = fmt.Fprintf(out, "   no law broken, %d steps, %s\n", len(o.steps), time.Since(began).Round(time.Second))
		return os.RemoveAll(dir)
	}
	if err != nil {
		_, _ = fmt.Fprintf(out, "   %v\n", err)
	}
	for _, v := range o.found {
		_, _ = fmt.Fprintf(out, "   %s\n", v)
	}
	kept := filepath.Join(dir, "audit.log")
	_, _ = fmt.Fprintf(out, "   once more: make chaos CHAOS_FIRST=%d CHAOS_SEEDS=1\n   logs: %s, %s\n", p.seed,
		log.Name(), kept)
	return keep(s.cluster.AuditLog(), kept)
}

// keep copies a file of the cluster, whose folder goes with it.
func keep(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o600)
}
