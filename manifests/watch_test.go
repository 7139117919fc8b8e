package manifests

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// watched starts to watch an applied set and returns what waits for some of its objects to be touched.
func (w *world) watched(s Set, done []Applied) (*Watch, Known, func(what string, kinds ...string)) {
	w.t.Helper()
	watch := w.client.Watch(w.opts.Owner, func() {})
	w.t.Cleanup(watch.Stop)
	if err := watch.Follow(w.ctx, Recorded(done)); err != nil {
		w.t.Fatal(err)
	}
	known := Known{}
	for _, a := range done {
		known[a.ID] = VersionOf(a.Object)
	}
	return watch, known, func(what string, kinds ...string) {
		w.t.Helper()
		want := strings.Join(kinds, " ")
		for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
			touched := watch.Touched(Recorded(done), known)
			var got []string
			for _, id := range s.IDs() {
				if _, ok := touched[id]; ok {
					got = append(got, id.Kind)
				}
			}
			if strings.Join(got, " ") == want {
				return
			}
			if time.Now().After(deadline) {
				w.t.Fatalf("%s: touched %v, want %v", what, got, kinds)
			}
		}
	}
}

// What may be drift is seen without a read: a change of what is asked for, also of kinds without a generation, a
// removed label, a deletion. Our own apply is none, and neither is a status.
func TestWatchSeesWhatOthersTouch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.set(agent)
	done := w.apply(s)
	watch, known, touched := w.watched(s, done)
	touched("nothing has happened")
	_, err := w.kube.AppsV1().DaemonSets(w.ns).Patch(w.ctx, "agent", "application/merge-patch+json",
		[]byte(`{"status":{"numberReady":7}}`), metav1.PatchOptions{}, "status")
	if err != nil {
		t.Fatal(err)
	}
	w.by("kubectl-edit", w.id("ConfigMap", "agent"), `{"data":{"level":"debug"}}`)
	touched("after an edit of the ConfigMap and a status of the DaemonSet", "ConfigMap")
	w.by("kubectl-set", w.id("DaemonSet", "agent"), `{"spec":{"minReadySeconds":3}}`)
	touched("after an edit of the DaemonSet", "ConfigMap", "DaemonSet")
	w.opts.Correct = true
	for _, a := range w.apply(s) {
		known[a.ID] = VersionOf(a.Object)
	}
	touched("after our own apply")
	w.by("person", w.id("ConfigMap", "agent"), `{"metadata":{"labels":{"daemongate.io/sync":null}}}`)
	if err := w.kube.CoreV1().ServiceAccounts(w.ns).Delete(w.ctx, "agent", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	touched("after a deletion and without the label", "ServiceAccount", "ConfigMap")
	if err := watch.Trouble(); err != nil {
		t.Error(err)
	}
}

// Of an object that is minded a status wakes as well, of another it does not; and its state is seen to be a later one.
func TestWatchMindsTheStatusOfSome(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	done := w.apply(w.set(agent))
	var wakes atomic.Int32
	watch := w.client.Watch(w.opts.Owner, func() { wakes.Add(1) })
	t.Cleanup(watch.Stop)
	id := w.id("DaemonSet", "agent")
	alone, _ := Recorded(done).Find(id)
	if err := watch.Follow(w.ctx, Inventory{alone}); err != nil {
		t.Fatal(err)
	}
	setStatus := func(ready string) Version {
		t.Helper()
		d, err := w.kube.AppsV1().DaemonSets(w.ns).Patch(w.ctx, "agent", "application/merge-patch+json",
			[]byte(`{"status":{"numberReady":`+ready+`}}`), metav1.PatchOptions{}, "status")
		if err != nil {
			t.Fatal(err)
		}
		return VersionOf(d)
	}
	sees := func(v Version) {
		t.Helper()
		for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
			if seen, read := watch.Seen(id); read && !v.After(seen) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatal("the status is not seen")
			}
		}
	}
	sees(setStatus("6"))
	sees(setStatus("7")) // now it has been woken by the first list, too
	before := wakes.Load()
	sees(setStatus("8"))
	if n := wakes.Load() - before; n > 0 {
		t.Errorf("woken %d times by a status that nobody minds", n)
	}
	watch.Mind([]ID{id})
	sees(setStatus("9"))
	for deadline := time.Now().Add(5 * time.Minute); wakes.Load() == before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a status that is minded does not wake")
		}
	}
	// The DaemonSet controller, too, writes the status: in the end what is seen is what there is.
	eventually(t, func() error {
		live := VersionOf(w.live(id))
		if seen, _ := watch.Seen(id); live.After(seen) || seen.After(live) {
			return errors.New("what is known counts as later than itself")
		}
		return nil
	})
}

