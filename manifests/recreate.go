package manifests

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
)

// The selector of a DaemonSet cannot change. Options.Recreate lets a set change it all the same: the DaemonSet is
// deleted without its pods and created anew, adopts them and replaces them as in any rollout. No node is without its
// pod for it. So the new selector must match the pods that run: a pod that it leaves behind would run on beside its
// successor, without an owner.

// recreateWithin bounds the wait for the garbage collector to let go of the pods. It takes it about a second.
const recreateWithin = 60 * time.Second

// reselects reports whether an object changes the selector of a live DaemonSet.
func reselects(live, object *unstructured.Unstructured) bool {
	if live == nil || !isDaemonSet(IDOf(object)) {
		return false
	}
	was, errWas := selectorOf(live)
	will, errWill := selectorOf(object)
	return errWas == nil && errWill == nil && !equality.Semantic.DeepEqual(was, will)
}

func selectorOf(o *unstructured.Unstructured) (*metav1.LabelSelector, error) {
	selector := &metav1.LabelSelector{}
	content, _, err := unstructured.NestedMap(o.Object, "spec", "selector")
	if err == nil {
		err = runtime.DefaultUnstructuredConverter.FromUnstructured(content, selector)
	}
	return selector, err
}

// recreate deletes the live DaemonSet without its pods, waits until it is gone and creates the object in its place.
// When it is interrupted, the next apply waits or creates: the pods are there to be adopted until somebody does.
func (c *Client) recreate(ctx context.Context, t *target, o Options) (*unstructured.Unstructured, error) {
	old := t.live.GetUID()
	if err := c.abandon(ctx, t, o); err != nil {
		return nil, err
	}
	err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, recreateWithin, true,
		func(ctx context.Context) (bool, error) {
			left, err := c.read(ctx, *t)
			if err != nil && !transient(err) {
				return false, err
			}
			return err == nil && (left == nil || left.GetUID() != old), nil
		})
	if wait.Interrupted(err) && ctx.Err() == nil {
		return nil, &unready{t.id, fmt.Sprintf("the garbage collector has not let go of its pods after %s: waiting "+
			"until it is gone", recreateWithin)}
	}
	if err != nil {
		return nil, err
	}
	t.live = nil
	return c.create(ctx, *t)
}

// putOrRecreate is putOver for an object that may have to be recreated.
func (c *Client) putOrRecreate(ctx context.Context, t *target, defined definitions,
	o Options) (*unstructured.Unstructured, error) {
	if t.live == nil && o.Recreate && isDaemonSet(t.id) {
		return c.create(ctx, *t)
	}
	answer, err := c.putOver(ctx, t, defined, o)
	if err = c.refusal(t.id, err); o.Recreate && isImmutable(err) && reselects(t.live, t.object) {
		return c.recreate(ctx, t, o)
	}
	return answer, err
}

func isImmutable(err error) bool {
	var rejected *Rejected
	return errors.As(err, &rejected) && rejected.Reason == ReasonImmutable
}

// tryRecreate is the dry run of recreate. The API server cannot be asked to create what is still there: it is asked
// about the same object under another name, and about the deletion.
func (c *Client) tryRecreate(ctx context.Context, t target, o Options) (*unstructured.Unstructured, error) {
	if err := c.mayRecreate(ctx, t, o); err != nil {
		return nil, err
	}
	if err := c.orphan(ctx, t, true); err != nil {
		return nil, err
	}
	other := target{id: t.id, object: t.object.DeepCopy(), mapping: t.mapping}
	other.id.Name = "daemongate-dry-run-" + string(t.live.GetUID())
	other.object.SetName(other.id.Name)
	answer, err := c.ask(ctx, other, false)
	if err != nil {
		return nil, c.refusal(t.id, err)
	}
	answer.SetName(t.id.Name)
	return answer, nil
}

