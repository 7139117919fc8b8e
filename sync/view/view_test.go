package view

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/dump"
	"github.com/daemongate/daemongate/rollout/judge"
	"github.com/daemongate/daemongate/rollout/report"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func hash(c string) string { return strings.Repeat(c, 40) }

func at(d time.Duration) metav1.MicroTime { return metav1.NewMicroTime(noon.Add(d)) }

// rolling is a Sync whose commit b has been rolling out since noon, after a was complete; c waits.
func rolling() *api.Sync {
	s := &api.Sync{ObjectMeta: metav1.ObjectMeta{Namespace: "platform", Name: "agents"}}
	s.Status.Head = hash("c")
	s.Status.LastComplete = hash("a")
	s.Status.InFlight = &api.Flight{Commit: hash("b"), State: api.RollingOut, Since: at(0), Before: hash("a")}
	s.Status.Held = api.HeldCommits{Count: 1, Newest: hash("c"), Reason: "bbbbbbb is rolling out", Commits: []string{hash("c")}}
	s.Status.History = []api.Record{
		{Commit: hash("c"), Subject: "third", Author: "Ada", State: api.Held, Since: at(time.Minute), First: at(time.Minute)},
		{Commit: hash("b"), Subject: "second", State: api.RollingOut, Since: at(0), First: at(0)},
		{Commit: hash("a"), Subject: "first", State: api.Complete, Since: at(-time.Hour), First: at(-70 * time.Minute)},
	}
	s.Status.Summary = api.Summary{Commit: "bbbbbbb", State: api.RollingOut}
	return s
}

// dumped are the DaemonSets of a recorded cluster, judged.
func dumped(t testing.TB, path string) []report.Judged {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d, err := dump.Read(time.Time{}, dump.File{Name: path, Reader: f})
	if err != nil {
		t.Fatal(err)
	}
	var judged []report.Judged
	for _, one := range d.DaemonSets {
		j, _ := judge.Rollout(one.Look, one.Target, rollout.Memory{}, rollout.Options{})
		judged = append(judged, report.Judged{Target: one.Target, Look: one.Look, Judgement: j})
	}
	return judged
}

// The counts are those of the judgement, of every recorded cluster: in sum, by DaemonSet, and by class.
func TestTheCountsAreThoseOfTheJudgement(t *testing.T) {
	dumps, err := filepath.Glob("../../cmd/daemongate/testdata/dumps/*.json")
	if err != nil || len(dumps) < 3 {
		t.Fatal(dumps, err)
	}
	for _, path := range dumps {
		for _, d := range dumped(t, path) {
			v := Of(Seen{Now: d.Look.Now, Sync: rolling(), Judged: []report.Judged{d}})
			holds(t, path, v, d)
		}
	}
}

func holds(t *testing.T, name string, v View, d report.Judged) {
	t.Helper()
	j := d.Judgement
	if want := (Counts{j.Desired, j.Updated, j.Settled}); v.Counts != want || v.DaemonSets[0].Counts != want {
		t.Errorf("%s: %+v, judged %+v", name, v.Counts, want)
	}
	counts := map[rollout.NodeState]int{rollout.IsNotEligible: v.NotEligible}
	for _, n := range v.Nodes {
		counts[n.State]++
	}
	for _, c := range rollout.Classes(j.Nodes) {
		counts[c.State] -= len(c.Nodes)
	}
	for state, n := range counts {
		if n != 0 {
			t.Errorf("%s: %+d nodes are %s than were judged so", name, n, state)
		}
	}
	if len(v.Causes) != len(j.Causes) {
		t.Errorf("%s: %d causes of %d", name, len(v.Causes), len(j.Causes))
	}
}

