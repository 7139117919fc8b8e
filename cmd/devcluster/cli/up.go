package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/component-base/version"

	"github.com/daemongate/daemongate/cmd/devcluster/cluster"
)

// ReadyPrefix begins the line that `up --foreground` prints once the cluster works; the rest is its Info as JSON.
const ReadyPrefix = "devcluster ready "

type upFlags struct {
	nodes      int
	grace      time.Duration
	foreground bool
	auditLog   bool
	readyFile  int
}

func upCommand(s *settings) *cobra.Command {
	var flags upFlags
	c := &cobra.Command{
		Use:   "up",
		Short: "Start the cluster, in the background; everything in it is new but the Git repositories",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case flags.nodes < 0 || flags.nodes > 10000:
				return fmt.Errorf("--nodes %d: 0 to 10000 are possible", flags.nodes)
			case flags.grace < 4*time.Second:
				return fmt.Errorf("--node-grace %s: at least 4s", flags.grace)
			case flags.foreground:
				return s.upForeground(c.Context(), flags)
			}
			return s.upBackground(flags)
		},
	}
	c.Flags().IntVar(&flags.nodes, "nodes", 12, "how many nodes")
	c.Flags().DurationVar(&flags.grace, "node-grace", 50*time.Second,
		"how long a node may be silent before it is NotReady")
	c.Flags().BoolVar(&flags.foreground, "foreground", false, "stay, and stop the cluster at SIGINT or SIGTERM")
	c.Flags().BoolVar(&flags.auditLog, "audit-log", false, "write who wrote what to logs/audit.log")
	c.Flags().IntVar(&flags.readyFile, "ready-file", 0, "")
	_ = c.Flags().MarkHidden("ready-file")
	return c
}

// upForeground runs the cluster in this process and prints one line once it works, for programs to read.
func (s *settings) upForeground(ctx context.Context, flags upFlags) error {
	folder, err := s.folder()
	if err != nil {
		return err
	}
	o := cluster.Options{Name: s.name, Folder: folder, Nodes: flags.nodes, NodeGrace: flags.grace,
		AuditLog: flags.auditLog}
	return cluster.Run(ctx, o, func(info cluster.Info) {
		line, err := json.Marshal(info)
		if err != nil {
			return
		}
		if flags.readyFile == 0 {
			s.printf("%s%s\n", ReadyPrefix, line)
			return
		}
		ready := os.NewFile(uintptr(flags.readyFile), "ready")
		defer ready.Close()
		fmt.Fprintf(ready, "%s\n", line)
	})
}

// upBackground starts this program again, in a session of its own, and waits until it says that the cluster works.
func (s *settings) upBackground(flags upFlags) error {
	folder, err := s.folder()
	if err != nil {
		return err
	}
	if info, err := folder.Info(); err == nil {
		s.printf("Cluster %q is up already.\n", info.Name)
		s.printInfo(info)
		return nil
	}
	started := time.Now()
	info, err := s.startSupervisor(folder, flags)
	if err != nil {
		return err
	}
	s.printf("Cluster %q is up after %s: Kubernetes %s, %d nodes.\n", info.Name,
		time.Since(started).Round(100*time.Millisecond), version.Get().GitVersion, flags.nodes)
	s.printInfo(info)
	return nil
}

func (s *settings) startSupervisor(folder cluster.Folder, flags upFlags) (info cluster.Info, err error) {
	if err := os.MkdirAll(string(folder)+"/logs", 0o700); err != nil {
		return info, err
	}
	log, err := os.Create(folder.Log("devcluster"))
	if err != nil {
		return info, err
	}
	defer log.Close()
	ready, write, err := os.Pipe()
	if err != nil {
		return info, err
	}
	defer ready.Close()
	self, err := os.Executable()
	if err != nil {
		return info, err
	}
	child := exec.Command(self, "up", "--foreground", "--ready-file=3", "--name="+s.name, "--dir="+string(folder),
		"--nodes="+strconv.Itoa(flags.nodes), "--node-grace="+flags.grace.String(),
		"--audit-log="+strconv.FormatBool(flags.auditLog))
	child.Stdout, child.Stderr, child.ExtraFiles = log, log, []*os.File{write}
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = child.Start()
	write.Close()
	if err != nil {
		return info, err
	}
	if err := json.NewDecoder(ready).Decode(&info); err != nil {
		_ = child.Wait()
		said, _ := os.ReadFile(log.Name())
		return info, errors.New("the cluster did not start: " + string(said))
	}
	return info, child.Process.Release()
}

func (s *settings) printInfo(info cluster.Info) {
	s.printf(`
  kubeconfig  %s
  Git         %s/NAME.git  (devcluster create-repo NAME makes one; pushing needs no password)
  logs        %s/logs

  export KUBECONFIG=%s
  devcluster nodes, fail-node NAME, heal-node NAME, cordon NAME, down
`, info.Kubeconfig, info.GitURL, info.Dir, info.Kubeconfig)
}
