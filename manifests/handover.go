package manifests

import (
	"context"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A DaemonSet that a set no longer asks for may hold what one of the set needs: a host port, say. It is not pruned
// before the set has rolled out, so it gives up its nodes one after the other: its update strategy becomes OnDelete, so
// that another template rolls no pod, and its required node affinity excludes the nodes that it gives up, whose pods
// its controller then ends. The object itself is the only record. Applying it as Git has it takes everything back.

const (
	// ReplacesAnnotation on a DaemonSet names those, separated by commas, that it takes over from node by node: "name",
	// or "namespace/name" in another namespace.
	ReplacesAnnotation = "daemongate.io/replaces"
	// ReplacedByAnnotation on a DaemonSet names the one that takes over from it.
	ReplacedByAnnotation = "daemongate.io/replaced-by"
)

// Replaces are the DaemonSets that an object names to take over from.
func Replaces(o metav1.Object) []ID {
	var list []ID
	for _, text := range strings.Split(o.GetAnnotations()[ReplacesAnnotation], ",") {
		namespace, name, qualified := strings.Cut(strings.TrimSpace(text), "/")
		if !qualified {
			namespace, name = o.GetNamespace(), namespace
		}
		if name != "" {
			list = append(list, ID{Group: "apps", Kind: "DaemonSet", Namespace: namespace, Name: name})
		}
	}
	return list
}

// Handover is what a DaemonSet gives up.
type Handover struct {
	// From is the DaemonSet, as the inventory names it.
	From Entry
	// To is the DaemonSet that takes over.
	To ID
	// Generation of the DaemonSet that this was decided on. One that has changed since is left alone.
	Generation int64
	// Nodes that it gives up besides those that it has given up already.
	Nodes []string
}

// HandOver has a DaemonSet give up nodes. The same that may be pruned may be handed over (law 7), and only the object
// that was looked at: another generation of it is an error that is worth another look.
func (c *Client) HandOver(ctx context.Context, h Handover, o Options) (Applied, error) {
	return c.handOver(ctx, h, o, false)
}

// TryHandOver asks the API server whether a DaemonSet could be handed over, and writes nothing. Its generation is not
// looked at.
func (c *Client) TryHandOver(ctx context.Context, h Handover, o Options) error {
	_, err := c.handOver(ctx, h, o, true)
	return err
}

func (c *Client) handOver(ctx context.Context, h Handover, o Options, dryRun bool) (done Applied, err error) {
	t := target{id: h.From.ID}
	if t.mapping, err = c.mapper.find(ctx, h.From.groupKind(), h.From.Version); err != nil {
		return done, wrap(h.From.ID, err)
	}
	if t.live, err = c.read(ctx, t); err != nil {
		return done, err
	}
	err = c.persist(ctx, &t, func() error {
		live := t.live
		if live == nil {
			return fmt.Errorf("%s: is gone: nothing to hand over", t.id)
		}
		switch keep, _ := mustKeep(h.From, live, o.Owner); {
		case keep != "":
			return &Rejected{t.id, ReasonOwned, "is not handed over to " + h.To.String() +
				": only what may be pruned is, and it " + keep}
		case live.GetDeletionTimestamp() != nil:
			return &unready{t.id, "is being deleted: waiting until it is gone"}
		case !dryRun && live.GetGeneration() != h.Generation:
			return &unready{t.id, fmt.Sprintf("has changed since it was looked at: generation %d, not %d",
				live.GetGeneration(), h.Generation)}
		}
		t.object = givingUp(live, h)
		write := c.put
		if dryRun {
			write = c.ask
		}
		answer, err := write(ctx, t, false)
		if onlyFields(err, givenUp...) {
			answer, err = write(ctx, t, true)
		}
		if err == nil {
			done = applied(t, live, answer)
		}
		return c.refusal(t.id, err)
	})
	return done, err
}

// givenUp is what keeps the pods. Others' hold on it is overruled, and no other.
var givenUp = []string{".spec.updateStrategy", ".spec.template.spec.affinity"}

// givingUp is a live DaemonSet as it is applied when it gives up nodes: whole, so that nothing of it changes but this.
func givingUp(live *unstructured.Unstructured, h Handover) *unstructured.Unstructured {
	o := asWished(live)
	unstructured.RemoveNestedField(o.Object, "status")
	annotations := o.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	delete(annotations, appsv1.DeprecatedTemplateGeneration)
	annotations[ReplacedByAnnotation] = h.To.Namespace + "/" + h.To.Name
	o.SetAnnotations(annotations)
	strategy := []string{"spec", "updateStrategy", "type"}
	terms := []string{"spec", "template", "spec", "affinity", "nodeAffinity",
		"requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"}
	if unstructured.SetNestedField(o.Object, "OnDelete", strategy...) != nil {
		return o // an API server's DaemonSet has an object there
	}
	if list, _, _ := unstructured.NestedSlice(o.Object, terms...); len(h.Nodes) > 0 {
		_ = unstructured.SetNestedSlice(o.Object, excluding(list, h.Nodes), terms...)
	}
	return o
}

// excluding are the terms of a node selector without these nodes. Each term is a choice, so each must exclude them; an
// empty one chooses no node. A field's requirement has one value only.
func excluding(terms []any, nodes []string) []any {
	if len(terms) == 0 {
		return []any{excludingFrom(nil, nodes)}
	}
	list := make([]any, 0, len(terms))
	for _, t := range terms {
		if term, ok := t.(map[string]any); ok && len(term) > 0 {
			t = excludingFrom(term, nodes)
		}
		list = append(list, t)
	}
	return list
}

func excludingFrom(term map[string]any, nodes []string) map[string]any {
	fields, _, _ := unstructured.NestedSlice(term, "matchFields")
	known := map[string]bool{}
	for _, f := range fields {
		field, _ := f.(map[string]any)
		values, _, _ := unstructured.NestedStringSlice(field, "values")
		if field["operator"] == "NotIn" && len(values) == 1 {
			known[values[0]] = true
		}
	}
	for _, node := range slices.Sorted(slices.Values(nodes)) {
		if !known[node] {
			fields = append(fields, map[string]any{"key": "metadata.name", "operator": "NotIn", "values": []any{node}})
		}
	}
	with := map[string]any{"matchFields": fields}
	if expressions, has := term["matchExpressions"]; has {
		with["matchExpressions"] = expressions
	}
	return with
}
