package judge

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// recording is a rollout as it was recorded on real kubelets.
type recording struct {
	name      string
	Start     time.Time
	Steps     []struct{ T float64 }
	Snapshots []snapshot
	Events    []*corev1.Event
	Nodes     []*corev1.Node
}

type snapshot struct {
	T                   float64
	Time                time.Time
	DaemonSet           *appsv1.DaemonSet
	Pods                []*corev1.Pod
	Nodes               []*corev1.Node
	ControllerRevisions []*appsv1.ControllerRevision
}

func readRecordings(t testing.TB) []recording {
	t.Helper()
	files, err := filepath.Glob("testdata/recorded/*.json.gz")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	var all []recording
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		unzipped, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		r := recording{name: strings.TrimSuffix(filepath.Base(file), ".json.gz")}
		if err := json.NewDecoder(unzipped).Decode(&r); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		_ = f.Close()
		all = append(all, r)
	}
	return all
}

func recorded(t testing.TB, name string) recording {
	t.Helper()
	for _, r := range readRecordings(t) {
		if r.name == name {
			return r
		}
	}
	t.Fatalf("no recording %s", name)
	return recording{}
}

// look is what was to be seen at a snapshot, some time later.
func (r recording) look(i int, later time.Duration) rollout.Look {
	s := r.Snapshots[i]
	l := rollout.Look{Now: s.Time.Add(later), DaemonSet: s.DaemonSet, Revisions: s.ControllerRevisions, Pods: s.Pods,
		Nodes: s.Nodes}
	if len(l.Nodes) == 0 {
		l.Nodes = r.Nodes
	}
	l.Nodes = nodesAt(l.Nodes, l.Now)
	if len(l.Revisions) == 0 {
		l.Missing = []string{rollout.KindRevisions}
	}
	for _, e := range r.Events {
		if !fact.FirstSeen(e).After(l.Now) { // how often and how late by then is for Judge to doubt
			l.Events = append(l.Events, e)
		}
	}
	return l
}

// nodesAt are nodes without the conditions and taints that are later than a look.
func nodesAt(nodes []*corev1.Node, now time.Time) []*corev1.Node {
	var all []*corev1.Node
	for _, n := range nodes {
		n = n.DeepCopy()
		n.Status.Conditions = slices.DeleteFunc(n.Status.Conditions,
			func(c corev1.NodeCondition) bool { return c.LastTransitionTime.After(now) })
		n.Spec.Taints = slices.DeleteFunc(n.Spec.Taints, func(t corev1.Taint) bool {
			return t.TimeAdded != nil &&
				t.TimeAdded.After(now)
		})
		all = append(all, n)
	}
	return all
}

// target is the commit that a snapshot is of, as the one who applied it knows it.
func (r recording) target(i int) rollout.Target {
	d := r.Snapshots[i].DaemonSet
	t := rollout.Target{
		Namespace: d.Namespace, Name: d.Name, UID: d.UID, Generation: d.Generation, HadNodes: d.Generation > 1,
		OnDelete:  d.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType,
		AppliedAt: d.CreationTimestamp.Time,
	}
	for _, step := range r.Steps {
		at := r.Start.Add(time.Duration(step.T * float64(time.Second)))
		if d.Generation > 1 && step.T <= r.Snapshots[i].T {
			t.AppliedAt = at
		}
	}
	return t
}

// fromDump is the commit that a snapshot is of, as a dump knows it: what the object asks for.
func (r recording) fromDump(i int) rollout.Target {
	t := r.target(i)
	t.AppliedAt, t.HadNodes = time.Time{}, false
	return t
}

// overAgain sends a memory through its storage.
func overAgain(t testing.TB, m rollout.Memory) rollout.Memory {
	t.Helper()
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if len(raw) > 16<<10 {
		t.Errorf("the memory takes %d bytes", len(raw))
	}
	var back rollout.Memory
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	return back
}
