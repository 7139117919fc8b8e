package judge

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/dump"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/trim"
)

// dump is what kubectl would have printed at a snapshot, or some time later if nothing changed but Events.
func (r recording) dump(t testing.TB, i int, later time.Duration) []byte {
	t.Helper()
	l := r.look(i, later)
	list := map[string]any{"apiVersion": "v1", "kind": "List", "metadata": map[string]any{"resourceVersion": ""}}
	items := []any{l.DaemonSet}
	for _, o := range l.Revisions {
		items = append(items, o)
	}
	for _, o := range l.Pods {
		items = append(items, o)
	}
	for _, o := range l.Nodes {
		items = append(items, o)
	}
	for _, o := range l.Events {
		if last, _ := fact.LastSeen(o, fact.EndOfTime); last.After(l.Now) {
			continue // a dump knows nothing of later
		}
		items = append(items, o)
	}
	list["items"] = items
	raw, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// explainDump is explain -f, and --at if that is not zero.
func explainDump(t testing.TB, at time.Time, raw []byte) (dump.Dumped, rollout.Judgement) {
	t.Helper()
	dump, err := dump.Read(at, dump.File{Name: "dump", Reader: bytes.NewReader(raw)})
	if err != nil {
		t.Fatal(err)
	}
	if len(dump.DaemonSets) != 1 {
		t.Fatalf("%d DaemonSets", len(dump.DaemonSets))
	}
	d := dump.DaemonSets[0]
	j, _ := bothWays(d.Look, d.Target, rollout.Memory{}, rollout.Options{})
	return d, j
}

// A dump of a crash loop never says Complete, whatever its moment: also in the half second in which every container
// runs and every counter is right.
func TestNoDumpOfACrashLoopIsComplete(t *testing.T) {
	for _, r := range readRecordings(t) {
		if !strings.Contains(r.name, "crash") {
			continue
		}
		for i, s := range r.Snapshots {
			if d, j := explainDump(t, time.Time{}, r.dump(t, i, 0)); j.Verdict == rollout.Complete {
				t.Errorf("%s at %.1f s, as of %s:\n%s", r.name, s.T, d.Look.Now, plain(j))
			}
		}
	}
}

// Twenty minutes after its last snapshot every recording is explained rightly from a dump alone.
func TestEveryRecordingIsExplainedFromADump(t *testing.T) {
	for _, r := range readRecordings(t) {
		t.Run(r.name, func(t *testing.T) {
			last := len(r.Snapshots) - 1
			raw := r.dump(t, last, 20*time.Minute)
			at := r.Snapshots[last].Time.Add(20 * time.Minute)
			_, j := explainDump(t, at, raw)
			truths[r.name].check(t, j)
		})
	}
}

// YAML says the same as JSON.
func TestADumpInYAMLIsExplainedAlike(t *testing.T) {
	r := recorded(t, "fleet-typo")
	last := len(r.Snapshots) - 1
	raw := r.dump(t, last, 0)
	text, err := yaml.JSONToYAML(raw)
	if err != nil {
		t.Fatal(err)
	}
	_, want := explainDump(t, time.Time{}, raw)
	if _, got := explainDump(t, time.Time{}, text); !reflect.DeepEqual(got, want) {
		t.Errorf("as YAML:\n%s\nas JSON:\n%s", plain(got), plain(want))
	}
}

// What is left out of nodes, pods and Events is nothing that Judge reads: at every look of every recording it says the
// same of what is kept as of the whole.
func TestTrimmingTakesNothingFromTheJudgement(t *testing.T) {
	for _, r := range readRecordings(t) {
		var whole, kept rollout.Memory
		for i := range r.Snapshots {
			for _, later := range []time.Duration{0, 20 * time.Minute} {
				l := r.look(i, later)
				var want, got rollout.Judgement
				want, whole = bothWays(l, r.target(i), whole, rollout.Options{})
				got, kept = bothWays(trimmed(l), r.target(i), kept, rollout.Options{})
				if !reflect.DeepEqual(got, want) {
					t.Fatalf("%s at %.1f s:\n%s\nof the whole:\n%s", r.name, r.Snapshots[i].T, plain(got), plain(want))
				}
			}
		}
	}
}

// trimmed is a look as the Observer would have made it.
func trimmed(l rollout.Look) rollout.Look {
	pods := &trim.Pods{}
	kept := l
	kept.Pods, kept.Nodes, kept.Revisions, kept.Events = nil, nil, nil, nil
	for _, p := range l.Pods {
		kept.Pods = append(kept.Pods, pods.Trim(p))
	}
	for _, n := range l.Nodes {
		kept.Nodes = append(kept.Nodes, trim.Node(n))
	}
	for _, r := range l.Revisions {
		kept.Revisions = append(kept.Revisions, trim.Revision(r))
	}
	var events []*corev1.Event
	for _, e := range l.Events {
		events = append(events, trim.Event(trim.Event(e)))
	}
	slices.Reverse(events) // in no order
	v := trim.Evidence{}
	v.PutAll(events)
	kept.Events = v.About(l.DaemonSet, l.Pods)
	return kept
}

// Of a container's way up the last step is held, and nothing once it has started: a healthy rollout over thousands of
// nodes leaves no Events behind. A pull that begins again is there again.
func TestAStartedContainerLeavesNoEvidence(t *testing.T) {
	event := func(reason string, second int) *corev1.Event {
		e := &corev1.Event{Reason: reason, Type: corev1.EventTypeNormal,
			InvolvedObject: corev1.ObjectReference{Kind: "Pod", UID: "p", FieldPath: "spec.containers{agent}"}}
		e.Name = reason
		e.LastTimestamp.Time = time.Date(2026, 11, 20, 9, 0, second, 0, time.UTC)
		e.FirstTimestamp = e.LastTimestamp
		return e
	}
	held := func(v trim.Evidence) (reasons string) {
		for _, e := range v["p"] {
			reasons += e.Reason + " "
		}
		return strings.TrimSpace(reasons)
	}
	v := trim.Evidence{}
	for _, c := range []struct{ reason, want string }{
		{"Pulling", "Pulling"}, {"Pulled", "Pulled"}, {"Created", "Created"}, {"Started", ""}, {"Pulling", "Pulling"},
	} {
		if v.Put(event(c.reason, 1)); held(v) != c.want {
			t.Fatalf("after %s: %q, want %q", c.reason, held(v), c.want)
		}
	}
	if v.Put(event("Pulling", 1)) {
		t.Error("the same again is news")
	}
	v = trim.Evidence{}
	v.PutAll([]*corev1.Event{event("Pulled", 2), event("Pulling", 5), event("Started", 3)})
	if held(v) != "Pulling" {
		t.Errorf("%q: an older answer ends a newer pull", held(v))
	}
}