// Of several DaemonSets the sums count, and a node is shown as what the one that is worst off there makes of it: never
// better than any of them, and never as one that no DaemonSet is meant for if one is.
func TestANodeIsAsItsWorstDaemonSet(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 200 {
		var judged []report.Judged
		states := map[string][]rollout.NodeState{}
		var want Counts
		for d := range 1 + random.IntN(3) {
			j := rollout.Judgement{Verdict: rollout.Progressing, Desired: random.IntN(50), Updated: random.IntN(50),
				Settled: random.IntN(50)}
			want = Counts{want.Desired + j.Desired, want.Updated + j.Updated, want.Settled + j.Settled}
			for n := range 20 {
				name := fmt.Sprintf("node-%02d", n)
				state := worst[random.IntN(len(worst))]
				states[name] = append(states[name], state)
				j.Nodes = j.Nodes.And([]rollout.Node{{Name: name, State: state}})
			}
			judged = append(judged, report.Judged{Target: rollout.Target{Name: fmt.Sprint("ds", d)}, Judgement: j})
		}
		v := Of(Seen{Now: noon, Sync: rolling(), Judged: judged})
		if v.Counts != want {
			t.Fatalf("round %d: %+v, want %+v", round, v.Counts, want)
		}
		shown := map[string]rollout.NodeState{}
		for _, n := range v.Nodes {
			shown[n.Name] = n.State
		}
		for name, all := range states {
			eligible := slices.DeleteFunc(all, func(s rollout.NodeState) bool { return s == rollout.IsNotEligible })
			if len(eligible) == 0 {
				if _, there := shown[name]; there {
					t.Errorf("round %d: %s is shown although no DaemonSet is meant for it", round, name)
				}
				continue
			}
			if w := slices.MinFunc(eligible, Worse); shown[name] != w {
				t.Errorf("round %d: %s is %s, the worst of %v is %s", round, name, shown[name], all, w)
			}
		}
		if len(v.Nodes)+v.NotEligible != 20 {
			t.Errorf("round %d: %d nodes and %d others", round, len(v.Nodes), v.NotEligible)
		}
	}
}

// half is a rollout of b over four nodes, a minute after it began: two settled, one still at a's pod, one without any.
func half() report.Judged {
	labels := map[string]string{"app": "agent"}
	d := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "logging", Name: "agent", UID: "1"}}
	d.Spec.Template.Labels, d.Spec.Template.Spec.Containers = labels, []corev1.Container{{Name: "agent", Image: "agent:v2"}}
	yes := true
	owner := []metav1.OwnerReference{{Kind: "DaemonSet", Name: "agent", UID: "1", Controller: &yes}}
	look := rollout.Look{Now: noon.Add(time.Minute), DaemonSet: d}
	for i, image := range []string{"agent:v0", "agent:v1", "agent:v2"} {
		template := d.Spec.Template.DeepCopy()
		template.Spec.Containers[0].Image = image
		raw, _ := json.Marshal(map[string]any{"spec": map[string]any{"template": template}})
		r := &appsv1.ControllerRevision{Revision: int64(i + 1), ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("agent-", i),
			OwnerReferences: owner, Labels: map[string]string{appsv1.DefaultDaemonSetUniqueLabelKey: fmt.Sprint("v", i)}}}
		r.Data.Raw = raw
		look.Revisions = append(look.Revisions, r)
	}
	j := rollout.Judgement{Verdict: rollout.Progressing, Desired: 4, Updated: 2, Settled: 2}
	for i, n := range []struct {
		state    rollout.NodeState
		revision string
		made     time.Duration
	}{{rollout.IsSettled, "v2", 10 * time.Second}, {rollout.IsSettled, "v2", 30 * time.Second},
		{rollout.IsOld, "v1", -time.Hour}, {rollout.IsMissing, "", 0}, {rollout.IsFailing, "v0", -time.Hour}} {
		node, pod := fmt.Sprint("node-", i), fmt.Sprint("agent-", i)
		look.Nodes = append(look.Nodes, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: node,
			Labels: map[string]string{"topology.kubernetes.io/zone": fmt.Sprint("z", i%2)}}})
		if n.revision == "" {
			pod = ""
		} else {
			look.Pods = append(look.Pods, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: pod, OwnerReferences: owner,
				Labels:            map[string]string{appsv1.DefaultDaemonSetUniqueLabelKey: n.revision},
				CreationTimestamp: metav1.NewTime(noon.Add(n.made))}})
		}
		j.Nodes = j.Nodes.And([]rollout.Node{{Name: node, State: n.state, Pod: pod}})
	}
	return report.Judged{Target: rollout.Target{Namespace: "logging", Name: "agent", AppliedAt: noon}, Look: look, Judgement: j}
}

