package judge

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/object"
	"github.com/daemongate/daemongate/rollout/report"
)

var appliedAt = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

// other is an object of generation 2 with a spec and a status, both in YAML's flow style.
func other(t *testing.T, apiVersion, kind, spec, status string) *unstructured.Unstructured {
	t.Helper()
	var o map[string]any
	text := "apiVersion: " + apiVersion + "\nkind: " + kind +
		"\nmetadata: {namespace: web, name: shop, uid: u1, generation: 2}\nspec: " + spec + "\nstatus: " + status
	if err := yaml.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	return &unstructured.Unstructured{Object: integers(o).(map[string]any)}
}

// integers has whole numbers be what they are in objects that an API server sent.
func integers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = integers(e)
		}
	case []any:
		for i, e := range v {
			v[i] = integers(e)
		}
	case float64:
		return int64(v)
	}
	return v
}

const (
	minute      = time.Minute
	established = "{type: NamesAccepted, status: 'True', reason: NoConflicts}, {type: Established, status: "
)

// What one look at an object of each kind means, so long after the apply.
func TestObjectsOfOtherKinds(t *testing.T) {
	for name, c := range map[string]struct {
		kind, spec, status string
		after              time.Duration
		verdict            rollout.Verdict
		code               rollout.Code
		says               string
	}{
		"Deployment not observed yet": {kind: "apps/v1 Deployment", spec: "{replicas: 1}",
			status:  "{observedGeneration: 1, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1}",
			verdict: rollout.Progressing, code: rollout.NotObserved, says: "generation 1"},
		"Deployment without replicas and without a status": {kind: "apps/v1 Deployment", spec: "{replicas: 0}",
			status:  "{}",
			verdict: rollout.Progressing, code: rollout.NotObserved},
		"StatefulSet without replicas and without a status": {kind: "apps/v1 StatefulSet", spec: "{replicas: 0}",
			status:  "{}",
			verdict: rollout.Progressing, code: rollout.NotObserved},
		"Deployment that replaces its pods": {kind: "apps/v1 Deployment", spec: "{replicas: 3}",
			status:  "{observedGeneration: 2, replicas: 4, updatedReplicas: 1, readyReplicas: 3, availableReplicas: 3}",
			verdict: rollout.Progressing, code: rollout.NotReady, says: "Updated: 1/3"},
		"Deployment past our deadline": {kind: "apps/v1 Deployment", spec: "{replicas: 3}", after: 16 * minute,
			status: "{observedGeneration: 2, replicas: 3}", verdict: rollout.Stuck, code: rollout.NotReady,
			says: "Updated: 0/3"},
		"Deployment with minReadySeconds has so much longer": {kind: "apps/v1 Deployment", after: 16 * minute,
			spec:   "{replicas: 3, minReadySeconds: 120, template: {spec: {containers: [{name: a}]}}}",
			status: "{observedGeneration: 2, replicas: 3}", verdict: rollout.Progressing, code: rollout.NotReady},
		"Deployment past its own deadline": {kind: "apps/v1 Deployment",
			spec: "{replicas: 1, progressDeadlineSeconds: 60}",
			status: "{observedGeneration: 2, replicas: 1, conditions: [{type: Progressing, status: 'False', " +
				"reason: ProgressDeadlineExceeded, message: ReplicaSet shop-1 has timed out progressing.}]}",
			verdict: rollout.Stuck, code: rollout.ProgressDeadlineExceeded, says: "shop-1 has timed out"},
		"Deployment that is available": {kind: "apps/v1 Deployment", spec: "{replicas: 1}",
			status: "{observedGeneration: 2, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1, " +
				"conditions: [{type: Available, status: 'True'}, {type: Progressing, status: 'True', reason: " +
				"NewReplicaSetAvailable}]}",
			verdict: rollout.Complete},
		"StatefulSet that replaces its pods": {kind: "apps/v1 StatefulSet",
			spec:    "{replicas: 2, updateStrategy: {rollingUpdate: {partition: 0}}}",
			status:  "{observedGeneration: 2, replicas: 2, readyReplicas: 2, currentReplicas: 1, updatedReplicas: 1}",
			verdict: rollout.Progressing, code: rollout.NotReady, says: "updated: 1/2"},
		"StatefulSet that has": {kind: "apps/v1 StatefulSet",
			spec: "{replicas: 2, updateStrategy: {rollingUpdate: {partition: 0}}}",
			status: "{observedGeneration: 2, replicas: 2, readyReplicas: 2, availableReplicas: 2, currentReplicas: " +
				"2, updatedReplicas: 2}", verdict: rollout.Complete},
		"StatefulSet whose pods are Ready for less than minReadySeconds": {kind: "apps/v1 StatefulSet",
			spec: "{replicas: 2, updateStrategy: {rollingUpdate: {partition: 0}}}",
			status: "{observedGeneration: 2, replicas: 2, readyReplicas: 2, availableReplicas: 1, currentReplicas: " +
				"2, updatedReplicas: 2}",
			verdict: rollout.Progressing, code: rollout.NotReady, says: "Available: 1/2"},
		"Job that has only started": {kind: "batch/v1 Job", spec: "{}",
			status:  "{startTime: 2026-11-24T10:00:00Z, active: 1}",
			verdict: rollout.Progressing, code: rollout.NotReady, says: "Job in progress"},
		"Job that is complete": {kind: "batch/v1 Job", spec: "{}",
			status: "{conditions: [{type: Complete, status: 'True'}]}", verdict: rollout.Complete},
		"Job that failed": {kind: "batch/v1 Job", spec: "{}",
			status: "{conditions: [{type: Failed, status: 'True', reason: BackoffLimitExceeded, message: it went " +
				"wrong}]}",
			verdict: rollout.Stuck, code: rollout.JobFailed, says: "BackoffLimitExceeded: it went wrong"},
		"CRD that is being installed": {kind: "apiextensions.k8s.io/v1 CustomResourceDefinition", spec: "{}",
			status: "{conditions: [" + established + "'False', reason: Installing}]}", verdict: rollout.Progressing,
			code: rollout.NotEstablished},
		"CRD that is being installed for too long": {kind: "apiextensions.k8s.io/v1 CustomResourceDefinition",
			spec: "{}", after: 15 * minute,
			status: "{conditions: [" + established + "'False', reason: Installing}]}", verdict: rollout.Stuck,
			code: rollout.NotEstablished},
		"CRD whose names are taken": {kind: "apiextensions.k8s.io/v1 CustomResourceDefinition", spec: "{}",
			status: "{conditions: [{type: NamesAccepted, status: 'False', reason: PluralConflict, message: shops is " +
				"taken}]}",
			verdict: rollout.Stuck, code: rollout.NotEstablished, says: "shops is taken"},
		"CRD that is Established": {kind: "apiextensions.k8s.io/v1 CustomResourceDefinition", spec: "{}",
			status: "{conditions: [" + established + "'True'}]}", verdict: rollout.Complete},
		"APIService that nobody has looked at": {kind: "apiregistration.k8s.io/v1 APIService", spec: "{}", status: "{}",
			verdict: rollout.Progressing, code: rollout.NotReady, says: "no condition Available"},
		"APIService without endpoints": {kind: "apiregistration.k8s.io/v1 APIService", spec: "{}",
			status:  "{conditions: [{type: Available, status: 'False', reason: MissingEndpoints, message: none}]}",
			verdict: rollout.Progressing, code: rollout.NotReady, says: "MissingEndpoints: none"},
		"APIService that answers": {kind: "apiregistration.k8s.io/v1 APIService", spec: "{}",
			status: "{conditions: [{type: Available, status: 'True'}]}", verdict: rollout.Complete},
		"custom resource that nobody has looked at": {kind: "example.com/v1 Cache", spec: "{}", status: "{}",
			verdict: rollout.Progressing, code: rollout.NotReady},
		"custom resource that is not Ready": {kind: "example.com/v1 Cache", spec: "{template: 7}",
			status:  "{conditions: [{type: Ready, status: 'False', reason: Warming, message: half full}]}",
			verdict: rollout.Progressing, code: rollout.NotReady, says: "half full"},
		"custom resource that was Ready before": {kind: "example.com/v1 Cache", spec: "{}",
			status:  "{conditions: [{type: Ready, status: 'True', observedGeneration: 1}]}",
			verdict: rollout.Progressing, code: rollout.NotReady, says: "of generation 1"},
		"custom resource that is Ready": {kind: "example.com/v1 Cache", spec: "{}",
			status: "{conditions: [{type: Ready, status: 'True', observedGeneration: 2}]}", verdict: rollout.Complete},
		"custom resource whose controller only counts generations": {kind: "example.com/v1 Cache", spec: "{}",
			status: "{observedGeneration: 2}", verdict: rollout.Complete},
		"custom resource that is Stalled": {kind: "example.com/v1 Cache", spec: "{}",
			status:  "{conditions: [{type: Stalled, status: 'True', reason: NoQuota, message: no quota}]}",
			verdict: rollout.Stuck, code: rollout.NotReady, says: "no quota"},
		"custom resource whose status is none": {kind: "example.com/v1 Cache", spec: "{}",
			status:  "{conditions: nonsense}",
			verdict: rollout.Progressing, code: rollout.NotReady, says: "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			version, kind, _ := strings.Cut(c.kind, " ")
			look := object.Look{Now: appliedAt.Add(c.after), Live: other(t, version, kind, c.spec, c.status)}
			j, _ := object.Judge(look, rollout.Target{Kind: kind, Namespace: "web", Name: "shop", UID: "u1",
				Generation: 2, AppliedAt: appliedAt}, rollout.Memory{}, rollout.Options{})
			checkObject(t, j, c.verdict, c.code, c.says)
		})
	}
}

