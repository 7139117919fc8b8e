package judge

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/trim"
)

// BenchmarkManyDaemonSets is what looks at 20 DaemonSets of a cluster of 5,000 nodes leave in memory: where they divide
// the nodes among them, and where each has a pod on all. The nodes are the same for all. The baseline is one DaemonSet
// that has a pod on every node, in the same run.
func BenchmarkManyDaemonSets(b *testing.B) {
	const nodes, many = 5000, 20
	for b.Loop() {
		one, all := whatIsKept(b, nodes, 1, 1), whatIsKept(b, nodes, many, many)
		b.ReportMetric(all.nodes, "MB-nodes")
		b.ReportMetric(all.pods, "MB-pods")
		b.ReportMetric(all.caches, "MB-caches")
		b.ReportMetric(all.caches/one.caches, "caches/one-on-all-nodes")
		b.ReportMetric(one.caches, "MB-one-on-all-nodes")
	}
}

// kept is what is kept in memory, in MB.
type kept struct{ nodes, pods, caches float64 }

// whatIsKept has so many DaemonSets roll on so many nodes, of which each is meant for one of so many parts, and looks
// at them a few times.
func whatIsKept(b *testing.B, nodes, daemonSets, parts int) (of kept) {
	b.Helper()
	began := heapNow()
	cluster := newFleet(b, 0)
	trimmed := trim.Nodes{}
	for i := range nodes {
		n := cluster.addNode(fmt.Sprintf("node-%04d.cluster.example.com", i))
		n.Labels = map[string]string{"part": fmt.Sprint(i % parts), "kubernetes.io/hostname": n.Name,
			"topology.kubernetes.io/zone": fmt.Sprint("zone-", i%3)}
		cluster.nodes[i] = trimmed.Trim(asRead(b, n))
	}
	of.nodes = heapNow() - began
	fleets := make([]*fleet, daemonSets)
	for i := range fleets {
		fleets[i] = agentOn(b, cluster, i, parts)
	}
	of.pods = heapNow() - began - of.nodes
	caches, judged := make([]Cache, daemonSets), make([]rollout.Judgement, daemonSets)
	for i, f := range fleets {
		var m rollout.Memory
		for step := range 5 {
			f.pods = slices.Clone(f.pods)
			p := f.pods[step*7].DeepCopy()
			p.Status.ContainerStatuses[0].RestartCount++
			f.pods[step*7] = p
			judged[i], m = RolloutAgain(&caches[i], f.after(time.Second).look(), f.target, m, f.options)
		}
		if n := judged[i].Nodes.Len(); n != nodes {
			b.Fatalf("%d nodes", n)
		}
	}
	of.caches = heapNow() - began - of.nodes - of.pods
	runtime.KeepAlive(fleets)
	runtime.KeepAlive(caches)
	runtime.KeepAlive(judged)
	return of
}

// agentOn is a DaemonSet half-way through a rollout, on the nodes of one part.
func agentOn(b *testing.B, cluster *fleet, number, parts int) *fleet {
	b.Helper()
	f := newFleet(b, 0)
	f.nodes = cluster.nodes
	f.apply(func(d *appsv1.DaemonSet) {
		d.Name, d.UID = fmt.Sprintf("agent-%02d", number), types.UID(fmt.Sprintf("ds-%02d", number))
		d.Spec.Template.Spec.NodeSelector = map[string]string{"part": fmt.Sprint(number % parts)}
	})
	trimmed := trim.Pods{}
	runs := func(n *corev1.Node) {
		p := f.ready(f.newPod(n.Name))
		p.Name, p.UID = fmt.Sprintf("%s-%05d", f.ds.Name, f.made), types.UID(fmt.Sprintf("%02d-%032d", number, f.made))
		f.pods[len(f.pods)-1] = trimmed.Trim(asRead(b, p))
	}
	mine := slices.DeleteFunc(slices.Clone(f.nodes), func(n *corev1.Node) bool {
		return n.Labels["part"] != fmt.Sprint(number%parts)
	})
	for _, n := range mine[:len(mine)/2] {
		runs(n)
	}
	f.after(time.Hour).image("v2")
	for _, n := range mine[len(mine)/2:] {
		runs(n)
	}
	return f
}

// asRead is an object as it comes from an API server: nothing of it is shared.
func asRead[T any](b *testing.B, o *T) *T {
	b.Helper()
	var read T
	raw, err := json.Marshal(o)
	if err == nil {
		err = json.Unmarshal(raw, &read)
	}
	if err != nil {
		b.Fatal(err)
	}
	return &read
}

// heapNow is what is in use, in MB.
func heapNow() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / 1e6
}
