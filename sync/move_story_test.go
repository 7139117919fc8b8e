package sync

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// of reads the status of another Sync than the world's.
func (w *world) of(name string) api.SyncStatus {
	w.t.Helper()
	return must(w.syncs.Get(w.t.Context(), w.namespace, name)).Status
}

// names reports whether a status's inventory names the DaemonSet agent.
func names(s api.SyncStatus) bool {
	for _, e := range s.Inventory {
		if e.Kind == "DaemonSet" && e.Name == "agent" {
			return true
		}
	}
	return false
}

// Of two Syncs that claim one object the second is Failed and names the first, and nothing flaps. By the annotation
// daemongate.io/handover in the first one's set the object is moved: the first lets go of it without deleting it, the
// second takes it, and neither the object nor a pod of it is made anew. The first one may forget it then.
func TestAnObjectIsMovedFromOneSyncToAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.check(mkdir(w.work, "one", "two"))
	v1 := w.push("v1", map[string]string{"one/agent.yaml": small("v1"), "one/a.yaml": configMap("a", "1"),
		"two/b.yaml": configMap("b", "1")})
	w.create(func(s *api.SyncSpec) { s.Source.Path = "one" })
	w.createAs("others", func(s *api.SyncSpec) { s.Source.Path, s.Report.Provider = "two", api.ProviderNone })
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	before, pods := must(w.kube.AppsV1().DaemonSets(w.namespace).Get(t.Context(), "agent", metav1.GetOptions{})), w.pods()

	w.push("both claim it", map[string]string{"two/agent.yaml": small("v1")})
	w.eventually("the second to be Failed", func() bool {
		s := w.of("others")
		return s.Summary.State == api.Failed && strings.Contains(s.Summary.Message, "belongs to Sync "+w.namespace+
			"/agents: annotate it there with daemongate.io/handover: "+w.namespace+"/others")
	})
	moving := strings.Replace(small("v1"), "metadata: {name: agent}", "metadata: {name: agent, annotations: "+
		"{daemongate.io/handover: "+w.namespace+"/others}}", 1)
	v3 := w.push("the first moves it", map[string]string{"one/agent.yaml": moving})
	w.waitFor(v3, api.Complete)
	if names(w.status()) || w.owner("DaemonSet", "agent") != w.namespace+".others" {
		t.Errorf("the first has not let go of it: %v, label %q", w.status().Inventory, w.owner("DaemonSet", "agent"))
	}
	w.check(w.syncs.Request(t.Context(), w.namespace, "others", time.Now()))
	w.eventually("the second to have it", func() bool {
		s := w.of("others")
		return s.LastComplete == v3 && names(s) && s.Summary.State == api.Complete
	})
	v4 := w.push("the first forgets it", map[string]string{"one/agent.yaml": ""})
	w.waitFor(v4, api.Complete)

	now := must(w.kube.AppsV1().DaemonSets(w.namespace).Get(t.Context(), "agent", metav1.GetOptions{}))
	if now.UID != before.UID || now.Generation != before.Generation || w.pods() != pods {
		t.Errorf("it was %s in generation %d with the pods %s, and is %s in %d with %s", before.UID, before.Generation, pods,
			now.UID, now.Generation, w.pods())
	}
}

// pods are the UIDs of the pods there are.
func (w *world) pods() string {
	w.t.Helper()
	list := must(w.kube.CoreV1().Pods(w.namespace).List(w.t.Context(), metav1.ListOptions{}))
	var uids []string
	for _, p := range list.Items {
		uids = append(uids, string(p.UID))
	}
	return strings.Join(uids, " ")
}
