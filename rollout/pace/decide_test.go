package pace

import (
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// The canaries get the commit one after the other and soak; only then do the others get it.
func TestTheCanariesGoFirst(t *testing.T) {
	w := newWorld(t, 6, 2)
	w.plan = canaryThenRest(30 * time.Minute)
	w.commit("v2")
	if o := w.want(w.decide(), "canary", ForNodes); goesTo(o) != "n001" || !o.Begun || o.Of != 2 || o.Reached != 2 {
		t.Errorf("first look: %+v", o)
	}
	w.want(w.run(2*time.Minute), "canary", ForSoak)
	if w.has("v2") != "n001 n002" {
		t.Errorf("the commit is on %s", w.has("v2"))
	}
	o := w.want(w.run(25*time.Minute), "canary", ForSoak)
	if !o.Until.Equal(o.Wake) || o.Until.Sub(w.now) > 5*time.Minute || o.Settled != 2 {
		t.Errorf("soaks until %s, at %s: %+v", o.Until, w.now, o)
	}
	w.want(w.run(5*time.Minute), "rest", "")
	if !w.last.Done || w.has("v1") != "" || w.evictions != 6 {
		t.Errorf("done %v with %d evictions: %s", w.last.Done, w.evictions, w.has())
	}
}

// A container that ends in the canary begins the soak anew: only what has not ended for that long is believed.
func TestAnEndBeginsTheSoakAnew(t *testing.T) {
	w := newWorld(t, 6, 1)
	w.plan = canaryThenRest(30 * time.Minute)
	w.lives["v2"] = 20 * time.Minute
	w.commit("v2")
	w.run(3 * time.Hour)
	if w.last.Name != "canary" || w.has("v2") != "n001" {
		t.Errorf("stage %s: %s", w.last.Name, w.has())
	}
}

// The nodes of each zone get the commit after those of the zone before; the zone that is named goes first.
func TestZoneByZone(t *testing.T) {
	w := newWorld(t, 9, 0)
	w.plan = Plan{Stages: []Stage{{Name: "zone", Each: "zone", Order: []string{"c"}}}, MaxUnavailable: number(3)}
	w.commit("v2")
	var stages []string
	for !w.last.Done {
		if o := w.decide(); len(stages) == 0 || stages[len(stages)-1] != o.Name {
			stages = append(stages, o.Name)
		}
		w.after(time.Second)
		if w.now.Sub(epoch) > 3*time.Hour {
			t.Fatalf("not done: %+v", w.last)
		}
	}
	if got := strings.Join(stages, " "); got != "zone/c zone/a zone/b" {
		t.Errorf("stages %s", got)
	}
}

// Batches grow, and each waits for a person, but for the last.
func TestBatchesWaitForAPerson(t *testing.T) {
	w := newWorld(t, 10, 0)
	w.plan = Plan{Stages: []Stage{{Name: "batch", First: 1, Factor: 3, Approve: true}}, MaxUnavailable: percent("50%")}
	w.commit("v2")
	for i, want := range []string{"batch/1", "batch/2"} {
		w.want(w.run(5*time.Minute), want, ForApproval)
		if got := len(strings.Fields(w.has("v2"))); got != []int{1, 4}[i] {
			t.Errorf("%s: %d nodes have the commit", want, got)
		}
		w.progress.Approved = true
	}
	if o := w.run(5 * time.Minute); !o.Done || o.Index != 3 || o.Approved {
		t.Errorf("%+v", o)
	}
}

// A person's pause stops the deletions at once, and lifting it lets them go on.
func TestAPauseStopsTheDeletions(t *testing.T) {
	w := newWorld(t, 6, 2)
	w.plan = canaryThenRest(0)
	w.commit("v2")
	w.run(3 * time.Second)
	w.paused = "ann: lunch"
	had := w.evictions
	if o := w.want(w.run(10*time.Minute), "canary", ForResume); o.Message != "ann: lunch" || w.evictions != had {
		t.Errorf("%d evictions, then %d: %+v", had, w.evictions, o)
	}
	w.paused = ""
	if o := w.run(10 * time.Minute); !o.Done {
		t.Errorf("%+v", o)
	}
}

// A stage begins only while a window is open. One that has begun goes on.
func TestAWindowClosesOnlyTheBeginning(t *testing.T) {
	w := newWorld(t, 6, 2)
	w.plan = canaryThenRest(0)
	w.closed, w.opens = "until Monday", w.now.AddDate(0, 0, 3)
	w.commit("v2")
	if o := w.want(w.run(time.Minute), "canary", ForWindow); o.Begun || w.evictions != 0 ||
		o.Message != "until Monday" || !o.Until.Equal(w.opens) {
		t.Errorf("%+v", o)
	}
	w.closed = ""
	w.decide()
	w.closed = "until Tuesday"
	w.want(w.run(10*time.Minute), "rest", ForWindow)
	if w.has("v2") != "n001 n002" {
		t.Errorf("has %s", w.has("v2"))
	}
}

// A person who holds the commit in all clusters closes the beginning of a stage, whatever window is open, until the hold
// is lifted. What has begun goes on, and so does what mends a broken commit.
func TestAHoldClosesTheBeginning(t *testing.T) {
	w := newWorld(t, 6, 2)
	w.plan = canaryThenRest(0)
	w.commit("v2")
	w.decide()
	w.held = "held by ada"
	if o := w.want(w.run(10*time.Minute), "rest", ForHold); o.Message != "held by ada" || o.Begun || w.has("v2") != "n001 n002" {
		t.Errorf("%+v; v2 is on %s", o, w.has("v2"))
	}
	w.closed = "until Monday"
	w.want(w.run(time.Minute), "rest", ForHold)
	w.held = ""
	w.want(w.run(time.Minute), "rest", ForWindow)
	w.held, w.closed = "held by ada", ""
	w.mend("v1")
	if o := w.run(10 * time.Minute); !o.Done {
		t.Errorf("going back: %+v", o)
	}
}

// An agent that dies stops the rollout while it is on the first node, however many nodes may be without a pod.
func TestADyingAgentStopsTheRollout(t *testing.T) {
	w := newWorld(t, 12, 0)
	w.plan = Plan{Stages: []Stage{{Name: "first", First: 1, Factor: 100}}, MaxUnavailable: number(10)}
	w.lives["v2"] = time.Second / 2
	w.commit("v2")
	w.want(w.run(10*time.Minute), "first/1", ForHealth)
	if w.has("v2") != "n001" || !strings.Contains(w.last.Message, "n001") {
		t.Errorf("has %s, says %s", w.has("v2"), w.last.Message)
	}
}

// A node that has the commit out of turn is judged like any other: what fails there stops the rollout.
func TestAnEarlyNodeCanStopTheRollout(t *testing.T) {
	w := newWorld(t, 6, 2)
	w.plan = canaryThenRest(10 * time.Minute)
	w.lives["v2"] = 40 * time.Second
	w.closed = "no window"
	w.commit("v2")
	w.lose("n006")
	o := w.want(w.run(5*time.Minute), "canary", ForHealth)
	if o.Early != 1 || w.has("v2") != "n006" {
		t.Errorf("%+v: %s", o, w.has())
	}
}

// A fix goes first to the nodes that have the broken commit, all of them at once if they are down already, and then to
// the canaries.
func TestAFixGoesFirstToWhatIsBroken(t *testing.T) {
	w := newWorld(t, 8, 2)
	w.plan = canaryThenRest(10 * time.Minute)
	w.commit("v2")
	w.run(time.Minute)
	w.lives["v2"] = time.Second
	w.lose("n007")
	w.after(time.Minute)
	// n001 and n002 run the broken commit well, n007 does not
	w.closed = "at night"
	w.mend("v3")
	o := w.want(w.decide(), "fix", ForNodes)
	if o.Index != 0 || goesTo(o) != "n007" || w.run(2*time.Minute).Name == "fix" {
		t.Errorf("%+v, then %+v", o, w.last)
	}
	if w.has("v3") != "n001 n002 n007" {
		t.Errorf("fixed: %s", w.has("v3"))
	}
	w.closed = ""
	w.want(w.run(6*time.Minute), "canary", ForSoak)
	if o := w.run(20 * time.Minute); !o.Done {
		t.Errorf("%+v", o)
	}
}

// What takes over from a commit that was well goes stage by stage as any other, whatever that one had reached: nobody
// has tried it anywhere. It is otherwise where it goes back to what most nodes have.
func TestWhatTakesOverFromWhatWasWellMendsNothing(t *testing.T) {
	w := newWorld(t, 9, 2)
	w.plan = canaryThenRest(10 * time.Minute)
	w.plan.Stages = append(w.plan.Stages, Stage{Name: "zone", Each: "zone", Approve: true})
	w.commit("v2")
	w.want(w.run(20*time.Minute), "zone/a", ForApproval)
	had := w.has("v2")
	w.commit("v3")
	w.want(w.run(5*time.Minute), "canary", ForSoak)
	if got := w.has("v2"); had != "n001 n002 n004 n007" || got != "n004 n007" {
		t.Errorf("v2 was on %s, and is on %s", had, got)
	}
	w.want(w.run(20*time.Minute), "zone/a", ForApproval)
	if got := w.has("v3"); got != had {
		t.Errorf("v3 is on %s", got)
	}
	w.commit("v1")
	if o := w.decide(); o.Name != fixName {
		t.Errorf("going back: %+v", o)
	}
	if o := w.run(time.Minute); !o.Done {
		t.Errorf("going back: %+v", o)
	}
}

// A commit that goes back mends the nodes that have the broken one, without soak or approval: nothing else is left.
func TestGoingBackMendsAndIsDone(t *testing.T) {
	w := newWorld(t, 8, 2)
	w.plan = canaryThenRest(10 * time.Minute)
	w.plan.Stages[0].Approve = true
	w.lives["v2"] = time.Second
	w.commit("v2")
	w.run(time.Minute)
	w.mend("v1")
	w.want(w.decide(), "fix", ForNodes)
	if o := w.run(time.Minute); !o.Done || w.has("v2") != "" {
		t.Errorf("%+v: %s", o, w.has())
	}
}

// An old node that was away when the commit before came through does not make that one a broken commit: the next one
// begins with the canaries. So does one that goes back to what only such a node still has.
func TestWhatCameThroughIsNotBroken(t *testing.T) {
	for _, next := range []string{"v3", "v1"} {
		w := newWorld(t, 8, 2)
		w.plan = canaryThenRest(10 * time.Minute)
		w.ready("n008", false)
		w.after(time.Hour)
		w.commit("v2")
		if o := w.run(time.Hour); !o.Done || w.has("v1") != "n008" {
			t.Fatalf("%+v: %s", o, w.has())
		}
		w.ready("n008", true)
		w.after(time.Hour)
		w.commit(next)
		w.want(w.run(5*time.Minute), "canary", ForSoak)
		if got := len(strings.Fields(w.has("v2"))); got < 5 {
			t.Errorf("%s: only %d nodes still have v2", next, got)
		}
	}
}

// A rollback mends each node that has another template, also when those are the most.
func TestARollbackMendsAll(t *testing.T) {
	w := newWorld(t, 8, 2)
	w.plan = canaryThenRest(10 * time.Minute)
	w.commit("v2")
	w.run(10*time.Minute + 60*time.Second)
	if got := len(strings.Fields(w.has("v2"))); got < 4 || got == 8 {
		t.Fatalf("%d nodes have v2", got)
	}
	w.commit("v1")
	w.rollback = true
	w.want(w.decide(), "fix", ForNodes)
	if o := w.run(5 * time.Minute); !o.Done || w.has("v2") != "" {
		t.Errorf("%+v: %s", o, w.has())
	}
}

// A commit that follows one that got stuck after most nodes had it goes first to those.
func TestWhatMendsAStuckCommitGoesWhereThatIs(t *testing.T) {
	for _, mends := range []bool{false, true} {
		w := newWorld(t, 8, 2)
		w.plan = canaryThenRest(10 * time.Minute)
		stuck := w.now
		w.commit("v2")
		w.run(10*time.Minute + 52*time.Second)
		if got := len(strings.Fields(w.has("v2"))); got <= 4 || got == 8 {
			t.Fatalf("%d nodes have v2", got)
		}
		w.commit("v3")
		if mends {
			w.mends = stuck
		}
		if o := w.decide(); (o.Name == "fix") != mends {
			t.Errorf("mends %v: %+v", mends, o)
		}
		if o := w.run(time.Hour); !o.Done {
			t.Errorf("%+v", o)
		}
	}
}

// A stuck commit that did not change a DaemonSet has broken nothing of it, also where a node that was away has an older
// pod: the next one begins with the canaries.
func TestAStuckCommitBreaksOnlyWhatItChanged(t *testing.T) {
	w := newWorld(t, 8, 2)
	w.plan = canaryThenRest(10 * time.Minute)
	w.ready("n008", false)
	w.after(time.Hour)
	w.commit("v2")
	w.run(time.Hour)
	w.ready("n008", true)
	w.after(time.Hour)
	stuck := w.now // something else of the set is
	w.after(time.Hour)
	w.commit("v3")
	w.mends = stuck
	w.want(w.run(5*time.Minute), "canary", ForSoak)
	if w.has("v3") != "n001 n002" {
		t.Errorf("has %s", w.has())
	}
}

// A node that is away when its stage comes is not waited for, and gets the commit when it is back.
func TestANodeThatComesBackIsCaughtUpWith(t *testing.T) {
	w := newWorld(t, 6, 2)
	w.plan = Plan{Stages: []Stage{{Name: "canary", Nodes: selector("canary=yes"), Soak: time.Minute},
		{Name: "rest", Soak: time.Hour}}}
	w.ready("n002", false)
	w.after(10 * time.Minute)
	w.commit("v2")
	w.want(w.run(10*time.Minute), "rest", ForSoak)
	if w.has("v1") != "n002" {
		t.Fatalf("old: %s", w.has("v1"))
	}
	w.ready("n002", true)
	w.run(2 * time.Minute)
	if w.has("v1") != "" {
		t.Errorf("old: %s", w.has("v1"))
	}
}

// Canaries that are gone absent after they got the commit do not cut the soak short.
func TestAbsentCanariesStillSoak(t *testing.T) {
	w := newWorld(t, 6, 1)
	w.plan = canaryThenRest(30 * time.Minute)
	w.commit("v2")
	w.run(15 * time.Minute)
	w.ready("n001", false)
	w.want(w.run(10*time.Minute), "canary", ForSoak)
	w.want(w.run(10*time.Minute), "rest", "")
}

// A pod that is not available costs nothing; of the others the nodes that are about to leave the cluster come last.
func TestWhichPodsGoFirst(t *testing.T) {
	w := newWorld(t, 5, 0)
	w.plan = Plan{MaxUnavailable: number(2)}
	w.change("n001", func(n *corev1.Node) {
		n.Spec.Taints = []corev1.Taint{{Key: "karpenter.sh/disrupted", Effect: corev1.TaintEffectNoSchedule}}
	})
	w.sick("n004")
	w.commit("v2")
	if o := w.want(w.decide(), "rest", ForNodes); goesTo(o) != "n004 n002" {
		t.Errorf("goes: %s", goesTo(o))
	}
}

// sick has a node's pod not be Ready.
func (w *world) sick(node string) {
	s := w.sets[0]
	i := slices.Index(s.slots, w.pod(node))
	p := s.slots[i].DeepCopy()
	p.Status.Conditions[0].Status = corev1.ConditionFalse
	w.put(s, i, p, time.Time{})
}

// What a PodDisruptionBudget does not allow is left alone and said; another pod of the stage goes in its place.
func TestARefusedEvictionIsSaid(t *testing.T) {
	w := newWorld(t, 3, 2)
	w.plan = canaryThenRest(0)
	w.refused = map[types.UID]string{w.pod("n001").UID: "Cannot evict pod as it would violate the budget"}
	w.commit("v2")
	if o := w.decide(); goesTo(o) != "n002" {
		t.Errorf("goes: %s", goesTo(o))
	}
	if o := w.want(w.run(time.Minute), "canary", ForBudget); !strings.Contains(o.Message, "violate the budget") {
		t.Errorf("says %s", o.Message)
	}
}

// Nodes that have no available pod for other reasons use up the budget, and that is said.
func TestOthersUseUpTheBudget(t *testing.T) {
	w := newWorld(t, 4, 2)
	w.plan = canaryThenRest(0)
	w.sick("n004")
	w.commit("v2")
	if o := w.want(w.decide(), "canary", ForBudget); !strings.Contains(o.Message, "n004") {
		t.Errorf("says %s", o.Message)
	}
}

// Nothing goes as long as its controller would not make a pod of the commit: it has not seen it, rolls by itself, or
// somebody has changed it.
func TestNothingGoesThatWouldNotComeBackAsTheCommits(t *testing.T) {
	tests := map[string]func(*world, *Workload){
		"not observed": func(_ *world, l *Workload) {
			l.Look.DaemonSet = l.Look.DaemonSet.DeepCopy()
			l.Look.DaemonSet.Status.ObservedGeneration--
		},
		"before the apply": func(_ *world, l *Workload) { l.Target.Generation++ },
		"no revision":      func(_ *world, l *Workload) { l.Look.Revisions = l.Look.Revisions[:1] },
		"not looked at":    func(_ *world, l *Workload) { l.Look.Missing = []string{"nodes"} },
		"gone":             func(_ *world, l *Workload) { l.Look.DaemonSet = nil },
		"another one":      func(_ *world, l *Workload) { l.Target.UID = "another" },
		"rolls by itself": func(_ *world, l *Workload) {
			l.Look.DaemonSet = l.Look.DaemonSet.DeepCopy()
			l.Look.DaemonSet.Spec.UpdateStrategy.Type = "RollingUpdate"
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 3, 1)
			w.plan = canaryThenRest(0)
			w.commit("v2")
			in := w.input()
			change(w, &in.Workloads[0])
			if o := Decide(in); len(o.Delete) > 0 || o.Done || o.Name != "" || o.Waits != ForNodes || o.Message == "" {
				t.Errorf("%+v", o)
			}
		})
	}
}

