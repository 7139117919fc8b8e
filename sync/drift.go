package sync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/pacing"
)

// recomparePause is how long a comparison waits that the cluster refused.
const recomparePause = 5 * time.Minute

// compare compares what others touched with what the flight asks for.
func (fl *flight) compare(ctx context.Context) *gate.Compared {
	l := fl.loop
	touched := l.drift.touched
	l.drift.compared = touched
	r := &gate.Compared{Digest: l.sync.Status.InFlight.Digest, Fields: map[string][]gate.PausedField{}}
	part, writer, err := fl.asked(ctx, func(id manifests.ID) bool {
		_, is := touched[id]
		return is || l.drift.forgotten || rolls(l.sync.Status.InFlight, id) || foundDrifted(l.sync.Status.Drift, id)
	})
	var drifts []manifests.Drift
	var seen []manifests.Applied
	if err == nil {
		drifts, seen, err = writer.Compare(ctx, part, WriteOptions(l.sync))
	}
	r.At = l.Now()
	l.recognise(seen, r.At)
	l.drift.proofsFor(l.sync, r.At).Compared(part, seen)
	for _, d := range drifts {
		o := api.DriftedObject{Object: d.Object.String(), Field: d.Field()}
		if len(d.Changes) > 0 {
			o.Manager = d.Holder(d.Changes[0])
		}
		r.Objects = append(r.Objects, o)
		for _, change := range d.Changes {
			r.Fields[o.Object] = append(r.Fields[o.Object], gate.PausedField{Object: o.Object, Field: change.Path,
				Manager: d.Holder(change)})
		}
	}
	if err != nil {
		r.Problem, r.RetryAt = api.TextOf(err), r.At.Add(unavailablePause)
		if !manifests.Temporary(err) {
			r.RetryAt = r.At.Add(recomparePause)
			troubled(ctx, l, fmt.Errorf("drift: %w", err))
		}
		return r
	}
	l.drift.forgotten = false
	for id, seen := range touched {
		l.drift.know(id, seen)
	}
	l.drift.doubt(part, seen)
	return r
}

// correct applies again those of the objects that the last comparison found, each by itself: one that is refused
// holds up no other.
func (fl *flight) correct(ctx context.Context, objects []string) *gate.Corrected {
	l := fl.loop
	done := &gate.Corrected{Digest: l.sync.Status.InFlight.Digest, Objects: objects, Problems: map[string]string{}}
	part, writer, err := fl.asked(ctx, func(id manifests.ID) bool { return slices.Contains(objects, id.String()) })
	if err != nil {
		for _, name := range objects {
			done.Problems[name] = api.TextOf(err)
		}
	}
	for _, o := range part.Objects() {
		if one := fl.correctOne(ctx, writer, o); one != nil {
			done.Problems[manifests.IDOf(o).String()] = api.TextOf(one)
			err = errors.Join(err, one)
		}
	}
	l.drift.followed = followedSet{} // a kind that came back is to be watched again
	if done.At = l.Now(); err != nil {
		done.Problem = api.TextOf(err)
	}
	return done
}

func (fl *flight) correctOne(ctx context.Context, writer Writer, o *unstructured.Unstructured) error {
	l := fl.loop
	options := WriteOptions(l.sync)
	options.Correct = true
	b, braked := manifests.ReadBrake(o)
	live, err := liveIf(ctx, writer, braked, manifests.IDOf(o))
	if err != nil {
		return err
	}
	if live != nil {
		applied, err := writer.Brake(ctx, o, b, options)
		if err == nil {
			fl.wrote(l.Now(), true, applied)
		}
		return err
	}
	alone, err := manifests.NewSet([]*unstructured.Unstructured{o})
	if err != nil {
		return err
	}
	applied, err := writer.Apply(ctx, alone, options)
	fl.wrote(l.Now(), true, applied...)
	return err
}

// asked is a part of the flight's set as it is to be in the cluster now: with OnDelete where that holds its pods
// back.
func (fl *flight) asked(ctx context.Context, which func(manifests.ID) bool) (manifests.Set, Writer, error) {
	l := fl.loop
	set, err := fl.flightSet()
	if err != nil {
		return manifests.Set{}, nil, err
	}
	writer, err := l.Connect.Writer(l.sync)
	if err != nil {
		return manifests.Set{}, nil, err
	}
	objects := set.Only(which).Objects()
	for i, o := range objects {
		id := manifests.IDOf(o)
		if id != daemonSetID(id.Namespace, id.Name) {
			continue
		}
		live, err := writer.Get(ctx, id)
		if err != nil {
			return manifests.Set{}, nil, err
		}
		var annotations map[string]string
		if live != nil {
			annotations = live.GetAnnotations()
		}
		// One that is gone comes back with OnDelete: it takes over pods that were left.
		if b, held := pacing.Held(l.sync, workloadOf(l.sync.Status.InFlight, id), annotations,
			live == nil || isOnDelete(live)); held {
			objects[i] = manifests.Braked(o, b)
		}
	}
	part, err := manifests.NewSet(objects)
	return part, writer, err
}

// liveIf is an object as it is, nil if it is gone, or if nobody need know.
func liveIf(ctx context.Context, writer Writer, is bool, id manifests.ID) (*unstructured.Unstructured, error) {
	if !is {
		return nil, nil
	}
	return writer.Get(ctx, id)
}

// workloadOf is what a flight says of a DaemonSet; the zero value if nothing.
func workloadOf(f *api.Flight, id manifests.ID) api.Workload {
	for _, w := range f.Workloads {
		if idOf(w) == id {
			return w
		}
	}
	return api.Workload{}
}

// rolls reports whether an object is a workload of a flight that is being judged.
func rolls(f *api.Flight, id manifests.ID) bool {
	if f.State == api.Complete {
		return false
	}
	for _, w := range f.Workloads {
		if w.Group == id.Group && w.Kind == id.Kind && w.Namespace == id.Namespace && w.Name == id.Name {
			return true
		}
	}
	return false
}

// foundDrifted reports whether an object was found not to be as asked.
func foundDrifted(d *api.DriftStatus, id manifests.ID) bool {
	if d == nil {
		return false
	}
	for _, o := range d.Objects {
		if o.Object == id.String() {
			return true
		}
	}
	return d.Count > len(d.Objects)
}
