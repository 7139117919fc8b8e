package plan

import (
	"context"
	"maps"
	"slices"
	"strings"

	schedulingv1 "k8s.io/api/scheduling/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout/plan"
	"github.com/daemongate/daemongate/rollout/words"
)

// inCache asks for what the API server has at hand, which is new enough.
var inCache = metav1.ListOptions{ResourceVersion: "0"}

// groups are the API groups of the kinds that a template needs and that are not of the core.
var groups = map[string]string{"PriorityClass": "scheduling.k8s.io", "RuntimeClass": "node.k8s.io",
	"ResourceClaim": "resource.k8s.io", "ResourceClaimTemplate": "resource.k8s.io"}

func idOf(r plan.Reference) manifests.ID {
	return manifests.ID{Group: groups[r.Kind], Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
}

// addFound finds out which of the objects that a template needs are there. Those that the commit brings count as there.
func (c *cluster) addFound(ctx context.Context, in *plan.Input) {
	in.Found = map[plan.Reference]plan.Found{}
	for _, r := range plan.References(in.Next) {
		if o := c.brings(r); o != nil {
			in.Found[r] = found(o)
			continue
		}
		live, err := c.reader.Get(ctx, idOf(r))
		switch maker := makerOf(c.set, r); {
		case err != nil:
			c.note("%s: whether it is there is not known: %s", r, words.Clip(err.Error(), 200))
		case live == nil && maker != "":
			c.note("%s: is not there yet, and may be made by %s", r, maker)
		default:
			in.Found[r] = found(live)
		}
	}
}

// brings is an object of the commit as it will be; nil if the commit does not bring it.
func (c *cluster) brings(r plan.Reference) *unstructured.Unstructured {
	id := idOf(r)
	if m, asked := c.merged[id]; asked {
		return m.Want
	}
	return ofSet(c.set, id)
}

func ofSet(set manifests.Set, id manifests.ID) *unstructured.Unstructured {
	for _, o := range set.Objects() {
		if manifests.IDOf(o) == id {
			return o
		}
	}
	return nil
}

// found keeps of an object that it is there, and the names of its keys: no value.
func found(o *unstructured.Unstructured) plan.Found {
	if o == nil {
		return plan.Found{}
	}
	f := plan.Found{There: true}
	for _, field := range []string{"data", "stringData", "binaryData"} {
		values, _, _ := unstructured.NestedMap(o.Object, field)
		f.Keys = append(f.Keys, slices.Sorted(maps.Keys(values))...)
	}
	return f
}

// makerOf is an object of the commit of which some controller may make another one, such as an ExternalSecret; empty
// if there is none. Nobody knows that before: it has the name, or speaks of it.
func makerOf(set manifests.Set, r plan.Reference) string {
	for _, o := range set.Objects() {
		id := manifests.IDOf(o)
		if id.Namespace == r.Namespace && strings.Contains(id.Group, ".") && !strings.HasSuffix(id.Group, ".k8s.io") &&
			(id.Name == r.Name || speaksOf(o.Object["spec"], r.Name)) {
			return id.String()
		}
	}
	return ""
}

// speaksOf reports whether a name stands anywhere in a value.
func speaksOf(value any, name string) bool {
	switch v := value.(type) {
	case string:
		return v == name
	case []any:
		return slices.ContainsFunc(v, func(one any) bool { return speaksOf(one, name) })
	case map[string]any:
		for _, one := range v {
			if speaksOf(one, name) {
				return true
			}
		}
	}
	return false
}

// changes are the ConfigMaps and Secrets that are there and that the commit changes.
func (c *cluster) changes() []plan.Reference {
	var list []plan.Reference
	for id, m := range c.merged {
		if id.Group == "" && (id.Kind == "ConfigMap" || id.Kind == "Secret") && m.Live != nil && m.Want != nil &&
			!sameValues(m.Live, m.Want) {
			list = append(list, plan.Reference{Kind: id.Kind, Namespace: id.Namespace, Name: id.Name})
		}
	}
	return list
}

func sameValues(a, b *unstructured.Unstructured) bool {
	return equality.Semantic.DeepEqual(a.Object["data"], b.Object["data"]) &&
		equality.Semantic.DeepEqual(a.Object["binaryData"], b.Object["binaryData"])
}

// brought are the PriorityClasses of a commit.
func brought(set manifests.Set) []*schedulingv1.PriorityClass {
	var list []*schedulingv1.PriorityClass
	for _, o := range set.Objects() {
		class := &schedulingv1.PriorityClass{}
		if id := manifests.IDOf(o); id.Kind == "PriorityClass" && id.Group == schedulingv1.GroupName &&
			runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, class) == nil {
			list = append(list, class)
		}
	}
	return list
}