// A DaemonSet that the commit does not change holds nothing up, and one that is new is not held back: there is no old
// pod.
func TestWhatTheCommitDoesNotChange(t *testing.T) {
	w := newWorld(t, 4, 2)
	w.plan = canaryThenRest(time.Hour)
	w.commit("v1")
	if o := w.decide(); !o.Done {
		t.Errorf("a commit that changes nothing: %+v", o)
	}
	w.addSet("other")
	w.commit("v2", "agent")
	w.want(w.run(5*time.Minute), "canary", ForSoak)
	if w.has("v2") != "n001 n002" {
		t.Errorf("has %s", w.has("v2"))
	}
}

// The DaemonSets of a commit go together: a stage is over when its nodes have settled pods of all of them.
func TestDaemonSetsGoTogether(t *testing.T) {
	w := newWorld(t, 4, 2)
	w.addSet("other")
	w.plan = canaryThenRest(0)
	w.commit("v2")
	if o := w.decide(); goesTo(o) != "n001 n001" || o.Delete[0].Name == o.Delete[1].Name {
		t.Errorf("goes: %+v", o.Delete)
	}
	if o := w.run(5 * time.Minute); !o.Done || w.evictions != 8 {
		t.Errorf("%+v after %d evictions", o, w.evictions)
	}
}

