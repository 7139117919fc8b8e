package observe

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
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
	n := &cache[*corev1.Node]{watching: watching{changed: nothing}, trim: (&trim.Nodes{}).Trim}
	p := &cache[*corev1.Pod]{watching: watching{changed: nothing}, trim: (&trim.Pods{}).Trim}
	e := &eventWatch{watching: watching{changed: nothing}, held: trim.Evidence{}, known: map[types.UID]bool{}, news: func(corev1.ObjectReference) {}}
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

// BenchmarkLook is what a look takes before it is judged, after a pod and an Event have changed. The baseline looks for
// each pod's Events, in the same run.
func BenchmarkLook(b *testing.B) {
	nodes, pods, events := fillCaches(b, 5000, 15000)
	began := time.Now()
	for range 20 {
		_ = rollout.Look{Nodes: nodes.list(), Pods: pods.list(), Events: events.held.About(nil, pods.list())}
	}
	whole := time.Since(began) / 20
	again := events.all()[7].DeepCopy()
	b.ReportAllocs()
	for b.Loop() {
		again = again.DeepCopy()
		again.Count++
		if err := events.Update(again); err != nil {
			b.Fatal(err)
		}
		_ = rollout.Look{Nodes: nodes.list(), Pods: pods.list(), Events: events.all()}
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(whole), "of-looking-for-each-pod")
}

// What has not changed between two looks is the very same in both, also if all had to be read again in between: only
// what has changed is gone into then.
func TestWhatHasNotChangedIsTheSame(t *testing.T) {
	_, pods, events := fillCaches(t, 10, 30)
	before, heard := pods.list(), events.all()
	var read, said []any
	for i, p := range before {
		p = p.DeepCopy()
		if i == 4 {
			p.Status.Phase = corev1.PodFailed
		}
		read = append(read, p)
	}
	for _, e := range slices.Backward(heard) {
		said = append(said, e.DeepCopy())
	}
	if err := errors.Join(pods.Replace(read, ""), events.Replace(said, "")); err != nil {
		t.Fatal(err)
	}
	for i, p := range pods.list() {
		if (p == before[i]) == (i == 4) {
			t.Errorf("pod %d: the same object: %v", i, p == before[i])
		}
	}
	if !slices.Equal(events.all(), heard) {
		t.Error("Events that were read again are others")
	}
	late := heard[2].DeepCopy()
	late.Count++
	if err := events.Update(late); err != nil {
		t.Fatal(err)
	}
	for i, e := range events.all() {
		if (e == heard[i]) == (i == 2) {
			t.Errorf("Event %d: the same object: %v", i, e == heard[i])
		}
	}
}

// The lists of a look stay as they are, whatever happens then. Of two looks between which nothing has happened they are
// the very same.
func TestTheListsOfALookStay(t *testing.T) {
	_, pods, _ := fillCaches(t, 2, 6)
	changed := pods.list()[1].DeepCopy()
	changed.Status.Phase = corev1.PodFailed
	added := changed.DeepCopy()
	added.Name = "a-new-one"
	for _, c := range []struct {
		what    string
		happens func() error
	}{
		{"a pod is changed", func() error { return pods.Update(changed) }},
		{"a pod is added", func() error { return pods.Add(added) }},
		{"a pod is deleted", func() error { return pods.Delete(changed) }},
		{"all are read", func() error { return pods.Replace([]any{changed}, "") }},
	} {
		list, again := pods.list(), pods.list()
		if &list[0] != &again[0] {
			t.Errorf("%s: another list although nothing has happened", c.what)
		}
		was := slices.Clone(list)
		if err := c.happens(); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(list, was) {
			t.Errorf("%s: an earlier look has changed", c.what)
		}
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
