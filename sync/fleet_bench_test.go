package sync

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests/clustertest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// BenchmarkFleet is what the controller's own process, as its binary is run, uses while a fleet rolls at maxUnavailable
// 10%: its largest memory, its processor time for each change of a pod, and the share of one core that it took.
func BenchmarkFleet(b *testing.B) {
	for _, nodes := range []int{500, 1000, 5000} {
		b.Run(fmt.Sprintf("nodes=%d", nodes), func(b *testing.B) {
			for b.Loop() {
				rollFleet(b, nodes)
			}
		})
	}
}

func rollFleet(b *testing.B, nodes int) {
	cluster := clustertest.Start(b, clustertest.Options{Nodes: nodes, NodeGrace: time.Hour})
	if err := installSyncs(cluster); err != nil {
		b.Fatal(err)
	}
	w := newWorldOn(b, cluster)
	// v1 is somebody else's, so that the Leases of the nodes, which are renewed seldom here, are not waited for.
	story := brakeStory{strategy: "{maxUnavailable: 10%}"}
	w.apply(story.agent("v1", ""))
	began := time.Now()
	n := w.rolledOut("registry.local/agent:v1", nodes, 2*measured)
	b.Logf("v1 was on %d of %d nodes after %s", n, nodes, time.Since(began).Round(time.Second))
	changes := w.countPodChanges()
	w.push("v2", map[string]string{"agent.yaml": story.agent("v2", "")})
	w.create(func(s *api.SyncSpec) { s.Apply.Force, s.Rollout.Settle.Duration = true, 10*time.Second })
	p := w.process()
	started := time.Now()
	updated := w.rolledOut("registry.local/agent:v2", nodes, measured)
	took, used := time.Since(started), p.cpu(b)
	b.ReportMetric(float64(p.peakMemory(b))/1e6, "peak-MB")
	b.ReportMetric(float64(used.Microseconds())/float64(changes.Load()), "cpu-µs/pod-change")
	b.ReportMetric(used.Seconds()/took.Seconds(), "cores")
	b.ReportMetric(float64(changes.Load())/took.Seconds(), "pod-changes/s")
	b.ReportMetric(took.Seconds(), "measured-s")
	b.ReportMetric(float64(updated), "updated-nodes")
	p.kill()
}

// apply makes the agent's DaemonSet as a person would.
func (w *world) apply(manifest string) {
	w.t.Helper()
	_, err := w.kube.AppsV1().RESTClient().Patch(types.ApplyPatchType).Namespace(w.namespace).Resource("daemonsets").Name("agent").
		Param("fieldManager", "somebody").Body([]byte(manifest)).Do(w.t.Context()).Get()
	w.check(err)
}

// measured is how long a rollout is measured at most: two cores need some six minutes for 5,000 nodes.
const measured = 15 * time.Minute

// rolledOut returns when all pods are of an image and available, or after some time, and how many were updated by then.
func (w *world) rolledOut(image string, nodes int, within time.Duration) (updated int) {
	w.t.Helper()
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(time.Second) {
		d, err := w.kube.AppsV1().DaemonSets(w.namespace).Get(w.t.Context(), "agent", metav1.GetOptions{})
		if err != nil || d.Spec.Template.Spec.Containers[0].Image != image ||
			d.Status.ObservedGeneration != d.Generation {
			continue
		}
		updated = int(d.Status.UpdatedNumberScheduled)
		if updated == nodes && int(d.Status.NumberAvailable) == nodes {
			break
		}
	}
	return updated
}

// countPodChanges counts what a watch of the world's pods tells from now on.
func (w *world) countPodChanges() *atomic.Int64 {
	w.t.Helper()
	config := rest.CopyConfig(w.cluster.Config)
	config.ContentType = "application/vnd.kubernetes.protobuf"
	pods := must(kubernetes.NewForConfig(config)).CoreV1().Pods(w.namespace)
	now, err := pods.List(w.t.Context(), metav1.ListOptions{Limit: 1})
	w.check(err)
	ctx, cancel := context.WithCancel(context.Background())
	w.t.Cleanup(cancel)
	changes, err := pods.Watch(ctx, metav1.ListOptions{ResourceVersion: now.ResourceVersion})
	w.check(err)
	n := &atomic.Int64{}
	go func() {
		for range changes.ResultChan() {
			n.Add(1)
		}
	}()
	return n
}

// clockTick is what the times of /proc/PID/stat are counted in: USER_HZ, which is 100 on every platform that Go runs
// on.
const clockTick = 10 * time.Millisecond

// cpu is the processor time that the process has used, of the user and of the system (proc(5)).
func (p *process) cpu(t testing.TB) time.Duration {
	t.Helper()
	stat := p.proc(t, "stat")
	fields := strings.Fields(stat[strings.LastIndex(stat, ")")+1:])
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick
}

// peakMemory is the most bytes that the process ever had in memory.
func (p *process) peakMemory(t testing.TB) int64 {
	t.Helper()
	for line := range strings.Lines(p.proc(t, "status")) {
		if text, found := strings.CutPrefix(line, "VmHWM:"); found {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatal("no VmHWM in /proc: this benchmark needs Linux")
	return 0
}

func (p *process) proc(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.Process.Pid, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
