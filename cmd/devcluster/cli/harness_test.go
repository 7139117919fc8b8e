package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/daemongate/daemongate/cmd/devcluster/cluster"
)

// testCluster is a cluster that runs in the background, as by hand.
type testCluster struct {
	*kubernetes.Clientset
	t    *testing.T
	dir  string
	info cluster.Info
}

// devcluster runs the built binary.
func devcluster(t *testing.T, args ...string) (string, error) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a cluster")
	}
	binary := os.Getenv("DEVCLUSTER")
	if binary == "" {
		t.Fatal("$DEVCLUSTER names no cluster binary: run make test, or set it to what make build-devcluster prints")
	}
	out, err := exec.Command(binary, args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// up starts a cluster that is stopped with the test.
func up(t *testing.T, flags ...string) *testCluster {
	t.Helper()
	c := &testCluster{t: t, dir: t.TempDir()}
	t.Cleanup(func() {
		c.tellLogs()
		if out, err := devcluster(t, "down", "--dir="+c.dir); err != nil {
			t.Errorf("down: %v: %s", err, out)
		}
	})
	c.run(append([]string{"up"}, flags...)...)
	c.connect()
	return c
}

// tellLogs prints the last lines of every log of a cluster whose test has failed: the folder goes with the test.
func (c *testCluster) tellLogs() {
	if !c.t.Failed() {
		return
	}
	files, _ := filepath.Glob(filepath.Join(c.dir, "logs", "*.log"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		c.t.Logf("%s (%v):\n%s", filepath.Base(file), err, strings.Join(lines[max(0, len(lines)-20):], "\n"))
	}
}

func (c *testCluster) connect() {
	c.t.Helper()
	if err := json.Unmarshal([]byte(c.run("info")), &c.info); err != nil {
		c.t.Fatal(err)
	}
	var err error
	if c.Clientset, err = cluster.Folder(c.dir).Client(); err != nil {
		c.t.Fatal(err)
	}
}

// run runs a command on the cluster that must succeed.
func (c *testCluster) run(args ...string) string {
	c.t.Helper()
	out, err := devcluster(c.t, append(args, "--dir="+c.dir)...)
	if err != nil {
		c.t.Fatalf("devcluster %v: %v: %s", args, err, out)
	}
	return out
}

// eventually waits for something that the machine's load may delay, and says what it saw last.
func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// agent makes a DaemonSet of one container in a namespace of its own.
func (c *testCluster) agent(name string, change func(*corev1.PodTemplateSpec)) {
	c.t.Helper()
	ctx := context.Background()
	if _, err := c.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}},
		metav1.CreateOptions{}); err != nil {
		c.t.Fatal(err)
	}
	labels := map[string]string{"app": name}
	ds := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "agent", Namespace: name},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: map[string]string{}},
				Spec: corev1.PodSpec{
					TerminationGracePeriodSeconds: new(int64(3)),
					Containers: []corev1.Container{{Name: "agent",
						Image: "registry.local/agent:v1"}},
				},
			},
		},
	}
	change(&ds.Spec.Template)
	if _, err := c.AppsV1().DaemonSets(name).Create(ctx, ds, metav1.CreateOptions{}); err != nil {
		c.t.Fatal(err)
	}
}

// behave asks for a behaviour by annotation.
func behave(how string) func(*corev1.PodTemplateSpec) {
	return func(t *corev1.PodTemplateSpec) { t.Annotations["devcluster.daemongate.io/behaviour"] = how }
}

func (c *testCluster) pods(namespace string) []corev1.Pod {
	c.t.Helper()
	pods, err := c.CoreV1().Pods(namespace).List(context.Background(), metav1.ListOptions{})
	if err != nil {
		c.t.Fatal(err)
	}
	return pods.Items
}

// waitForReady waits until so many pods are Ready.
func (c *testCluster) waitForReady(namespace string, want int) {
	c.t.Helper()
	eventually(c.t, namespace, func() error {
		ready := 0
		for _, pod := range c.pods(namespace) {
			if isReady(&pod) && pod.DeletionTimestamp == nil {
				ready++
			}
		}
		if ready != want {
			return fmt.Errorf("%d pods are Ready, want %d", ready, want)
		}
		return nil
	})
}

func isReady(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// waitForEvent waits for an Event of this reason whose message has these words.
func (c *testCluster) waitForEvent(namespace, reason, words string) {
	c.t.Helper()
	eventually(c.t, "Event "+reason, func() error {
		events, err := c.CoreV1().Events(namespace).List(context.Background(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, e := range events.Items {
			if e.Reason == reason && strings.Contains(e.Message, words) {
				return nil
			}
		}
		return fmt.Errorf("not among %d Events", len(events.Items))
	})
}
