package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/cmd/devcluster/cluster"
)

// The life of a node: its kubelet dies and its Lease stops at once, later it is NotReady and keeps its pod, even one
// that is deleted; when the kubelet is back that pod goes and another comes.
func TestNodeFailsAndHeals(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := up(t, "--nodes=3", "--node-grace=8s")
	c.agent("life", func(*corev1.PodTemplateSpec) {})
	c.waitForReady("life", 3)
	c.run("fail-node", "node-002")
	renewed := c.lease("node-002")
	eventually(t, "node-002", func() error { return c.nodeIs("node-002", false) })
	pod := c.podOn("life", "node-002")
	if pod.Status.Phase != corev1.PodRunning || pod.Status.ContainerStatuses[0].State.Running == nil {
		t.Errorf("the dead kubelet changed its pod: %+v", pod.Status)
	}
	if err := c.CoreV1().Pods("life").Delete(ctx, pod.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(5 * time.Second) // longer than the renewals of a Lease are apart (1 s), and than the pod's grace period
	if got := c.lease("node-002"); !got.Equal(renewed) {
		t.Errorf("the dead kubelet renewed its Lease at %s", got)
	}
	if got := c.podOn("life", "node-002"); got.UID != pod.UID || got.DeletionTimestamp == nil {
		t.Errorf("on the dead node is %s (deleted: %v), want %s, terminating", got.Name, got.DeletionTimestamp,
			pod.Name)
	}
	c.run("heal-node", "node-002")
	eventually(t, "node-002", func() error { return c.nodeIs("node-002", true) })
	c.waitForReady("life", 3)
	if got := c.podOn("life", "node-002"); got.UID == pod.UID {
		t.Error("the deleted pod is still there")
	}
}

func (c *testCluster) lease(node string) time.Time {
	c.t.Helper()
	lease, err := c.CoordinationV1().Leases("kube-node-lease").Get(context.Background(), node, metav1.GetOptions{})
	if err != nil {
		c.t.Fatal(err)
	}
	return lease.Spec.RenewTime.Time
}

func (c *testCluster) nodeIs(name string, ready bool) error {
	node, err := c.CoreV1().Nodes().Get(context.Background(), name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if cluster.Ready(node) != ready {
		return fmt.Errorf("Ready is %t", !ready)
	}
	return nil
}

func (c *testCluster) podOn(namespace, node string) corev1.Pod {
	c.t.Helper()
	for _, pod := range c.pods(namespace) {
		if pod.Spec.NodeName == node {
			return pod
		}
	}
	c.t.Fatalf("no pod on %s", node)
	return corev1.Pod{}
}

// A supervisor that is killed takes its components with it (on Linux), and the next start in its folder is a clean one:
// an empty cluster, with the Git repositories of the one before.
func TestNextStartAfterKill(t *testing.T) {
	t.Parallel()
	c := up(t, "--nodes=1")
	url := c.run("create-repo", "fleet")
	c.agent("old", func(*corev1.PodTemplateSpec) {})
	pids := c.processes()
	if len(pids) != 5 {
		t.Fatalf("%d process files, want 5", len(pids))
	}
	if err := syscall.Kill(c.info.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if out, err := devcluster(t, "nodes", "--dir="+c.dir); err == nil || !strings.Contains(out, "devcluster up") {
		t.Errorf("nodes of a cluster that was killed: %v: %s", err, out)
	}
	c.run("up", "--nodes=2")
	c.connect()
	if namespaces, err := c.CoreV1().Namespaces().Get(context.Background(), "old", metav1.GetOptions{}); err == nil {
		t.Errorf("namespace %s outlived its cluster", namespaces.Name)
	}
	if err := c.nodeIs("node-002", true); err != nil {
		t.Error(err)
	}
	for _, old := range pids {
		if now := c.processes(); len(now) != 5 || slices.Contains(now, old) {
			t.Errorf("process %s still runs", old)
		}
	}
	if _, err := os.Stat(filepath.Join(c.dir, "git", filepath.Base(url))); err != nil {
		t.Error(err)
	}
}

// A cluster that has lost a component is no cluster: it stops as a whole, and its log names the component.
func TestClusterStopsWithItsFirstComponent(t *testing.T) {
	t.Parallel()
	c := up(t, "--nodes=1")
	var etcd struct{ PID int }
	text, err := os.ReadFile(filepath.Join(c.dir, "run", "etcd.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &etcd); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(etcd.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "end", func() error {
		if left := c.processes(); len(left) > 0 {
			return fmt.Errorf("%d components still run", len(left))
		}
		return nil
	})
	log, err := os.ReadFile(filepath.Join(c.dir, "logs", "devcluster.log"))
	if err != nil || !strings.Contains(string(log), "etcd ended") {
		t.Errorf("the log says %q (%v), want that etcd ended", log, err)
	}
}

// processes are the contents of the process files; one that is removed meanwhile is none.
func (c *testCluster) processes() []string {
	c.t.Helper()
	files, _ := filepath.Glob(filepath.Join(c.dir, "run", "*.json"))
	var all []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			c.t.Fatal(err)
		}
		all = append(all, string(text))
	}
	return all
}

// Two clusters live side by side; stopping one leaves the other alone; starting one twice says that it is there.
func TestTwoClustersAtOnce(t *testing.T) {
	t.Parallel()
	a, b := up(t, "--nodes=1", "--name=a"), up(t, "--nodes=2", "--name=b")
	if a.info.Server == b.info.Server || a.info.GitURL == b.info.GitURL {
		t.Errorf("both at %s and %s", a.info.Server, a.info.GitURL)
	}
	if out := a.run("up"); !strings.Contains(out, "up already") {
		t.Errorf("a second up says %q", out)
	}
	a.run("down")
	a.run("down") // is fine when there is nothing to stop
	if err := b.nodeIs("node-002", true); err != nil {
		t.Errorf("after the other is down: %v", err)
	}
	if len(a.processes()) != 0 {
		t.Errorf("still there: %v", a.processes())
	}
}

// What makes no sense is refused with a hint.
func TestMistakes(t *testing.T) {
	t.Parallel()
	dir := "--dir=" + t.TempDir()
	for _, test := range []struct {
		args []string
		hint string
	}{
		{[]string{"up", "--nodes=-1", dir}, "0 to 10000"},
		{[]string{"up", "--node-grace=1ms", dir}, "at least 4s"},
		{[]string{"nodes", dir}, "devcluster up"},
		{[]string{"fail-node", dir}, "accepts 1 arg"},
		{[]string{"upp", dir}, "unknown command"},
	} {
		if out, err := devcluster(t, test.args...); err == nil || !strings.Contains(out, test.hint) {
			t.Errorf("devcluster %v: %v: %s, want a word about %q", test.args, err, out, test.hint)
		}
	}
}
