package observe

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/rollout"
)

// BenchmarkWatchesOfANamespace is what the watches of 100 and of 1,000 DaemonSets of one namespace take, which share
// them. The named baseline has three watches for each DaemonSet, in the same run.
func BenchmarkWatchesOfANamespace(b *testing.B) {
	cluster := clustertest.Start(b, clustertest.Options{Nodes: 1})
	for _, size := range []int{100, 1000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			targets := makeDaemonSets(b, cluster.Config, size)
			for b.Loop() {
				aloneMB, alone := watchAll(b, cluster.Config, targets, true)
				mb, goroutines := watchAll(b, cluster.Config, targets, false)
				b.Logf("a watch for each: %.1f MB, %d goroutines; shared: %.1f MB, %d", aloneMB, alone, mb, goroutines)
				b.ReportMetric(mb, "MB")
				b.ReportMetric(float64(goroutines), "goroutines")
				b.ReportMetric(mb/aloneMB, "MB/alone")
				b.ReportMetric(float64(goroutines)/float64(alone), "goroutines/alone")
			}
		})
	}
}

// makeDaemonSets makes DaemonSets in a new namespace, and a pod of each.
func makeDaemonSets(b *testing.B, config *rest.Config, n int) (targets []rollout.Target) {
	b.Helper()
	config = rest.CopyConfig(config)
	config.QPS = -1
	kube, err := kubernetes.NewForConfig(config)
	check := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	check(err)
	namespace := fmt.Sprint("watches-", n)
	_, err = kube.CoreV1().Namespaces().Create(b.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	check(err)
	for i := range n {
		name := fmt.Sprint("agent-", i)
		labels := map[string]string{"app": name}
		d, err := kube.AppsV1().DaemonSets(namespace).Create(b.Context(), &appsv1.DaemonSet{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: appsv1.DaemonSetSpec{
				Selector: &metav1.LabelSelector{MatchLabels: labels},
				Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels},
					Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "agent", Image: "registry.local/agent:v1"}}}},
			},
		}, metav1.CreateOptions{})
		check(err)
		targets = append(targets, rollout.Target{Namespace: namespace, Name: name, UID: d.UID, Generation: d.Generation})
	}
	return targets
}

// watchAll watches targets until everything about all is known, and says what that takes.
func watchAll(b *testing.B, config *rest.Config, targets []rollout.Target, alone bool) (mb float64, goroutines int) {
	b.Helper()
	before, running := heapAndStacks(), runtime.NumGoroutine()
	clients, err := NewClients(config)
	if err != nil {
		b.Fatal(err)
	}
	o := New(clients)
	for _, target := range targets {
		o.Watch(target.Name, []rollout.Target{target}, func() {})
		if alone { // the next one finds a namespace in which nobody watches anything but Events
			n := o.watchNamespace(target.Namespace, o.namespaces[target.Namespace].events)
			n.users = len(targets) // whom nobody counts
			o.namespaces[target.Namespace] = n
		}
	}
	for _, target := range targets {
		clustertest.Until(b, 10*time.Minute, "a look at "+target.Name, func() (string, bool) {
			l, known := o.Look(target)
			return fmt.Sprint(o.Trouble(target)), known && len(l.Revisions) == 1
		})
	}
	time.Sleep(3 * time.Second) // watches that are not needed any more have ended
	mb, goroutines = heapAndStacks()-before, runtime.NumGoroutine()-running
	o.Stop()
	return mb, goroutines
}

// heapAndStacks is what the process has in use, in MB.
func heapAndStacks() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapInuse+m.StackInuse) / 1e6
}
