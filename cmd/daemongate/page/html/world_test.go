package html

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/report"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/view"
)

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func hash(c string) string { return strings.Repeat(c, 40) }

func at(d time.Duration) metav1.MicroTime { return metav1.NewMicroTime(noon.Add(d)) }

// fleetSync is a Sync whose commit b rolls out since noon, after a was complete; c and d wait for a window.
func fleetSync() *api.Sync {
	s := &api.Sync{ObjectMeta: metav1.ObjectMeta{Namespace: "logging", Name: "agents"}}
	s.Spec.Windows = []api.Window{
		{Allow: "0 22 * * 1-5", Duration: metav1.Duration{Duration: 6 * time.Hour}, TimeZone: "Europe/Berlin"},
		{Deny: "0 0 1 12 *", Duration: metav1.Duration{Duration: 24 * time.Hour}, TimeZone: "Europe/Berlin"}}
	s.Status.Conditions = []metav1.Condition{{Type: api.ConditionSource, Status: metav1.ConditionTrue, Reason: "Read"}}
	s.Status.Head, s.Status.LastComplete = hash("d"), hash("a")
	s.Status.InFlight = &api.Flight{Commit: hash("b"), State: api.RollingOut, Since: at(0), Before: hash("a")}
	s.Status.Held = api.HeldCommits{Count: 2, Newest: hash("d"), Reason: "bbbbbbb is rolling out",
		Commits: []string{hash("c"), hash("d")}}
	s.Status.History = []api.Record{
		{Commit: hash("d"), Subject: "Send metrics to the new collector", State: api.Held, Since: at(time.Minute), First: at(time.Minute)},
		{Commit: hash("c"), Subject: "Raise the log level", State: api.Held, Since: at(0), First: at(0)},
		{Commit: hash("b"), Subject: "Enable the new parser", State: api.RollingOut, Since: at(0), First: at(0)},
		{Commit: hash("a"), Subject: "Ship fluentd v5", State: api.Complete, Since: at(-time.Hour), First: at(-70 * time.Minute)},
		{Commit: hash("9"), Subject: "Fix the buffer's path", State: api.Carried, By: hash("a"), Outcome: api.Complete,
			Since: at(-time.Hour), First: at(-75 * time.Minute)},
		{Commit: hash("8"), Subject: "Try a larger buffer", State: api.Stuck, Since: at(-2 * time.Hour), First: at(-3 * time.Hour),
			Message: api.Message{Private: "CrashLoop on 2 of 12 nodes: container fluentd, exit code 3"}},
		{Commit: hash("7"), Subject: "Move the folder", State: api.Failed, Since: at(-5 * time.Hour), First: at(-5 * time.Hour),
			Message: api.Message{Private: "kustomization.yaml:3: no such file: base"}},
		{Commit: hash("6"), Subject: "Correct the README", State: api.Unchanged, By: hash("5"), Outcome: api.Complete,
			Since: at(-6 * time.Hour), First: at(-6 * time.Hour)},
		{Commit: hash("5"), Subject: "First import", State: api.Complete, Since: at(-24 * time.Hour), First: at(-25 * time.Hour)},
	}
	s.Status.Summary = api.Summary{Commit: "bbbbbbb", State: api.RollingOut}
	return s
}

