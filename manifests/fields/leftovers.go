package fields

import (
	"crypto/sha256"
	"fmt"
	"reflect"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// Leftovers are the fields of another field manager that stay on an object although Git does not ask for them, after
// other fields of it were taken from that manager by force.
type Leftovers struct {
	Manager string
	// Fields by their names, without any value; at most ten.
	Fields []string
	// Count is how many there are.
	Count int
	// Digest tells them from others, and from the same ones of another object.
	Digest string
}

// mostLeftovers is how many fields of a manager are named, and longestField how long each name may be.
const (
	mostLeftovers = 10
	longestField  = 200
)

// Robbed are the other tools that manage fewer of an object's fields after an apply than before it.
func Robbed(live, answer *unstructured.Unstructured) []string {
	if live == nil || live.GetUID() != answer.GetUID() {
		return nil
	}
	var managers []string
	for _, e := range live.GetManagedFields() {
		if !isTool(e.Manager) || slices.Contains(managers, e.Manager) {
			continue
		}
		if !managedBy(live, e.Manager).Difference(managedBy(answer, e.Manager)).Empty() {
			managers = append(managers, e.Manager)
		}
	}
	slices.Sort(managers)
	return managers
}

// Left are what some managers keep on an object that our apply does not ask for, without what is there anyway: what the
// API server made of our object alone, if that is known.
func Left(o *unstructured.Unstructured, managers []string, alone *unstructured.Unstructured) (all []Leftovers) {
	for _, manager := range managers {
		if fields := staying(o, manager, alone); len(fields) > 0 {
			all = append(all, leftoversOf(o, manager, fields))
		}
	}
	return all
}

func leftoversOf(o *unstructured.Unstructured, manager string, fields []string) Leftovers {
	named := make([]string, 0, mostLeftovers)
	for _, f := range fields[:min(len(fields), mostLeftovers)] {
		if runes := []rune(f); len(runes) > longestField {
			f = string(runes[:longestField]) + "…"
		}
		named = append(named, f)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %q %q", o.GetUID(), manager, fields))
	return Leftovers{Manager: manager, Fields: named, Count: len(fields), Digest: fmt.Sprintf("%x", sum[:8])}
}

// controlPlane are the managers of Kubernetes itself: what they keep on an object is no tool's.
var controlPlane = sets.New("kube-apiserver", "kube-controller-manager", "kube-scheduler", "cloud-controller-manager",
	"kubelet")

// isTool reports whether a manager is another tool. What kubectl's managers held is folded into ours.
func isTool(manager string) bool {
	return manager != OurManager && !IsKubectl(manager) && !controlPlane.Has(manager)
}

// managedBy are the fields of an object that a manager manages, but for those that it wrote by a subresource.
func managedBy(o *unstructured.Unstructured, manager string) *fieldpath.Set {
	all := fieldpath.NewSet()
	for _, e := range o.GetManagedFields() {
		if e.Manager != manager || e.Subresource != "" || e.FieldsV1 == nil {
			continue
		}
		if manager == OurManager && e.Operation != metav1.ManagedFieldsOperationApply {
			continue
		}
		if fields, err := fieldSet(e); err == nil {
			all = all.Union(fields)
		}
	}
	return all
}

// staying are the fields of an object that a manager manages and our apply does not ask for, without those that are
// there anyway. Of an element of a list that is all the manager's, only the element is named.
func staying(o *unstructured.Unstructured, manager string, defaults *unstructured.Unstructured) []string {
	ours := managedBy(o, OurManager)
	found := sets.New[string]()
	managedBy(o, manager).Leaves().Iterate(func(p fieldpath.Path) {
		p = leftover(ours, p)
		has, there := fieldAt(o.Object, p)
		if p == nil || !there || idle(p, has) {
			return
		}
		if defaults != nil {
			if usual, is := fieldAt(defaults.Object, p); is && reflect.DeepEqual(has, usual) {
				return
			}
		}
		found.Insert(fieldName(p))
	})
	return sets.List(found)
}

// leftover is the field itself, or the first element on the way to it in which nothing is ours; nil if the field is
// ours.
func leftover(ours *fieldpath.Set, p fieldpath.Path) fieldpath.Path {
	if holds(ours, p) {
		return nil
	}
	for i := range p {
		if p[i].FieldName == nil && !holds(ours, p[:i+1]) {
			return p[:i+1]
		}
	}
	return p
}

// idle reports whether a field asks for nothing: the status, an empty struct or list, a map of which only the map is
// managed, and what is noted of an object's past.
func idle(p fieldpath.Path, value any) bool {
	last := p[len(p)-1].FieldName
	if p[0].FieldName != nil && *p[0].FieldName == "status" {
		return true
	}
	switch value := value.(type) {
	case map[string]any:
		return len(value) == 0 || last != nil && (*last == "annotations" || *last == "labels")
	case []any:
		return len(value) == 0
	}
	return last != nil && (*last == appsv1.DeprecatedTemplateGeneration || *last == corev1.LastAppliedConfigAnnotation)
}
