package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/daemongate/daemongate/cmd/daemongate/page/browsertest"
	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/manifests/clustertest"
)

// painted has the page note when it has painted a cell of another class, by the clock of the machine.
const painted = `window.seen = 0; new MutationObserver(() => requestAnimationFrame(() => setTimeout(() => {
	window.seen = Date.now() }))).observe(document.getElementById("grid"), {subtree: true, attributes: true})`

// BenchmarkFromAPodsStatusToThePixel is how long it takes, in the middle of nine, from when a real API server is told that a
// pod is not Ready any more, or is again, until an open page has painted it. The baseline is when a watch for that pod
// has it.
func BenchmarkFromAPodsStatusToThePixel(b *testing.B) {
	cluster, dir := clustertest.Start(b, clustertest.Options{Nodes: 3}), b.TempDir()
	kube, err := kubernetes.NewForConfig(cluster.Config)
	check(b, err)
	gittest.Commit(b, filepath.Join(dir, "fleet"), "agent.yaml", strings.Replace(strings.Split(agent, "---")[0],
		`, resources: {requests: {cpu: "2"}}`, "", 1))
	gittest.Write(b, filepath.Join(dir, "sync.yaml"), `apiVersion: daemongate.io/v1alpha1
kind: Sync
metadata: {name: agents, namespace: default}
spec:
  source: {url: `+filepath.Join(dir, "fleet")+`, interval: 1h}
  rollout: {settle: 1s, proof: 0s}
`)
	_, err = installSync(b.Context(), cluster.Config, filepath.Join(dir, "sync.yaml"), "default")
	check(b, err)
	startController(b, "--data-dir", filepath.Join(dir, "data"), "--kubeconfig", cluster.Kubeconfig)
	address, _ := dashboard(b, "agents", "--kubeconfig", cluster.Kubeconfig)
	tab := browser.Start(b).Tab(b, browsertest.Look{})
	defer tab.Close()
	tab.Open(address)
	tab.Until("three settled nodes", `document.querySelectorAll("#grid i.s").length === 3`)
	pods, err := kube.CoreV1().Pods("default").List(b.Context(), metav1.ListOptions{LabelSelector: "app=agent"})
	check(b, err)
	name := pods.Items[0].Name
	watch, err := kube.CoreV1().Pods("default").Watch(b.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + name,
		ResourceVersion: pods.ResourceVersion})
	check(b, err)
	defer watch.Stop()
	for range b.N {
		var pixel, told []float64
		for i := range 9 {
			time.Sleep(2 * time.Second) // a frame a second is sent at most
			tab.Eval(painted, nil)
			for len(watch.ResultChan()) > 0 {
				<-watch.ResultChan()
			}
			ready := corev1.ConditionFalse
			if i%2 == 1 {
				ready = corev1.ConditionTrue
			}
			patch := fmt.Sprintf(`{"status":{"conditions":[{"type":"Ready","status":%q,"lastTransitionTime":%q}]}}`, ready,
				time.Now().Add(-time.Minute).UTC().Format(time.RFC3339))
			changed := time.Now()
			_, err := kube.CoreV1().Pods("default").Patch(b.Context(), name, "application/strategic-merge-patch+json", []byte(patch),
				metav1.PatchOptions{}, "status")
			check(b, err)
			<-watch.ResultChan()
			told = append(told, float64(time.Since(changed).Microseconds())/1000)
			tab.Until("the change to be seen", "window.seen > 0")
			var seen int64
			tab.Eval("window.seen", &seen)
			pixel = append(pixel, float64(time.UnixMilli(seen).Sub(changed).Microseconds())/1000)
		}
		slices.Sort(pixel)
		slices.Sort(told)
		b.Logf("pixel %v, watch %v", pixel, told)
		b.ReportMetric(pixel[4], "ms/pixel-p50")
		b.ReportMetric(told[4], "ms/watch-p50")
		b.ReportMetric(pixel[4]/max(told[4], 0.001), "pixel-p50:watch-p50")
	}
}