func commitsShown(v View) (all []string) {
	for _, n := range v.Nodes {
		all = append(all, n.Commit[:min(1, len(n.Commit))])
	}
	return all
}

// Which commit is on a node is said where it is known: of the new pods, and of the old ones only if the commit before was
// complete, so that the newest older template is its own. A pod of a still older template is of nobody knows which.
func TestTheCommitOnEachNode(t *testing.T) {
	seen := Seen{Now: noon.Add(time.Minute), Sync: rolling(), Judged: []report.Judged{half()}}
	v := Of(seen)
	if got := fmt.Sprint(commitsShown(v)); got != "[b b a  ]" {
		t.Errorf("commits %s", got)
	}
	if v.Commits[0].Nodes != 0 || v.Commits[1].Nodes != 2 || v.Commits[2].Nodes != 1 {
		t.Errorf("nodes by commit: %+v", v.Commits)
	}
	seen.Sync.Status.History[2].State = api.Stuck // a reached some of the nodes only: the others have older pods
	if got := fmt.Sprint(commitsShown(Of(seen))); got != "[b b   ]" {
		t.Errorf("after a stuck commit: %s", got)
	}
	seen.Sync = rolling()
	seen.Judged[0].Judgement.Causes = []rollout.Cause{{Code: rollout.Overwritten}}
	if got := fmt.Sprint(commitsShown(Of(seen))); got != "[b b   ]" {
		t.Errorf("with a template that somebody else has changed: %s", got)
	}
	seen.Judged[0].Judgement.Causes = nil
	seen.Sync.Status.InFlight.RollbackOf = &api.StuckCommit{Commit: hash("d")}
	if got := fmt.Sprint(commitsShown(Of(seen))); got != "[b b d  ]" {
		t.Errorf("in a rollback: %s", got)
	}
}

// The lane has what waits, what is on its way and what has settled, the newest first.
func TestTheLaneOfCommits(t *testing.T) {
	s := rolling()
	v := Of(Seen{Now: noon, Sync: s})
	var lane []string
	for _, c := range v.Commits {
		lane = append(lane, fmt.Sprint(api.Short(c.Commit), " ", c.State, " ", c.Subject, " ", c.Author, " ", c.InFlight))
	}
	want := "ccccccc Held third Ada false|bbbbbbb RollingOut second  true|aaaaaaa Complete first  false"
	if got := strings.Join(lane, "|"); got != want {
		t.Errorf("%s", got)
	}
	s.Status.History = nil // a history is bounded: what is in flight is in the lane nevertheless
	if v = Of(Seen{Now: noon, Sync: s}); len(v.Commits) != 2 || v.Commits[1].Commit != hash("b") || !v.Commits[1].InFlight {
		t.Errorf("%+v", v.Commits)
	}
}

// The time left is worked out from the nodes that have settled with pods of this commit, else from the last complete one;
// which of them is said. What a commit leaves alone has settled long before and counts for nothing.
func TestTheEstimateSaysWhatItIsFrom(t *testing.T) {
	seen := Seen{Now: noon.Add(time.Minute), Sync: rolling(), Judged: []report.Judged{half()}}
	e := Of(seen).Estimate
	if e == nil || e.From != FromRollout || e.PerMinute != 2 || e.Left != 60 {
		t.Errorf("two of four in a minute: %+v", e)
	}
	for _, p := range seen.Judged[0].Look.Pods {
		p.CreationTimestamp = metav1.NewTime(noon.Add(-time.Hour))
	}
	e = Of(seen).Estimate
	if e == nil || e.From != FromCommit || e.Commit != hash("a") || e.Left != 9*60 {
		t.Errorf("of a, which took ten minutes, after one: %+v", e)
	}
	seen.Judged[0].Judgement.Settled, seen.Judged[0].Judgement.Proving = 4, noon.Add(90*time.Second)
	if e = Of(seen).Estimate; e == nil || e.From != FromProof || e.Left != 30 {
		t.Errorf("while it is proving: %+v", e)
	}
	seen.Sync.Status.InFlight.State = api.Stuck
	if e = Of(seen).Estimate; e != nil {
		t.Errorf("of a stuck one: %+v", e)
	}
}

