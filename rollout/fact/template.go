package fact

import (
	"encoding/json"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// HashLabel is on every pod and ControllerRevision of a DaemonSet.
const HashLabel = appsv1.DefaultDaemonSetUniqueLabelKey

// Revision is the ControllerRevision of a template. Its hash is that of its label, never computed here.
type Revision struct {
	Hash   string
	number int64
	Since  time.Time // the controller can have worked with it no earlier
}

// CurrentRevision finds the revision of the live template: of the owned ones that equal it the one with the highest
// number. A rollback makes no new one but raises the number of the old.
func CurrentRevision(d *appsv1.DaemonSet, revisions []*appsv1.ControllerRevision) (current Revision, found bool) {
	var newest time.Time // when one was last made: whatever was rolled back to is older, but works only since then
	for _, r := range revisions {
		if !Owns(d, r) {
			continue
		}
		newest = Latest(newest, r.CreationTimestamp.Time)
		hash := r.Labels[HashLabel]
		if hash == "" || (found && r.Revision <= current.number) {
			continue
		}
		if t, ok := TemplateOf(r); ok && equality.Semantic.DeepEqual(t, &d.Spec.Template) {
			current, found = Revision{Hash: hash, number: r.Revision}, true
		}
	}
	current.Since = newest
	return current, found
}

// PreviousTemplate is the template that was rolled out before the current one, as far as the revisions tell.
func PreviousTemplate(d *appsv1.DaemonSet, revisions []*appsv1.ControllerRevision,
	current Revision) *corev1.PodTemplateSpec {
	var before *appsv1.ControllerRevision
	for _, r := range revisions {
		if Owns(d, r) && r.Revision < current.number && (before == nil || r.Revision > before.Revision) {
			before = r
		}
	}
	if before == nil {
		return nil
	}
	t, _ := TemplateOf(before)
	return t
}

// TemplateOf reads data.spec.template of a DaemonSet's ControllerRevision.
func TemplateOf(r *appsv1.ControllerRevision) (*corev1.PodTemplateSpec, bool) {
	var data struct {
		Spec struct {
			Template corev1.PodTemplateSpec `json:"template"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(r.Data.Raw, &data); err != nil {
		return nil, false
	}
	return &data.Spec.Template, true
}

// Owns reports whether the DaemonSet controls an object. Dumps may lack UIDs; then the name must do.
func Owns(d *appsv1.DaemonSet, o metav1.Object) bool {
	ref := metav1.GetControllerOfNoCopy(o)
	switch {
	case ref == nil || ref.Kind != "DaemonSet":
		return false
	case ref.UID == "" || d.UID == "":
		return ref.Name == d.Name
	}
	return ref.UID == d.UID
}

// GuessHash is for a look without revisions: the newest hash among the pods counts as current, unless the controller's
// own marks say that no pod is of the live template.
func GuessHash(d *appsv1.DaemonSet, pods []*corev1.Pod) Revision {
	var newest *corev1.Pod
	for _, p := range pods {
		if p.Labels[HashLabel] == "" || !Owns(d, p) {
			continue
		}
		if newest == nil || newest.CreationTimestamp.Before(&p.CreationTimestamp) ||
			(newest.CreationTimestamp.Equal(&p.CreationTimestamp) && p.Name > newest.Name) {
			newest = p
		}
	}
	if newest == nil || d.Status.UpdatedNumberScheduled == 0 && d.Status.DesiredNumberScheduled > 0 {
		return Revision{}
	}
	live := d.Annotations[appsv1.DeprecatedTemplateGeneration]
	if pods := newest.Labels["pod-template-generation"]; live != "" && pods != "" && live != pods {
		return Revision{}
	}
	return Revision{Hash: newest.Labels[HashLabel], Since: newest.CreationTimestamp.Time}
}

// Allowance is how long a pod of a template may take to go and to come, on top of the progress deadline:
// minReadySeconds, terminationGracePeriodSeconds and the budget of its startup probes.
func Allowance(d *appsv1.DaemonSet) time.Duration {
	spec := &d.Spec.Template.Spec
	seconds := int64(d.Spec.MinReadySeconds)
	if g := spec.TerminationGracePeriodSeconds; g != nil {
		seconds += min(*g, mostSeconds)
	}
	startup := int64(0)
	for i := range spec.InitContainers {
		startup += StartupSeconds(&spec.InitContainers[i]) // one after the other
	}
	longest := int64(0)
	for i := range spec.Containers {
		longest = max(longest, StartupSeconds(&spec.Containers[i])) // side by side
	}
	return time.Duration(seconds+startup+longest) * time.Second
}

// mostSeconds bounds what a single figure of a pod may add: a day.
const mostSeconds = 24 * 3600

// StartupSeconds is how long a container's startup probe lets it start.
func StartupSeconds(c *corev1.Container) int64 {
	p := c.StartupProbe
	if p == nil {
		return 0
	}
	return min(mostSeconds, int64(p.InitialDelaySeconds)+
		int64(max(1, p.PeriodSeconds))*int64(max(1, p.FailureThreshold)))
}