// judged is a DaemonSet on so many nodes, in three zones and two pools.
func judged(nodes int, state func(i int) rollout.NodeState) report.Judged {
	d := report.Judged{Target: rollout.Target{Namespace: "logging", Name: "fluentd", AppliedAt: noon}}
	d.Judgement = rollout.Judgement{Verdict: rollout.Progressing, Headline: "Waiting for the nodes"}
	for i := range nodes {
		name := fmt.Sprintf("node-%04d", i+1)
		d.Look.Nodes = append(d.Look.Nodes, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
			"topology.kubernetes.io/zone": "eu-1" + string(rune('a'+i%3)),
			"karpenter.sh/nodepool":       []string{"general", "gpu"}[i/8%2]}}})
		n := rollout.Node{Name: name, State: state(i), Pod: fmt.Sprintf("fluentd-%05d", i)}
		j := &d.Judgement
		j.Desired++
		switch n.State {
		case rollout.IsSettled:
			j.Settled, j.Updated = j.Settled+1, j.Updated+1
		case rollout.IsUpdated:
			j.Updated++
		case rollout.IsFailing:
			j.Updated, n.Cause = j.Updated+1, rollout.CrashLoop
		case rollout.IsLost:
			n.Why = "not ready since its pod was updated"
		case rollout.IsMissing:
			n.Pod = ""
		}
		j.Nodes = j.Nodes.And([]rollout.Node{n})
	}
	d.Judgement.Eligible = d.Judgement.Desired
	return d
}

// dataOf is the page of a Sync with one DaemonSet, a minute and a half after noon.
func dataOf(s *api.Sync, all ...report.Judged) SyncData {
	seen := view.Seen{Now: noon.Add(90 * time.Second), Sync: s, Judged: all}
	for i := range all {
		all[i].Look.Now = seen.Now
	}
	return SyncData{View: view.Of(seen), Sync: s}
}

// rollingOut is a fleet that the commit has reached to a part.
func rollingOut(nodes int) SyncData {
	return dataOf(fleetSync(), judged(nodes, func(i int) rollout.NodeState {
		switch {
		case i < nodes/2:
			return rollout.IsSettled
		case i < nodes/2+max(nodes/20, 1):
			return rollout.IsUpdated
		}
		return rollout.IsOld
	}))
}

// stuck is a fleet in which the agent crashes on some nodes, one is lost and one has no pod.
func stuck(nodes int) SyncData {
	s := fleetSync()
	s.Status.InFlight.State, s.Status.Summary.State = api.Stuck, api.Stuck
	s.Status.History[2].State = api.Stuck
	s.Status.Summary.Message = "CrashLoop on 3 of 12 nodes: container fluentd, exit code 3; brake pulled"
	d := judged(nodes, func(i int) rollout.NodeState {
		switch {
		case i == 4:
			return rollout.IsLost
		case i == 7:
			return rollout.IsMissing
		case i < 8:
			return []rollout.NodeState{rollout.IsSettled, rollout.IsFailing}[i%2]
		case i == 8:
			return rollout.IsFailingBefore
		case i == 9:
			return rollout.IsAbsent
		case i == 10:
			return rollout.IsLate
		}
		return rollout.IsOld
	})
	d.Judgement.Verdict = rollout.Stuck
	d.Judgement.Causes = []rollout.Cause{{Code: rollout.CrashLoop, Nodes: []string{"node-0002", "node-0004", "node-0006"},
		Container: "fluentd", Message: "container fluentd keeps ending: exit code 3: parser \"cri2\" is not known",
		Remedy: "Read why in its log, `kubectl -n logging logs fluentd-00001 -c fluentd --previous`, then fix the commit or revert it.",
		Since:  noon.Add(30 * time.Second), Final: true}}
	d.Judgement.Notes = []string{"minReadySeconds is 0, so kubectl calls a pod that crashes later available"}
	d.Look.Missing = []string{"events"}
	s.Status.Drift = &api.DriftStatus{Count: 1, Since: at(-time.Minute), Objects: []api.DriftedObject{
		{Object: "DaemonSet logging/fluentd", Field: "spec.template.spec.containers[fluentd].image", Manager: "kubectl-edit"}}}
	return dataOf(s, d)
}

// page is a page as the user sees it who may do everything.
func page() Page {
	return Page{Cluster: "prod-eu", User: "ann@example.com", Now: noon.Add(90 * time.Second), Live: true,
		May: May{Sync: true, Suspend: true, Release: true}}
}

// written is what a function writes.
func written(t testing.TB, write func(b *bytes.Buffer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func syncPage(t testing.TB, p Page, d SyncData) string {
	return written(t, func(b *bytes.Buffer) error { return Sync(b, p, d) })
}
