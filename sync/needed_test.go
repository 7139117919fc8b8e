package sync

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/source"
)

// entries are ConfigMaps in an inventory, by name and UID.
func entries(names ...string) (all []api.InventoryEntry) {
	for _, name := range names {
		name, uid, _ := strings.Cut(name, "=")
		all = append(all, api.InventoryEntry{Version: "v1", Kind: "ConfigMap", Namespace: "ns", Name: name,
			UID: types.UID(uid)})
	}
	return all
}

// setOf is a set of ConfigMaps that is ready.
func setOf(commit string, names ...string) *readySet {
	var objects []*unstructured.Unstructured
	for _, name := range names {
		objects = append(objects, &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1",
			"kind": "ConfigMap", "metadata": map[string]any{"namespace": "ns", "name": name}}})
	}
	return (&readySet{Prepared: gate.Prepared{Commit: commit}}).ready(must(manifests.NewSet(objects)), nil)
}

func sourceless() *source.Source {
	return source.Open(&api.Sync{}, time.Now(), source.Options{Repository: source.Broken(errNoCluster)})
}

// flyingWith is the loop of a Sync whose commit in flight is Complete.
func flyingWith(set *readySet, inventory []api.InventoryEntry) *syncLoop {
	l := &syncLoop{placed: placed{Controller: &Controller{Connect: noCluster{}, Now: time.Now, Syncs: NewSyncs(nil)}},
		sync: &api.Sync{}, source: sourceless()}
	l.sync.Status.InFlight = &api.Flight{Commit: set.Commit, Digest: set.Digest, State: api.Complete}
	l.sync.Status.Inventory = inventory
	l.follow()
	l.flight.set = set
	return l
}

// What a set does not ask for is found out again whenever the inventory or the set is another one, however alike they
// are: of the same length, grown where there was room for it, packed. Until then it is not asked about again.
func TestWhatIsPrunedIsFoundOutOfEachSetAndInventory(t *testing.T) {
	l := flyingWith(setOf("c1", "a", "b"), slices.Grow(entries("a=1", "b=2"), 1))
	is := func(what string, want bool) {
		t.Helper()
		for range 2 {
			if got := l.flight.nothingToPrune(); got != want {
				t.Errorf("%s: there is nothing to prune: %v", what, got)
			}
		}
	}
	inventory := l.sync.Status.Inventory
	is("as asked", true)
	if n := testing.AllocsPerRun(10, func() { l.flight.nothingToPrune() }); n > 0 {
		t.Errorf("it is found out again, with %v allocations", n)
	}
	l.sync.Status.Inventory = append(inventory, entries("c=3")...)
	is("one more, in the room that there was", false)
	l.sync.Status.Inventory = entries("a=1", "c=3")
	is("another one instead", false)
	l.sync.Status.Inventory = inventory
	is("as before", true)
	l.flight.set = setOf("c1", "a", "c")
	is("another set, which is not what was written", false)
	l.sync.Status.InFlight.Digest = l.flight.set.Digest
	is("a set that lost one and gained one", false)
	pack(l.flight)
	is("the same, packed", false)
	l.sync.Status.Inventory = entries("a=1", "c=3")
	is("after the prune", true)
	l.sync.Status.Inventory = nil
	is("nothing is written", true)
	l.flight.set = nil
	is("it is not known", false)
}

// How objects were left is summed up again whenever the inventory, the account or anything that is known of the objects
// is another: a sum that claims too much would hide after a restart what others have written.
func TestHowObjectsAreLeftIsSummedUpAnewWhenItChanges(t *testing.T) {
	known := func(uid string) manifests.Version {
		o := &unstructured.Unstructured{}
		o.SetUID(types.UID(uid))
		o.SetResourceVersion("1")
		return manifests.VersionOf(o)
	}
	id := func(name string) manifests.ID { return manifests.ID{Kind: "ConfigMap", Namespace: "ns", Name: name} }
	s := &api.SyncStatus{Left: "earlier"}
	s.InFlight, s.Inventory = &api.Flight{State: api.Complete}, entries("a=1", "b=2")
	var w driftWatch
	if got := w.left("", s); got != "earlier" {
		t.Errorf("before it was looked at after a restart: %q", got)
	}
	w.recalled = true
	if got := w.left("", s); got != "" {
		t.Errorf("after a restart, when one was not seen as it was left: %q", got)
	}
	w.know(id("a"), known("1"))
	if got := w.left("", s); got != "" {
		t.Errorf("one is not known: %q", got)
	}
	w.know(id("b"), known("2"))
	all := w.left("", s)
	if n := testing.AllocsPerRun(10, func() { w.left("", s) }); n > 0 || all == "" {
		t.Errorf("it is %q, and summed up again with %v allocations", all, n)
	}
	for _, c := range []struct {
		what    string
		account string
		change  func()
		same    bool
	}{
		{"nothing", "", func() {}, true},
		{"the account", "deployer", func() {}, false},
		{"another object instead", "", func() { s.Inventory = entries("a=1", "c=3") }, false},
		{"as before", "", func() { s.Inventory = entries("a=1", "b=2") }, true},
		{"one is not as asked", "", func() { w.doubtIf(true, id("b")) }, false},
		{"it is again", "", func() { w.doubtIf(false, id("b")) }, true},
		{"it was written", "", func() { w.know(id("b"), known("3")) }, false},
		{"as it was before", "", func() { w.know(id("b"), known("2")) }, true},
		{"packed", "", func() { w.known = w.known.Dense() }, true},
		{"nothing is known", "", w.forget, false},
	} {
		c.change()
		if got := w.left(c.account, s); (got == all) != c.same || !c.same && c.account == "" && c.what != "it was written" &&
			got != "" {
			t.Errorf("%s: %q, and it was %q", c.what, got, all)
		}
	}
}