// A node that joins gets the commit at once; it is not waited for, and moves no node from one batch to another.
func TestLateNodesMoveNothing(t *testing.T) {
	w := newWorld(t, 4, 0)
	w.plan = Plan{Stages: []Stage{{Name: "batch", First: 2, Factor: 1, Soak: time.Hour}}, MaxUnavailable: number(2)}
	w.commit("v2")
	w.run(time.Minute)
	w.join("a000", "a", false)
	o := w.want(w.run(time.Minute), "batch/1", ForSoak)
	if o.Early != 1 || o.Nodes != 2 || w.has("v2") != "a000 n001 n002" {
		t.Errorf("%+v: %s", o, w.has())
	}
}

// A pod that was asked to go counts as gone although the look does not show it yet: its place in the budget is taken,
// and it is not asked again.
func TestWhatWasAskedToGoIsCounted(t *testing.T) {
	for budget, want := range map[int]string{1: "", 2: "n002"} {
		w := newWorld(t, 4, 0)
		w.plan = Plan{MaxUnavailable: number(budget)}
		w.commit("v2")
		in := w.input()
		in.Workloads[0].Going = map[types.UID]bool{w.pod("n001").UID: true}
		if o := Decide(in); goesTo(o) != want {
			t.Errorf("%d may be without, n001 is going: %s goes", budget, goesTo(o))
		}
	}
}