func checkObject(t *testing.T, j rollout.Judgement, v rollout.Verdict, code rollout.Code, says string) {
	t.Helper()
	var got rollout.Cause
	if len(j.Causes) > 0 {
		got = j.Causes[0]
	}
	if j.Verdict != v || got.Code != code || !strings.Contains(got.Message, says) || got.Final != (v == rollout.Stuck) {
		t.Fatalf("%s %+v, want %s %s %q", j.Verdict, got, v, code, says)
	}
	if v == rollout.Progressing && j.Wake.IsZero() || v != rollout.Complete && (got.Remedy == "" || got.About == "" ||
		got.Since.IsZero()) {
		t.Errorf("not all is said: %+v, wake %s", got, j.Wake)
	}
}

// objectStory is looked at again and again.
type objectStory struct {
	t      *testing.T
	target rollout.Target
	memory rollout.Memory
}

func (s *objectStory) at(after time.Duration, live *unstructured.Unstructured) rollout.Judgement {
	s.t.Helper()
	var j rollout.Judgement
	j, s.memory = object.Judge(object.Look{Now: appliedAt.Add(after), Live: live}, s.target, s.memory,
		rollout.Options{})
	return j
}

func newObjectStory(t *testing.T, kind string) *objectStory {
	return &objectStory{t: t, target: rollout.Target{Kind: kind, Namespace: "web", Name: "shop", UID: "u1",
		Generation: 2, AppliedAt: appliedAt}}
}

