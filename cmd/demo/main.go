// Command demo plays the story of a handful of pushes on a real control plane, in the terminal, in a few minutes.
//
// It needs binaries, which the Makefile builds: $DEVCLUSTER and $DAEMONGATE. With DEMO_HOST=gitea the repository is on
// a real Git host, which is $DEVHOST, and what became of the commits stands there. With DEMO_KEEP the cluster stays
// until it is ended.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"k8s.io/client-go/dynamic"

	"github.com/daemongate/daemongate/manifests/clustertest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	daemongate := os.Getenv("DAEMONGATE")
	if daemongate == "" {
		return fmt.Errorf("DAEMONGATE is not set to the binary: run make demo")
	}
	dir, err := os.MkdirTemp("", "daemongate-demo-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	_, _ = fmt.Fprintln(out, "Starting a cluster: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, and "+
		"12 nodes.")
	cluster, down, err := clustertest.StartMain()
	if err != nil {
		return err
	}
	defer down()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // before the cluster goes down: what is still watched then would complain
	host, err := openHost(os.Getenv("DEMO_HOST"), cluster)
	if err != nil {
		return err
	}
	defer host.stop()
	p, err := stage(ctx, cluster, host, dir, out)
	if err != nil {
		return err
	}
	controller, err := startController(ctx, daemongate, cluster.Kubeconfig, dir, p.out)
	if err != nil {
		return err
	}
	defer controller.stop()
	if err := p.play(ctx, story()); err != nil {
		return err
	}
	if err := conclude(ctx, host, p); err != nil {
		return err
	}
	if err := p.push(ctx, again()); err != nil {
		return err
	}
	keep(ctx, p.out, daemongate, cluster.Kubeconfig, os.Getenv("DEMO_KEEP") != "")
	return nil
}

// stage prepares everything but Daemongate: the repository to push to, the Sync, and who watches it.
func stage(ctx context.Context, cluster *clustertest.Cluster, host *gitHost, dir string,
	out io.Writer) (*player, error) {
	repo, err := clone(ctx, host.push, filepath.Join(dir, "work"))
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "sync.yaml"), []byte(host.sync()), 0o600); err != nil {
		return nil, err
	}
	if err := host.prepare(ctx, cluster); err != nil {
		return nil, err
	}
	client, err := dynamic.NewForConfig(cluster.Config)
	if err != nil {
		return nil, err
	}
	recorder, err := record(ctx, client, "platform")
	if err != nil {
		return nil, err
	}
	return &player{out: &transcript{out: out, wrote: recorder.wake}, repo: repo, recorder: recorder, files: newFiles()},
		nil
}

// conclude prints what became of the commits, and what the Git host says about it.
func conclude(ctx context.Context, host *gitHost, p *player) error {
	_, _ = fmt.Fprintln(p.out, "\n── What became of every commit")
	p.table()
	if err := host.settles(ctx, p); err != nil {
		return err
	}
	return host.conclude(ctx, p, p.out)
}

// controller is daemongate run, as a child process.
type controller struct {
	cmd  *exec.Cmd
	done chan struct{}
}

// startController starts Daemongate in the foreground of the demo.
func startController(ctx context.Context, binary, kubeconfig, dir string, out io.Writer) (*controller, error) {
	args := []string{"run", "-f", filepath.Join(dir, "sync.yaml"), "--data-dir", filepath.Join(dir, "data")}
	_, _ = fmt.Fprintln(out, "$ daemongate run -f sync.yaml")
	c := &controller{cmd: exec.CommandContext(ctx, binary, args...), done: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	c.cmd.Stdout, c.cmd.Stderr = out, out
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = c.cmd.Wait()
		close(c.done)
	}()
	return c, nil
}

// stop ends it as Ctrl-C does, and waits.
func (c *controller) stop() {
	_ = c.cmd.Process.Signal(os.Interrupt)
	<-c.done
}

// kill ends it as a crash does, and waits.
func (c *controller) kill() {
	_ = c.cmd.Process.Kill()
	<-c.done
}
