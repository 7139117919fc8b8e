package observe

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/trim"
)

// fillCaches fills caches as a watch would: nodes and pods like the recorded ones, each decoded by itself, and the
// Events of a rollout that goes well. A tenth of the pods cannot pull.
func fillCaches(t testing.TB, nodes, pods int) (*cache[*corev1.Node], *cache[*corev1.Pod], *eventWatch) {
	t.Helper()
	recording, err := os.Open("../judge/testdata/recorded/fleet-good-rollout.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer recording.Close()
	unzipped, err := gzip.NewReader(recording)
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Snapshots []struct {
			Nodes []*corev1.Node
			Pods  []*corev1.Pod
		}
	}
	if err := json.NewDecoder(unzipped).Decode(&r); err != nil {
		t.Fatal(err)
	}
	node, err := json.Marshal(r.Snapshots[0].Nodes[0])
	if err != nil {
		t.Fatal(err)
	}
	pod, err := json.Marshal(r.Snapshots[0].Pods[0])
	if err != nil {
		t.Fatal(err)
	}
	nothing := func() {}
	n := &cache[*corev1.Node]{watching: watching{changed: nothing}, trim: trim.Node}
	p := &cache[*corev1.Pod]{watching: watching{changed: nothing}, trim: (&trim.Pods{}).Trim}
	e := &eventWatch{watching: watching{changed: nothing}, held: trim.Evidence{}, news: func(corev1.ObjectReference) {}}
	for i := range nodes {
		var o corev1.Node
		if err := json.Unmarshal(node, &o); err != nil {
			t.Fatal(err)
		}
		o.Name = fmt.Sprintf("node-%04d", i)
		o.Labels["kubernetes.io/hostname"] = o.Name
		for zone := range 8 {
			o.Labels[fmt.Sprintf("example.com/label-%d", zone)] = fmt.Sprintf("value-%d-%d", i, zone)
		}
		if err := n.Add(&o); err != nil {
			t.Fatal(err)
		}
	}
	for i := range pods {
		var o corev1.Pod
		if err := json.Unmarshal(pod, &o); err != nil {
			t.Fatal(err)
		}
		o.Name, o.Spec.NodeName = fmt.Sprintf("agent-%05d", i), fmt.Sprintf("node-%04d", i%nodes)
		o.UID = types.UID(fmt.Sprintf("00000000-0000-0000-0000-%012d", i))
		if err := p.Add(&o); err != nil {
			t.Fatal(err)
		}
		about := corev1.ObjectReference{Kind: "Pod", Namespace: "platform", Name: o.Name, UID: o.UID,
			FieldPath: "spec.containers{agent}"}
		fillEvents(t, e, about, i%10 == 0)
	}
	return n, p, e
}

func fillEvents(t testing.TB, e *eventWatch, about corev1.ObjectReference, fails bool) {
	t.Helper()
	reasons := []string{"Scheduled", "Pulling", "Pulled", "Created", "Started"}
	if fails {
		reasons = []string{"Scheduled", "Pulling", "Failed", "BackOff"}
	}
	for i, reason := range reasons {
		event := &corev1.Event{InvolvedObject: about, Reason: reason, Type: corev1.EventTypeNormal,
			Message: fmt.Sprintf("%s of %s by the kubelet, with some words", reason, about.Name)}
		event.Name = fmt.Sprintf("%s.%d", about.Name, i)
		event.LastTimestamp.Time = time.Unix(int64(i), 0)
		if reason == "Failed" {
			event.Type = corev1.EventTypeWarning
		}
		if err := e.Add(event); err != nil {
			t.Fatal(err)
		}
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// The largest fleet that is promised, 5,000 nodes and 15,000 pods on them, takes less than 60 MB, and a tenth of it
// less than a tenth of that.
func TestALargeFleetTakesLittleMemory(t *testing.T) {
	size, most := 500, 6.0
	if os.Getenv("DAEMONGATE_TEST_ALL") != "" {
		size, most = 5000, 60
	}
	before := heap()
	nodes, pods, events := fillCaches(t, size, 3*size)
	took := float64(heap()-before) / (1 << 20)
	t.Logf("%d nodes and %d pods take %.1f MB", size, 3*size, took)
	if took > most {
		t.Errorf("%.1f MB", took)
	}
	runtime.KeepAlive(nodes)
	runtime.KeepAlive(pods)
	runtime.KeepAlive(events)
}

// BenchmarkLook is what a look takes before it is judged.
func BenchmarkLook(b *testing.B) {
	nodes, pods, events := fillCaches(b, 5000, 15000)
	b.ResetTimer()
	for b.Loop() {
		l := rollout.Look{Nodes: nodes.list(), Pods: pods.list()}
		l.Events = events.about(nil, l.Pods)
	}
}

// BenchmarkPodChange is what a change of one pod of 15,000 takes until it is held.
func BenchmarkPodChange(b *testing.B) {
	_, pods, _ := fillCaches(b, 5000, 15000)
	pod := pods.list()[7000].DeepCopy()
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		pod.Labels = map[string]string{"round": fmt.Sprint(i)}
		if err := pods.Update(pod); err != nil {
			b.Fatal(err)
		}
	}
}