// Of two old pods of a node one goes at a time, whatever order they are seen in: the one that is not available, or else
// the first by name. The other waits until that has gone.
func TestOfTwoPodsOfANodeOneGoesAtATime(t *testing.T) {
	for _, first := range []string{"agent-1", "agent-0"} {
		w := newWorld(t, 1, 0)
		w.commit("v2")
		second := w.pod("n001").DeepCopy()
		second.Name, second.UID = "agent-0", "second"
		if first == "agent-1" { // the second one is available, and this one is not
			w.sick("n001")
		}
		for _, backwards := range []bool{false, true} {
			in := w.input()
			pods := []*corev1.Pod{w.pod("n001"), second}
			if backwards {
				slices.Reverse(pods)
			}
			in.Workloads[0].Look.Pods = pods
			if o := Decide(in); len(o.Delete) != 1 || o.Delete[0].Name != first {
				t.Errorf("%s is to go, backwards %v: %+v", first, backwards, o.Delete)
			}
			in.Workloads[0].Going = map[types.UID]bool{second.UID: true}
			if o := Decide(in); len(o.Delete) != 0 {
				t.Errorf("one is going: %+v", o.Delete)
			}
		}
	}
}

// A stage is found again by its name when those before it have gone with their nodes: nothing is passed over, and its
// index does not fall. One that has gone itself is over.
func TestAStageIsFoundAgainByItsName(t *testing.T) {
	w := newWorld(t, 9, 0)
	w.plan = Plan{Stages: []Stage{{Name: "zone", Each: "zone", Approve: true}}, MaxUnavailable: number(3)}
	w.commit("v2")
	w.run(time.Minute)
	w.progress.Approved = true
	w.want(w.run(time.Minute), "zone/b", ForApproval)
	for _, n := range []string{"n001", "n004", "n007"} { // those of zone a
		w.change(n, func(n *corev1.Node) { n.Labels = map[string]string{"zone": "b"} })
	}
	if o := w.want(w.run(time.Minute), "zone/b", ForApproval); o.Index != 2 || o.Of != 2 || w.has("v1") != "n003 n006 n009" {
		t.Errorf("%+v: %s", o, w.has())
	}
	for _, n := range w.nodes[:8] { // now there is zone c alone
		w.change(n.Name, func(n *corev1.Node) { n.Labels = map[string]string{"zone": "c"} })
	}
	if o := w.want(w.run(time.Minute), "zone/c", ""); o.Index != 2 || !o.Done {
		t.Errorf("%+v: %s", o, w.has())
	}
}

