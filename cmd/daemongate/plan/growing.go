package plan

import (
	"cmp"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout/plan"
	"github.com/daemongate/daemongate/rollout/words"
)

// growing names the objects of the commit that will have more pods than now, or pods that ask for something else. On
// which nodes these will be nobody knows.
func (c *cluster) growing() []string {
	var list []string
	for _, o := range c.set.Objects() {
		if m, asked := c.merged[manifests.IDOf(o)]; asked && m.Want != nil {
			if text := growth(m.Live, m.Want); text != "" {
				list = append(list, text)
			}
		}
	}
	return list
}

// newcomers are those of a commit of which nothing is known but what it says.
func newcomers(set manifests.Set) []string {
	var list []string
	for _, o := range set.Objects() {
		if text := growth(nil, o); text != "" {
			list = append(list, text+" (how many there are now is not known)")
		}
	}
	return list
}

// counted are the fields that say how many pods there are of an object's template, by its kind.
var counted = map[string]string{"Deployment": "replicas", "StatefulSet": "replicas", "ReplicaSet": "replicas",
	"Job": "parallelism"}

// growth says how many more pods an object will have and what each asks for; "" if it grows in neither.
func growth(live, want *unstructured.Unstructured) string {
	id := manifests.IDOf(want)
	field, known := counted[id.Kind]
	if !known || id.Group != "apps" && id.Group != "batch" {
		return ""
	}
	before, had := podsOf(live, field), asksOf(live)
	after, each := podsOf(want, field), asksOf(want)
	switch {
	case after > before && live != nil:
		return fmt.Sprintf("%s, from %d to %s, each of which asks for %s", id, before, words.Plural(int(after), "pod"),
			cmp.Or(each, "nothing"))
	case after > before:
		return fmt.Sprintf("%s, %s, each of which asks for %s", id, words.Plural(int(after), "pod"),
			cmp.Or(each, "nothing"))
	case after > 0 && each != had && live != nil:
		return fmt.Sprintf("%s, %s, each of which asks for %s instead of %s", id, words.Plural(int(after), "pod"),
			cmp.Or(each, "nothing"), cmp.Or(had, "nothing"))
	}
	return ""
}

// podsOf is how many pods an object asks for: one if it does not say.
func podsOf(o *unstructured.Unstructured, field string) int64 {
	if o == nil {
		return 0
	}
	n, says, err := unstructured.NestedInt64(o.Object, "spec", field)
	if !says || err != nil {
		return 1
	}
	return n
}

// asksOf is what a pod of an object's template asks for.
func asksOf(o *unstructured.Unstructured) string {
	if o == nil {
		return ""
	}
	spec, _, err := unstructured.NestedMap(o.Object, "spec", "template", "spec")
	p := &corev1.Pod{}
	if err != nil || runtime.DefaultUnstructuredConverter.FromUnstructured(spec, &p.Spec) != nil {
		return ""
	}
	return plan.Asks(p)
}
