package manifests

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const agent = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: agent}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: agent}
data: {level: info}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      serviceAccountName: agent
      containers: [{name: agent, image: "registry.example.com/agent:1"}]`

// A set is created, with its owner's label on every object, and the answers of the applies say what became of it.
func TestApplyCreatesTheSet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, a := range w.apply(w.set(agent)) {
		live := w.live(a.ID)
		if !a.Created || !a.Changed || a.Version != "v1" || a.UID != live.GetUID() ||
			live.GetLabels()[OwnerLabel] != w.opts.Owner.Label() {
			t.Errorf("%+v", a)
		}
	}
}

// The same set again is a no-op that the API server does not even count.
func TestApplyOfTheSameWritesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.apply(w.set(agent))
	for i, a := range w.apply(w.set(agent)) {
		if a.Created || a.Changed || a.UID != first[i].UID {
			t.Errorf("%v", a)
		}
		// Nobody but us writes a ConfigMap; controllers move the others' resourceVersion.
		if a.Kind == "ConfigMap" && a.Object.GetResourceVersion() != first[i].Object.GetResourceVersion() {
			t.Errorf("%s: its resourceVersion moved", a.ID)
		}
	}
}

// A new template raises the DaemonSet's generation, which the answer of the apply tells, and touches nothing else.
func TestApplyOfAChangeTellsTheGeneration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(w.set(agent))
	for _, a := range w.apply(w.set(strings.ReplaceAll(agent, "agent:1", "agent:2"))) {
		if isAgent := a.Kind == "DaemonSet"; a.Changed != isAgent || a.Created || isAgent && a.Generation != 2 {
			t.Errorf("%+v", a)
		}
	}
}

// Objects are there when what needs them is written: their creation follows the order of ranks.
func TestObjectsAreWrittenInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	done := w.apply(w.set(agent))
	var versions []string
	for _, a := range done {
		versions = append(versions, a.Object.GetResourceVersion())
	}
	if len(done) != 3 || done[0].Kind != "ServiceAccount" || done[2].Kind != "DaemonSet" {
		t.Fatalf("applied %v", done)
	}
	for i := 1; i < len(versions); i++ {
		if before, err := resourceVersionLess(versions[i-1], versions[i]); err != nil || !before {
			t.Errorf("%s was not written after %s", done[i].ID, done[i-1].ID)
		}
	}
}

// One bad object, and nothing of the set is written; the error names the object and what is wrong.
func TestARejectedObjectLeavesNothingWritten(t *testing.T) {
	t.Parallel()
	for name, story := range map[string]struct {
		bad    string
		reason Reason
		says   string
	}{
		"invalid": {strings.Replace(agent, "matchLabels: {app: agent}", "matchLabels: {app: other}", 1),
			ReasonInvalid, "selector"},
		"misspelt": {strings.Replace(agent, "serviceAccountName: agent", "serviceAccountNam: agent", 1),
			ReasonInvalid, "serviceAccountNam"},
		"wrong type": {strings.Replace(agent, "data: {level: info}", "data: {level: 7}", 1), ReasonInvalid, "level"},
		"bad quantity": {agent + "\n---\napiVersion: v1\nkind: ResourceQuota\nmetadata: {name: agent}\nspec: {hard: " +
			"{cpu: lots}}", ReasonInvalid, "quantit"},
		"no namespace": {strings.Replace(agent, "kind: ConfigMap\nmetadata: {name: agent}",
			"kind: ConfigMap\nmetadata: {name: agent, namespace: no-such-place}", 1), ReasonNotFound, "no-such-place"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s := w.set(story.bad)
			err := w.client.DryRun(w.ctx, s, w.opts)
			var rejected *Rejected
			if !errors.As(err, &rejected) || rejected.Reason != story.reason || !strings.Contains(rejected.Message,
				story.says) {
				t.Errorf("got %v", err)
			} else {
				t.Log(err)
			}
			if Temporary(err) {
				t.Error("is called temporary")
			}
			for _, id := range s.IDs() {
				if w.live(id) != nil {
					t.Errorf("%s was written", id)
				}
			}
		})
	}
}

// resourceVersionLess compares as Kubernetes promises since 1.35: resource versions are numbers that grow.
func resourceVersionLess(a, b string) (bool, error) {
	if len(a) == 0 || len(b) == 0 {
		return false, errors.New("no resourceVersion")
	}
	if len(a) != len(b) {
		return len(a) < len(b), nil
	}
	return a < b, nil
}

// When an object is refused although its dry run was not, what was written is reported, and nothing that comes later in
// the order is written. Tried again, the set goes through.
func TestAPartialApplyReportsWhatWasWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.set(agent)
	if err := w.client.DryRun(w.ctx, s, w.opts); err != nil {
		t.Fatal(err)
	}
	_, err := w.kube.CoreV1().ConfigMaps(w.ns).Create(w.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name: "agent", Labels: map[string]string{OwnerLabel: "other.agents"},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	done, err := w.client.Apply(w.ctx, s, w.opts)
	if err == nil || len(done) != 1 || done[0].Kind != "ServiceAccount" || done[0].UID == "" {
		t.Errorf("applied %v: %v", done, err)
	}
	if w.live(w.id("DaemonSet", "agent")) != nil {
		t.Error("the DaemonSet was written before what it needs")
	}
	if err := w.kube.CoreV1().ConfigMaps(w.ns).Delete(w.ctx, "agent", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	w.apply(s)
}

// A Deployer with the rights of one namespace applies a role and its binding in one set: the binding's dry run does not
// mind that the role is not there yet.
func TestARoleAndItsBindingComeInOneSet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(w.set(`
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: deployer}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: admin}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: NS}]`))
	w.client = w.as(w.ns)
	s := w.set(`
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: agent}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: agent}
subjects: [{kind: ServiceAccount, name: agent, namespace: NS}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: agent}
rules: [{apiGroups: [""], resources: [configmaps], verbs: [get]}]`)
	eventually(t, func() error { return w.client.DryRun(w.ctx, s, w.opts) })
	if done := w.apply(s); len(done) != 2 || done[0].Kind != "Role" {
		t.Errorf("applied %v", done)
	}
}

// A namespace that is going away is waited for, not blamed on the objects.
func TestANamespaceThatIsBeingDeletedIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.set(agent)
	w.apply(w.set("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hold, finalizers: [example.com/hold]}"))
	if err := w.kube.CoreV1().Namespaces().Delete(w.ctx, w.ns, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	err := w.client.DryRun(w.ctx, s, w.opts)
	if err == nil || !Temporary(err) || !strings.Contains(err.Error(), "being deleted") {
		t.Errorf("got %v", err)
	}
	w.by("holder", w.id("ConfigMap", "hold"), `{"metadata":{"finalizers":null}}`)
}

// A thousand objects are a matter of seconds: the dry run, the first apply, and the apply that changes nothing.
func BenchmarkApplyAThousandObjects(b *testing.B) {
	w := newWorld(b)
	var many []string
	for i := range 1000 {
		many = append(many, fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: agent-%d}\ndata: {level: "+
			"info}", i))
	}
	s := w.set(strings.Join(many, "\n---\n"))
	for b.Loop() {
		start := time.Now()
		if err := w.client.DryRun(w.ctx, s, w.opts); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(start).Seconds(), "s/dry-run")
		start = time.Now()
		if _, err := w.client.Apply(w.ctx, s, w.opts); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(start).Seconds(), "s/apply")
	}
}

// What may no longer be written, because somebody has stopped all that writes, is not: of a set that is being written the
// rest is left, and so it is of what is pruned and let go of. A brake asks nobody.
func TestNothingFurtherIsWrittenThatMayNot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.set(agent)
	stopped := errors.New("stopped")
	var left atomic.Int64 // objects are written side by side
	left.Store(1)
	w.opts.May = func() error {
		if left.Add(-1) < 0 {
			return stopped
		}
		return nil
	}
	done, err := w.client.Apply(w.ctx, s, w.opts)
	if !errors.Is(err, stopped) || len(done) != 1 || w.live(w.id("DaemonSet", "agent")) != nil {
		t.Errorf("applied %v: %v", done, err)
	}
	left.Store(10)
	inventory := Recorded(w.apply(s))
	left.Store(1)
	if gone, kept, err := w.client.Prune(w.ctx, inventory, w.opts); !errors.Is(err, stopped) || len(gone) != 1 || len(kept) != 0 {
		t.Errorf("pruned %v, kept %v: %v", gone, kept, err)
	}
	left.Store(0)
	if let, err := w.client.LetGo(w.ctx, inventory, Owner{}, w.opts); !errors.Is(err, stopped) || len(let) != 0 {
		t.Errorf("let go of %v: %v", let, err)
	}
	left.Store(10)
	w.apply(s)
	left.Store(0)
	if _, err := w.client.Brake(w.ctx, s.Workloads()[0], Brake{Commit: "c1"}, w.opts); err != nil {
		t.Errorf("braked: %v", err)
	}
}