// The budget is the smaller one of the plan's and the DaemonSet's own, a percentage rounded up, and one at least.
func TestTheBudgetIsTheSmallerOfTwo(t *testing.T) {
	for _, test := range []struct {
		plan, own string
		want      int
	}{{"", "", 1}, {"3", "", 3}, {"", "2", 2}, {"3", "2", 2}, {"2", "3", 2}, {"21%", "", 3}, {"50%", "10%", 1}} {
		w := newWorld(t, 10, 0)
		budget := func(text string) *intstr.IntOrString {
			if text == "" {
				return nil
			}
			v := intstr.Parse(text)
			return &v
		}
		w.plan.MaxUnavailable = budget(test.plan)
		w.sets[0].ds.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxUnavailable: budget(test.own)}
		w.commit("v2")
		if o := w.decide(); len(o.Delete) != test.want {
			t.Errorf("plan %q, own %q: %s goes", test.plan, test.own, goesTo(o))
		}
	}
}

// A control plane that loses sight of its nodes, or a zone that fails, moves nothing on, at the beginning or later, also
// if a person has let it: what cannot be seen is no proof. When the nodes are back the rollout goes on from there.
func TestAnOutageMovesNothingOn(t *testing.T) {
	for _, lasts := range []time.Duration{20 * time.Second, 10 * time.Minute} {
		for _, begun := range []bool{false, true} {
			w := newWorld(t, 9, 2)
			w.plan = canaryThenRest(0)
			w.plan.Stages[0].Approve = true
			w.commit("v2")
			if begun {
				w.want(w.run(15*time.Minute), "canary", ForApproval)
			}
			for _, n := range w.nodes {
				w.ready(n.Name, false)
			}
			w.progress.Approved = begun
			if o := w.run(lasts); o.Name != "canary" || o.Done || o.Waits != ForNodes || o.Message == "" {
				t.Errorf("out for %s, begun %v: %+v", lasts, begun, o)
			}
			for _, n := range w.nodes {
				w.ready(n.Name, true)
			}
			if w.run(2 * time.Minute); !begun {
				w.want(w.last, "canary", ForApproval)
				w.progress.Approved = true
			}
			if o := w.run(10 * time.Minute); !o.Done {
				t.Errorf("%+v", o)
			}
		}
	}
}

