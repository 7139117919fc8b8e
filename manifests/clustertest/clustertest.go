// Package clustertest gives tests a Kubernetes cluster: the binary of cmd/devcluster, started for the test and stopped
// with it.
package clustertest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

// Options says what cluster a test wants; the zero value is twelve nodes.
type Options struct {
	Nodes int // 0 means 12, a negative number none
	// how long a node may be silent before it is NotReady; at least 4 s; 0 means 50 s, as in a real cluster
	NodeGrace time.Duration
	AuditLog  bool // the API server writes down who wrote what: see Cluster.AuditLog
}

// Cluster is one that runs.
type Cluster struct {
	Kubeconfig string // a file that gives all rights
	Dir        string // its folder: logs/ says what went wrong
	GitURL     string // a repository is at GitURL/NAME.git
	Config     *rest.Config

	binary string
	stop   func()
}

// startTime is how long a cluster may take to get ready when the machine is busy with other tests, and how much longer
// for each node.
const (
	startTime   = 10 * time.Minute
	timePerNode = 200 * time.Millisecond
)

// Quiet has client-go not write to stderr of every request that a test ends, refuses or loses on purpose: those lines
// belong to no test, and hide the failures. A TestMain calls it, because klog's logger must not be changed while it is
// used.
func Quiet() { klog.SetLogger(logr.Discard()) }

// Start starts a cluster and stops it when the test ends. It takes about five seconds. Under testing.Short the test is
// skipped; without $DEVCLUSTER it fails.
func Start(t testing.TB, o Options) *Cluster {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a cluster")
	}
	c, err := start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.stop)
	return c
}

// StartMain is Start for a TestMain, which has no test: stop must be called before it exits.
func StartMain() (c *Cluster, stop func(), err error) { return StartMainWith(Options{}) }

// StartMainWith is StartMain for another cluster.
func StartMainWith(o Options) (c *Cluster, stop func(), err error) {
	c, err = start(o)
	if err != nil {
		return nil, func() {}, err
	}
	return c, c.stop, nil
}

// Devcluster runs a command of devcluster against this cluster, such as "fail-node", "node-003". The error holds what
// it printed.
func (c *Cluster) Devcluster(args ...string) error {
	_, err := c.Output(args...)
	return err
}

// Output is Devcluster for a command that prints something.
func (c *Cluster) Output(args ...string) (string, error) {
	out, err := exec.Command(c.binary, append(args, "--dir="+c.Dir)...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("devcluster %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// CreateRepo makes an empty bare Git repository whose branch is main, and returns its URL, to which anybody may push.
func (c *Cluster) CreateRepo(name string) (url string, err error) {
	return c.Output("create-repo", name)
}

// AuditLog is the file in which every write stands, a line of JSON each, if the cluster was asked for one.
func (c *Cluster) AuditLog() string { return filepath.Join(c.Dir, "logs", "audit.log") }

// RepoPath is the folder of a repository: the same one that CreateRepo's URL names.
func (c *Cluster) RepoPath(name string) string { return filepath.Join(c.Dir, "git", name+".git") }

func start(o Options) (*Cluster, error) {
	binary := os.Getenv("DEVCLUSTER")
	if binary == "" {
		return nil, errors.New("$DEVCLUSTER names no cluster binary: run the tests by make test, " +
			"or build it by make build-devcluster and set DEVCLUSTER to the path that prints")
	}
	dir, err := os.MkdirTemp("", "clustertest-")
	if err != nil {
		return nil, err
	}
	child, err := StartChild(binary, dir, o.args(dir)...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("$DEVCLUSTER %s: %w", binary, err), os.RemoveAll(dir))
	}
	c := &Cluster{Dir: dir, binary: binary, stop: sync.OnceFunc(func() {
		child.Stop()
		_ = os.RemoveAll(dir)
	})}
	if err := c.read(child, startTime+time.Duration(max(0, o.Nodes))*timePerNode); err != nil {
		c.stop()
		return nil, err
	}
	return c, nil
}

func (o Options) args(dir string) []string {
	args := []string{"up", "--foreground", "--name=" + filepath.Base(dir), "--dir=" + dir}
	switch {
	case o.Nodes > 0:
		args = append(args, "--nodes="+strconv.Itoa(o.Nodes))
	case o.Nodes < 0:
		args = append(args, "--nodes=0")
	}
	if o.NodeGrace > 0 {
		args = append(args, "--node-grace="+o.NodeGrace.String())
	}
	if o.AuditLog {
		args = append(args, "--audit-log")
	}
	return args
}

// read waits for the line that says how to reach the cluster.
func (c *Cluster) read(child *Child, within time.Duration) error {
	if err := child.Ready("devcluster ready ", within, c); err != nil {
		return fmt.Errorf("the cluster %w", err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	if err != nil {
		return err
	}
	config.QPS = -1
	c.Config = config
	return nil
}