// A turn that finds nothing new leaves the inventory where it is, and one that finds another does not. What else the
// status says is a copy: what it is made of, which others share, stays as it is.
func TestAStatusThatSaysTheSameKeepsTheInventory(t *testing.T) {
	l := flyingWith(setOf("c1", "a", "b"), entries("a=1", "b=2"))
	now := metav1.Now()
	l.sync.Status.Conditions = []metav1.Condition{{Type: api.ConditionReady, Status: metav1.ConditionFalse,
		Reason: "Failed", Message: "as it was", LastTransitionTime: now}}
	l.sync.Status.History = []api.Record{{Commit: "c1", State: api.Complete}}
	before := l.sync.Status.DeepCopy()
	state, _ := gateOf(l.sync).Step(l.sync.Status.GateStatus, gate.Observation{Now: now.Time})
	same := l.statusOf(gate.Observation{Now: now.Time}, state)
	if &same.Inventory[0] != &l.sync.Status.Inventory[0] || len(same.Inventory) != 2 {
		t.Error("the inventory is another one")
	}
	same.Conditions[0].Message, same.History[0].Commit, same.InFlight.Commit = "changed", "changed", "changed"
	if !slices.Equal(l.sync.Status.Conditions, before.Conditions) || l.sync.Status.InFlight.Commit != "c1" ||
		l.sync.Status.History[0].Commit != "c1" {
		t.Errorf("the status that it was made of is changed: %+v", l.sync.Status)
	}
	state, _ = gateOf(l.sync).Step(l.sync.Status.GateStatus, gate.Observation{Now: now.Time, Recorded: []gate.Recorded{
		{InventoryEntry: entries("b=2")[0], Gone: true}, {InventoryEntry: entries("c=3")[0]}}})
	next := l.statusOf(gate.Observation{Now: now.Time}, state)
	if !slices.Equal(next.Inventory, entries("a=1", "c=3")) || !slices.Equal(l.sync.Status.Inventory, before.Inventory) {
		t.Errorf("%+v, made of %+v", next.Inventory, l.sync.Status.Inventory)
	}
}

// movable is a cluster that a Sync's objects are in until it is another.
type movable struct {
	noCluster
	there *Destination
	asked []*api.Sync
}

func (m *movable) Destination(_ context.Context, s *api.Sync) (*Destination, time.Duration) {
	m.asked = append(m.asked, s.DeepCopy())
	return m.there, 0
}

// A loop has the newest spec, and metadata with our finalizer on, beside the status that it has itself, which may be
// newer than the informer's: by that it is looked, too, which cluster its objects are in. What the informer has stays
// as it is.
func TestALoopTakesTheNewestSpecAndKeepsItsStatus(t *testing.T) {
	seen := func(version string, generation int64, finalizers ...string) *api.Sync {
		s := &api.Sync{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "agents", UID: "u", ResourceVersion: version,
			Generation: generation, Finalizers: finalizers}}
		s.Spec.Suspend, s.Status.Head = generation == 2, "informer's"
		return s
	}
	for name, c := range map[string]struct {
		seen  *api.Sync
		moves bool
		takes bool
	}{
		"another spec":               {seen("6", 2, api.Finalizer), false, true},
		"an informer that is behind": {seen("4", 1, api.Finalizer), false, false},
		"our finalizer is off":       {seen("6", 2), false, true},
		"another cluster":            {seen("6", 2, api.Finalizer), true, false},
	} {
		server := &oneSync{t: t, sync: *c.seen.DeepCopy()}
		server.sync.APIVersion, server.sync.Kind = api.Kind.GroupVersion().String(), api.Kind.Kind
		at := &movable{}
		l := &syncLoop{key: "n/agents", sync: seen("5", 2, api.Finalizer), stop: func() {}, source: sourceless()}
		controller := &Controller{Now: time.Now, Teller: &countedNews{}, Connect: at, loops: map[string]*syncLoop{l.key: l},
			Syncs: NewSyncs(must(dynamic.NewForConfig(&rest.Config{Host: "https://api.invalid", Transport: server})))}
		l.placed = placed{Controller: controller}
		l.sync.Spec.Suspend, l.sync.Status.Head, l.saved.version = false, "loop's", "5"
		before, came := l.sync, c.seen.DeepCopy()
		if c.moves {
			at.there = &Destination{UID: "elsewhere"}
			if newest := *c.seen; !isElsewhere(t.Context(), l, &newest) {
				t.Errorf("%s: it is where it was", name)
			}
		} else if entered, err := controller.enter(t.Context(), l.key, c.seen); err != nil || entered != l {
			t.Errorf("%s: another loop: %v", name, err)
		}
		if len(at.asked) != 1 || at.asked[0].Status.Head != "loop's" || at.asked[0].Spec.Suspend != c.seen.Spec.Suspend {
			t.Errorf("%s: it is looked for the cluster of %+v", name, at.asked)
		}
		if took := l.sync != before; took != c.takes || l.sync.Spec.Suspend != c.takes || !isHeld(l.sync) ||
			l.sync.Status.Head != "loop's" {
			t.Errorf("%s: it has %+v", name, l.sync)
		}
		if !reflect.DeepEqual(c.seen, came) {
			t.Errorf("%s: the informer's is changed: %+v", name, c.seen)
		}
	}
}
