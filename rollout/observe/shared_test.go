package observe_test

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/rollout"
)

// Many targets of one namespace share a watch of each kind, and what is seen of each is what an Observer of it alone
// sees. A pod wakes whom it concerns, and nobody else.
func sharesWatches(t *testing.T, cluster *clustertest.Cluster) {
	const targets = 30
	w := newWorld(t, cluster, nil)
	all := w.applyMany(targets)
	running := runtime.NumGoroutine()
	woken, wakes := make([]<-chan struct{}, targets), make([]atomic.Int32, targets)
	for i, target := range all {
		woken[i] = w.watchAs(fmt.Sprint(i), func() { wakes[i].Add(1) }, target)
	}
	for i, target := range all {
		w.await(target, woken[i], "all pods ready", func(l rollout.Look) bool { return ready(l) == 3 })
	}
	w.until("one watch of each kind", func() bool {
		watched := w.wire.watching()
		return len(watched) == 5 && !slices.ContainsFunc(slices.Collect(maps.Values(watched)), func(n int) bool { return n != 1 })
	})
	w.until("few goroutines", func() bool { return runtime.NumGoroutine()-running < 100 })
	alone := newWorld(t, cluster, nil)
	for _, target := range all[:3] {
		want := alone.await(target, alone.watch("a", target), "a look", func(l rollout.Look) bool { return ready(l) == 3 })
		if got, synced := w.observer.Look(target); !synced || shows(got) != shows(want) {
			t.Errorf("%s shared, and alone %s", shows(got), shows(want))
		}
	}
	w.rests()
	before := make([]int32, targets)
	for i := range wakes {
		before[i] = wakes[i].Load()
	}
	look, _ := w.observer.Look(all[7])
	if _, err := w.kube.CoreV1().Pods(w.ns).Patch(t.Context(), look.Pods[0].Name, types.MergePatchType,
		[]byte(`{"metadata":{"labels":{"round":"2"}}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	w.await(all[7], woken[7], "the change", func(l rollout.Look) bool { return l.Pods[0].Labels["round"] == "2" })
	w.rests()
	for i := range wakes {
		if i != 7 && wakes[i].Load() != before[i] {
			t.Errorf("%s was woken", all[i].Name)
		}
	}
}

// shows tells apart what is seen of a DaemonSet.
func shows(l rollout.Look) (all string) {
	all = string(l.DaemonSet.UID) + " "
	for _, r := range l.Revisions {
		all += fmt.Sprint(r.Name, r.Revision, " ")
	}
	for _, p := range l.Pods {
		all += fmt.Sprint(p.Name, p.Labels, p.Status.Conditions, " ")
	}
	return all
}

// Where only names are granted, each DaemonSet is watched by its name; what may be shared is.
func sharesWhatItMay(t *testing.T, cluster *clustertest.Cluster) {
	const user = "by-name"
	w := newWorld(t, cluster, func(c *rest.Config) { c.Impersonate.UserName = user })
	all := w.applyMany(8)
	var names []string
	for _, target := range all {
		names = append(names, target.Name)
	}
	read := []string{"list", "watch"}
	w.grant(user, rbacv1.PolicyRule{APIGroups: []string{"apps"}, Resources: []string{"daemonsets"}, Verbs: read,
		ResourceNames: names},
		rbacv1.PolicyRule{APIGroups: []string{"apps", ""}, Resources: []string{"pods", "events", "controllerrevisions"},
			Verbs: read})
	w.grantNodes(user)
	woken := make([]<-chan struct{}, len(all))
	for i, target := range all {
		woken[i] = w.watch(target.Name, target)
	}
	for i, target := range all {
		w.await(target, woken[i], "all pods ready", func(l rollout.Look) bool { return ready(l) == 3 })
		if err := w.observer.Trouble(target); err != nil {
			t.Error(err)
		}
	}
	w.until("one watch for each name, and one of each other kind", func() bool {
		watched := w.wire.watching()
		return watched["/apis/apps/v1/namespaces/"+w.ns+"/daemonsets"] == len(all) &&
			watched["/api/v1/namespaces/"+w.ns+"/pods"] == 1 &&
			watched["/apis/apps/v1/namespaces/"+w.ns+"/controllerrevisions"] == 1
	})
}

func (w *world) applyMany(n int) (all []rollout.Target) {
	w.Helper()
	for i := range n {
		all = append(all, w.apply(fmt.Sprint("agent-", i), "registry.local/agent:v1"))
	}
	return all
}

// grant has a user have rights in the namespace.
func (w *world) grant(user string, rules ...rbacv1.PolicyRule) {
	w.Helper()
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: user}, Rules: rules}
	if _, err := w.kube.RbacV1().Roles(w.ns).Create(w.Context(), role, metav1.CreateOptions{}); err != nil {
		w.Fatal(err)
	}
	if _, err := w.kube.RbacV1().RoleBindings(w.ns).Create(w.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: user}, RoleRef: rbacv1.RoleRef{Kind: "Role", Name: user},
		Subjects: []rbacv1.Subject{{Kind: "User", Name: user}}}, metav1.CreateOptions{}); err != nil {
		w.Fatal(err)
	}
}

// grantNodes has a user see the nodes.
func (w *world) grantNodes(user string) {
	w.Helper()
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{GenerateName: user + "-"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"nodes"}, Verbs: []string{"list", "watch"}}}}
	role, err := w.kube.RbacV1().ClusterRoles().Create(w.Context(), role, metav1.CreateOptions{})
	if err != nil {
		w.Fatal(err)
	}
	if _, err := w.kube.RbacV1().ClusterRoleBindings().Create(w.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: role.Name}, RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: role.Name},
		Subjects: []rbacv1.Subject{{Kind: "User", Name: user}}}, metav1.CreateOptions{}); err != nil {
		w.Fatal(err)
	}
}