// A proof goes on while nobody looks anew: the verdict counts down with the estimate that stands beside it.
func TestTheProofIsCountedDownWithoutALook(t *testing.T) {
	d := half()
	d.Judgement.Nodes, d.Judgement.Causes = rollout.NodeList{}, nil
	d.Judgement.Verdict, d.Judgement.Settled, d.Judgement.Updated = rollout.Progressing, 4, 4
	d.Look.Now, d.Judgement.Proving = noon, noon.Add(time.Minute)
	for after, want := range map[time.Duration]string{0: "60 s more", 50 * time.Second: "10 s more", 2 * time.Minute: "0 s more"} {
		v := Of(Seen{Now: noon.Add(after), Sync: rolling(), Judged: []report.Judged{d}})
		if want = "Progressing. 4 nodes settled, proving for " + want + "."; v.Verdict != want {
			t.Errorf("after %s: %q, want %q", after, v.Verdict, want)
		}
	}
}

// A history without a complete commit gives no estimate.
func TestWithoutAPastThereIsNoEstimate(t *testing.T) {
	s := rolling()
	s.Status.History = s.Status.History[:2]
	d := half()
	d.Judgement.Nodes = rollout.NodeList{}
	if e := Of(Seen{Now: noon.Add(time.Minute), Sync: s, Judged: []report.Judged{d}}).Estimate; e != nil {
		t.Errorf("%+v", e)
	}
}

// Where nothing could be judged, the view has what the controller has said: its counts and its causes.
func TestWithoutALookTheStatusIsTold(t *testing.T) {
	s := rolling()
	s.Status.InFlight.State, s.Status.InFlight.Nodes = api.Stuck, api.NodeCounts{Desired: 9, Updated: 5, Settled: 2}
	s.Status.InFlight.Causes = []api.Cause{{Code: "CrashLoop", Object: "DaemonSet x/y", NodeCount: 30, Nodes: []string{"n"},
		Message: "it ends", Remedy: "fix it"}}
	s.Status.Summary = api.Summary{Commit: "bbbbbbb", State: api.Stuck, Message: "CrashLoop on 30 nodes"}
	v := Of(Seen{Now: noon, Sync: s})
	if v.Verdict != "Stuck: CrashLoop on 30 nodes" || v.Counts.Desired != 9 || len(v.Causes) != 1 ||
		v.Causes[0].NodeCount != 30 || !v.Causes[0].Final {
		t.Errorf("%+v", v)
	}
	text, err := json.Marshal(v)
	if err != nil || strings.Contains(string(text), "null") {
		t.Errorf("a list is null: %s %v", text, err)
	}
}

// Nodes are grouped by zone whoever labelled them, and by any label that says something.
func TestGroups(t *testing.T) {
	v := Of(Seen{Now: noon, Sync: rolling(), Judged: []report.Judged{half()}})
	v.Nodes[4].Labels = map[string]string{"failure-domain.beta.kubernetes.io/zone": "z0"}
	v.Nodes[3].Labels = nil
	var text []string
	for _, g := range Groups(v.Nodes, ByZone) {
		text = append(text, fmt.Sprintf("%q %d", g.Name, len(g.Nodes)))
	}
	if got := strings.Join(text, ", "); got != `"z0" 3, "z1" 1, "" 1` {
		t.Error(got)
	}
	if got := fmt.Sprint(Groupings(v.Nodes)); got != "[ zone]" {
		t.Error(got)
	}
	for i := range v.Nodes {
		v.Nodes[i].Labels = map[string]string{"kubernetes.io/hostname": v.Nodes[i].Name, "arch": fmt.Sprint(i % 2), "os": "linux"}
	}
	if got := fmt.Sprint(Groupings(v.Nodes)); got != "[ arch]" {
		t.Error(got)
	}
}