// The deadline counts from the last replica that came: a large Deployment that moves is never stuck, one that stops is,
// and it heals.
func TestAReplicaMoreIsProgress(t *testing.T) {
	s := newObjectStory(t, "Deployment")
	counts := func(updated, available string) *unstructured.Unstructured {
		return other(t, "apps/v1", "Deployment", "{replicas: 9}",
			"{observedGeneration: 2, replicas: 9, readyReplicas: 9, updatedReplicas: "+
				updated+", availableReplicas: "+available+", conditions: [{type: Available, status: 'True'}, {type: "+
				"Progressing, status: 'True', reason: NewReplicaSetAvailable}]}")
	}
	for i := range 8 {
		checkObject(t, s.at(time.Duration(i)*14*minute, counts(string(rune('1'+i)), "8")), rollout.Progressing,
			rollout.NotReady, "")
	}
	if j := s.at(8*14*minute, counts("8", "8")); j.Wake != appliedAt.Add((7*14+15)*minute) {
		t.Errorf("wakes at %s", j.Wake)
	}
	checkObject(t, s.at((7*14+15)*minute, counts("8", "7")), rollout.Stuck, rollout.NotReady, "Updated: 8/9")
	checkObject(t, s.at(999*minute, counts("9", "9")), rollout.Complete, "", "")
}