// A writer that may not watch says so, and asks no more.
func TestWatchThatIsForbiddenEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	done := w.apply(w.set(agent))
	config := rest.CopyConfig(w.config)
	config.Impersonate.UserName = "nobody"
	client, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	watch := client.Watch(w.opts.Owner, func() {})
	if err := watch.Follow(w.ctx, Recorded(done)); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Minute); watch.Trouble() == nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no trouble is told")
		}
	}
	if n := len(watch.Touched(Recorded(done), Known{})); n > 0 {
		t.Errorf("%d objects touched that cannot be seen", n)
	}
	watch.Stop()
}

// Many Syncs of an account that may see one namespace share a watch of that namespace, and none of them is told of what
// lies in another one, whatever it is labelled with.
func TestSharedWatchesKeepToTheRightsOfTheAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tenant := "tenant-" + w.ns
	_, err := w.kube.RbacV1().Roles(w.ns).Create(w.ctx, &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "tenant"},
		Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"list", "watch"}}}},
		metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.kube.RbacV1().RoleBindings(w.ns).Create(w.ctx, &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "tenant"},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: tenant}},
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "tenant"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	config := rest.CopyConfig(w.config)
	config.Impersonate.UserName = tenant
	client, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	const syncs = 20
	follow := func(owner Owner, namespace string) (*Watch, ID) {
		id := ID{Kind: "ConfigMap", Namespace: namespace, Name: owner.Name}
		_, err := w.kube.CoreV1().ConfigMaps(namespace).Create(w.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
			Name: id.Name, Labels: map[string]string{OwnerLabel: owner.Label()}}}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		watch := client.Watch(owner, func() {})
		t.Cleanup(watch.Stop)
		if err := watch.Follow(w.ctx, Inventory{{ID: id, Version: "v1"}}); err != nil {
			t.Fatal(err)
		}
		return watch, id
	}
	sees := func(watch *Watch, id ID, wanted bool) {
		t.Helper()
		eventually(t, func() error {
			if v, read := watch.Seen(id); read && v.Gone() != wanted {
				return nil
			}
			return fmt.Errorf("%s: want seen %v; %w", id, wanted, watch.Trouble())
		})
	}
	var watches []*Watch
	var ids []ID
	for i := range syncs {
		watch, id := follow(Owner{Namespace: w.ns, Name: fmt.Sprint("agents-", i)}, w.ns)
		watches, ids = append(watches, watch), append(ids, id)
	}
	for i := range watches {
		sees(watches[i], ids[i], true)
	}
	strange, id := follow(Owner{Namespace: w.ns, Name: "agents-abroad"}, metav1.NamespaceDefault)
	t.Cleanup(func() {
		_ = w.kube.CoreV1().ConfigMaps(id.Namespace).Delete(context.Background(), id.Name, metav1.DeleteOptions{})
	})
	eventually(t, func() error {
		if strange.Trouble() == nil {
			return errors.New("no trouble is told of what may not be seen")
		}
		return nil
	})
	if _, read := strange.Seen(id); read {
		t.Error("an object is seen that the account may not see")
	}
	if err := w.kube.CoreV1().ConfigMaps(w.ns).Delete(w.ctx, ids[3].Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	sees(watches[3], ids[3], false)
	sees(watches[4], ids[4], true)
	if err := watches[4].Trouble(); err != nil {
		t.Error(err)
	}
}

// A PriorityClass has a generation, which its changes do not raise: an edit is seen all the same.
func TestAnEditThatRaisesNoGenerationIsSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	name := "class-" + w.ns
	class := w.set("apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: " + name +
		"}\nvalue: 7\ndescription: ours\n")
	done := w.apply(class)
	t.Cleanup(func() {
		_ = w.kube.SchedulingV1().PriorityClasses().Delete(context.Background(), name, metav1.DeleteOptions{})
	})
	_, _, touched := w.watched(class, done)
	touched("nothing has happened")
	edited, err := w.kube.SchedulingV1().PriorityClasses().Patch(w.ctx, name, "application/merge-patch+json",
		[]byte(`{"description":"edited"}`), metav1.PatchOptions{FieldManager: "kubectl-edit"})
	if err != nil {
		t.Fatal(err)
	}
	if before := done[0].Generation; before == 0 || edited.Generation != before {
		t.Errorf("its generation was %d and is %d: it is no example any more", before, edited.Generation)
	}
	touched("after an edit", "PriorityClass")
}