// A node that is not ready for a moment does not end its stage without itself.
func TestAMomentsAbsenceIsWaitedFor(t *testing.T) {
	w := newWorld(t, 9, 1)
	w.plan = canaryThenRest(0)
	w.ready("n001", false)
	w.commit("v2")
	o := w.want(w.decide(), "canary", ForNodes)
	if !o.Wake.Equal(w.now.Add(time.Minute)) {
		t.Errorf("wakes at %s: %+v", o.Wake, o)
	}
	w.want(w.run(59*time.Second), "canary", ForNodes)
	w.want(w.run(2*time.Second), "rest", ForNodes)
}

// Canaries that are all away have tried nothing: where they are to soak, nobody gets the commit before one of them has.
func TestCanariesThatAreAwayAreNoProof(t *testing.T) {
	w := newWorld(t, 9, 1)
	w.plan = canaryThenRest(10 * time.Minute)
	w.ready("n001", false)
	w.commit("v2")
	if o := w.run(time.Hour); o.Name != "canary" || o.Waits != ForNodes || o.Early > 0 {
		t.Errorf("with the canary away: %+v", o)
	}
	w.ready("n001", true)
	w.want(w.run(2*time.Minute), "canary", ForSoak)
	if o := w.run(30 * time.Minute); !o.Done {
		t.Errorf("%+v", o)
	}
}

