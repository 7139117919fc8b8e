package sync

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// brakePause is how soon a brake is tried again that could not be pulled or lifted.
const brakePause = time.Second

// brake pulls and lifts brakes. What was done already, and is not to be seen in the watches yet, is not done again.
func (c *Controller) brake(ctx context.Context, l *lane, orders []BrakeOrder) {
	for _, order := range orders {
		id, done := daemonSetID(order.Namespace, order.Name), fmt.Sprint(l.sync.Status.InFlight.Commit, order.Pull)
		if l.braked[id] == done {
			continue
		}
		if err := c.carryOut(ctx, l, id, order); err != nil {
			c.Tell.Trouble(l.sync, fmt.Errorf("brake of %s: %w", id, err))
			c.queue.AddAfter(l.key, brakePause)
			continue
		}
		if l.braked == nil {
			l.braked = map[manifests.ID]string{}
		}
		l.braked[id] = done
		c.Tell.Braked(l.sync, order)
	}
}

func (c *Controller) carryOut(ctx context.Context, l *lane, id manifests.ID, order BrakeOrder) error {
	set, err := c.flightSet(ctx, l)
	if err != nil {
		return err
	}
	object := find(set, id)
	if object == nil {
		return fmt.Errorf("commit %s does not ask for it", Short(l.sync.Status.InFlight.Commit))
	}
	writer, err := c.Connect.Writer(l.sync)
	if err != nil {
		return err
	}
	if order.Pull {
		_, err = writer.Brake(ctx, object, manifests.Brake{Commit: l.sync.Status.InFlight.Commit, Nodes: order.Nodes}, writeOptions(l.sync))
		return err
	}
	alone, err := manifests.NewSet([]*unstructured.Unstructured{object})
	if err != nil {
		return err
	}
	_, err = writer.Apply(ctx, alone, writeOptions(l.sync))
	return err
}

// stillBraked is the brake that must outlast the write of a set: one that is pulled on a DaemonSet whose template the
// set leaves as the flight before asked for it.
func stillBraked(before manifests.Set, next *unstructured.Unstructured, live *appsv1.DaemonSet) (manifests.Brake, bool) {
	if live == nil {
		return manifests.Brake{}, false
	}
	pulled := &unstructured.Unstructured{Object: map[string]any{}}
	pulled.SetAnnotations(live.Annotations)
	b, braked := manifests.ReadBrake(pulled)
	asked := find(before, manifests.IDOf(next))
	if !braked || asked == nil {
		return manifests.Brake{}, false
	}
	return b, equality.Semantic.DeepEqual(template(asked), template(next))
}

// withBrakes is the set as it is written: with the brakes that outlast it.
func (r *readySet) withBrakes() (manifests.Set, error) {
	if len(r.brakes) == 0 {
		return r.set, nil
	}
	objects := r.set.Objects()
	for i, o := range objects {
		if b, ok := r.brakes[manifests.IDOf(o)]; ok {
			objects[i] = manifests.Braked(o, b)
		}
	}
	return manifests.NewSet(objects)
}

func template(o *unstructured.Unstructured) any {
	t, _, _ := unstructured.NestedFieldNoCopy(o.Object, "spec", "template")
	return t
}

func find(set manifests.Set, id manifests.ID) *unstructured.Unstructured {
	for _, o := range set.Workloads() {
		if manifests.IDOf(o) == id {
			return o
		}
	}
	return nil
}

func daemonSetID(namespace, name string) manifests.ID {
	return manifests.ID{Group: appsv1.GroupName, Kind: "DaemonSet", Namespace: namespace, Name: name}
}

// onDelete reports whether the commit itself asks for OnDelete, which a brake must not be taken for.
func onDelete(set manifests.Set, w api.Workload) bool {
	o := find(set, daemonSetID(w.Namespace, w.Name))
	if o == nil {
		return false
	}
	strategy, _, _ := unstructured.NestedString(o.Object, "spec", "updateStrategy", "type")
	return strategy == string(appsv1.OnDeleteDaemonSetStrategyType)
}