// mayRecreate says why a live DaemonSet must not be deleted (law 7), or which of its pods would be left over.
func (c *Client) mayRecreate(ctx context.Context, t target, o Options) error {
	live := t.live
	written, _ := o.Inventory.Find(t.id)
	if keep, _ := mustKeep(written, live, o.Owner); keep != "" {
		return &Rejected{t.id, ReasonImmutable, "spec.selector cannot change, and the DaemonSet is not recreated: it " +
			"is deleted only if the inventory names it, and " + keep}
	}
	selector, err := selectorOf(t.object)
	if err != nil {
		return wrap(t.id, err)
	}
	matches, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return &Rejected{t.id, ReasonInvalid, "spec.selector: " + err.Error()}
	}
	pods, err := c.pods(ctx, t, labels.Everything())
	if err != nil {
		return err
	}
	var left []string
	for _, pod := range pods {
		if owner := metav1.GetControllerOf(&pod); owner != nil && owner.UID == live.GetUID() &&
			!matches.Matches(labels.Set(pod.GetLabels())) {
			left = append(left, pod.GetName())
		}
	}
	if len(left) == 0 {
		return nil
	}
	slices.Sort(left)
	more := ""
	if n := len(left) - 1; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return &Rejected{t.id, ReasonImmutable, fmt.Sprintf("spec.selector would become %s, which does not match pod "+
		"%s%s of it: they would run on without an owner. Give the template these labels in a commit of its own, and "+
		"change the selector when that has rolled out", matches, left[0], more)}
}

// abandon deletes a DaemonSet without its pods. Its controller may write it between look and deletion: then it looks
// again.
func (c *Client) abandon(ctx context.Context, t *target, o Options) error {
	return c.persist(ctx, t, func() error {
		if t.live == nil {
			return nil
		}
		if err := c.mayRecreate(ctx, *t, o); err != nil {
			return err
		}
		return c.orphan(ctx, *t, false)
	})
}

// orphan deletes exactly the DaemonSet that was looked at, and leaves its pods.
func (c *Client) orphan(ctx context.Context, t target, dryRun bool) error {
	uid, version, leave := t.live.GetUID(), t.live.GetResourceVersion(), metav1.DeletePropagationOrphan
	options := metav1.DeleteOptions{PropagationPolicy: &leave, Preconditions: &metav1.Preconditions{UID: &uid}}
	if dryRun {
		options.DryRun = []string{metav1.DryRunAll}
	} else {
		options.Preconditions.ResourceVersion = &version
	}
	err := c.resource(t).Delete(about(ctx, t.id), t.id.Name, options)
	if apierrors.IsNotFound(err) {
		return nil
	}
	return c.refusal(t.id, err)
}

// create applies a DaemonSet that is not there. The controller takes a pod that it adopts for up to date if the pod's
// template generation is its own, so it begins after those of all pods that it will find.
func (c *Client) create(ctx context.Context, t target) (*unstructured.Unstructured, error) {
	newest, err := c.orphans(ctx, t)
	if err != nil {
		return nil, err
	}
	if newest > 0 {
		t.object = t.object.DeepCopy()
		annotations := t.object.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[appsv1.DeprecatedTemplateGeneration] = strconv.FormatInt(newest+1, 10)
		t.object.SetAnnotations(annotations)
	}
	answer, err := c.put(ctx, t, false)
	return answer, c.refusal(t.id, err)
}

// orphans is the newest template generation of the pods that a new DaemonSet would adopt; 0 if there are none.
func (c *Client) orphans(ctx context.Context, t target) (newest int64, err error) {
	selector, err := selectorOf(t.object)
	if err != nil {
		return 0, nil // the API server says better what is wrong with it
	}
	matches, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil || matches.Empty() {
		return 0, nil
	}
	pods, err := c.pods(ctx, t, matches)
	for _, pod := range pods {
		n, invalid := strconv.ParseInt(pod.GetLabels()[templateGeneration], 10, 64)
		if invalid == nil && metav1.GetControllerOf(&pod) == nil {
			newest = max(newest, n)
		}
	}
	return newest, err
}

// templateGeneration is the label by which the DaemonSet controller notes on a pod of which template generation it is.
const templateGeneration = "pod-template-generation"

var podResource = schema.GroupVersionResource{Version: "v1", Resource: "pods"}

// pods are the metadata of the pods in the namespace of an object.
func (c *Client) pods(ctx context.Context, t target, selector labels.Selector) ([]unstructured.Unstructured, error) {
	list, err := c.dynamic.Resource(podResource).Namespace(t.id.Namespace).List(about(ctx, t.id),
		metav1.ListOptions{LabelSelector: selector.String()})
	if apierrors.IsForbidden(err) {
		return nil, &Rejected{t.id, ReasonForbidden, "cannot be recreated: " + strings.TrimSpace(err.Error()) +
			"; apply.recreate needs list on pods in namespace " + t.id.Namespace}
	}
	if err != nil {
		return nil, wrap(t.id, err)
	}
	return list.Items, nil
}
