package sync

import (
	"context"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/backoff"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/pacing"
)

// A DaemonSet has OnDelete instead of the update strategy that Git asks for while its brake is pulled, and while a
// commit is paced: both are written alike, and given back by a plain apply.

// brakePause is how soon a brake is tried again that could not be pulled or lifted, and strategyPause how soon at most
// an update strategy is given back again that was refused.
const (
	brakePause    = time.Second
	strategyPause = 30 * time.Second
)

// brakeWrite is an order that was carried out, and the generation that the API server answered with.
type brakeWrite struct {
	pulled     bool
	generation int64
	stage      string    // that it names
	at         time.Time // when
	// problem is why the newest order could not be carried out, empty if it could. So many in a row could not.
	problem  string
	problems int
}

// isEarly reports whether an order is to wait that was refused: nothing is lost meanwhile if it only gives a strategy
// back. Next is when it is tried again.
func (w brakeWrite) isEarly(o gate.BrakeOrder, now time.Time) (next time.Time, is bool) {
	if w.problem == "" || o.Pull || !o.Paced {
		return next, false
	}
	next = w.at.Add(backoff.After(w.problems, brakePause, strategyPause))
	return next, now.Before(next)
}

// failed is a write that the next one follows that could not be carried out.
func (w brakeWrite) failed(err error, now time.Time) brakeWrite {
	w.problem, w.problems, w.at = api.TextOf(err), w.problems+1, now
	return w
}

// covers reports whether an order was carried out already by a write that its look has not seen. One that only names
// another stage raises no generation.
func (w brakeWrite) covers(o gate.BrakeOrder, now time.Time) bool {
	if w.pulled != o.Pull || w.problem != "" {
		return false
	}
	if o.Generation < w.generation {
		return true
	}
	return o.Paced && !o.Told && w.stage == o.Stage && now.Before(w.at.Add(brakePause))
}

// brake pulls and lifts brakes. What was done already, and is not to be seen in the watches yet, is not done again;
// what somebody has undone since is.
func (fl *flight) brake(ctx context.Context, orders []gate.BrakeOrder) {
	l := fl.loop
	for _, order := range orders {
		id := daemonSetID(order.Namespace, order.Name)
		last, done := fl.braked[id]
		if done && last.covers(order, l.Now()) {
			continue
		}
		if next, early := last.isEarly(order, l.Now()); early {
			l.sleep(next)
			continue
		}
		if !fl.recalls(true) {
			continue // the Sync is woken
		}
		generation, err := fl.carryOut(ctx, id, order)
		l.endPreparing() // it may have seen the DaemonSet as it was before
		if fl.braked == nil {
			fl.braked = map[manifests.ID]brakeWrite{}
		}
		if err != nil {
			fl.braked[id] = last.failed(err, l.Now())
			l.Teller.Tell(l.sync, troubleNews(fmt.Errorf("%s of %s: %w", orderWords(order), id, err)))
			l.queue.AddAfter(l.key, brakePause)
			continue
		}
		fl.braked[id] = brakeWrite{pulled: order.Pull, generation: generation, stage: order.Stage, at: l.Now()}
		if !order.Paced {
			l.Teller.Tell(l.sync, brakeNews(l.sync, order))
		} else if order.Told {
			l.Teller.Tell(l.sync, strategyNews(l.sync, order))
		}
	}
}

// orderWords are what an order is about.
func orderWords(o gate.BrakeOrder) string {
	if o.Paced {
		return "update strategy"
	}
	return "brake"
}

// carryOut writes the DaemonSet as an order wants it, and returns the generation that it then has.
func (fl *flight) carryOut(ctx context.Context, id manifests.ID, order gate.BrakeOrder) (int64, error) {
	l := fl.loop
	commit := fl.commit
	set, err := fl.flightSet()
	if err != nil {
		return 0, err
	}
	object := find(set, id)
	if object == nil {
		return 0, fmt.Errorf("commit %s does not ask for it", api.Short(commit))
	}
	writer, err := l.Connect.Writer(l.sync)
	if err != nil {
		return 0, err
	}
	if order.Pull {
		b := manifests.Brake{Commit: commit, Nodes: order.Nodes, Paced: order.Paced, Stage: order.Stage}
		applied, err := writer.Brake(ctx, object, b, WriteOptions(l.sync))
		if err != nil {
			return 0, err
		}
		fl.wrote(l.Now(), false, applied)
		if l.ready != nil {
			l.ready.outlastedBy(id, b, object)
		}
		return applied.Generation, nil
	}
	alone, err := manifests.NewSet([]*unstructured.Unstructured{object})
	if err != nil {
		return 0, err
	}
	applied, err := writer.Apply(ctx, alone, WriteOptions(l.sync))
	if err != nil {
		return 0, err
	}
	fl.wrote(l.Now(), false, applied...)
	return applied[0].Generation, nil
}

// outlastedBy has a set, that was made ready before a brake was pulled, written with it if it leaves the template
// alone.
func (r *readySet) outlastedBy(id manifests.ID, b manifests.Brake, asked *unstructured.Unstructured) {
	if next := find(r.set, id); next != nil && r.brakes != nil && equality.Semantic.DeepEqual(template(asked),
		template(next)) {
		r.brakes[id] = b
	}
}

// stillBraked is the brake that must outlast the write of a set: one that is pulled on a DaemonSet whose template the
// set leaves as the flight before asked for it.
func stillBraked(before manifests.Set, next *unstructured.Unstructured, live *appsv1.DaemonSet,
) (manifests.Brake, bool) {
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

// surges reports whether the commit asks for maxSurge of a DaemonSet.
func surges(set manifests.Set, w api.Workload) bool {
	return slices.ContainsFunc(set.DaemonSets(), func(d *appsv1.DaemonSet) bool {
		return d.Namespace == w.Namespace && d.Name == w.Name && pacing.Surges(d)
	})
}

// onDelete reports whether the commit itself asks for OnDelete, which a brake must not be taken for.
func onDelete(set manifests.Set, w api.Workload) bool {
	o := find(set, daemonSetID(w.Namespace, w.Name))
	if o == nil {
		return false
	}
	return isOnDelete(o)
}

func isOnDelete(o *unstructured.Unstructured) bool {
	strategy, _, _ := unstructured.NestedString(o.Object, "spec", "updateStrategy", "type")
	return strategy == string(appsv1.OnDeleteDaemonSetStrategyType)
}