// A Deployment goes on saying that it is past its deadline after it was given another template: that is no failure of
// the new one, unless it comes no further either.
func TestAFailureOfTheTemplateBefore(t *testing.T) {
	exceeded := func(at time.Time) *unstructured.Unstructured {
		return other(t, "apps/v1", "Deployment", "{replicas: 1}",
			"{observedGeneration: 2, replicas: 1, conditions: [{type: Progressing, "+
				"status: 'False', reason: ProgressDeadlineExceeded, lastUpdateTime: '"+at.Format(time.RFC3339)+"'}]}")
	}
	s := newObjectStory(t, "Deployment")
	s.target.AppliedAt = appliedAt.Add(300 * time.Millisecond)
	checkObject(t, s.at(time.Second, exceeded(appliedAt.Add(-time.Second))), rollout.Progressing,
		rollout.ProgressDeadlineExceeded, "")
	checkObject(t, s.at(16*minute, exceeded(appliedAt.Add(-time.Second))), rollout.Stuck,
		rollout.ProgressDeadlineExceeded, "")
	again := newObjectStory(t, "Deployment")
	again.target.AppliedAt = s.target.AppliedAt
	checkObject(t, again.at(minute, exceeded(appliedAt)), rollout.Stuck, rollout.ProgressDeadlineExceeded, "")
}

// A Deployment that is scaled down makes progress although it has more pods to begin with than it will have.
func TestProgressOfADeploymentThatIsScaledDown(t *testing.T) {
	s := newObjectStory(t, "Deployment")
	counts := func(updated, available string) *unstructured.Unstructured {
		return other(t, "apps/v1", "Deployment", "{replicas: 2}",
			"{observedGeneration: 2, replicas: 9, updatedReplicas: "+updated+
				", availableReplicas: "+available+"}")
	}
	s.at(0, counts("0", "9"))
	s.at(14*minute, counts("1", "3"))
	checkObject(t, s.at(28*minute, counts("1", "3")), rollout.Progressing, rollout.NotReady, "")
}

// The controller of a custom resource may be busy for longer than those of Kubernetes: it has until the deadline.
func TestASlowControllerOfACustomResource(t *testing.T) {
	s := newObjectStory(t, "Cache")
	old := other(t, "example.com/v1", "Cache", "{}", "{observedGeneration: 1}")
	checkObject(t, s.at(0, old), rollout.Progressing, rollout.NotObserved, "")
	checkObject(t, s.at(14*minute, old), rollout.Progressing, rollout.NotObserved, "")
	checkObject(t, s.at(15*minute, old), rollout.Stuck, rollout.NotObserved, "")
}

// A controller that does not notice is said to be the trouble after a minute, since the first look.
func TestAControllerThatDoesNotNotice(t *testing.T) {
	s := newObjectStory(t, "Deployment")
	old := other(t, "apps/v1", "Deployment", "{replicas: 1}", "{observedGeneration: 1}")
	checkObject(t, s.at(0, old), rollout.Progressing, rollout.NotObserved, "")
	checkObject(t, s.at(59*time.Second, old), rollout.Progressing, rollout.NotObserved, "")
	checkObject(t, s.at(60*time.Second, old), rollout.Stuck, rollout.NotObserved, "")
}

