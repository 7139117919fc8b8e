// Command chaos plays runs in which everything fails that can fail around a controller, on a real control plane, and
// checks the laws of docs/design.md afterwards, by the API server's audit log and the Git history alone.
//
// Each run has a seed: what is pushed, what goes wrong, and at which of the controllers' writes. It needs binaries,
// which the Makefile builds: $DEVCLUSTER and $DAEMONGATE. CHAOS_SEEDS is how many runs there are, CHAOS_FIRST the first
// seed. $DAEMONGATE_BEFORE is an earlier version, if there is one: some runs begin with it, and each of its processes
// that ends is replaced by one of the present version, as in an upgrade.
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
	"syscall"
	"time"

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
	binary := os.Getenv("DAEMONGATE")
	if binary == "" {
		return errors.New("DAEMONGATE is not set to the binary: run make chaos")
	}
	binaries := binaries{now: binary, before: os.Getenv("DAEMONGATE_BEFORE")}
	failed := 0
	for seed := first; seed < first+seeds; seed += perCluster {
		n, err := several(ctx, out, binaries, seed, min(perCluster, first+seeds-seed))
		if err != nil {
			return err
		}
		failed += n
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d runs broke a law", failed, seeds)
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

// several plays seeds on one cluster, and returns how many of them broke a law.
func several(ctx context.Context, out io.Writer, b binaries, first, n int) (failed int, err error) {
	cluster, down, err := clustertest.StartMainWith(theCluster)
	if err != nil {
		return 0, err
	}
	defer down()
	s, err := newStage(ctx, cluster)
	if err != nil {
		return 0, err
	}
	for seed := first; seed < first+n; seed++ {
		fine, err := s.tell(ctx, out, newPlan(seed), b.of(seed))
		if err != nil {
			return failed, err
		}
		if !fine {
			failed++
		}
	}
	return failed, nil
}

// tell plays a plan and prints how it went. Of one that did not go well the logs stay.
func (s *stage) tell(ctx context.Context, out io.Writer, p plan, binaries []string) (fine bool, err error) {
	dir, err := os.MkdirTemp("", fmt.Sprintf("daemongate-chaos-%d-", p.seed))
	if err != nil {
		return false, err
	}
	log, err := os.Create(filepath.Join(dir, "controllers.log"))
	if err != nil {
		return false, err
	}
	defer func() { _ = log.Close() }()
	began := time.Now()
	_, _ = fmt.Fprintln(out, p)
	if len(binaries) > 1 {
		_, _ = fmt.Fprintln(out, "   begins with the version before this one")
	}
	found, err := s.run(ctx, p, dir, log, binaries...)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err == nil && len(found) == 0 {
		_, _ = fmt.Fprintf(out, "   no law broken, %s\n", time.Since(began).Round(time.Second))
		return true, os.RemoveAll(dir)
	}
	if err != nil {
		_, _ = fmt.Fprintf(out, "   %v\n", err)
	}
	for _, v := range found {
		_, _ = fmt.Fprintf(out, "   %s\n", v)
	}
	kept := filepath.Join(dir, "audit.log")
	_, _ = fmt.Fprintf(out, "   once more: make chaos CHAOS_FIRST=%d CHAOS_SEEDS=1\n   logs: %s, %s\n", p.seed,
		log.Name(), kept)
	return false, keep(s.cluster.AuditLog(), kept)
}

// keep copies a file of the cluster, whose folder goes with it.
func keep(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o600)
}