// Pods of a DaemonSet that the commit leaves alone prove nothing of it. Where a stage has such alone there is nothing to
// be tried.
func TestWhatTheCommitLeavesAloneIsNoProof(t *testing.T) {
	w := newWorld(t, 9, 1)
	w.addSet("other")
	w.plan = canaryThenRest(10 * time.Minute)
	w.ready("n001", false)
	w.commit("v2", "agent")
	if o := w.run(time.Hour); o.Name != "canary" || o.Waits != ForNodes || w.has("v2") != "" {
		t.Errorf("with the canary away: %+v; %s", o, w.has("v2"))
	}
	w.ready("n001", true)
	w.want(w.run(2*time.Minute), "canary", ForSoak)
}

// Pods that are not Ready go beyond the budget, since nothing is lost with them. So each says that it goes for that: by
// a look that came late nearly all nodes would lose an agent that has recovered since.
func TestWhatHasRecoveredSinceTheLookStays(t *testing.T) {
	w := newWorld(t, 6, 0)
	w.plan = Plan{MaxUnavailable: number(1)}
	for _, node := range []string{"n002", "n003", "n004", "n005"} {
		w.sick(node)
	}
	w.commit("v2")
	o := Decide(w.input())
	if goesTo(o) != "n002 n003 n004 n005" {
		t.Fatalf("goes: %s", goesTo(o))
	}
	s := w.sets[0]
	for i, p := range s.slots {
		p = p.DeepCopy()
		p.Status.Conditions[0].Status = corev1.ConditionTrue
		w.put(s, i, p, time.Time{})
	}
	if w.carryOut(o); w.evictions != 0 {
		t.Errorf("%d pods that are Ready went", w.evictions)
	}
}
