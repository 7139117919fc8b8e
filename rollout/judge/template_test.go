package judge

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// asked is the DaemonSet as the commit asks for it.
func (f *fleet) asked() *unstructured.Unstructured {
	f.t.Helper()
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(f.ds.DeepCopy())
	if err != nil {
		f.t.Fatal(err)
	}
	return &unstructured.Unstructured{Object: fields}
}

// Until the controller has observed the commit nothing counts, however settled the pods of before are; after a minute
// that is a cause of its own.
func TestNothingCountsBeforeItIsObserved(t *testing.T) {
	f := newFleet(t, 2)
	f.change(func(d *appsv1.DaemonSet) { d.Spec.MinReadySeconds = 5 })
	f.target = rollout.Target{Namespace: "platform", Name: "agent", UID: "ds", Generation: 2, AppliedAt: f.now}
	j := f.want(rollout.Progressing, rollout.NotObserved)
	if j.Headline != "Waiting for daemon set spec update to be observed..." || j.Settled != 0 {
		t.Errorf("%+v", j)
	}
	f.wakesIn(j, time.Minute)
	f.after(time.Minute).want(rollout.Stuck, rollout.NotObserved)
	f.observe()
	f.want(rollout.Complete)
}

// The watches of DaemonSets, revisions and pods are of different ages. No mix of old and new of them is Complete.
func TestWatchesThatArriveLateNeverComplete(t *testing.T) {
	f := newFleet(t, 2)
	old := f.look()
	f.image("v2")
	fresh := f.look()
	fresh.Pods = nil
	for _, n := range f.nodes {
		fresh.Pods = append(fresh.Pods, f.newPod(n.Name))
	}
	for mix := range 8 {
		l := fresh
		if mix&1 != 0 {
			l.DaemonSet = old.DaemonSet
		}
		if mix&2 != 0 {
			l.Revisions = old.Revisions
		}
		if mix&4 != 0 {
			l.Pods = old.Pods
		}
		if j, _ := bothWays(l, f.target, rollout.Memory{}, rollout.Options{}); j.Verdict == rollout.Complete {
			t.Errorf("mix %03b: %s", mix, plain(j))
		}
	}
}

// Going back to an old template takes up its old revision again: the hash is that of the equal template with the
// highest number.
func TestARollbackUsesTheOldRevision(t *testing.T) {
	f := newFleet(t, 1).image("v2")
	f.roll("node-1")
	f.after(time.Minute).image("v1")
	if f.memory.Hash != "" || len(f.revs) != 2 {
		t.Fatalf("the story is wrong: %d revisions", len(f.revs))
	}
	j := f.want(rollout.Progressing)
	if f.memory.Hash != "h1" || j.Updated != 0 {
		t.Errorf("hash %s, %+v", f.memory.Hash, j)
	}
	f.roll("node-1")
	f.after(10 * time.Second).want(rollout.Complete)
}

// Without a revision of its template the commit is not observed, whatever the generation says: an OnDelete rollout,
// which asks for nothing else, does not pass either.
func TestNothingCountsWithoutARevision(t *testing.T) {
	f := newFleet(t, 2)
	before := f.revs
	f.image("v2")
	f.revs, f.target.OnDelete = before, true
	f.want(rollout.Progressing, rollout.NotObserved)
	f.after(time.Minute).want(rollout.Stuck, rollout.NotObserved)
	f.observe()
	f.want(rollout.Complete)
}

// Revisions that others own, or whose template only looks alike, are not the current one.
func TestTheCurrentRevisionIsOwnedAndEqual(t *testing.T) {
	f := newFleet(t, 1)
	stranger := f.revs[0].DeepCopy()
	stranger.OwnerReferences[0].UID = "another"
	stranger.Revision, stranger.Labels[fact.HashLabel] = 99, "stranger"
	broken := f.revs[0].DeepCopy()
	broken.Revision, broken.Labels[fact.HashLabel], broken.Data.Raw = 98, "broken", []byte("{")
	again := f.revs[0].DeepCopy()
	again.Revision, again.Labels[fact.HashLabel] = 7, "again"
	got, found := fact.CurrentRevision(f.ds, append([]*appsv1.ControllerRevision{stranger, broken, again}, f.revs...))
	if !found || got.Hash != "again" {
		t.Errorf("current: %+v", got)
	}
	f.ds.Spec.Template.Spec.HostNetwork = true
	if got, found := fact.CurrentRevision(f.ds, f.revs); found {
		t.Errorf("current: %+v", got)
	}
}

// A kubectl rollout restart adds to the template; it is still the commit's, and is counted anew.
func TestARestartIsStillTheCommit(t *testing.T) {
	f := newFleet(t, 2).image("v2")
	f.target.Applied = f.asked()
	f.roll("node-1", "node-2")
	f.after(time.Minute).want(rollout.Complete)
	f.change(func(d *appsv1.DaemonSet) {
		d.Spec.Template.Annotations = map[string]string{"kubectl.kubernetes.io/restartedAt": "now"}
		d.Spec.Template.Spec.Containers = append(d.Spec.Template.Spec.Containers, corev1.Container{Name: "sidecar",
			Image: "mesh"})
	})
	f.observe()
	if j := f.want(rollout.Progressing); j.Updated != 0 || j.Mark != 0 {
		t.Errorf("%+v", j)
	}
	f.roll("node-1", "node-2")
	for _, p := range f.pods {
		p.Status.ContainerStatuses = p.Status.ContainerStatuses[:1]
	}
	f.after(10 * time.Second).want(rollout.Complete)
}