// What is gone, going or somebody else's is not what was applied. A Job that was seen to be complete may vanish.
func TestAnObjectThatIsGone(t *testing.T) {
	complete := other(t, "batch/v1", "Job", "{}", "{conditions: [{type: Complete, status: 'True'}]}")
	another, going := complete.DeepCopy(), complete.DeepCopy()
	another.SetUID(types.UID("u2"))
	unstructured.SetNestedField(going.Object, "2026-11-24T10:00:00Z", "metadata", "deletionTimestamp") //nolint:errcheck // it has metadata
	checkObject(t, newObjectStory(t, "Job").at(0, nil), rollout.Stuck, rollout.Deleted, "does not exist any more")
	checkObject(t, newObjectStory(t, "Job").at(0, another), rollout.Stuck, rollout.Deleted, "made anew")
	checkObject(t, newObjectStory(t, "Job").at(0, going), rollout.Stuck, rollout.Deleted, "is being deleted")
	s := newObjectStory(t, "Job")
	checkObject(t, s.at(0, complete), rollout.Complete, "", "")
	checkObject(t, s.at(minute, nil), rollout.Complete, "", "")
	d := newObjectStory(t, "Deployment")
	d.at(0, other(t, "apps/v1", "Deployment", "{replicas: 0}", "{observedGeneration: 2, conditions: [{type: "+
		"Available, status: 'True'}]}"))
	checkObject(t, d.at(minute, nil), rollout.Stuck, rollout.Deleted, "")
}

// explain tells of objects of other kinds after the DaemonSets, and their verdict counts.
func TestAReportHasOtherKindsToo(t *testing.T) {
	s := newObjectStory(t, "Job")
	j := s.at(0, other(t, "batch/v1", "Job", "{}", "{conditions: [{type: Failed, status: 'True', reason: "+
		"BackoffLimitExceeded}]}"))
	r := report.New(report.Judged{Judgement: rollout.Judgement{Verdict: rollout.Complete}},
		report.Judged{Target: s.target, Look: rollout.Look{Now: appliedAt}, Judgement: j})
	if r.Verdict != rollout.Stuck || len(r.DaemonSets) != 1 || len(r.Objects) != 1 {
		t.Fatalf("%+v", r)
	}
	for _, says := range []string{"Job web/shop\n\nStuck: Job web/shop is stuck: JobFailed.",
		"seen:  BackoffLimitExceeded", "do:    Read what its pods said", "#jobfailed"} {
		if !strings.Contains(r.Text(), says) {
			t.Errorf("no %q in\n%s", says, r.Text())
		}
	}
}

// What cannot be read is unknown, and no failure of the object before the deadline.
func TestAnObjectThatCannotBeRead(t *testing.T) {
	s := newObjectStory(t, "Cache")
	j, _ := object.Judge(object.Look{Now: appliedAt, Problem: "the server is busy"}, s.target, rollout.Memory{},
		rollout.Options{})
	checkObject(t, j, rollout.Progressing, rollout.NotReady, "the server is busy")
}

// Pods that a Deployment replaces are old pods until the last of them is gone: so long nothing is pruned.
func TestOldPodsOfADeployment(t *testing.T) {
	s := newObjectStory(t, "Deployment")
	for status, want := range map[string]int{
		"{observedGeneration: 2, replicas: 4, updatedReplicas: 1}":                         3,
		"{observedGeneration: 2, replicas: 3, updatedReplicas: 3, terminatingReplicas: 2}": 2,
		"{observedGeneration: 2, replicas: 3, updatedReplicas: 3}":                         0,
	} {
		if got := s.at(0, other(t, "apps/v1", "Deployment", "{replicas: 3}", status)).OldPods; got != want {
			t.Errorf("%s: %d old pods, want %d", status, got, want)
		}
	}
}