// What each DaemonSet has on a node is told one by one, without those that are not meant for it.
func TestOnNodeTellsOfEachDaemonSet(t *testing.T) {
	a, b, c := half(), half(), half()
	b.Target.Name, c.Target.Name = "second", "third"
	first := slices.Collect(a.Judgement.Nodes.All())[0]
	b.Judgement.Nodes = rollout.NodeList{}.And([]rollout.Node{{Name: first.Name, State: rollout.IsFailing, Cause: rollout.CrashLoop}})
	c.Judgement.Nodes = rollout.NodeList{}.And([]rollout.Node{{Name: first.Name, State: rollout.IsNotEligible}})
	list := OnNode(Seen{Now: noon, Sync: rolling(), Judged: []report.Judged{a, b, c}}, first.Name)
	if len(list) != 2 || list[0].State != first.State || list[0].Commit != hash("b") ||
		list[1].Cause != rollout.CrashLoop || !strings.HasSuffix(list[1].DaemonSet, "/second") {
		t.Errorf("%+v", list)
	}
	if list = OnNode(Seen{Sync: rolling(), Judged: []report.Judged{a}}, "another"); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

// What a commit has done to a template is told from the revisions that Kubernetes keeps: one that is brought back is no new
// one, and is not taken for one that nobody has touched; and what is in doubt is not known.
func TestWhatHasBecomeOfATemplate(t *testing.T) {
	for want, change := range map[string]func(*report.Judged){
		"renewed v1 v2": func(d *report.Judged) { d.Look.Revisions[2].CreationTimestamp = metav1.NewTime(noon) },
		"untouched":     func(*report.Judged) {},
		"brought back": func(d *report.Judged) { // v2 is the oldest, and has been given the highest number again
			d.Look.Revisions[2].CreationTimestamp = metav1.NewTime(noon.Add(-3 * time.Hour))
		},
		"not known":   func(d *report.Judged) { d.Judgement.Causes = []rollout.Cause{{Code: rollout.Overwritten}} },
		"not known ":  func(d *report.Judged) { d.Look.DaemonSet = nil },
		"not known  ": func(d *report.Judged) { d.Look.Revisions = nil },
	} {
		d := half()
		for i, r := range d.Look.Revisions {
			r.CreationTimestamp = metav1.NewTime(noon.Add(time.Duration(i-3) * time.Hour / 2))
		}
		change(&d)
		all := Changes(Seen{Now: noon, Sync: rolling(), Judged: []report.Judged{d}})
		got := string(all[0].Is)
		for _, r := range []*appsv1.ControllerRevision{all[0].Before, all[0].After} {
			if r != nil {
				got += " " + r.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]
			}
		}
		if len(all) != 1 || got != strings.TrimSpace(want) || all[0].Name != "agent" {
			t.Errorf("%s, not %s: %+v", got, want, all)
		}
	}
}

// What holds a paced rollout up is shown beside what was judged, which shows none of it, and before what only passes.
func TestWhatHoldsAPacedRolloutUpIsShown(t *testing.T) {
	s := rolling()
	s.Status.InFlight.State = api.Stuck
	s.Status.InFlight.Causes = []api.Cause{{Code: "StrategyKept", Object: "DaemonSet x/y", Message: "a policy refuses"},
		{Code: "CrashLoop", Message: "as judged by the controller"}}
	dumps, err := filepath.Glob("../../cmd/daemongate/testdata/dumps/*.json")
	if err != nil || len(dumps) == 0 {
		t.Fatal(dumps, err)
	}
	v := Of(Seen{Now: noon, Sync: s, Judged: dumped(t, dumps[0])})
	of := 0
	for i := range v.Causes {
		if c := &v.Causes[i]; c.Message == "as judged by the controller" {
			t.Errorf("a cause is shown that was judged anew: %+v", c)
		} else if c.IsOfPace() && c.Final && c.Message == "a policy refuses" {
			of++
		}
	}
	if of != 1 {
		t.Errorf("shown %d times", of)
	}
}