// Whoever changes a field of the commit is named, with the field, at once.
func TestOverwritten(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*appsv1.DaemonSet)
		field  string
	}{
		"image": {func(d *appsv1.DaemonSet) { d.Spec.Template.Spec.Containers[0].Image = "evil" },
			"spec.template.spec.containers.[name=agent].image"},
		"figure": {func(d *appsv1.DaemonSet) { d.Spec.MinReadySeconds = 1 }, "spec.minReadySeconds"},
		"removed label": {func(d *appsv1.DaemonSet) { d.Spec.Template.Labels = map[string]string{"app": "agent"} },
			"spec.template.metadata.labels.tier"},
		"said to be not": {func(d *appsv1.DaemonSet) { d.Spec.Template.Spec.HostPID = true },
			"spec.template.spec.hostPID"},
		"toleration": {func(d *appsv1.DaemonSet) { d.Spec.Template.Spec.Tolerations = nil },
			"spec.template.spec.tolerations"},
		"update strategy": {func(d *appsv1.DaemonSet) { d.Spec.UpdateStrategy.Type = "OnDelete" },
			"spec.updateStrategy.type"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t, 2).apply(func(d *appsv1.DaemonSet) {
				d.Spec.MinReadySeconds = 7
				d.Spec.Template.Labels = map[string]string{"app": "agent", "tier": "infra"}
				d.Spec.Template.Spec.Tolerations = []corev1.Toleration{{Key: "gpu", Operator: "Exists"}}
			})
			f.target.Applied = f.asked()
			spec, _, _ := unstructured.NestedMap(f.target.Applied.Object, "spec", "template", "spec")
			spec["hostPID"] = false
			_ = unstructured.SetNestedMap(f.target.Applied.Object, spec, "spec", "template", "spec")
			f.want(rollout.Progressing)
			f.change(c.change)
			now := metav1.NewTime(f.now)
			f.ds.ManagedFields = []metav1.ManagedFieldsEntry{
				{Manager: "daemongate", Operation: "Apply", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{}}`)},
				{Manager: "webhook", Time: &now, FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{}}`)},
				{Manager: "kubectl-edit",
					FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:minReadySeconds":{},"f:updateStrategy":{"f:type":{}},` +
						`"f:template":{"f:metadata":{"f:labels":{"f:tier":{}}},"f:spec":{"f:hostPID":{},"f:tolerations":{},"f:containers":{"k:{\"name\":\"agent\"}":{"f:image":{}}}}}}}`)},
			}
			f.observe()
			j := f.want(rollout.Stuck, rollout.Overwritten)
			if m := j.Causes[0].Message; !strings.Contains(m, c.field) || !strings.Contains(m, "kubectl-edit") {
				t.Errorf("%s", m)
			}
		})
	}
}

// A value that a webhook made of the commit's own apply is still ours, and no change of anybody else's.
func TestWhatAWebhookMadeOfOurApplyIsOurs(t *testing.T) {
	f := newFleet(t, 1).image("v2")
	f.target.Applied = f.asked()
	f.change(func(d *appsv1.DaemonSet) {
		d.Spec.Template.Spec.Containers[0].Image = "mirror.example.com/agent:v2"
		d.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "daemongate", Operation: "Apply",
			FieldsV1: metav1.NewFieldsV1(
				`{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"agent\"}":{"f:image":{}}}}}}}`)}}
	})
	f.observe()
	f.want(rollout.Progressing)
	f.ds.ManagedFields[0].Operation = "Update"
	f.want(rollout.Stuck, rollout.Overwritten)
}

// When what the commit asked for is not known, after a restart, a changed template is not taken for the commit's.
func TestAChangedTemplateIsNotTakenForTheCommits(t *testing.T) {
	f := newFleet(t, 1).image("v2")
	f.roll("node-1")
	f.after(time.Minute).want(rollout.Complete)
	f.change(func(d *appsv1.DaemonSet) { d.Spec.Template.Spec.Containers[0].Image = "evil" })
	f.observe()
	f.roll("node-1")
	f.after(time.Minute)
	if j := f.want(rollout.Progressing, rollout.Overwritten); j.Updated != 0 {
		t.Errorf("%+v", j)
	}
}

// A DaemonSet that is deleted, or deleted and made anew, is Stuck at once; one that a cache does not have yet is not.
func TestDeleted(t *testing.T) {
	f := newFleet(t, 1).image("v2")
	there := f.ds
	f.ds = nil
	f.want(rollout.Progressing, rollout.NotObserved)
	f.after(11*time.Second).want(rollout.Stuck, rollout.Deleted)
	f.ds = there
	f.want(rollout.Progressing)
	f.ds = there.DeepCopy()
	f.ds.UID = "another"
	f.want(rollout.Stuck, rollout.Deleted)
	f.ds = there.DeepCopy()
	now := metav1.NewTime(f.now)
	f.ds.DeletionTimestamp = &now
	f.want(rollout.Stuck, rollout.Deleted)
}
